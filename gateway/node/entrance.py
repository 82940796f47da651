"""A node's entrance: the address and the ports that lead clients to this very process."""

from dataclasses import dataclass

from gateway.config import Settings
from gateway.node.reach import own_ipv4
from gateway.node.shown import Shown


@dataclass(frozen=True, slots=True)
class Entrance:
    """How clients reach this node."""

    node: str
    address: str
    """IPv4 that redirects to this machine name; empty: none do."""
    tcp_ports: tuple[int, ...]
    """Ports that lead to this very process. Sessions live on these: whoever comes back to one
    finds the process again, or its successor."""
    may_redirect: bool
    shown: Shown
    timeout_ms: int


def make_entrance(settings: Settings, addresses: list[tuple[str, int]], shown: Shown) -> Entrance:
    """Return the entrance of a node that listens on `addresses`, pairs of host and TCP port."""
    gateway = settings.gateway
    ports = tuple(dict.fromkeys(tcp_port for _, tcp_port in addresses))
    direct = (gateway.direct_tcp_port,) if gateway.direct_tcp_port else ports
    return Entrance(
        node=settings.node,
        address=gateway.advertise or own_ipv4(),
        tcp_ports=direct,
        may_redirect=gateway.redirect == "auto",
        shown=shown,
        timeout_ms=round(settings.session.timeout_s * 1000),
    )
