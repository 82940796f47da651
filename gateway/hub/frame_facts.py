"""What a frame says of itself, as far as rules ask: read once, safely, from the frame alone.

`read_facts` takes any bytes. What is too short, or has lengths that do not fit, is simply not what
it claims to be: a TCP header of ten bytes is no TCP, and a rule about TCP does not match it. VLAN
tags are looked through: a frame does not leave a rule by being tagged. Of a fragment but the first
nobody knows the ports.

`flow_key` names the flow a frame belongs to, without reading the frame: frames of one pair of
stations with the same key have the same facts in all that verdicts depend on, so a verdict can be
remembered by it. Only the plainest headers have a key; every other frame is read anew. Frames
between the ports of DHCP have one too, though more depends on what is in them: their verdicts are
not remembered (`Facts.is_dhcp`).

Source: IEEE 802.1Q, RFC 791, 8200, 9293, 768, 826, 2131, 4861; what counts as what follows the
reference's packet parser.
"""

from enum import IntEnum
from struct import Struct
from typing import NamedTuple

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD  # types on Ethernet
ICMP, TCP, UDP, OSPF, ICMPV6 = 1, 6, 17, 89, 58  # IP protocols
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10  # TCP flags
ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT = 133, 134  # ICMPv6 types
DHCP_REPLY = 2  # its operation code
DHCP_ACK = 5  # its message type
MAX_TAGS = 4
MAX_EXTENSIONS = 8  # IPv6 headers before the one that counts

_DHCP_PORTS = {(67, 68), (68, 67)}
_DHCP_COOKIE = b"\x63\x82\x53\x63"
_LLC_BPDU = b"\x42\x42"
_TAGS = (0x8100, 0x88A8)
_EXTENSIONS = (0, 43, 60)  # hop by hop, routing, destination: a next header and a length
_FRAGMENT = 44
_ports = Struct(">HH").unpack_from


class Layer(IntEnum):
    """What a frame carries."""

    OTHER = 0
    ARP = 1
    """For IPv4 over Ethernet."""
    IPV4 = 2
    IPV6 = 3


class Facts(NamedTuple):
    """One frame. What it does not have is empty, -1 or false."""

    destination_mac: bytes
    source_mac: bytes
    ethertype: int
    """Behind any tags; below 0x0600 a length. -1: the frame ends before it."""
    layer: Layer = Layer.OTHER
    source: bytes = b""
    """4 or 16 bytes, of ARP the sender's."""
    destination: bytes = b""
    """Of ARP the target's."""
    protocol: int = -1
    source_port: int = -1
    """Of TCP or UDP."""
    destination_port: int = -1
    tcp_flags: int = -1
    icmpv6_type: int = -1
    is_bpdu: bool = False
    is_dhcp: bool = False
    """Between the ports of DHCP for IPv4."""
    dhcp_operation: int = -1
    lease: tuple[bytes, bytes] | None = None
    """Address and MAC that a DHCP server just acknowledged."""
    l4: int = -1
    """Where the header of TCP, UDP or ICMP begins."""

    @property
    def is_group(self) -> bool:
        """Say whether it goes to all, or to a multicast group."""
        return bool(self.destination_mac[:1] and self.destination_mac[0] & 1)

    @property
    def is_dhcpv6(self) -> bool:
        """Say whether it goes to a port of DHCP for IPv6."""
        return (
            self.layer is Layer.IPV6
            and self.protocol == UDP
            and self.destination_port in (546, 547)
        )

    @property
    def is_urgent(self) -> bool:
        """Say whether limits of bandwidth leave it alone, as the reference's do: ARP, ICMP, DHCP,
        and what opens or ends a TCP connection, all for IPv4."""
        if self.layer is Layer.IPV4:
            opens_or_ends = self.tcp_flags > 0 and self.tcp_flags & (SYN | FIN | RST)
            return self.protocol == ICMP or self.is_dhcp or bool(opens_or_ends)
        return self.layer is Layer.ARP


def flow_key(buffer: bytes, at: int, size: int) -> bytes | None:
    """Return what names the flow of the frame of `size` bytes at `at`; None: read it.

    Of IPv4 without options and fragments, and IPv6 without extensions: addresses and ports of TCP
    and UDP, with the flags of TCP; of other IPv4 the addresses and the protocol. Lengths differ by
    kind, so no two kinds share a key. The Ethernet addresses are not in it.
    """
    kind = buffer[at + 12 : at + 15]
    if kind == b"\x08\x00\x45":
        if size < 34 or buffer[at + 20] & 0x1F or buffer[at + 21]:
            return None
        protocol = buffer[at + 23]
        if protocol == TCP:
            if size < 54:
                return None
            return buffer[at + 26 : at + 38] + buffer[at + 47 : at + 48]
        if protocol == UDP:
            return buffer[at + 26 : at + 38] if size >= 42 else None
        return buffer[at + 26 : at + 34] + buffer[at + 23 : at + 24]
    if kind[:2] == b"\x86\xdd" and size >= 54:
        protocol = buffer[at + 20]
        if protocol == TCP and size >= 74:
            return buffer[at + 22 : at + 58] + buffer[at + 67 : at + 68]
        if protocol == UDP and size >= 62:
            return buffer[at + 22 : at + 58]
    return None


