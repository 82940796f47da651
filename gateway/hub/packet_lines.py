"""Frames as lines of a packet log, in the form of the reference's files.

    date,time,source session,destination session,source MAC,destination MAC,type,size,kind,what,
    source IP,source port,destination IP,destination port,sequence,acknowledgement,more,
    the whole frame in hex,where the source session comes from,and the destination's

`-` stands for what a frame has not. Told apart from the reference's: ports are numbers, without the
names of services, and there is nothing of what HTTP asked for. Source: a log that the reference
(5.01) wrote of frames like those of the tests.
"""

import ipaddress
from typing import NamedTuple

from gateway.hub.frame_facts import ARP, FIN, ICMP, ICMPV6, RST, SYN, TCP, UDP, Facts, Layer

_FLAGS = ((0x01, "FIN"), (0x02, "SYN"), (0x04, "RST"), (0x08, "PSH"), (0x10, "ACK"), (0x20, "URG"))
_ICMP = {0: "Echo Reply", 3: "Destination Unreachable", 8: "Echo Request", 11: "Time Exceeded"}
_ICMPV6 = {
    128: "Echo Request",
    129: "Echo Reply",
    133: "Router Solicitation",
    134: "Router Advertisement",
    135: "Neighbor Solicitation",
    136: "Neighbor Advertisement",
}
_DHCP = {1: "Request", 2: "Response"}
_IP_AT = 14  # without tags; each of those moves it by 4


class Ends(NamedTuple):
    """The sessions between which a frame went, and where those come from."""

    source: str = "-"
    destination: str = "-"
    source_address: str = "-"
    destination_address: str = "-"


class _Body(NamedTuple):
    """What is behind the Ethernet header."""

    kind: str
    what: str = "-"
    sequence: str = "-"
    acknowledged: str = "-"
    more: str = "-"


def kind_of(facts: Facts) -> str:
    """Return under which setting a frame is logged: the first of the kinds that fits."""
    if facts.layer is Layer.ARP:
        return "arp"
    if facts.layer is Layer.OTHER:
        return "ethernet"
    if facts.protocol == TCP and facts.l4 >= 0:
        return "tcp_connection" if facts.tcp_flags & (SYN | FIN | RST) else "tcp"
    if facts.protocol == UDP and facts.l4 >= 0:
        return "dhcp" if facts.is_dhcp or facts.is_dhcpv6 else "udp"
    return "icmp" if facts.protocol in (ICMP, ICMPV6) else "ip"


def to_line(frame: bytes, facts: Facts, ends: Ends, moment: str, *, full: bool) -> str:
    """Return a frame's line; `moment` is `2026-01-31,12:00:00.000`. `full`: with all its bytes."""
    body = _body(frame, facts)
    is_ip = facts.layer in (Layer.IPV4, Layer.IPV6)
    cells = (
        moment,
        ends.source,
        ends.destination,
        facts.source_mac.hex().upper(),
        facts.destination_mac.hex().upper(),
        f"0x{max(0, facts.ethertype):04X}",
        str(len(frame)),
        body.kind,
        body.what,
        _address(facts.source) if is_ip else "-",
        _number(facts.source_port),
        _address(facts.destination) if is_ip else "-",
        _number(facts.destination_port),
        body.sequence,
        body.acknowledged,
        body.more,
        frame.hex().upper() if full else "-",
        ends.source_address,
        ends.destination_address,
    )
    return ",".join(cells)


def _body(frame: bytes, facts: Facts) -> _Body:
    if facts.layer is Layer.ARP:
        return _arp(frame, facts)
    if facts.layer is Layer.OTHER:
        return _Body(f"Proto=0x{max(0, facts.ethertype):04X}")
    version = "v4" if facts.layer is Layer.IPV4 else "v6"
    kind = kind_of(facts)
    if kind in ("tcp", "tcp_connection"):
        return _tcp(frame, facts, version)
    if kind == "dhcp":
        return _dhcp(frame, facts, version)
    if kind == "icmp":
        return _icmp(frame, facts, version)
    return _Body(f"UDP{version}" if kind == "udp" else f"IP{version}(0x{facts.protocol:02X})")


def _arp(frame: bytes, facts: Facts) -> _Body:
    at = frame.find(ARP.to_bytes(2), 12) + 2
    operation = int.from_bytes(frame[at + 6 : at + 8])
    sender = frame[at + 8 : at + 14].hex().upper()
    source, target = _address(facts.source), _address(facts.destination)
    if operation == 1:
        asks = f"Who has {target}? Please Tell {sender}({source})"
        return _Body("ARPv4", "Request", more=asks)
    what = "Response" if operation == 2 else f"Operation={operation}"
    return _Body("ARPv4", what, more=f"{sender} has {source}")


def _tcp(frame: bytes, facts: Facts, version: str) -> _Body:
    at = facts.l4
    is_connection = facts.tcp_flags & (SYN | FIN | RST)
    return _Body(
        kind=f"TCP_{'CONNECT' if is_connection else 'DATA'}{version}",
        what="+".join(name for bit, name in _FLAGS if facts.tcp_flags & bit) or "-",
        sequence=str(int.from_bytes(frame[at + 4 : at + 8])),
        acknowledged=str(int.from_bytes(frame[at + 8 : at + 12])),
        more=f"WindowSize={int.from_bytes(frame[at + 14 : at + 16])}",
    )


def _dhcp(frame: bytes, facts: Facts, version: str) -> _Body:
    at = facts.l4 + 8
    if version == "v6" or len(frame) < at + 28:
        return _Body(f"DHCP{version}")
    names = ("ClientIP", "YourIP", "ServerIP", "RelayIP")
    addresses = (_address(frame[at + 12 + 4 * i : at + 16 + 4 * i]) for i in range(4))
    pairs = " ".join(f"{name}={ip}" for name, ip in zip(names, addresses, strict=True))
    transaction = int.from_bytes(frame[at + 4 : at + 8])
    what = _DHCP.get(facts.dhcp_operation, "-")
    return _Body("DHCPv4", what, more=f"TransactionId={transaction} {pairs}")


def _icmp(frame: bytes, facts: Facts, version: str) -> _Body:
    if version == "v6":
        return _Body("ICMPv6", _ICMPV6.get(facts.icmpv6_type, f"Type={facts.icmpv6_type}"))
    at = _IP_AT
    while frame[at - 2 : at] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    header = (frame[at] & 0x0F) * 4
    is_fragment = frame[at + 6] & 0x1F or frame[at + 7]
    if is_fragment or len(frame) <= at + header:
        return _Body("ICMPv4")
    kind = frame[at + header]
    return _Body("ICMPv4", _ICMP.get(kind, f"Type={kind}"))


def _address(address: bytes) -> str:
    return str(ipaddress.ip_address(address)) if len(address) in (4, 16) else "-"


def _number(number: int) -> str:
    return str(number) if number >= 0 else "-"
