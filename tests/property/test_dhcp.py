"""DHCP against anybody: round trips, and any bytes from a hub that need not be friendly."""

import struct
from ipaddress import IPv4Address

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.client.dhcp import DhcpClient
from gateway.client.dhcp_events import Expired, Leased, Rejected, Renewed, State, Unanswered
from gateway.client.dhcp_lease import is_host_address, read_lease
from gateway.client.dhcp_message import Kind, Message, Op, Option, decode_message, encode_message
from gateway.client.udp_frame import UdpFrame, checksum, decode_udp, encode_udp
from gateway.errors import Malformed

MAC = bytes.fromhex("02005e100001")
SERVER_MAC = bytes.fromhex("02005e1000fe")
EVENTS = (Leased, Renewed, Expired, Rejected, Unanswered)

macs = st.binary(min_size=6, max_size=6)
addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
numbers16 = st.integers(0, 0xFFFF)

udp_frames = st.builds(
    UdpFrame, macs, macs, addresses, addresses, numbers16, numbers16, st.binary(max_size=600)
)

# Codes that structure the field itself, and the kind, are not values.
codes = st.sampled_from([c for c in range(256) if c not in (0, 52, 53, 255)])
messages = st.builds(
    Message,
    op=st.sampled_from(Op),
    kind=st.sampled_from(Kind),
    xid=st.integers(0, 2**32 - 1),
    mac=macs,
    client_address=addresses,
    your_address=addresses,
    seconds=numbers16,
    is_broadcast=st.booleans(),
    options=st.dictionaries(codes, st.binary(max_size=520), max_size=6),
)

# Options a server might send, each with a value of any shape.
sent_codes = st.sampled_from([int(o) for o in Option if o not in (Option.PAD, Option.END)])
answers = st.builds(
    Message,
    op=st.just(Op.REPLY),
    kind=st.sampled_from([Kind.OFFER, Kind.ACK, Kind.NAK]),
    xid=st.just(7),
    mac=st.just(MAC),
    your_address=addresses | st.just(IPv4Address("10.0.0.7")),
    options=st.dictionaries(
        sent_codes, st.binary(max_size=24) | st.just(bytes([10, 0, 0, 1])), max_size=12
    ),
)


def sealed(head: bytes, tail: bytes) -> bytes:
    """Return a frame whose IPv4 header is sound, so that what lies behind it gets read."""
    fields = 0x45, 0, 20 + len(tail), 0, 0, 64, 17, 0, bytes(4), bytes(4)
    bare = struct.pack("!BBHHHBBH4s4s", *fields)
    return head + b"\x08\x00" + bare[:10] + checksum(bare).to_bytes(2, "big") + bare[12:] + tail


def reply_frame(message: Message) -> bytes:
    payload = encode_message(message)
    return encode_udp(
        UdpFrame(SERVER_MAC, MAC, IPv4Address("10.0.0.1"), message.your_address, 67, 68, payload)
    )


def new_client() -> DhcpClient:
    return DhcpClient(MAC, xid=lambda: 7, uniform=lambda low, high: high)


@given(udp_frames, st.binary(max_size=40))
def test_a_datagram_comes_back_whatever_padding_follows(datagram, padding):
    assert decode_udp(encode_udp(datagram) + padding) == datagram


@given(messages)
def test_a_message_comes_back(message):
    assert decode_message(encode_message(message)) == message


@given(st.binary(max_size=700))
def test_any_bytes_are_a_message_or_malformed(data):
    try:
        decode_message(data)
    except Malformed:
        return


@given(messages, st.data())
def test_a_message_cut_and_followed_by_noise_is_a_message_or_malformed(message, data):
    payload = encode_message(message)
    cut = data.draw(st.integers(0, len(payload)))
    try:
        decode_message(payload[:cut] + data.draw(st.binary(max_size=80)))
    except Malformed:
        return


@given(
    st.binary(max_size=400)
    | st.builds(sealed, st.binary(min_size=12, max_size=12), st.binary(max_size=400))
)
def test_any_frame_can_be_shown_to_a_client(frame):
    client = new_client()
    client.start(0.0)
    client.receive_frame(frame, 0.0)
    assert client.state is State.SELECTING


@given(answers)
def test_any_answer_is_a_sound_lease_or_none(answer):
    lease = read_lease(answer, SERVER_MAC, 100.0)
    if lease is None:
        return
    assert is_host_address(lease.address.ip)
    assert 100 < lease.renew_at <= lease.rebind_at <= lease.expires_at
    assert lease.mtu is None or lease.mtu >= 576
    assert "\n" not in lease.domain
    assert len(lease.routes) <= 64


# And those that a decent server sends, so that every state is reached.
good_answers = st.builds(
    Message,
    op=st.just(Op.REPLY),
    kind=st.sampled_from([Kind.OFFER, Kind.ACK, Kind.ACK, Kind.NAK]),
    xid=st.just(7),
    mac=st.just(MAC),
    your_address=st.just(IPv4Address("10.0.0.7")),
    options=st.fixed_dictionaries(
        {
            int(Option.SERVER): st.just(bytes([10, 0, 0, 1])),
            int(Option.LEASE_TIME): st.integers(0, 6000).map(lambda n: n.to_bytes(4, "big")),
        }
    ),
)
steps = st.lists(
    (answers | good_answers | good_answers).map(lambda message: ("answer", message))
    | st.sampled_from([*["timer"] * 5, "start", "pause", "stop", "remembered"]).map(
        lambda step: (step, None)
    ),
    min_size=10,
    max_size=40,
)


@settings(max_examples=100)
@given(steps, st.lists(st.floats(0, 1) | st.floats(0, 5000), min_size=40, max_size=40))
def test_whatever_happens_in_whatever_order_the_client_stays_of_sound_mind(steps, waits):
    """Events are the declared ones, a bound client has a live lease, and timers lie ahead."""
    client, now = new_client(), 0.0
    client.start(now)
    for (step, message), wait in zip(steps, waits, strict=False):
        timer = client.next_timer()
        now = timer if step == "timer" and timer is not None else now + wait
        if step == "answer":
            assert message is not None
            client.receive_frame(reply_frame(message), now)
        elif step == "start":
            client.start(now)
        elif step == "remembered":
            client.start(now, IPv4Address("10.0.0.7"))
        elif step == "pause":
            client.pause()
        elif step == "stop":
            client.stop()
        client.handle_timer(now)
        assert all(decode_udp(frame) for frame in client.frames_to_send())
        assert all(isinstance(event, EVENTS) for event in iter(client.next_event, None))
        timer = client.next_timer()
        assert timer is None or timer > now
        if client.state in (State.BOUND, State.RENEWING, State.REBINDING):
            assert client.lease is not None
            assert now < client.lease.expires_at
        if client.state in (State.SELECTING, State.REQUESTING, State.REBOOTING):
            assert timer is not None
        if client.state is State.STOPPED:
            assert timer is None
