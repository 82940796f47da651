"""How the fleet is: one snapshot, judged without asking anybody again.

`ok`: everything is as it should be. `degraded`: it serves, and somebody should look. `down`: no
node is alive. A warning degrades; a note says what is under way, or was asked for.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from coordinator.election import Leader
from coordinator.fleet import Fleet
from coordinator.model import BridgeState, Hub, HubKind, NodeMode
from coordinator.names import fold
from coordinator.placement import Ownership
from coordinator.times import Timestamp
from gateway.admin.cascades import troubles
from gateway.admin.nodes import Health, NodeReport, reports


class Verdict(StrEnum):
    """The answer in a word."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class StoreReport:
    """The store, as it answered."""

    where: str
    server: str
    """Program and version."""
    latency_ms: float
    """Of one small question."""
    memory_bytes: int
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HubCounts:
    """How many hubs there are of a sort. Offline ones are counted once, as that."""

    placed: int = 0
    """Dynamic, with a living owner."""
    idle: int = 0
    """Dynamic, on no node: nobody needs it."""
    waiting: int = 0
    """Dynamic, its owner is gone and its sessions wait for another."""
    static: int = 0
    offline: int = 0

    @property
    def all(self) -> int:
        return self.placed + self.idle + self.waiting + self.static + self.offline


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was seen, at one moment or nearly so."""

    at: Timestamp
    fleet: str
    store: StoreReport
    leader: Leader | None
    """By the record: its node may be gone."""
    nodes: Sequence[NodeReport]
    hubs: HubCounts
    unreconciled: int = 0
    """Nodes that have to say what they own, after a restart of the store."""
    certificate_days: int | None = None
    """Until the fleet's certificate ends; None: not looked at."""
    cascades: tuple[str, ...] = ()
    """Those that are to run and do not stand, one line each."""

    @property
    def sessions(self) -> int:
        """Sessions carried by nodes."""
        return sum(report.sessions for report in self.nodes)

    @property
    def waiting(self) -> int:
        """Sessions of nodes that are gone, waiting for their clients."""
        return sum(len(report.waiting) for report in self.nodes)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a snapshot means. Each text says what to do where something is to be done."""

    verdict: Verdict
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


CERTIFICATE_DAYS = 30  # from here on its end is a warning


def read(
    fleet: Fleet, now: Timestamp, clock: Callable[[], float], certificate_days: int | None = None
) -> Snapshot:
    """Look at the whole fleet. `clock` is monotonic, in seconds."""
    began = clock()
    fleet.directory.version()
    latency_ms = (clock() - began) * 1000
    nodes = reports(fleet)
    return Snapshot(
        at=now,
        fleet=fleet.store.keys.fleet,
        store=_store(fleet, latency_ms),
        leader=fleet.election.leader(),
        nodes=nodes,
        hubs=count_hubs(fleet.directory.hubs(), fleet.placement.owners(), nodes),
        unreconciled=fleet.store.size(fleet.store.keys.unreconciled()),
        certificate_days=certificate_days,
        cascades=tuple(troubles(fleet)),
    )


def count_hubs(
    hubs: Sequence[Hub], owners: Sequence[Ownership], nodes: Sequence[NodeReport]
) -> HubCounts:
    """Return how many hubs there are of each sort. Pure."""
    alive = {(r.node.id, r.node.inc) for r in nodes if r.health in (Health.UP, Health.SILENT)}
    placed = {owner.hub for owner in owners if (owner.node, owner.inc) in alive}
    missed = {place.partition(":")[0] for report in nodes for place in report.waiting} - placed
    sorts = Counter(_sort_of(hub, placed, missed) for hub in hubs)
    return HubCounts(**sorts)


def judge(seen: Snapshot) -> Judgement:
    """Return what a snapshot means. Pure."""
    warnings, notes = tuple(_warnings(seen)), tuple(_notes(seen))
    if not any(report.is_up for report in seen.nodes):
        nobody = "no node is alive; start a gateway: etherfleet gateway"
        return Judgement(Verdict.DOWN, (nobody, *warnings), notes)
    return Judgement(Verdict.DEGRADED if warnings else Verdict.OK, warnings, notes)


def leads(leader: Leader | None, nodes: Sequence[NodeReport]) -> bool:
    """Say whether the leader of the record is alive."""
    return leader is not None and any(
        r.is_up and (r.node.id, r.node.inc) == (leader.node, leader.inc) for r in nodes
    )


def _sort_of(hub: Hub, placed: set[str], missed: set[str]) -> str:
    if not hub.online:
        return "offline"
    if hub.kind is HubKind.STATIC:
        return "static"
    name = fold(hub.name)
    return "placed" if name in placed else "waiting" if name in missed else "idle"


def _store(fleet: Fleet, latency_ms: float) -> StoreReport:
    facts = fleet.store.facts()
    name = facts.get("server_name", "redis")
    version = facts.get(f"{name}_version") or facts.get("redis_version", "")
    return StoreReport(
        where=fleet.store.where,
        server=f"{name} {version}".strip(),
        latency_ms=round(latency_ms, 3),
        memory_bytes=int(facts.get("used_memory", 0)),
        faults=fleet.warnings,
    )


def _warnings(seen: Snapshot) -> Iterator[str]:
    yield from (f"store: {fault}" for fault in seen.store.faults)
    for report in seen.nodes:
        node = report.node
        if report.health is Health.DEAD:
            forget = f"forget it: etherfleet node remove {node.id}"
            yield f"node {node.id} is dead ({node.why}); {forget}"
        elif report.health is Health.SILENT:
            yield f"node {node.id} is silent for {report.renewed_ms / 1000:.0f} s"
        yield from _bridge_warnings(report)
    if any(report.is_up for report in seen.nodes):
        if not leads(seen.leader, seen.nodes):
            yield "nobody leads; a living node takes that over within a second or two"
        if not any(report.takes_sessions for report in seen.nodes):
            yield "no node takes new sessions; etherfleet node undrain NODE lets one"
    if seen.hubs.waiting:
        yield f"hubs whose owner is gone and whose clients wait: {seen.hubs.waiting}"
    yield from seen.cascades
    days = seen.certificate_days
    if days is not None and days < CERTIFICATE_DAYS:
        when = f"ends in {days} days" if days >= 0 else "has ended"
        yield f"the fleet's certificate {when}; stock clients that check it will stay out"


def _bridge_warnings(report: NodeReport) -> Iterator[str]:
    """Say which bridges of a living node are not as they should be."""
    node = report.node
    for bridge in node.bridges if report.is_up else ():
        about = f"hub {bridge.hub} on node {node.id}: {bridge.why}"
        if bridge.state is BridgeState.LOOP:
            yield f"{about}; it opens again when the loop is gone"
        elif not bridge.state.is_usable:
            yield f"{about}; the node carries no sessions of it"
        elif bridge.why:
            yield about


def _notes(seen: Snapshot) -> Iterator[str]:
    for report in seen.nodes:
        node = report.node
        if report.health is Health.LEFT:
            yield f"node {node.id} has left; forget it: etherfleet node remove {node.id}"
        elif node.mode is NodeMode.CORDONED:
            yield f"node {node.id} is cordoned: it takes nothing new"
        elif node.mode is NodeMode.DRAINING and report.is_drained:
            yield f"node {node.id} is drained: it may be stopped, or undrained"
        elif node.mode is NodeMode.DRAINING:
            yield f"node {node.id} is draining: hubs left {report.hubs}, sessions {report.sessions}"
        stale = report.recorded - report.sessions
        if report.is_up and stale > 0:
            yield f"sessions recorded for node {node.id} that it does not carry: {stale}"
    versions = Counter(r.node.version for r in seen.nodes if r.is_up)
    if len(versions) > 1:
        mix = ", ".join(f"{version} ({number})" for version, number in sorted(versions.items()))
        yield f"nodes run different versions: {mix}"
    if seen.unreconciled:
        yield f"the store was restarted; {seen.unreconciled} nodes have yet to say what they own"
    if seen.waiting:
        yield f"sessions that wait for their clients to come back: {seen.waiting}"
