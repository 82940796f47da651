"""Looking: asks the store, the fleet, the network, the machine, and returns what was seen."""

import errno
import os
import re
import resource
import shutil
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import dns.exception
import dns.rdatatype
import dns.resolver
import gevent

from coordinator.fleet import Fleet
from gateway.admin.nodes import NodeReport
from gateway.config import Settings, parse_listen
from gateway.doctor.fleet import Reach
from gateway.doctor.machine import MachineFacts
from gateway.doctor.names import NameFacts
from gateway.doctor.store import StoreFacts

QUESTIONS = 7  # to the store, for its latency
REACH_S = 2.0  # for a port to answer
DNS_S = 3.0


def look_at_store(fleet: Fleet) -> StoreFacts:
    """Ask the store about itself. Raises StoreError."""
    latency_ms = []
    for _ in range(QUESTIONS):
        began = time.monotonic()
        fleet.directory.version()
        latency_ms.append((time.monotonic() - began) * 1000)
    before = _wall_clock()
    store_s = fleet.store.clock()
    ahead_s = store_s - (before + _wall_clock()) / 2
    return StoreFacts(fleet.store.where, fleet.store.facts(), latency_ms, ahead_s)


def look_at_ports(nodes: Sequence[NodeReport]) -> list[Reach]:
    """Try the ports redirects name, of all living nodes at once."""
    wanted = [
        (report.node.id, report.node.direct_address, tcp_port)
        for report in nodes
        if report.is_up and report.node.direct_address
        for tcp_port in report.node.direct_tcp_ports[:1]
    ]
    tries = [gevent.spawn(_reach, *place) for place in wanted]
    gevent.joinall(tries)
    return [one.value for one in tries if one.value is not None]


def look_at_machine(settings: Settings) -> MachineFacts:
    """Look at this machine as the gateway that runs here sees it, or as one would."""
    pid = _gateway_pid(settings.state_dir)
    process = f"the gateway (process {pid})" if pid else "this command"
    proc = Path("/proc") / str(pid or os.getpid())
    listen = [(text, "" if pid else _why_not_ours(text)) for text in settings.gateway.listen]
    state_dir = settings.state_dir
    while not state_dir.exists():
        state_dir = state_dir.parent
    return MachineFacts(
        process=process,
        max_files=_max_files(proc),
        capabilities=_capabilities(proc),
        has_tun=os.access("/dev/net/tun", os.R_OK | os.W_OK),
        mtu=_mtu(),
        listen=listen,
        tcp_ports=[parse_listen(text)[1] for text in settings.gateway.listen],
        free_bytes=shutil.disk_usage(state_dir).free,
        is_embedded=not settings.store.url,
    )


def look_up(name: str, server: str = "") -> NameFacts:
    """Ask DNS for a name's addresses; `server` as in `192.0.2.53` or `127.0.0.1:5353`."""
    resolver = dns.resolver.Resolver(configure=not server)
    resolver.lifetime = DNS_S
    if server:
        host, _, port = server.rpartition(":") if ":" in server else (server, "", "53")
        resolver.nameservers, resolver.port = [host], int(port)
    addresses: list[str] = []
    ttl_s, why_not = 0, ""
    for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
        try:
            answer = resolver.resolve(name, kind, search=False)
        except dns.resolver.NoAnswer:
            continue
        except (dns.exception.DNSException, OSError) as error:
            why_not = why_not or _said(error)
            continue
        addresses += [item.to_text() for item in answer]
        ttl_s = max(ttl_s, answer.rrset.ttl if answer.rrset is not None else 0)
    return NameFacts(name, addresses, ttl_s, "" if addresses else why_not)


def _said(error: Exception) -> str:
    match error:
        case dns.resolver.NXDOMAIN():
            return "no such name"
        case dns.exception.Timeout():
            return "no name server answers"
    return " ".join(str(error).split()) or type(error).__name__


def _wall_clock() -> float:
    return time.clock_gettime(time.CLOCK_REALTIME)  # to be compared with the store's, once


def _reach(node: str, host: str, tcp_port: int) -> Reach:
    address = f"{host}:{tcp_port}"
    try:
        socket.create_connection((host, tcp_port), REACH_S).close()
    except OSError as error:
        return Reach(node, address, error.strerror or "no answer in time")
    return Reach(node, address)


def _why_not_ours(text: str) -> str:
    """Say why a gateway could not listen there; empty if it could."""
    host, tcp_port = parse_listen(text)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((host, tcp_port))
    except OSError as error:
        taken = "another program listens there"
        return taken if error.errno == errno.EADDRINUSE else error.strerror or str(error)
    return ""


def _gateway_pid(state_dir: Path) -> int:
    """Return the supervisor that runs with this state directory; 0: none, or not to be seen."""
    try:
        pid = int((state_dir / "gateway.pid").read_text())
        return pid if b"gateway" in Path(f"/proc/{pid}/cmdline").read_bytes() else 0
    except (OSError, ValueError):
        return 0


def _max_files(proc: Path) -> int:
    """Return how many files a process may open at most: a gateway raises itself to that."""
    try:
        found = re.search(r"^Max open files\s+\S+\s+(\S+)", (proc / "limits").read_text(), re.M)
    except OSError:
        found = None
    if found is not None and found[1].isdigit():
        return int(found[1])
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 1 << 30 if most == resource.RLIM_INFINITY else most


def _capabilities(proc: Path) -> int:
    try:
        found = re.search(r"^CapEff:\s+([0-9a-f]+)", (proc / "status").read_text(), re.M)
    except OSError:
        found = None
    return int(found[1], 16) if found is not None else 0


def _mtu() -> tuple[str, int] | None:
    """Return the interface of the default route, and its MTU."""
    try:
        routes = Path("/proc/net/route").read_text().splitlines()[1:]
    except OSError:
        routes = []
    names = [row[0] for line in routes if (row := line.split()) and row[1] == row[7] == "0" * 8]
    try:
        return (
            (names[0], int(Path(f"/sys/class/net/{names[0]}/mtu").read_text())) if names else None
        )
    except (OSError, ValueError):
        return None
