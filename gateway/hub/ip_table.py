"""Which port uses which IP address: for policies that bind the two (CheckIP, MaxIP, DHCPForce).

Learned from the senders of IP packets and ARP, and from what DHCP servers acknowledge. An address
is its port's for `EXCLUSIVE_S` after its last frame, and known for `KNOWN_S`, or `LEASED_S` if DHCP
gave it. At most `MAX_PER_PORT` are kept for one port, the oldest goes first: a port that makes
addresses up unlearns only its own. Numbers and rules are the reference's, except the last.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

P = TypeVar("P", bound=Hashable)

EXCLUSIVE_S = 13.0
KNOWN_S = 60.0
LEASED_S = 300.0
MAX_PER_PORT = 1024
LEAST_V4, LEAST_V6 = 4, 5  # addresses a port may always have
NO_ROUTING_V6 = 15  # IPv6 addresses of a port that may not route
REFRESH_S = 1.0  # how seldom an entry in use is written


@dataclass(slots=True)
class IpEntry(Generic[P]):
    """One address in use. Times are seconds."""

    port: P
    seen: float
    is_leased: bool = False

    def is_known(self, now: float) -> bool:
        """Say whether it still counts."""
        return now - self.seen <= (LEASED_S if self.is_leased else KNOWN_S)


@dataclass(frozen=True, slots=True)
class IpLimits:
    """What one port's policy says about its addresses. 0: no limit."""

    most_v4: int = 0
    most_v6: int = 0
    only_leased: bool = False
    """DHCPForce: of IPv4, only what a DHCP server gave."""
    check_v4: bool = False
    """CheckIP: not what another port uses now."""
    check_v6: bool = False

    def __bool__(self) -> bool:
        return self != _NO_LIMITS

    @property
    def watches_others(self) -> bool:
        """Say whether the addresses of all other ports must be known."""
        return self.only_leased or self.check_v4 or self.check_v6


_NO_LIMITS = IpLimits()


class IpTable(Generic[P]):
    """The addresses in use on one switch; ports are opaque."""

    def __init__(self) -> None:
        self._entries: dict[bytes, IpEntry[P]] = {}
        self._held: dict[P, OrderedDict[bytes, None]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, ip: bytes) -> IpEntry[P] | None:
        """Return who uses an address, or did."""
        return self._entries.get(ip)

    def rows(self) -> Iterator[tuple[bytes, IpEntry[P]]]:
        """List the addresses in use, for operators."""
        yield from self._entries.items()

    def forget(self, ip: bytes) -> None:
        """Forget one address. It is learned again when it is used."""
        self._forget(ip)

    def use(self, ip: bytes, port: P, limits: IpLimits, now: float) -> str:
        """Note that `port` sends from `ip`; return the reason why it may not, or nothing."""
        entry = self._entries.get(ip)
        if entry is not None and not entry.is_known(now):
            self._forget(ip)
            entry = None
        if entry is None:
            return self._first_use(ip, port, limits, now)
        if entry.port is port:
            if now - entry.seen >= REFRESH_S:
                entry.seen = now
                self._held[port].move_to_end(ip)
            return ""
        is_v4 = len(ip) == 4
        checks = (limits.check_v4 or limits.only_leased) if is_v4 else limits.check_v6
        if checks and now - entry.seen <= EXCLUSIVE_S:
            return "ip-conflict"
        if is_v4 and limits.only_leased and not entry.is_leased:
            return "ip-not-leased"
        is_leased = entry.is_leased
        self._forget(ip)
        self._learn(ip, port, now, is_leased)
        return ""

    def lease(self, ip: bytes, port: P, now: float) -> None:
        """Note that DHCP gave `ip` to the station behind `port`."""
        self._forget(ip)
        self._learn(ip, port, now, is_leased=True)

    def forget_port(self, port: P) -> None:
        """Forget all addresses of a port that goes."""
        for ip in self._held.pop(port, ()):
            del self._entries[ip]

    def _first_use(self, ip: bytes, port: P, limits: IpLimits, now: float) -> str:
        if len(ip) == 4:
            if limits.only_leased:
                return "ip-not-leased"
            most = limits.most_v4
        else:
            most = limits.most_v6
        if most and self._count(port, len(ip), now) >= most:
            return "ip-limit"
        self._learn(ip, port, now, is_leased=False)
        return ""

    def _count(self, port: P, size: int, now: float) -> int:
        held = self._held.get(port, ())
        return sum(len(ip) == size and self._entries[ip].is_known(now) for ip in held)

    def _learn(self, ip: bytes, port: P, now: float, is_leased: bool) -> None:
        held = self._held.setdefault(port, OrderedDict())
        if len(held) >= MAX_PER_PORT:
            oldest, _ = held.popitem(last=False)
            del self._entries[oldest]
        held[ip] = None
        self._entries[ip] = IpEntry(port, now, is_leased)

    def _forget(self, ip: bytes) -> None:
        entry = self._entries.pop(ip, None)
        if entry is not None:
            del self._held[entry.port][ip]


def limits_of(
    *, max_ip: int, max_ipv6: int, no_routing: bool, no_routing_v6: bool
) -> tuple[int, int]:
    """Return how many IPv4 and IPv6 addresses a port may have; 0: any number.

    The reference lets every port have a few, however small the limit: a station that changes its
    address has two for a while.
    """
    v4 = min(max_ip or LEAST_V4, LEAST_V4) if no_routing else max_ip
    v6 = min(max_ipv6 or NO_ROUTING_V6, NO_ROUTING_V6) if no_routing_v6 else max_ipv6
    return max(v4, LEAST_V4) if v4 else 0, max(v6, LEAST_V6) if v6 else 0