def read_facts(frame: bytes) -> Facts:
    """Return what `frame` says of itself; never raises."""
    ethertype, at = _read_type(frame)
    facts = Facts(frame[:6], frame[6:12], ethertype)
    if ethertype == IPV4:
        return _read_ipv4(facts, frame, at)
    if ethertype == IPV6:
        return _read_ipv6(facts, frame, at)
    if ethertype == ARP:
        return _read_arp(facts, frame, at)
    if 0 <= ethertype < 0x0600 and frame[at : at + 2] == _LLC_BPDU:
        return facts._replace(is_bpdu=True)
    return facts


def _read_type(frame: bytes) -> tuple[int, int]:
    """Return the type behind any tags and where its payload begins; -1 if it is cut off."""
    at = 12
    for _ in range(MAX_TAGS):
        ethertype = int.from_bytes(frame[at : at + 2])
        if ethertype not in _TAGS:
            break
        at += 4
    if len(frame) < at + 2:
        return -1, len(frame)
    return int.from_bytes(frame[at : at + 2]), at + 2


def _read_arp(facts: Facts, frame: bytes, at: int) -> Facts:
    if len(frame) < at + 28 or frame[at : at + 6] != b"\x00\x01\x08\x00\x06\x04":
        return facts
    return facts._replace(
        layer=Layer.ARP,
        source=frame[at + 14 : at + 18],
        destination=frame[at + 24 : at + 28],
    )


def _read_ipv4(facts: Facts, frame: bytes, at: int) -> Facts:
    if len(frame) < at + 20:
        return facts
    header = (frame[at] & 0x0F) * 4
    if frame[at] >> 4 != 4 or header < 20 or len(frame) < at + header:
        return facts
    facts = facts._replace(
        layer=Layer.IPV4,
        source=frame[at + 12 : at + 16],
        destination=frame[at + 16 : at + 20],
        protocol=frame[at + 9],
    )
    is_fragment = frame[at + 6] & 0x1F or frame[at + 7]
    return facts if is_fragment else _read_l4(facts, frame, at + header)


def _read_ipv6(facts: Facts, frame: bytes, at: int) -> Facts:
    if len(frame) < at + 40 or frame[at] >> 4 != 6:
        return facts
    facts = facts._replace(
        layer=Layer.IPV6, source=frame[at + 8 : at + 24], destination=frame[at + 24 : at + 40]
    )
    protocol, at = frame[at + 6], at + 40
    for _ in range(MAX_EXTENSIONS):
        if protocol == _FRAGMENT and len(frame) >= at + 8:
            if int.from_bytes(frame[at + 2 : at + 4]) >> 3:
                return facts._replace(protocol=frame[at])
            protocol, at = frame[at], at + 8
        elif protocol in _EXTENSIONS and len(frame) >= at + 8:
            protocol, at = frame[at], at + 8 + frame[at + 1] * 8
        else:
            break
    return _read_l4(facts._replace(protocol=protocol), frame, at)


def _read_l4(facts: Facts, frame: bytes, at: int) -> Facts:
    """Add what the header at `at` says, if it is whole."""
    room = len(frame) - at
    if facts.protocol == TCP and room >= 20:
        source, destination = _ports(frame, at)
        return facts._replace(
            source_port=source, destination_port=destination, tcp_flags=frame[at + 13], l4=at
        )
    if facts.protocol == UDP and room >= 8:
        ports = source, destination = _ports(frame, at)
        facts = facts._replace(source_port=source, destination_port=destination, l4=at)
        is_dhcp = facts.layer is Layer.IPV4 and ports in _DHCP_PORTS
        return _read_dhcp(facts, frame, at + 8) if is_dhcp else facts
    if facts.protocol == ICMPV6 and facts.layer is Layer.IPV6 and room >= 4:
        return facts._replace(icmpv6_type=frame[at], l4=at)
    return facts


def _read_dhcp(facts: Facts, frame: bytes, at: int) -> Facts:
    facts = facts._replace(is_dhcp=True, dhcp_operation=frame[at] if len(frame) > at else -1)
    if facts.dhcp_operation != DHCP_REPLY or frame[at + 236 : at + 240] != _DHCP_COOKIE:
        return facts
    if frame[at + 1 : at + 3] != b"\x01\x06" or _dhcp_type(frame, at + 240) != DHCP_ACK:
        return facts
    return facts._replace(lease=(frame[at + 16 : at + 20], frame[at + 28 : at + 34]))


def _dhcp_type(frame: bytes, at: int) -> int:
    """Return the message type among the options at `at`; -1 if there is none."""
    while at + 1 < len(frame) and frame[at] != 255:
        if frame[at] == 0:
            at += 1
        elif frame[at] == 53:
            return frame[at + 2] if at + 2 < len(frame) else -1
        else:
            at += 2 + frame[at + 1]
    return -1
