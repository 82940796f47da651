"""Hubs, as an operator sees and changes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypedDict, Unpack

from coordinator.errors import NotFound
from coordinator.fleet import Fleet
from coordinator.hub_log import HubLog
from coordinator.model import Hub, HubKind, Node, NodeState, Totals
from coordinator.names import fold
from coordinator.placement import Ownership
from coordinator.times import Timestamp
from gateway.admin import audit
from gateway.admin.agreement import until_agreed
from gateway.admin.nodes import NotPossible, takers
from gateway.admin.nodes import report as node_report
from gateway.admin.options import merge

MAX_HUBS = 100_000


class HubChanges(TypedDict, total=False):
    """What of a hub may be changed; what is absent stays. The kind is for its lifetime."""

    online: bool
    max_sessions: int
    max_macs: int
    message: str
    log: HubLog
    no_enum: bool
    options: Mapping[str, int]
    """By name; others stay."""


class HubState(StrEnum):
    """Where a hub is served."""

    STATIC = "static"
    """On every node."""
    ACTIVE = "active"
    """By its owner."""
    ASSIGNED = "assigned"
    """Given to a node that is about to take it up."""
    WAITING = "waiting"
    """Its owner is gone; its sessions wait for the next one."""
    IDLE = "idle"
    """By nobody: the first client brings it to a node."""


@dataclass(frozen=True, slots=True)
class HubReport:
    """A hub with what is in it and what it has carried."""

    hub: Hub
    users: int
    sessions: int
    totals: Totals
    owner: Ownership | None = None
    """Who has it, or had it last."""
    is_owner_alive: bool = False

    @property
    def state(self) -> HubState:
        """Return where it is served."""
        if self.hub.kind is HubKind.STATIC:
            return HubState.STATIC
        if self.owner is None or not self.is_owner_alive:
            return HubState.WAITING if self.sessions else HubState.IDLE
        return HubState.ACTIVE if self.owner.state == "active" else HubState.ASSIGNED

    @property
    def node(self) -> str:
        """Return its living owner; empty if it has none."""
        return self.owner.node if self.owner is not None and self.is_owner_alive else ""


def create(
    fleet: Fleet,
    name: str,
    kind: HubKind,
    now: Timestamp,
    *,
    secret: bytes | None = None,
    **settings: Unpack[HubChanges],
) -> Hub:
    """Make a hub, in the same step with its administrators' password (`secret` is its hash) if it
    is to have one. Raises AlreadyExists, TooMany, InvalidValue."""
    administration = fleet.administration.fields_of(name, secret, now) if secret else None
    wanted = _changed(Hub(name, kind), settings)
    made = fleet.directory.create_hub(wanted, now, administration=administration, most=MAX_HUBS)
    audit.record(fleet, "hub create", hub=made.name, after=made)
    if secret:
        audit.record(fleet, "hub administration", hub=made.name, after={"secret": secret})
    return made


def find(fleet: Fleet, name: str) -> Hub:
    """Return a hub by name in any case. Raises NotFound."""
    hub = fleet.directory.hub(name)
    if hub is None:
        raise NotFound("hub", name)
    return hub


def report(fleet: Fleet, name: str) -> HubReport:
    """Return one hub with its numbers. Raises NotFound."""
    hub = find(fleet, name)
    owner = fleet.placement.owner(hub.name)
    node = fleet.nodes.node(owner.node) if owner is not None and owner.node else None
    return _report(fleet, hub, owner, [node] if node is not None else [])


def reports(fleet: Fleet) -> Sequence[HubReport]:
    """Return every hub with its numbers, by name."""
    owners = {owner.hub: owner for owner in fleet.placement.owners()}
    nodes = fleet.nodes.nodes()
    hubs, keys = fleet.directory.hubs(), fleet.store.keys
    counts = zip(
        hubs,
        fleet.store.sizes([keys.users(hub.name) for hub in hubs]),
        fleet.store.sizes([keys.sessions(hub.name) for hub in hubs]),
        fleet.traffic.hubs([hub.name for hub in hubs]),
        strict=True,
    )
    found = []
    for hub, users, sessions, totals in counts:
        owner = owners.get(fold(hub.name))
        found.append(HubReport(hub, users, sessions, totals, owner, _is_alive(owner, nodes)))
    return found


def change(fleet: Fleet, name: str, now: Timestamp, **changes: Unpack[HubChanges]) -> Hub:
    """Change settings of a hub and return it as it is now. Raises NotFound, InvalidValue, Conflict.

    Nodes learn of it within a second or two; a hub that goes offline ends its sessions.
    """

    def attempt() -> tuple[Hub, Hub]:
        was = find(fleet, name)
        return was, fleet.directory.set_hub(_changed(was, changes), now)

    was, made = until_agreed(attempt)
    audit.record(fleet, "hub set", hub=made.name, before=was, after=made)
    return made


def _changed(hub: Hub, changes: HubChanges) -> Hub:
    options = merge(hub.options, changes.get("options", {}))
    return replace(replace(hub, **changes), options=options)


def delete(fleet: Fleet, name: str) -> int:
    """Delete a hub with its users and sessions; return how many of the latter. Raises NotFound."""
    was = find(fleet, name)
    ended = fleet.directory.delete_hub(was.name)
    audit.record(fleet, "hub delete", hub=was.name, before=was)
    return ended


def check_move(fleet: Fleet, name: str, to: str) -> HubReport:
    """Return a hub that may be moved: to the node `to`, to the best other one if that is empty.

    Raises NotFound (hub, node), InvalidValue, NotPossible.
    """
    found = report(fleet, name)
    hub = found.hub
    if found.state is HubState.STATIC:
        raise NotPossible(f"hub {hub.name} is static: every node serves it, it cannot be moved")
    if not found.node:
        raise NotPossible(
            f"hub {hub.name} is {found.state}: no node has it, so none can hand it over"
        )
    if to and to != found.node:
        target = node_report(fleet, to)
        if not target.takes_sessions:
            mode = target.node.mode if target.node.is_host else "controller only"
            raise NotPossible(
                f"node {to} cannot take hub {hub.name}: it is {target.health}, {mode}"
            )
    if not to and not takers(fleet, found.node):
        raise NotPossible(f"hub {hub.name} stays on {found.node}: no other node can take it")
    return found


def move(fleet: Fleet, name: str, to: str, now: Timestamp) -> str:
    """Order the owner of a hub to hand it over; return who that is. Raises NotFound.

    It does so within a second; its sessions are closed in order and clients come back to them.
    """
    owner = fleet.placement.order_move(name, to, now)
    audit.record(fleet, "hub move", hub=name, before={"node": owner}, after={"node": to or "any"})
    return owner


def why_stays(before: HubReport, seen: HubReport) -> str:
    """Return why a hub, ordered to move after `before`, was not handed over; empty: it was, or its
    owner has not tried yet."""
    was, now = before.owner, seen.owner
    if was is None or now is None or now.epoch != was.epoch or now.stayed == was.stayed:
        return ""
    return now.stays


def _report(fleet: Fleet, hub: Hub, owner: Ownership | None, nodes: Sequence[Node]) -> HubReport:
    return HubReport(
        hub=hub,
        users=fleet.store.size(fleet.store.keys.users(hub.name)),
        sessions=fleet.sessions.count(hub.name),
        totals=fleet.traffic.hub(hub.name),
        owner=owner,
        is_owner_alive=_is_alive(owner, nodes),
    )


def _is_alive(owner: Ownership | None, nodes: Sequence[Node]) -> bool:
    return owner is not None and any(
        node.state is NodeState.UP and (node.id, node.inc) == (owner.node, owner.inc)
        for node in nodes
    )
