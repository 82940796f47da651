"""UDP over IPv4 over Ethernet, whole frames: what a DHCP client without an IP stack speaks.

Source: RFC 791, RFC 768, RFC 1071 (checksum). Limits: no VLAN tag, no fragments; IP options are
skipped when reading and never written.
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

_ETHERNET = struct.Struct("!6s6sH")
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_UDP = struct.Struct("!HHHH")

_TYPE_IPV4 = 0x0800
_PROTOCOL_UDP = 17
_DONT_FRAGMENT = 0x4000
_FRAGMENT = 0x3FFF  # "more fragments" and the offset
_TTL = 64


@dataclass(frozen=True, slots=True)
class UdpFrame:
    """One datagram with the addresses of all three layers; MACs are six bytes."""

    source_mac: bytes
    destination_mac: bytes
    source: IPv4Address
    destination: IPv4Address
    source_udp_port: int
    destination_udp_port: int
    payload: bytes


def encode_udp(datagram: UdpFrame) -> bytes:
    """Return the frame, both checksums set."""
    addresses = datagram.source.packed + datagram.destination.packed
    length = _UDP.size + len(datagram.payload)
    ports = datagram.source_udp_port, datagram.destination_udp_port
    pseudo = addresses + struct.pack("!HH", _PROTOCOL_UDP, length)
    total = checksum(pseudo + _UDP.pack(*ports, length, 0) + datagram.payload)
    udp = _UDP.pack(*ports, length, total or 0xFFFF)  # 0 would say "not computed"
    ethernet = _ETHERNET.pack(datagram.destination_mac, datagram.source_mac, _TYPE_IPV4)
    return ethernet + _ipv4_header(addresses, length) + udp + datagram.payload


def decode_udp(frame: bytes) -> UdpFrame | None:
    """Return the datagram in `frame`, or None for anything but a sound, whole IPv4 UDP datagram.

    The UDP checksum is not verified: a host bridge captures its own host's frames before the
    network card fills it in, and those are good frames.
    """
    ip = _ETHERNET.size
    if len(frame) < ip + _IPV4.size + _UDP.size:
        return None
    destination_mac, source_mac, kind = _ETHERNET.unpack_from(frame)
    first, _, total, _, fragment, _, protocol, _, source, destination = _IPV4.unpack_from(frame, ip)
    if kind != _TYPE_IPV4 or protocol != _PROTOCOL_UDP or fragment & _FRAGMENT:
        return None
    udp = ip + 4 * (first & 0x0F)
    end = ip + total  # the frame may go on with padding
    if first >> 4 != 4 or not ip + _IPV4.size <= udp <= end - _UDP.size or end > len(frame):
        return None
    if checksum(frame[ip:udp]):
        return None
    source_port, destination_port, length, _ = _UDP.unpack_from(frame, udp)
    if not _UDP.size <= length <= end - udp:
        return None
    return UdpFrame(
        source_mac,
        destination_mac,
        IPv4Address(source),
        IPv4Address(destination),
        source_port,
        destination_port,
        bytes(frame[udp + _UDP.size : udp + length]),
    )


def checksum(data: bytes) -> int:
    """Return the ones' complement sum of RFC 1071; 0 over data that holds its own checksum."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _ipv4_header(addresses: bytes, length: int) -> bytes:
    """Return the header of a datagram of `length` bytes, `addresses` being source, destination."""
    fields = 0x45, 0, _IPV4.size + length, 0, _DONT_FRAGMENT, _TTL, _PROTOCOL_UDP
    bare = _IPV4.pack(*fields, 0, addresses[:4], addresses[4:])
    return _IPV4.pack(*fields, checksum(bare), addresses[:4], addresses[4:])
