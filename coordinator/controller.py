"""The controller: what the leader does for all. Snapshot → plan → guarded writes → a sentence.

It does optional work only, so nothing depends on it: hubs of dead nodes are given to others before
a client asks (who asks first does the same), hubs with online cascades have an owner although no
client ever asks for them, and what nobody will come back for is removed. It
decides by a snapshot that may be old when it acts. That is safe, because each write is a step that
looks for itself whether what the plan assumed still holds, whoever asks: a deposed leader's plan
does nothing that was not to be done.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias

from coordinator.election import Election
from coordinator.errors import Conflict, HubOffline, NotFound
from coordinator.lease import Lease
from coordinator.model import Node, NodeState
from coordinator.names import fold
from coordinator.nodes import Nodes
from coordinator.placement import At, Here, Placement, ownership_from_fields
from coordinator.prologue import Prologue
from coordinator.records import node_from_fields
from coordinator.tickets import Tickets
from coordinator.times import Timestamp

HUBS_A_CYCLE = 50
SESSIONS_A_CYCLE = 500
NODE_KEPT_MS = 3_600_000  # for people to see what became of it


@dataclass(frozen=True, slots=True)
class Loss:
    """A node whose lease was ended, and what is still recorded for it."""

    node: Node
    hubs: tuple[str, ...]
    sessions: tuple[str, ...]
    """`<hub>:<session>`."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a plan is made from, read once."""

    clock_ms: int
    """The lease clock."""
    losses: tuple[Loss, ...]
    waiting: tuple[str, ...] = ()
    """Hubs that are online and have cascades that are, and nobody who runs them."""


@dataclass(frozen=True, slots=True)
class PlaceHub:
    """Give a hub that nobody has to a node: clients are about to come back to it, or it has
    cascades to run."""

    hub: str

    def __str__(self) -> str:
        return f"place {self.hub}"


@dataclass(frozen=True, slots=True)
class CollectSession:
    """Remove a session nobody came back for in time."""

    place: str
    """`<hub>:<session>`."""

    def __str__(self) -> str:
        return f"collect {self.place}"


@dataclass(frozen=True, slots=True)
class ForgetNode:
    """Remove a node that left or died long ago."""

    node: str

    def __str__(self) -> str:
        return f"forget {self.node}"


@dataclass(frozen=True, slots=True)
class ExpireTickets:
    """Give back the places of tickets nobody used."""

    def __str__(self) -> str:
        return "expire tickets"


Action: TypeAlias = PlaceHub | CollectSession | ForgetNode | ExpireTickets


def waited_for(losses: Sequence[Loss], cascading: Sequence[str] = ()) -> list[str]:
    """Return the hubs whose clients are about to come back, most sessions first. Pure.

    Those in `cascading` wait for nobody, and need an owner all the same.
    """
    waiting: Counter[str] = Counter()
    for loss in losses:
        named = (place.partition(":")[0] for place in loss.sessions)
        waiting.update(hub for hub in named if hub in loss.hubs)
    waiting.update(cascading)
    return sorted(waiting, key=lambda hub: (-waiting[hub], hub))[:HUBS_A_CYCLE]


def plan(snapshot: Snapshot, resume_ms: int) -> tuple[Action, ...]:
    """Return what there is to do, most urgent first. Pure.

    Hubs with sessions or cascades only: the others are placed when somebody asks. `resume_ms`: how
    long sessions of a dead node may be taken over.
    """
    hubs = waited_for(snapshot.losses, snapshot.waiting)
    over = [
        session
        for loss in snapshot.losses
        if loss.node.ended_ms + resume_ms <= snapshot.clock_ms
        for session in loss.sessions
    ][:SESSIONS_A_CYCLE]
    forgotten = [
        loss.node.id
        for loss in snapshot.losses
        if not loss.sessions and loss.node.ended_ms + NODE_KEPT_MS <= snapshot.clock_ms
    ]
    return (
        *map(PlaceHub, hubs),
        *map(CollectSession, over),
        *map(ForgetNode, forgotten),
        ExpireTickets(),
    )


