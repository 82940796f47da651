"""A DHCP client without a socket or a clock: frames in, frames out, times as arguments.

    receive_frame(frame, now)   handle_timer(now)      what happened
    frames_to_send()            next_timer()           what to do about it
    next_event()                                       what it means for the host

                    OFFER            ACK
    start ─► SELECTING ─► REQUESTING ─► BOUND ─ T1 ─► RENEWING ─ T2 ─► REBINDING ─ end ─► SELECTING
      └───── REBOOTING ───── ACK ────────┘ └─────────── ACK ◄──┴────────────┘
    NAK: back to SELECTING from anywhere.   silence in REQUESTING or REBOOTING: SELECTING.

`start` after a reconnect asks for the address that is still leased (INIT-REBOOT): one round trip,
and the host keeps its address meanwhile. Source: RFC 2131 §3, §4.4.

Limits: the first usable offer is taken; the address is not probed by ARP before use (servers ping
first), hence no DECLINE; no BOOTP, no authentication, no IPv6. Renewal is sent to the MAC the ACK
came from, so no ARP is needed.
"""

from collections import deque
from collections.abc import Callable
from ipaddress import IPv4Address

from gateway.client.dhcp_events import (
    Event,
    Expired,
    Leased,
    Rejected,
    Renewed,
    State,
    Unanswered,
)
from gateway.client.dhcp_lease import Lease, is_host_address, read_lease
from gateway.client.dhcp_message import (
    CLIENT_UDP_PORT,
    NOWHERE,
    SERVER_UDP_PORT,
    Kind,
    Message,
    Op,
    Option,
    decode_message,
    encode_message,
)
from gateway.client.udp_frame import UdpFrame, decode_udp, encode_udp
from gateway.errors import Malformed
from gateway.wire.ethernet import BROADCAST

FIRST_RETRY = 1.0  # seconds; RFC 2131 says 4, from a time of slower links
MAX_RETRY = 32.0  # seconds
RETRY_JITTER = 0.25  # of each wait, either way; RFC 2131 §4.1: ±1 s of 4 s
RENEW_JITTER = 0.1  # of T1, earlier: clients that came together do not renew together
RENEW_RETRY = 10.0  # seconds at least between renewals; RFC 2131 says 60, too rare for short leases
REQUEST_TRIES = 4  # then the offer is given up; RFC 2131 §3.1 (5)
REBOOT_TRIES = 3  # then any address will do; our choice
UNANSWERED_TRIES = 3  # then the user is told; our choice
MAX_SIZE = 1500 - 28  # bytes of payload we take in
_UDP = b"\x11"  # the protocol number in byte 23 of an IPv4 frame

_PARAMETERS = bytes(
    [
        Option.SUBNET_MASK,
        Option.CLASSLESS_ROUTES,  # before the router: RFC 3442
        Option.ROUTER,
        Option.DNS,
        Option.DOMAIN,
        Option.MTU,
        Option.LEASE_TIME,
        Option.RENEW_TIME,
        Option.REBIND_TIME,
    ]
)


# Which replies mean something in which state.
_HEARD: dict[State, frozenset[Kind]] = {
    State.SELECTING: frozenset({Kind.OFFER}),
    State.REQUESTING: frozenset({Kind.ACK, Kind.NAK}),
    State.REBOOTING: frozenset({Kind.ACK, Kind.NAK}),
    State.RENEWING: frozenset({Kind.ACK, Kind.NAK}),
    State.REBINDING: frozenset({Kind.ACK, Kind.NAK}),
}


