"""A node's row: what it tells the fleet of itself, as far as that stays while it runs."""

import os
import socket
from pathlib import Path

from coordinator.model import Node
from coordinator.times import utc_now
from gateway import __version__
from gateway.config import Settings
from gateway.node.entrance import Entrance


def make_row(settings: Settings, addresses: list[tuple[str, int]], entrance: Entrance) -> Node:
    """Return the row of a node that starts now and listens on `addresses`, the first foremost."""
    host, tcp_port = addresses[0]
    gateway = settings.gateway
    return Node(
        id=settings.node,
        pid=os.getpid(),
        host=socket.gethostname(),
        address=f"[{host}]:{tcp_port}" if ":" in host else f"{host}:{tcp_port}",
        version=__version__,
        started=utc_now(),
        direct_address=entrance.address,
        direct_tcp_ports=entrance.tcp_ports,
        peer_address=f"{entrance.address}:{entrance.tcp_ports[0]}" if entrance.address else "",
        is_host=gateway.hosts_sessions,
        labels=tuple(gateway.labels),
        weight=gateway.weight,
        max_sessions=gateway.max_sessions,
        boot=Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip(),
        process=os.environ.get("ETHERFLEET_PROCESS", ""),
        terms=settings.terms,
    )