class Controller:
    """The work of a leader. Raises StoreUnavailable, ForeignStore, LeaseLost from `step`."""

    def __init__(self, prologue: Prologue, resume_ms: int) -> None:
        """`resume_ms`: how long the sessions of a dead node wait for their clients."""
        self._prologue = prologue
        self._keys = prologue.keys
        self._election = Election(prologue)
        self._nodes = Nodes(prologue)
        self._placement = Placement(prologue)
        self._tickets = Tickets(prologue)
        self._resume_ms = resume_ms

    def step(self, lease: Lease, now: Timestamp) -> str:
        """Lead, if this node may, and do one cycle; return what happened in a sentence.

        Empty: nothing did, or another node leads.
        """
        leader = self._election.lead(lease, now)
        if leader is None or not leader.is_held_by(lease):
            return ""
        return self._carry_out(plan(self.snapshot(), self._resume_ms), lease, now)

    def snapshot(self) -> Snapshot:
        """Read what a plan needs: of nodes that are alive little but that they are."""
        store, keys = self._prologue.store, self._keys
        names, cascading = store.members_of([keys.nodes(), keys.cascading()])
        meta, *rows = store.fields_of([keys.meta(), *map(keys.node, names)])
        nodes = [node_from_fields(row) for row in rows if row]
        losses = [self._loss(node) for node in nodes if node.state is not NodeState.UP]
        alive = {(node.id, node.inc) for node in nodes if node.state is NodeState.UP}
        waiting = self._without_owner(cascading, alive)
        return Snapshot(int(meta.get("clock_ms", 0)), tuple(losses), waiting)

    def _without_owner(self, names: Sequence[str], alive: Set[tuple[str, int]]) -> tuple[str, ...]:
        """Return those of hubs with cascades to run that no living node serves."""
        store, keys = self._prologue.store, self._keys
        hubs = store.fields_of([keys.hub(name) for name in names])
        owners = store.fields_of([keys.owner(name) for name in names])
        return tuple(
            name
            for name, hub, fields in zip(names, hubs, owners, strict=True)
            if hub.get("online") == "1" and not (fields and _is_served(fields, alive))
        )

    def place_hubs_of(self, node: Node, lease: Lease, now: Timestamp) -> set[str]:
        """Give the hubs of a node that has just ended to others; return the nodes given any.

        Whoever finds a node dead may do so at once: each is a step that looks for itself.
        """
        given = set()
        loss = self._loss(node)
        cascading = set(self._prologue.store.members(self._keys.cascading()))
        for hub in waited_for([loss], sorted(cascading.intersection(loss.hubs))):
            if self._place(lease, hub, now) and (owner := self._placement.owner(hub)) is not None:
                given.add(owner.node)
        return given

    def _loss(self, node: Node) -> Loss:
        members = self._prologue.store.members
        hubs, sessions = self._keys.node_hubs(node.id), self._keys.node_sessions(node.id)
        return Loss(node, tuple(members(hubs)), tuple(members(sessions)))

    def _carry_out(self, actions: Sequence[Action], lease: Lease, now: Timestamp) -> str:
        done: Counter[str] = Counter()
        for action in actions:
            match action:
                case PlaceHub(hub):
                    done["hubs placed"] += self._place(lease, hub, now)
                case CollectSession(place):
                    hub, _, session = place.partition(":")
                    done["sessions ended"] += self.collect(hub, session, now)
                case ForgetNode(node):
                    done["nodes forgotten"] += self._forget(node, now)
                case ExpireTickets():
                    done["tickets expired"] += self._tickets.expire(now)
        return ", ".join(f"{number} {what}" for what, number in done.items() if number)

    def _place(self, lease: Lease, hub: str, now: Timestamp) -> bool:
        try:
            return isinstance(self._placement.place(lease, hub, now, cascades=True), Here | At)
        except (NotFound, HubOffline):  # since the snapshot
            return False

    def collect(self, hub: str, session: str, now: Timestamp) -> bool:
        """Remove a session whose node has ended and that nobody took over in time; false if not."""
        keys = [self._keys.session(hub, session)]
        args: list[str | int] = [fold(hub), session, self._resume_ms]
        return self._prologue.run("session_collect", now, keys, args)[0] == "ok"

    def _forget(self, node: str, now: Timestamp) -> bool:
        try:
            self._nodes.remove(node, now)
        except (NotFound, Conflict):  # forgotten, or back, since the snapshot
            return False
        return True


def _is_served(fields: Mapping[str, str], alive: Set[tuple[str, int]]) -> bool:
    owner = ownership_from_fields(fields)
    return owner.state == "active" and (owner.node, owner.inc) in alive
