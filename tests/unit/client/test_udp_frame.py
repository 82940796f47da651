"""UDP frames against bytes another program made."""

import struct
from ipaddress import IPv4Address

import pytest

from gateway.client.udp_frame import UdpFrame, checksum, decode_udp, encode_udp

DATAGRAM = UdpFrame(
    source_mac=bytes.fromhex("02005e100001"),
    destination_mac=b"\xff" * 6,
    source=IPv4Address("10.0.0.7"),
    destination=IPv4Address("10.0.0.1"),
    source_udp_port=68,
    destination_udp_port=67,
    payload=b"odd",
)


def altered(at: int, value: bytes) -> bytes:
    frame = encode_udp(DATAGRAM)
    return frame[:at] + value + frame[at + len(value) :]


def test_checksum_of_the_example_in_rfc_1071():
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == ~0xDDF2 & 0xFFFF


def test_a_frame_comes_back_whole_and_with_padding():
    frame = encode_udp(DATAGRAM)
    assert decode_udp(frame) == DATAGRAM
    assert decode_udp(frame + bytes(15)) == DATAGRAM


def test_both_checksums_hold():
    frame = encode_udp(DATAGRAM)
    ip, udp = frame[14:34], frame[34:]
    assert checksum(ip) == 0
    assert checksum(ip[12:20] + struct.pack("!HH", 17, len(udp)) + udp) == 0


def test_a_checksum_of_nothing_is_sent_as_all_ones():
    # Chosen so that the sum comes out as 0, which on the wire would mean "not computed".
    plain = encode_udp(DATAGRAM)
    value = int.from_bytes(plain[40:42], "big")
    padded = UdpFrame(
        DATAGRAM.source_mac, DATAGRAM.destination_mac, DATAGRAM.source, DATAGRAM.destination,
        68, 67, b"odd\0" + struct.pack("!H", (value - 6) & 0xFFFF),
    )  # fmt: skip
    assert encode_udp(padded)[40:42] == b"\xff\xff"


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (12, b"\x86\xdd"),  # IPv6
        (14, b"\x65"),  # version 6
        (14, b"\x44"),  # header of 16 bytes
        (14, b"\x4f"),  # header longer than the packet
        (16, b"\x00\x00"),  # total length 0
        (16, b"\xff\xff"),  # total length beyond the frame
        (20, b"\x20\x00"),  # more fragments
        (20, b"\x00\x01"),  # a later fragment
        (22, b"\x01"),  # header checksum broken by another ttl
        (23, b"\x06"),  # TCP
        (38, b"\x00\x07"),  # UDP length below its header
        (38, b"\x00\xff"),  # UDP length beyond the packet
    ],
)
def test_anything_else_is_not_a_datagram(at, value):
    assert decode_udp(altered(at, value)) is None


def test_a_cut_frame_is_not_a_datagram():
    frame = encode_udp(DATAGRAM)
    assert all(decode_udp(frame[:n]) is None for n in range(len(frame)))


def test_a_datagram_captured_before_its_checksum_was_filled_in_is_accepted():
    assert decode_udp(altered(40, b"\x12\x34")) == DATAGRAM
