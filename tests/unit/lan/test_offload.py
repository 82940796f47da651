"""Offloads undone: segments and checksums against the plainest way to make them."""

import struct
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.udp_frame import checksum
from gateway.lan.offload import (
    GSO_ECN,
    GSO_TCP4,
    GSO_TCP6,
    GSO_UDP,
    NEEDS_CHECKSUM,
    Note,
    as_on_the_wire,
    insert_tag,
    sum16,
)

MACS = b"\x02\0\0\0\0\x0b\x02\0\0\0\0\x0a"
A4, B4 = IPv4Address("192.0.2.1").packed, IPv4Address("192.0.2.2").packed
A6, B6 = IPv6Address("2001:db8::1").packed, IPv6Address("2001:db8::2").packed
TCP, UDP = 6, 17
FIN, PSH, ACK, CWR = 1, 8, 16, 128


def ip(version: int, protocol: int, size: int, number: int = 7) -> bytes:
    if version == 6:
        return struct.pack("!IHBB", 6 << 28, size, protocol, 64) + A6 + B6
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, number, 0x4000, 64, protocol, 0) + A4 + B4
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:]


def ether(version: int, tag: bytes = b"") -> bytes:
    return MACS + tag + (b"\x08\0" if version == 4 else b"\x86\xdd")


def tcp(sequence: int, flags: int, options: bytes = b"") -> bytes:
    offset = (20 + len(options)) // 4 << 4
    return struct.pack("!HHIIBBHHH", 1, 2, sequence, 9, offset, flags, 100, 0, 0) + options


def pseudo(version: int, protocol: int, size: int) -> bytes:
    addresses = A4 + B4 if version == 4 else A6 + B6
    return addresses + struct.pack("!IHBB", size, 0, 0, protocol)


def is_sound(frame: bytes, version: int, protocol: int, head: int = 14) -> bool:
    """Say whether both checksums of a frame hold, its lengths too."""
    transport = head + (20 if version == 4 else 40)
    size = len(frame) - transport
    if version == 4 and (checksum(frame[head:transport]) or frame[head + 2 : head + 4]
                         != struct.pack("!H", 20 + size)):  # fmt: skip
        return False
    if version == 6 and frame[head + 4 : head + 6] != struct.pack("!H", size):
        return False
    return checksum(pseudo(version, protocol, size) + frame[transport:]) == 0


@given(st.binary(max_size=3000))
def test_a_sum_is_that_of_rfc_1071(data):
    assert (65535 - sum16(data)) % 65535 == checksum(data) % 65535


@pytest.mark.parametrize("version", [4, 6])
@given(payload=st.binary(min_size=1, max_size=1400))
def test_a_checksum_is_filled_in(version, payload):
    body = struct.pack("!HHHH", 1, 2, 8 + len(payload), 0) + payload
    partial = 65535 - checksum(pseudo(version, UDP, len(body)))
    body = body[:6] + struct.pack("!H", partial) + body[8:]
    frame = ether(version) + ip(version, UDP, len(body)) + body
    note = Note(NEEDS_CHECKSUM, csum_start=len(frame) - len(body), csum_offset=6)
    (done,) = as_on_the_wire(frame, note)
    assert is_sound(done, version, UDP)
    assert done[: -len(body)] == frame[: -len(body)]


def test_a_frame_without_a_note_is_left_alone():
    frame = ether(4) + bytes(46)
    (done,) = as_on_the_wire(frame, Note())
    assert done is frame


@pytest.mark.parametrize("version", [4, 6])
@given(
    payload=st.binary(min_size=1, max_size=9000),
    size=st.integers(200, 1460),
    sequence=st.integers(0, 2**32 - 1),
    options=st.sampled_from([b"", bytes(12)]),
    tag=st.sampled_from([b"", b"\x81\0\0\x05"]),
)
def test_tcp_segments_are_what_the_sender_would_have_sent(
    version, payload, size, sequence, options, tag
):
    start = tcp(sequence, FIN | PSH | ACK | CWR, options)
    head = ether(version, tag)
    network = ip(version, TCP, len(start) + len(payload))
    frame = head + network + start + payload
    at = len(head) + len(network)
    kind = (GSO_TCP4 if version == 4 else GSO_TCP6) | GSO_ECN
    note = Note(NEEDS_CHECKSUM, kind, at + 20, size, at, 16)
    pieces = as_on_the_wire(frame, note)
    assert b"".join(piece[at + len(start) :] for piece in pieces) == payload
    for index, piece in enumerate(pieces):
        assert is_sound(piece, version, TCP, len(head))
        assert len(piece) <= at + len(start) + size
        (number,) = struct.unpack_from("!I", piece, at + 4)
        assert number == (sequence + index * size) % 2**32
        flags = piece[at + 13]
        assert flags & ACK
        assert bool(flags & (FIN | PSH)) == (index == len(pieces) - 1)
        assert bool(flags & CWR) == (index == 0)
        if version == 4:
            assert struct.unpack_from("!H", piece, len(head) + 4)[0] == 7 + index


@pytest.mark.parametrize("version", [4, 6])
@given(payload=st.binary(min_size=1, max_size=5000), size=st.integers(100, 1472))
def test_udp_segments_have_a_header_each(version, payload, size):
    start = struct.pack("!HHHH", 1, 2, 8 + len(payload), 0)
    network = ip(version, UDP, len(start) + len(payload))
    frame = ether(version) + network + start + payload
    at = 14 + len(network)
    pieces = as_on_the_wire(frame, Note(NEEDS_CHECKSUM, GSO_UDP, at + 8, size, at, 6))
    assert b"".join(piece[at + 8 :] for piece in pieces) == payload
    for piece in pieces:
        assert is_sound(piece, version, UDP)
        assert struct.unpack_from("!H", piece, at + 4)[0] == len(piece) - at


@given(
    st.binary(max_size=200), st.builds(Note, *[st.integers(0, 255)] * 2, *[st.integers(0, 300)] * 4)
)
def test_whatever_the_note_says_nothing_breaks(frame, note):
    for done in as_on_the_wire(frame, note):
        assert isinstance(done, bytes)


@given(
    st.binary(max_size=120).map(lambda rest: ether(4) + b"\x45" + rest),
    st.sampled_from([GSO_TCP4, GSO_TCP6, GSO_UDP, 3, 77]),
    st.integers(0, 200),
    st.integers(0, 150),
)
def test_headers_that_are_cut_short_yield_nothing_or_frames(frame, kind, size, start):
    for done in as_on_the_wire(frame, Note(NEEDS_CHECKSUM, kind, 0, size, start, 16)):
        assert done[:12] == MACS


def test_a_tag_goes_between_addresses_and_type():
    frame = ether(4) + bytes(46)
    assert insert_tag(frame, 0x88A8, 5) == MACS + b"\x88\xa8\0\x05" + frame[12:]
    assert insert_tag(frame, 0, 5) == MACS + b"\x81\0\0\x05" + frame[12:]
