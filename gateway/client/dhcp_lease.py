"""A DHCP lease: what an ACK grants, read with suspicion.

The server may be anybody on the hub, so every option is checked, and one that makes no sense
counts as absent. Source: RFC 2131 §4.4.1, §4.4.5; RFC 2132; RFC 3442.
"""

import math
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from gateway.client.dhcp_message import Message, Option
from gateway.client.route import Route

INFINITE = 0xFFFF_FFFF  # seconds on the wire: for ever
RENEW_AT, REBIND_AT = 0.5, 0.875  # of the lease, where the server names no times
MIN_LEASE = 5  # seconds; our choice: below it a lease is all renewing
DEFAULT_LEASE = 3600  # seconds; our choice, for a server that breaks the RFC and names none
MIN_MTU = 576  # bytes; RFC 791
MAX_ROUTES = 64  # our choice: each becomes one command on the host
MAX_SERVERS = 8  # DNS servers we look at; our choice
MAX_DOMAIN = 253  # characters


@dataclass(frozen=True, slots=True)
class Lease:
    """An address and what belongs to it. Times are seconds on the client's monotonic clock."""

    address: IPv4Interface
    """With its prefix: 10.0.0.7/24."""
    routes: tuple[Route, ...]
    """Classless routes, or else the router option as a default route."""
    dns: tuple[IPv4Address, ...]
    domain: str
    mtu: int | None
    lease_s: float
    """As granted; infinity is possible."""
    renew_at: float
    rebind_at: float
    expires_at: float
    server: IPv4Address
    server_mac: bytes
    """Where the ACK came from: the server, or the relay in front of it."""

    @property
    def router(self) -> IPv4Address | None:
        """The gateway of the default route."""
        for route in self.routes:
            if route.is_default and isinstance(route.gateway, IPv4Address):
                return route.gateway
        return None


def read_lease(ack: Message, server_mac: bytes, now: float) -> Lease | None:
    """Return what `ack` grants from `now` on, or None if it cannot be used.

    `now` should be the moment the request left, so that our view ends no later than the server's.
    """
    server = ack.address_option(Option.SERVER)
    if server is None or not is_host_address(ack.your_address):
        return None
    seconds = ack.number_option(Option.LEASE_TIME, 4)
    seconds = DEFAULT_LEASE if seconds is None else seconds
    if seconds < MIN_LEASE:
        return None
    lease_s = math.inf if seconds == INFINITE else float(seconds)
    renew_s, rebind_s = _renewal_times(ack, lease_s)
    mtu = ack.number_option(Option.MTU, 2)
    return Lease(
        address=IPv4Interface((ack.your_address, _prefix_length(ack))),
        routes=_routes(ack),
        dns=tuple(_addresses(ack, Option.DNS)[:MAX_SERVERS]),
        domain=_domain(ack.options.get(Option.DOMAIN, b"")),
        mtu=mtu if mtu is not None and mtu >= MIN_MTU else None,
        lease_s=lease_s,
        renew_at=now + renew_s,
        rebind_at=now + rebind_s,
        expires_at=now + lease_s,
        server=server,
        server_mac=server_mac,
    )


def is_host_address(address: IPv4Address) -> bool:
    """Say whether a host can have `address`."""
    value = int(address)
    return 0x0100_0000 <= value < 0xE000_0000 and not address.is_loopback


def _renewal_times(ack: Message, lease_s: float) -> tuple[float, float]:
    """Return T1 and T2 in seconds; the server's are taken only if 0 < T1 < T2 < lease."""
    renew = ack.number_option(Option.RENEW_TIME, 4)
    rebind = ack.number_option(Option.REBIND_TIME, 4)
    t1 = lease_s * RENEW_AT if renew is None else float(renew)
    t2 = lease_s * REBIND_AT if rebind is None else float(rebind)
    if 0 < t1 < t2 < lease_s:
        return t1, t2
    return lease_s * RENEW_AT, lease_s * REBIND_AT


def _prefix_length(ack: Message) -> int:
    """Return the mask as a length; without a possible mask, the one of the address's old class."""
    mask = ack.address_option(Option.SUBNET_MASK)
    if mask is not None:
        hosts = ~int(mask) & 0xFFFF_FFFF
        if mask != IPv4Address(0) and hosts & (hosts + 1) == 0:
            return 32 - hosts.bit_length()
    first = ack.your_address.packed[0]
    return 8 if first < 128 else 16 if first < 192 else 24


def _routes(ack: Message) -> tuple[Route, ...]:
    """Return option 121, which overrules the router option (RFC 3442, "DHCP Client Behavior")."""
    classless = _classless_routes(ack.options.get(Option.CLASSLESS_ROUTES, b""))
    if classless:
        return tuple(classless[:MAX_ROUTES])
    routers = [r for r in _addresses(ack, Option.ROUTER) if is_host_address(r)]
    return tuple(Route(IPv4Network("0.0.0.0/0"), router) for router in routers[:1])


def _classless_routes(data: bytes) -> list[Route]:
    """Read width, significant octets, router, repeated; [] if any of it makes no sense."""
    routes = []
    at = 0
    while at < len(data):
        width = data[at]
        octets = (width + 7) // 8
        end = at + 1 + octets + 4
        if width > 32 or end > len(data):
            return []
        prefix = IPv4Address(data[at + 1 : at + 1 + octets].ljust(4, b"\0"))
        router = IPv4Address(data[end - 4 : end])
        if router != IPv4Address(0) and not is_host_address(router):
            return []
        network = IPv4Network((prefix, width), strict=False)
        routes.append(Route(network, router if int(router) else None))  # 0.0.0.0: on the link
        at = end
    return routes


def _addresses(ack: Message, option: Option) -> list[IPv4Address]:
    value = ack.options.get(option, b"")
    return [IPv4Address(value[i : i + 4]) for i in range(0, len(value) - 3, 4)]


def _domain(value: bytes) -> str:
    """Return the domain if it is a plain one: it may end up in files that are read line by line."""
    text = value.rstrip(b"\0").decode("ascii", "replace").rstrip(".")
    labels = text.split(".")
    is_plain = all(label and label.replace("-", "").replace("_", "").isalnum() for label in labels)
    return text if is_plain and text.isascii() and len(text) <= MAX_DOMAIN else ""
