"""The DHCP dialogue as transcripts: what we said, what the server answers, what the host learns.

`Wire` is the hub with a clock: `said` reads what the client put on it, `answer` replies to the
last of it. The randomness is steered to the middle, so waits are whole seconds.
"""

from ipaddress import IPv4Address

import pytest

from gateway.client.dhcp import DhcpClient
from gateway.client.dhcp_events import (
    Event,
    Expired,
    Leased,
    Rejected,
    Renewed,
    State,
    Unanswered,
)
from gateway.client.dhcp_message import Kind, Message, Op, Option, decode_message, encode_message
from gateway.client.udp_frame import UdpFrame, decode_udp, encode_udp

MAC = bytes.fromhex("02005e100001")
SERVER_MAC = bytes.fromhex("02005e1000fe")
SERVER = IPv4Address("10.0.0.1")
ADDRESS = IPv4Address("10.0.0.7")
HOUR = 3600


class Wire:
    """One client, a clock that the test moves, and a server that says what it is told."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.client = DhcpClient(
            MAC,
            xid=iter(range(1, 1000)).__next__,
            uniform=lambda low, high: (low + high) / 2 if low else 0.0,
            host_name="laptop",
        )
        self.frames: list[UdpFrame] = []
        self.last = Message(Op.REQUEST, Kind.DISCOVER, 0, MAC)

    def said(self) -> list[str]:
        """Return what left since the last call, as 'DISCOVER', 'REQUEST 10.0.0.7 of 10.0.0.1'."""
        self.frames = [d for f in self.client.frames_to_send() if (d := decode_udp(f))]
        return [self._read(decode_message(datagram.payload)) for datagram in self.frames]

    def _read(self, message: Message) -> str:
        self.last = message
        words = [message.kind.name]
        if message.client_address != IPv4Address(0):
            words.append(f"as {message.client_address}")
        if wanted := message.address_option(Option.REQUESTED_ADDRESS):
            words.append(str(wanted))
        if server := message.address_option(Option.SERVER):
            words.append(f"of {server}")
        return " ".join(words)

    def answer(
        self,
        kind: Kind,
        address: IPv4Address = ADDRESS,
        server: IPv4Address | None = SERVER,
        *,
        xid: int | None = None,
        mac: bytes = MAC,
        lease_s: int = HOUR,
        **options: bytes,
    ) -> bool:
        values: dict[int, bytes] = {
            Option.LEASE_TIME: lease_s.to_bytes(4, "big"),
            Option.SUBNET_MASK: b"\xff\xff\xff\0",
        }
        if server is not None:
            values[Option.SERVER] = server.packed
        values |= {Option[name]: value for name, value in options.items()}
        reply = Message(
            Op.REPLY,
            kind,
            self.last.xid if xid is None else xid,
            mac,
            your_address=address,
            options=values,
        )
        payload = encode_message(reply)
        frame = encode_udp(UdpFrame(SERVER_MAC, MAC, SERVER, address, 67, 68, payload))
        return self.client.receive_frame(frame, self.now)

    def events(self) -> list[Event]:
        return list(iter(self.client.next_event, None))

    def wait(self) -> float:
        """Let time pass until the next timer and return how much that was."""
        then = self.client.next_timer()
        assert then is not None
        waited, self.now = then - self.now, then
        self.client.handle_timer(then)
        return waited

    def lease(self, **options: object) -> Leased:
        """Go through a whole dialogue."""
        self.client.start(self.now)
        self.said()
        self.answer(Kind.OFFER)
        self.said()
        self.answer(Kind.ACK, **options)  # type: ignore[arg-type]  # passed on
        (event,) = self.events()
        assert isinstance(event, Leased)
        return event


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_four_messages_make_a_lease(wire):
    wire.client.start(wire.now)
    assert wire.said() == ["DISCOVER"]
    assert wire.answer(Kind.OFFER)
    assert wire.said() == ["REQUEST 10.0.0.7 of 10.0.0.1"]
    assert wire.answer(Kind.ACK, DOMAIN=b"hub.example")
    (event,) = wire.events()
    assert isinstance(event, Leased)
    assert (str(event.lease.address), event.lease.domain) == ("10.0.0.7/24", "hub.example")
    assert wire.client.state is State.BOUND
    assert wire.said() == []
    assert wire.client.next_timer() == wire.now + HOUR / 2


def test_what_a_discover_carries(wire):
    wire.client.start(wire.now)
    wire.said()
    (frame,) = wire.frames
    assert frame.destination_mac == b"\xff" * 6
    assert (str(frame.source), str(frame.destination)) == ("0.0.0.0", "255.255.255.255")
    assert (frame.source_udp_port, frame.destination_udp_port) == (68, 67)
    assert wire.last.options[Option.CLIENT] == b"\x01" + MAC
    assert wire.last.options[Option.HOST_NAME] == b"laptop"
    parameters = wire.last.options[Option.PARAMETERS]
    assert parameters.index(Option.CLASSLESS_ROUTES) < parameters.index(Option.ROUTER)


def test_silence_is_met_with_growing_waits_and_the_user_is_told_once(wire):
    wire.client.start(wire.now)
    waits = []
    for _ in range(8):
        assert wire.said() == ["DISCOVER"]
        waits.append(wire.wait())
    assert waits == [1, 2, 4, 8, 16, 32, 32, 32]
    assert wire.events() == [Unanswered(7.0)]
    wire.said()
    assert wire.last.seconds == sum(waits)


def test_waits_are_jittered_by_a_quarter():
    asked = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return high

    client = DhcpClient(MAC, xid=lambda: 1, uniform=uniform)
    client.start(0.0)
    assert asked == [(0.75, 1.25)]
    assert client.next_timer() == 1.25


def test_a_timer_called_early_or_twice_does_nothing(wire):
    wire.client.start(wire.now)
    wire.said()
    wire.client.handle_timer(wire.now + 0.9)
    assert wire.said() == []
    wire.wait()
    wire.client.handle_timer(wire.now)
    assert wire.said() == ["DISCOVER"]


def test_a_server_that_offers_and_falls_silent_is_given_up_and_the_address_stays_a_wish(wire):
    wire.client.start(wire.now)
    wire.said()
    wire.answer(Kind.OFFER)
    for wait in [1, 2, 4, 8]:
        assert wire.said() == ["REQUEST 10.0.0.7 of 10.0.0.1"]
        assert wire.wait() == wait
    assert wire.said() == ["DISCOVER 10.0.0.7"]


def test_of_two_offers_the_first_is_taken_and_only_its_server_heard(wire):
    wire.client.start(wire.now)
    wire.said()
    wire.answer(Kind.OFFER)
    wire.answer(Kind.OFFER, IPv4Address("10.0.0.99"), IPv4Address("10.0.0.2"))
    assert wire.said() == ["REQUEST 10.0.0.7 of 10.0.0.1"]
    wire.answer(Kind.NAK, server=IPv4Address("10.0.0.2"))
    wire.answer(Kind.ACK, server=IPv4Address("10.0.0.2"))
    assert wire.events() == []
    wire.answer(Kind.ACK)
    assert [type(e) for e in wire.events()] == [Leased]


@pytest.mark.parametrize(
    "offer",
    [
        {"server": None},
        {"address": IPv4Address("0.0.0.0")},
        {"address": IPv4Address("224.0.0.5")},
        {"xid": 999},
    ],
)
def test_an_offer_nobody_can_use_is_ignored(wire, offer):
    wire.client.start(wire.now)
    wire.said()
    assert wire.answer(Kind.OFFER, **offer)
    assert wire.said() == []
    assert wire.client.state is State.SELECTING


@pytest.mark.parametrize(
    "ack", [{"address": IPv4Address("10.0.0.8")}, {"lease_s": 0}, {"xid": 999}, {"server": None}]
)
def test_an_ack_that_does_not_fit_is_ignored(wire, ack):
    wire.client.start(wire.now)
    wire.said()
    wire.answer(Kind.OFFER)
    wire.said()
    wire.answer(Kind.ACK, **ack)
    assert wire.events() == []
    assert wire.client.state is State.REQUESTING


def test_answers_to_others_are_theirs(wire):
    wire.client.start(wire.now)
    wire.said()
    assert not wire.answer(Kind.OFFER, mac=b"\x02" * 6)
    assert wire.client.state is State.SELECTING


def test_our_own_request_coming_back_is_no_answer(wire):
    wire.client.start(wire.now)
    (frame,) = wire.client.frames_to_send()
    assert not wire.client.receive_frame(frame, wire.now)


def test_renewal_goes_straight_to_the_server_at_half_time(wire):
    wire.lease()
    assert wire.wait() == HOUR / 2
    assert wire.said() == ["REQUEST as 10.0.0.7"]
    (frame,) = wire.frames
    assert (frame.source, frame.destination, frame.destination_mac) == (ADDRESS, SERVER, SERVER_MAC)
    wire.now += 0.5
    wire.answer(Kind.ACK)
    (event,) = wire.events()
    assert isinstance(event, Renewed)
    assert event.lease.expires_at == 1000 + HOUR / 2 + HOUR
    assert wire.client.state is State.BOUND


def test_clients_that_came_together_do_not_renew_together():
    client = DhcpClient(MAC, xid=lambda: 1, uniform=lambda low, high: high)
    wire = Wire()
    wire.client = client
    wire.lease()
    assert wire.client.next_timer() == 1000 + HOUR / 2 * 0.9


def test_an_unanswered_renewal_halves_its_waits_then_asks_everybody_then_ends(wire):
    wire.lease()
    wire.wait()
    waits, said = [], []
    while not (events := wire.events()):
        said += wire.said()
        broadcast = wire.frames[0].destination_mac == b"\xff" * 6
        assert broadcast == (wire.now >= 1000 + HOUR * 7 / 8)
        waits.append(wire.wait())
    assert isinstance(events[0], Expired)
    assert wire.now == 1000 + HOUR
    assert set(said) == {"REQUEST as 10.0.0.7"}
    assert waits[:4] == [675, 337.5, 168.75, 84.375]
    assert sum(wait < 10 for wait in waits) <= 2  # the remainders before T2 and the end
    assert sum(waits) == HOUR / 2
    assert wire.said() == ["DISCOVER 10.0.0.7"]
    assert wire.client.lease is None


def test_an_answer_to_an_earlier_attempt_is_not_counted_from_the_later_one(wire):
    wire.lease()
    wire.wait()
    wire.said()
    first = wire.last.xid
    wire.wait()
    wire.said()
    wire.answer(Kind.ACK, xid=first)
    assert wire.events() == []
    wire.answer(Kind.ACK)
    assert [type(e) for e in wire.events()] == [Renewed]


def test_a_lease_counts_from_the_request_not_from_the_answer(wire):
    wire.client.start(wire.now)
    wire.said()
    wire.answer(Kind.OFFER)
    wire.wait()  # the first request was lost, or its answer is slow
    wire.said()
    wire.now += 0.7
    wire.answer(Kind.ACK)
    (event,) = wire.events()
    assert isinstance(event, Leased)
    assert event.lease.expires_at == 1000 + HOUR


def test_a_machine_that_slept_past_the_end_begins_anew(wire):
    wire.lease()
    wire.now += HOUR * 10
    wire.client.handle_timer(wire.now)
    assert [type(e) for e in wire.events()] == [Expired]
    assert wire.said() == ["DISCOVER 10.0.0.7"]
    assert wire.last.seconds == 0


def test_a_lease_for_ever_needs_no_timer(wire):
    wire.lease(lease_s=0xFFFFFFFF)
    assert wire.client.next_timer() is None
    wire.client.handle_timer(1e12)
    assert wire.said() == []


def test_a_reconnected_client_asks_for_its_address_and_keeps_it(wire):
    wire.lease()
    wire.client.pause()
    assert wire.client.next_timer() == 1000 + HOUR
    wire.now += 30
    wire.client.start(wire.now)
    assert wire.said() == ["REQUEST 10.0.0.7"]
    assert wire.frames[0].destination_mac == b"\xff" * 6
    wire.answer(Kind.ACK)
    (event,) = wire.events()
    assert isinstance(event, Renewed)
    assert event.lease.expires_at == wire.now + HOUR


def test_a_paused_client_says_and_hears_nothing(wire):
    wire.client.start(wire.now)
    wire.said()
    wire.client.pause()
    assert wire.client.next_timer() is None
    wire.answer(Kind.OFFER)
    assert wire.said() == []
    assert wire.client.state is State.PAUSED


def test_a_lease_can_end_while_paused_and_the_search_waits_for_the_session(wire):
    wire.lease()
    wire.client.pause()
    wire.wait()
    assert [type(e) for e in wire.events()] == [Expired]
    assert wire.said() == []
    assert wire.client.next_timer() is None
    wire.client.start(wire.now)
    assert wire.said() == ["DISCOVER 10.0.0.7"]


def test_an_address_remembered_from_an_earlier_run_is_asked_for(wire):
    wire.client.start(wire.now, IPv4Address("10.0.0.42"))
    assert wire.said() == ["REQUEST 10.0.0.42"]
    wire.answer(Kind.ACK, IPv4Address("10.0.0.42"))
    assert [type(e) for e in wire.events()] == [Leased]


def test_a_server_that_does_not_know_the_address_is_silent_and_then_any_will_do(wire):
    wire.client.start(wire.now, IPv4Address("10.0.0.42"))
    for wait in [1, 2, 4]:
        assert wire.said() == ["REQUEST 10.0.0.42"]
        assert wire.wait() == wait
    assert wire.said() == ["DISCOVER 10.0.0.42"]


def test_a_refused_address_is_dropped_at_once(wire):
    wire.lease()
    wire.client.pause()
    wire.client.start(wire.now)
    wire.said()
    wire.answer(Kind.NAK, IPv4Address(0), TEXT=b"wrong\x1b[31m network")
    assert wire.events() == [Rejected("wrong[31m network")]
    assert wire.client.lease is None
    assert wire.said() == ["DISCOVER"]


@pytest.mark.parametrize("waits", [1, 3])
def test_a_renewal_can_be_refused(wire, waits):
    wire.lease(RENEW_TIME=(600).to_bytes(4, "big"), REBIND_TIME=(1200).to_bytes(4, "big"))
    for _ in range(waits):
        wire.wait()
    wire.said()
    wire.answer(Kind.NAK)
    assert [type(e) for e in wire.events()] == [Rejected]
    assert wire.said() == ["DISCOVER"]


def test_a_server_that_offers_and_refuses_in_a_circle_is_slowed_down(wire):
    wire.client.start(wire.now)
    waits = []
    for _ in range(5):
        while wire.said() != ["DISCOVER"]:
            waits.append(wire.wait())
        wire.answer(Kind.OFFER)
        wire.said()
        wire.answer(Kind.NAK)
    assert waits == [2, 4, 8]


def test_another_address_after_a_reconnect_is_a_new_lease(wire):
    wire.lease()
    wire.client.start(wire.now)
    for _ in range(3):
        wire.wait()
    wire.said()
    other = IPv4Address("10.0.0.50")
    wire.answer(Kind.OFFER, other)
    wire.said()
    wire.answer(Kind.ACK, other)
    (event,) = wire.events()
    assert isinstance(event, Leased)
    assert event.lease.address.ip == other


def test_the_address_is_given_back_on_the_way_out(wire):
    wire.lease()
    wire.client.stop()
    assert wire.said() == ["RELEASE as 10.0.0.7 of 10.0.0.1"]
    assert wire.frames[0].destination_mac == SERVER_MAC
    assert (wire.client.lease, wire.client.next_timer()) == (None, None)
    wire.client.stop()
    assert wire.said() == []
