"""Judging this machine: what a gateway may do here, and how much of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.doctor.findings import Finding, Level

NET_BIND_SERVICE, NET_ADMIN, NET_RAW = 10, 12, 13  # capabilities(7), linux/capability.h
FEW_FILES, TOO_FEW_FILES = 10_000, 1_100
FULL_MTU = 1500
LEAST_MTU = 1280  # RFC 8200
PRIVILEGED = 1024


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """What was seen of this machine; the limits are the gateway's if one runs here, else ours."""

    process: str
    """Whose limits these are: `the gateway (process 77)`, `this command`."""
    max_files: int
    capabilities: int
    """Bit set of the effective ones."""
    has_tun: bool
    """/dev/net/tun can be opened."""
    mtu: tuple[str, int] | None
    """Of the interface that leads out; None: nothing does."""
    listen: Sequence[tuple[str, str]]
    """Each address of `gateway.listen` with why it is not ours to use; empty: it is."""
    tcp_ports: Sequence[int]
    free_bytes: int
    """On the disk of the state directory."""
    is_embedded: bool
    """The store is there, too."""


def judge_machine(facts: MachineFacts) -> Iterator[Finding]:
    """Return what there is to say about this machine."""
    yield _files(facts)
    yield _capabilities(facts)
    yield from _listen(facts)
    yield _mtu(facts.mtu)
    yield _disk(facts)


def _files(facts: MachineFacts) -> Finding:
    few = facts.max_files < FEW_FILES
    level = Level.ERR if facts.max_files < TOO_FEW_FILES else Level.WARN if few else Level.OK
    advice = "each connection is one: raise ulimit -n, with systemd LimitNOFILE="
    seen = f"{facts.process} may open {facts.max_files}"
    return Finding(level, "file limit", seen, advice if level else "")


def _capabilities(facts: MachineFacts) -> Finding:
    """Missing ones are no fault: only host interfaces and low ports need them."""
    names = {NET_ADMIN: "CAP_NET_ADMIN", NET_RAW: "CAP_NET_RAW"}
    missing = [name for bit, name in names.items() if not facts.capabilities >> bit & 1]
    if not facts.has_tun:
        missing.append("/dev/net/tun")
    low = [p for p in facts.tcp_ports if 0 < p < PRIVILEGED]
    if low and not facts.capabilities >> NET_BIND_SERVICE & 1:
        advice = "setcap cap_net_bind_service, or AmbientCapabilities= with systemd"
        seen = f"no CAP_NET_BIND_SERVICE for port {low[0]}"
        return Finding(Level.ERR, "capabilities", seen, advice)
    if missing:
        seen = f"without {', '.join(missing)}: no local bridge and no TAP interface here"
        return Finding(Level.OK, "capabilities", seen)
    return Finding(Level.OK, "capabilities", "TAP interfaces and packet sockets may be opened")


def _listen(facts: MachineFacts) -> Iterator[Finding]:
    for address, why in facts.listen:
        if why:
            advice = "free the port or change gateway.listen"
            yield Finding(Level.ERR, "listen", f"{address}: {why}", advice)
    if all(not why for _, why in facts.listen):
        yield Finding(Level.OK, "listen", " ".join(address for address, _ in facts.listen))


def _mtu(mtu: tuple[str, int] | None) -> Finding:
    if mtu is None:
        return Finding(Level.WARN, "MTU", "no default route", "give this machine a way out")
    name, size = mtu
    if size >= FULL_MTU:
        return Finding(Level.OK, "MTU", f"{size} on {name}")
    if size >= LEAST_MTU:
        return Finding(Level.OK, "MTU", f"{size} on {name}: no full frames over a bridge there")
    advice = "raise it: IPv6 needs as much, and each frame is cut into several segments"
    return Finding(Level.WARN, "MTU", f"{size} on {name}, below {LEAST_MTU}", advice)


def _disk(facts: MachineFacts) -> Finding:
    free = facts.free_bytes / 1e9
    seen = f"{free:.1f} GB free for {'the store and logs' if facts.is_embedded else 'logs'}"
    level = Level.ERR if free < 0.1 else Level.WARN if free < 1 else Level.OK
    return Finding(level, "disk", seen, "make room: see gateway.state_dir" if level else "")
