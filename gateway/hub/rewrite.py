"""Frames that policies change on their way: VLAN tags, and what a router says of itself."""

from gateway.hub.frame_facts import ROUTER_ADVERTISEMENT, Facts

TAG = b"\x81\x00"


def add_tag(frame: bytes, vlan: int) -> bytes:
    """Return `frame` in VLAN `vlan`: a tag in front of its type, and of tags it has."""
    return frame[:12] + TAG + (vlan & 0x0FFF).to_bytes(2) + frame[12:]


def remove_tag(frame: bytes, vlan: int) -> bytes | None:
    """Return `frame` without the tag of VLAN `vlan`; None if it is not in that VLAN."""
    if frame[12:14] != TAG or len(frame) < 18:
        return None
    if int.from_bytes(frame[14:16]) & 0x0FFF != vlan & 0x0FFF:
        return None
    return frame[:12] + frame[16:]


def without_default_router(frame: bytes, facts: Facts) -> bytes:
    """Return a router advertisement in which the router is nobody's default; others as they are.

    Its lifetime becomes 0 (RFC 4861, 4.2) and the checksum is adapted (RFC 1624, equation 3).
    """
    at = facts.l4
    if facts.icmpv6_type != ROUTER_ADVERTISEMENT or len(frame) < at + 8:
        return frame
    lifetime = int.from_bytes(frame[at + 6 : at + 8])
    checksum = int.from_bytes(frame[at + 2 : at + 4])
    total = (~checksum & 0xFFFF) + (~lifetime & 0xFFFF)
    total = (total & 0xFFFF) + (total >> 16)
    adapted = (~total & 0xFFFF).to_bytes(2)
    return frame[: at + 2] + adapted + frame[at + 4 : at + 6] + b"\0\0" + frame[at + 8 :]
