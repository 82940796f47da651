"""What the store holds, as administration tools see it: times, traffic, policies, addresses."""

import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address

from coordinator.errors import InvalidValue
from coordinator.model import Traffic
from coordinator.times import Timestamp, from_timestamp, to_timestamp
from gateway.admin.policies import POLICIES
from gateway.wire.fields import Address
from gateway.wire.rpc_struct import Values

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PREFIX = "policy:"


def to_ms(time: Timestamp | None) -> int | None:
    """Return a stored time in milliseconds since 1970; None for one that has not come."""
    return (from_timestamp(time) - _EPOCH) // timedelta(milliseconds=1) if time else None


def from_ms(ms: int | None) -> Timestamp | None:
    """Return a time as it is stored. Raises InvalidValue for one that no calendar has."""
    if ms is None:
        return None
    try:
        return to_timestamp(_EPOCH + timedelta(milliseconds=ms))
    except OverflowError:
        raise InvalidValue(f"{ms} ms since 1970 is no time") from None


def traffic_values(traffic: Traffic, prefix: str = "") -> Values:
    """Return traffic under the names of the wire, where `Recv` is what we received."""
    return {
        f"{prefix}Recv.BroadcastBytes": traffic.received_broadcast_bytes,
        f"{prefix}Recv.BroadcastCount": traffic.received_broadcast_frames,
        f"{prefix}Recv.UnicastBytes": traffic.received_unicast_bytes,
        f"{prefix}Recv.UnicastCount": traffic.received_unicast_frames,
        f"{prefix}Send.BroadcastBytes": traffic.sent_broadcast_bytes,
        f"{prefix}Send.BroadcastCount": traffic.sent_broadcast_frames,
        f"{prefix}Send.UnicastBytes": traffic.sent_unicast_bytes,
        f"{prefix}Send.UnicastCount": traffic.sent_unicast_frames,
    }


def policy_values(policy: Mapping[str, int]) -> Values:
    """Return a whole policy, of which `policy` is what differs from the default."""
    found: Values = {f"{PREFIX}{n}": policy.get(n, k.default) for n, k in POLICIES.items()}
    return {**found, f"{PREFIX}Ver3": True}


def policy_of(values: Values) -> dict[str, int]:
    """Return the policy in a request as it is stored; what is absent is 0, as in the reference."""
    given = {name: int(values.get(f"{PREFIX}{name}", 0)) for name in POLICIES}
    return {
        name: min(number, POLICIES[name].most)
        for name, number in given.items()
        if number != POLICIES[name].default
    }


def host_of(peer: str) -> Address:
    """Return the address in `192.0.2.1:50000` or `[::1]:50000`; 0.0.0.0 if there is none."""
    host, _, _ = peer.rpartition(":")
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return IPv4Address(0)


def port_of(peer: str) -> int:
    """Return the port in `192.0.2.1:50000`; 0 if there is none."""
    port = peer.rpartition(":")[2]
    return int(port) if port.isascii() and port.isdigit() else 0


def ipv4_or(address: Address, filler: str) -> Address:
    """Return an IPv4 address; `filler` in the place of another, where tools read IPv4 only."""
    return address if isinstance(address, IPv4Address) else ip_address(filler)


def ipv6_bytes(address: Address) -> bytes:
    """Return the 16 bytes of an IPv6 address, zeros for another."""
    return address.packed if isinstance(address, IPv6Address) else bytes(16)


def stable_id(text: str) -> int:
    """Return the same number above 0 for the same text: a handle that outlives the list."""
    return zlib.crc32(text.encode("utf-8", "replace")) or 1