class DhcpClient:
    """One interface's dialogue with whatever DHCP server the hub has.

    `xid` returns a random 32-bit number per exchange; `uniform` is `random.uniform` or a test's
    stand-in. `host_name` is told to the server where it is not empty.
    """

    def __init__(
        self,
        mac: bytes,
        *,
        xid: Callable[[], int],
        uniform: Callable[[float, float], float],
        host_name: str = "",
    ) -> None:
        self.state = State.STOPPED
        self.lease: Lease | None = None
        self._mac = mac
        self._new_xid = xid
        self._uniform = uniform
        self._identity: dict[int, bytes] = {Option.CLIENT: b"\x01" + mac}
        if host_name:
            self._identity[Option.HOST_NAME] = host_name.encode("ascii", "ignore")[:63]
        self._events: deque[Event] = deque()
        self._frames: list[bytes] = []
        self._timer: float | None = None
        self._xid = 0
        self._tries = 0  # requests sent in this state
        self._refusals = 0  # NAKs since the last ACK
        self._began = 0.0  # of this search
        self._asked = 0.0  # when the first request with this xid left
        self._wanted = NOWHERE  # the address asked for; in SELECTING only a wish
        self._server = NOWHERE  # whose offer was taken

    # What the driver calls.

    def start(self, now: float, address: IPv4Address | None = None) -> None:
        """Begin, or begin again on a new session: should be called when frames can pass.

        Asks for the leased address if there is one, else for `address` (remembered from an
        earlier run), else for any.
        """
        self._expire_if_due(now)
        self._began = now
        self._refusals = 0
        if self.lease is not None:
            address = self.lease.address.ip
        if address is None:
            self._select(now)
            return
        self._wanted = address
        self._enter(State.REBOOTING)
        self._on_silence(now)

    def pause(self) -> None:
        """Keep the lease and send nothing: should be called when the session is lost."""
        self._frames.clear()
        self._timer = None
        self.state = State.PAUSED

    def stop(self) -> None:
        """Give the lease back: should be called before a session is closed for good."""
        lease, self.lease = self.lease, None
        self.pause()
        self.state = State.STOPPED
        if lease is not None:
            self._xid = self._new_xid()
            self._send(Kind.RELEASE, {Option.SERVER: lease.server.packed}, 0, lease)

    def receive_frame(self, frame: bytes, now: float) -> bool:
        """Take note of a frame from the hub; say whether it was a DHCP answer to us.

        Such a frame need not go to the host. Any bytes may be given; nothing is raised.
        """
        if frame[23:24] != _UDP:
            return False  # nearly every frame ends here, at next to no cost
        datagram = decode_udp(frame)
        if datagram is None or datagram.destination_udp_port != CLIENT_UDP_PORT:
            return False
        try:
            message = decode_message(datagram.payload)
        except Malformed:
            return False  # a stranger's noise; the host has no use for it, and no harm from it
        if message.op is not Op.REPLY or message.mac != self._mac:
            return False
        if message.xid == self._xid and message.kind in _HEARD.get(self.state, frozenset()):
            self._on_reply(message, datagram.source_mac, now)
        return True

    def frames_to_send(self) -> list[bytes]:
        """Return the frames that must leave, once."""
        frames, self._frames = self._frames, []
        return frames

    def next_event(self) -> Event | None:
        """Return the oldest event not yet seen, or None."""
        return self._events.popleft() if self._events else None

    def next_timer(self) -> float | None:
        """Return when `handle_timer` wants to be called, or None for never."""
        times = [] if self._timer is None else [self._timer]
        if self.lease is not None:
            times.append(self.lease.expires_at)
        soonest = min(times, default=float("inf"))
        return None if soonest == float("inf") else soonest

    def handle_timer(self, now: float) -> None:
        """Do what is due at `now`; early and repeated calls do nothing."""
        self._expire_if_due(now)
        if self._timer is not None and now >= self._timer:
            self._on_silence(now)

    # What happened.

    def _on_reply(self, message: Message, source_mac: bytes, now: float) -> None:
        server = message.address_option(Option.SERVER)
        if self.state is State.REQUESTING and server != self._server:
            return  # of several servers, only the one whose offer we took has a say
        if message.kind is Kind.OFFER:
            if server is not None and is_host_address(message.your_address):
                self._on_offer(message.your_address, server, now)
        elif message.kind is Kind.NAK:
            self._on_nak(message.options.get(Option.TEXT, b""), now)
        else:
            lease = read_lease(message, source_mac, self._asked)
            if lease is not None and lease.address.ip == self._wanted:
                self._on_ack(lease)

    def _on_offer(self, address: IPv4Address, server: IPv4Address, now: float) -> None:
        self._wanted, self._server = address, server
        xid = self._xid
        self._enter(State.REQUESTING)
        self._xid = xid  # the server knows its offer by it
        self._on_silence(now)

    def _on_ack(self, lease: Lease) -> None:
        is_same = self.lease is not None and self.lease.address == lease.address
        self.lease = lease
        self._refusals = 0
        self._events.append(Renewed(lease) if is_same else Leased(lease))
        self._enter(State.BOUND)
        t1 = lease.renew_at - self._asked
        self._timer = lease.renew_at - (
            self._uniform(0.0, RENEW_JITTER * t1) if lease.renew_at < float("inf") else 0.0
        )

    def _on_nak(self, text: bytes, now: float) -> None:
        """Search anew: at once after the first refusal, then ever more slowly."""
        self.lease = None
        self._wanted = NOWHERE
        words = "".join(c for c in text.decode("utf-8", "replace") if c.isprintable())
        self._events.append(Rejected(words))
        self._began = now
        self._refusals += 1
        if self._refusals == 1:
            self._select(now)
        else:
            self._enter(State.SELECTING)
            self._timer = now + self._retry_delay(self._refusals - 1)

    def _expire_if_due(self, now: float) -> None:
        if self.lease is None or now < self.lease.expires_at:
            return
        self._events.append(Expired(self.lease))
        self.lease = None
        if self.state in (State.BOUND, State.RENEWING, State.REBINDING):
            self._began = now
            self._select(now)

    def _on_silence(self, now: float) -> None:
        """The state's timer came: send (again), or move on where that has been tried enough."""
        match self.state:
            case State.SELECTING:
                self._discover(now)
            case State.REQUESTING if self._tries < REQUEST_TRIES:
                options: dict[int, bytes] = {
                    Option.REQUESTED_ADDRESS: self._wanted.packed,
                    Option.SERVER: self._server.packed,
                }
                self._request(options, now)
            case State.REBOOTING if self._tries < REBOOT_TRIES:
                self._request({Option.REQUESTED_ADDRESS: self._wanted.packed}, now)
            case State.BOUND | State.RENEWING | State.REBINDING if self.lease is not None:
                self._renew(self.lease, now)
            case _:
                self._select(now)

    # What we do about it.

    def _enter(self, state: State) -> None:
        self.state = state
        self._tries = 0
        self._timer = None
        self._xid = self._new_xid()

    def _select(self, now: float) -> None:
        self._enter(State.SELECTING)
        self._discover(now)

    def _discover(self, now: float) -> None:
        if self._tries == UNANSWERED_TRIES:
            self._events.append(Unanswered(now - self._began))
        wish: dict[int, bytes] = {}
        if self._wanted != NOWHERE:
            wish[Option.REQUESTED_ADDRESS] = self._wanted.packed
        self._send(Kind.DISCOVER, self._asking(wish), now)
        self._await_answer(now)

    def _request(self, options: dict[int, bytes], now: float) -> None:
        self._send(Kind.REQUEST, self._asking(options), now)
        self._await_answer(now)

    def _renew(self, lease: Lease, now: float) -> None:
        """Ask for more time: the server itself until T2, then anybody; waits are halved.

        Every attempt has its own xid, so an answer tells from when the new time counts.
        """
        is_rebinding = now >= lease.rebind_at
        self._enter(State.REBINDING if is_rebinding else State.RENEWING)
        self._wanted = lease.address.ip
        self._asked = now
        self._send(Kind.REQUEST, self._asking({}), now, lease, to_all=is_rebinding)
        deadline = lease.expires_at if is_rebinding else lease.rebind_at
        self._timer = min(deadline, now + max((deadline - now) / 2, RENEW_RETRY))

    def _await_answer(self, now: float) -> None:
        if self._tries == 0:
            self._asked = now
        self._timer = now + self._retry_delay(self._tries)
        self._tries += 1

    def _retry_delay(self, tries: int) -> float:
        delay = min(MAX_RETRY, FIRST_RETRY * 2.0 ** min(tries, 16))
        return delay * self._uniform(1 - RETRY_JITTER, 1 + RETRY_JITTER)

    def _asking(self, options: dict[int, bytes]) -> dict[int, bytes]:
        size = MAX_SIZE.to_bytes(2, "big")
        return {**options, Option.MAX_SIZE: size, Option.PARAMETERS: _PARAMETERS}

    def _send(
        self,
        kind: Kind,
        options: dict[int, bytes],
        now: float,
        lease: Lease | None = None,
        to_all: bool = False,
    ) -> None:
        """Queue one message; from the address of `lease`, if given, and to its server."""
        message = Message(
            op=Op.REQUEST,
            kind=kind,
            xid=self._xid,
            mac=self._mac,
            client_address=lease.address.ip if lease else NOWHERE,
            seconds=min(max(int(now - self._began), 0), 0xFFFF),
            options={**self._identity, **options},
        )
        mac, address = BROADCAST, IPv4Address(0xFFFF_FFFF)
        if lease is not None and not to_all:
            mac, address = lease.server_mac, lease.server
        self._frames.append(
            encode_udp(
                UdpFrame(
                    source_mac=self._mac,
                    destination_mac=mac,
                    source=message.client_address,
                    destination=address,
                    source_udp_port=CLIENT_UDP_PORT,
                    destination_udp_port=SERVER_UDP_PORT,
                    payload=encode_message(message),
                )
            )
        )
