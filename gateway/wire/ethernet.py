"""Read-only views of an Ethernet frame. Source: IEEE 802.3, 802.1Q.

destination 6, source 6, (tag 0x8100 or 0x88A8, u16 priority and VLAN)*, u16 type, payload
"""

from collections.abc import Iterable
from typing import NamedTuple

BROADCAST = b"\xff" * 6
NOBODY = bytes(6)
PROBES = bytes.fromhex("034546000001")
"""A group of our own (locally administered): loop probes go to it. Only ports that may join one
segment to another are members."""
_TAGS = (b"\x81\x00", b"\x88\xa8")


class Header(NamedTuple):
    """The head of a frame; `vlan` is the outermost tag's VLAN, `payload` where the payload begins.

    `ethertype` below 0x0600 is a length (802.3 with LLC, such as spanning tree).
    """

    destination: bytes
    source: bytes
    vlan: int | None
    ethertype: int
    payload: int


def read_header(frame: bytes) -> Header | None:
    """Return the head of `frame`, or None when it ends before its type."""
    position, vlan = 12, None
    while (kind := frame[position : position + 2]) in _TAGS:
        if vlan is None:
            vlan = int.from_bytes(frame[position + 2 : position + 4], "big") & 0x0FFF
        position += 4
    if len(kind) < 2:
        return None
    return Header(frame[:6], frame[6:12], vlan, int.from_bytes(kind, "big"), position + 2)


def is_group(mac: bytes) -> bool:
    """Tell whether `mac` is the broadcast address or a multicast one."""
    return bool(mac[0] & 1)


def is_station(mac: bytes) -> bool:
    """Tell whether `mac` can be one station's own address: neither a group nor all zero."""
    return not mac[0] & 1 and mac != NOBODY


def parse_macs(texts: Iterable[str]) -> list[bytes]:
    """Return the addresses that `format_mac` wrote."""
    return [bytes.fromhex(text.replace(":", "")) for text in texts]


def format_mac(mac: bytes) -> str:
    """Return six bytes as `5e:00:53:00:00:01`."""
    return mac.hex(":")
