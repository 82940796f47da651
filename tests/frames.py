"""Frames made by hand, for tests of rules: as short as their headers allow."""

from ipaddress import ip_address

MAC_A, MAC_B = bytes.fromhex("5e0000000001"), bytes.fromhex("5e0000000002")
BROADCAST = b"\xff" * 6


def ethernet(payload: bytes, ethertype: int, *, to=MAC_B, by=MAC_A, vlan=None) -> bytes:
    """A frame, tagged if it is in a `vlan`."""
    tag = b"" if vlan is None else b"\x81\x00" + vlan.to_bytes(2)
    return to + by + tag + ethertype.to_bytes(2) + payload


def ip(text: str) -> bytes:
    return ip_address(text).packed


def tcp(source: int, destination: int, flags: int = 0x10, payload: bytes = b"") -> bytes:
    ports = source.to_bytes(2) + destination.to_bytes(2)
    return ports + bytes(8) + bytes([0x50, flags]) + bytes(6) + payload


def udp(source: int, destination: int, payload: bytes = b"") -> bytes:
    return source.to_bytes(2) + destination.to_bytes(2) + bytes(4) + payload


def ipv4(source, destination, protocol, payload, *, options=b"", offset=0, **ethernet_fields):
    """An IPv4 packet in a frame; `options` in multiples of 4 bytes, `offset` of a fragment."""
    head = bytes([0x40 | (5 + len(options) // 4), 0])
    head += (20 + len(options) + len(payload)).to_bytes(2) + b"\0\0" + offset.to_bytes(2)
    head += bytes([64, protocol]) + b"\0\0" + ip(source) + ip(destination)
    return ethernet(head + options + payload, 0x0800, **ethernet_fields)


def ipv6(source, destination, protocol, payload, *, extensions=b"", **ethernet_fields):
    """An IPv6 packet; `extensions` are whole headers, the first one's kind is `protocol`."""
    head = b"\x60\0\0\0" + (len(extensions) + len(payload)).to_bytes(2) + bytes([protocol, 64])
    packet = head + ip(source) + ip(destination) + extensions + payload
    return ethernet(packet, 0x86DD, **ethernet_fields)


def arp(source, target, *, to=BROADCAST, by=MAC_A):
    head = b"\x00\x01\x08\x00\x06\x04\x00\x01"
    return ethernet(head + by + ip(source) + bytes(6) + ip(target), 0x0806, to=to, by=by)


def dhcp(operation, message, *, given="0.0.0.0", mac=MAC_A, source="0.0.0.0", to=BROADCAST):
    """A DHCP message; `operation` 2 is a server's."""
    body = bytes([operation, 1, 6, 0]) + bytes(12) + ip(given) + bytes(8) + mac
    body = body.ljust(236, b"\0") + b"\x63\x82\x53\x63" + bytes([12, 1, 65, 53, 1, message, 255])
    ports = (67, 68) if operation == 2 else (68, 67)
    return ipv4(source, "255.255.255.255", 17, udp(*ports, body), to=to)
