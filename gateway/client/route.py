"""One route, as a DHCP server offers it and as the host's table holds it."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network


@dataclass(frozen=True, slots=True)
class Route:
    """Where packets for `destination` go: to `gateway`, or straight onto the link if it is None."""

    destination: IPv4Network | IPv6Network
    gateway: IPv4Address | IPv6Address | None = None

    @property
    def is_default(self) -> bool:
        return self.destination.prefixlen == 0

    def __str__(self) -> str:
        name = "default" if self.is_default else str(self.destination)
        return f"{name} via {self.gateway}" if self.gateway else f"{name} on link"
