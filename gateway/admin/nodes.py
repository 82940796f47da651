"""Nodes, as an operator sees them, and takes them out of service and back into it.

A node's lease is judged as the store counts it, so no clock of this machine is involved: `silent`
is who has not renewed for a lease's life while nobody has declared it dead yet. With one other
node alive that takes a second or two; with none, nobody is there to say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from coordinator.errors import Conflict, NotFound
from coordinator.fleet import Fleet
from coordinator.model import Node, NodeMode, NodeState
from coordinator.names import check_node_name
from coordinator.placement import Ownership
from coordinator.times import Timestamp
from gateway.admin import audit
from gateway.errors import EtherFleetError


class NotPossible(EtherFleetError):
    """What was asked of a node or a hub cannot be done as the fleet is now; the text says why."""


class Health(StrEnum):
    """What became of a node's lease."""

    UP = "up"
    SILENT = "silent"
    """Its lease ran out and nobody has ended it yet."""
    DEAD = "dead"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class NodeReport:
    """A node as it describes itself, with what the store knows of it."""

    node: Node
    health: Health
    renewed_ms: int
    """Since its last renewal, by the store's clock."""
    hubs: int
    """Dynamic hubs recorded for it."""
    recorded: int = 0
    """Sessions recorded for it; more than it carries if others are still to be cleared away."""
    waiting: tuple[str, ...] = ()
    """Sessions, `<hub>:<session>`, of a node that is gone: they wait for their clients."""

    @property
    def is_up(self) -> bool:
        return self.health is Health.UP

    @property
    def sessions(self) -> int:
        """Sessions it carries."""
        return self.node.sessions if self.is_up else 0

    @property
    def takes_sessions(self) -> bool:
        """Say whether something new may be placed on it."""
        return self.is_up and self.node.is_host and self.node.mode is NodeMode.SERVING

    @property
    def is_drained(self) -> bool:
        """Say whether it may be stopped without anybody noticing, and stays so."""
        is_empty = not self.hubs and not self.sessions
        return not self.is_up or (is_empty and self.node.mode is NodeMode.DRAINING)


@dataclass(frozen=True, slots=True)
class LeaseClock:
    """The lease clock and the store's own, read together; milliseconds."""

    lease_ms: int
    seen_ms: int
    """The store's clock when the lease clock was last advanced."""
    store_ms: int
    ttl_ms: int

    def renewed_ms(self, node: Node) -> int:
        """Return how long ago a node renewed."""
        last = node.expires_ms - self.ttl_ms
        return max(0, self.lease_ms - last) + max(0, self.store_ms - self.seen_ms)


def read_clock(fleet: Fleet) -> LeaseClock:
    """Read the clocks of the store."""
    meta = fleet.store.fields(fleet.store.keys.meta())
    seen_ms = int(meta.get("seen_ms", 0))
    store_us = fleet.store.facts().get("server_time_usec")
    return LeaseClock(
        lease_ms=int(meta.get("clock_ms", 0)),
        seen_ms=seen_ms,
        store_ms=int(store_us) // 1000 if store_us else seen_ms,
        ttl_ms=fleet.timing.ttl_ms,
    )


def find(fleet: Fleet, name: str) -> Node:
    """Return a node's row. Raises NotFound, InvalidValue."""
    node = fleet.nodes.node(check_node_name(name.lower()))
    if node is None:
        raise NotFound("node", name)
    return node


def report(fleet: Fleet, name: str) -> NodeReport:
    """Return one node. Raises NotFound, InvalidValue."""
    return _report(fleet, find(fleet, name), read_clock(fleet))


def reports(fleet: Fleet) -> Sequence[NodeReport]:
    """Return every node there is a row of, by name."""
    clock = read_clock(fleet)
    return [_report(fleet, node, clock) for node in fleet.nodes.nodes()]


def hubs_of(fleet: Fleet, name: str) -> Sequence[Ownership]:
    """Return the dynamic hubs recorded for a node, by name."""
    return fleet.placement.owned_by(name)


def takers(fleet: Fleet, besides: str) -> Sequence[str]:
    """Return the nodes that may take over what another has."""
    return [r.node.id for r in reports(fleet) if r.takes_sessions and r.node.id != besides]


def check_drain(fleet: Fleet, found: NodeReport) -> None:
    """Raise NotPossible if what a node carries has nowhere to go."""
    if found.is_up and (found.hubs or found.sessions) and not takers(fleet, found.node.id):
        raise NotPossible(
            f"no other node can take over what {found.node.id} carries; start or undrain "
            "one, or stop this one as it is: its sessions are kept for a minute"
        )


def set_mode(
    fleet: Fleet, name: str, mode: NodeMode, now: Timestamp, *, drain_rate: int = 0
) -> Node:
    """Say what is wanted of a node, alive or not, and return it as it was before. It hears so
    within a second. `drain_rate`: see `Node`. Raises NotFound, InvalidValue."""
    node = find(fleet, name)
    fleet.nodes.set_mode(node.id, mode, now, drain_rate=drain_rate)
    was, wanted = {"mode": node.mode}, {"mode": mode}
    audit.record(fleet, "node set", about=node.id, before=was, after=wanted)
    return node


def remove(fleet: Fleet, name: str, now: Timestamp) -> NodeReport:
    """Forget a node that left or is dead; return what it was.

    Raises NotFound, InvalidValue, NotPossible: it is alive, or its sessions still wait for their
    clients (the leader ends those nobody comes back for).
    """
    found = report(fleet, name)
    node = found.node
    if found.waiting:
        raise NotPossible(
            f"{len(found.waiting)} sessions of {node.id} wait for their clients; "
            "a living node ends those that do not come back within a minute or so, try again then"
        )
    try:
        fleet.nodes.remove(node.id, now)
    except Conflict as error:
        raise NotPossible(
            f"node {node.id} is alive: stop its gateway first, or take it out of service with: "
            f"etherfleet node drain {node.id}"
        ) from error
    was = {"state": found.health, "address": node.address, "mode": node.mode}
    audit.record(fleet, "node remove", about=node.id, before=was)
    return found


def _report(fleet: Fleet, node: Node, clock: LeaseClock) -> NodeReport:
    renewed_ms = clock.renewed_ms(node)
    health = Health(node.state.value)
    if node.state is NodeState.UP and renewed_ms > clock.ttl_ms:
        health = Health.SILENT
    keys = fleet.store.keys
    waiting = () if health is Health.UP else fleet.store.members(keys.node_sessions(node.id))
    return NodeReport(
        node=node,
        health=health,
        renewed_ms=renewed_ms,
        hubs=fleet.store.size(keys.node_hubs(node.id)),
        recorded=fleet.store.size(keys.node_sessions(node.id)),
        waiting=tuple(waiting),
    )
