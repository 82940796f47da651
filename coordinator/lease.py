"""The node lease: one per node, and whatever a node owns is bound to it.

A node registers, which mints its incarnation, and renews. Its lease is a number on the lease clock
(`clock.lua`), which no outage and no clock step can move by more than `gap_ms`. Passing that number
takes nothing away: a lease ends only by a step that says so, which is logged, and a renewal that
comes late but before it does no harm.

The holder believes in its lease until `Lease.deadline`, on its own monotonic clock, whatever it
hears or does not hear: that is the gate. The deadline is counted from before the request left, so
it is always earlier than what the store counts.

Registering again under the same name is also how a restarted worker takes over what its predecessor
owned: hubs still recorded for the name come back with the next renewals, at higher epochs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from coordinator.election import Leader, read_leader
from coordinator.model import DropSession, LoseHub, MoveHub, Node, NodeMode, Order
from coordinator.names import fold
from coordinator.placement import Grant
from coordinator.prologue import Prologue
from coordinator.records import flat, node_to_fields, unflat
from coordinator.store import Answer
from coordinator.times import Timestamp
from coordinator.timing import Timing


@dataclass(frozen=True, slots=True)
class Lease:
    """What a node knows of its own lease."""

    node: str
    inc: int
    """Incarnation."""
    run: str
    """Of the server that confirmed it; another one may hold an older copy of the data."""
    deadline: float
    """Seconds on the holder's monotonic clock: what it owns is its own while `now < deadline`."""

    def is_valid(self, now: float) -> bool:
        """Say whether the holder may still act as owner; the data path compares by itself."""
        return now < self.deadline


@dataclass(frozen=True, slots=True)
class Busy:
    """Another process has the name; not before `wait_ms` can its lease be ended."""

    wait_ms: int
    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a renewal brings back."""

    lease: Lease
    clock_ms: int
    """The lease clock."""
    directory_version: int
    mode: NodeMode
    orders: tuple[Order, ...]
    last_order: str
    """Give it to the next renewal once `orders` are carried out."""
    assigned: tuple[Grant, ...]
    """Hubs given to this node which it has not activated yet, at most 100 a time."""
    leader: Leader | None
    """None while nobody leads: see `Election.lead`."""
    died: tuple[str, ...]
    """Nodes whose expired leases this renewal ended."""
    must_reconcile: bool
    """The store was restarted or lost our row: `lease` is not extended before `reconcile`."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The lease, confirmed by the store as it is now, and what did not survive."""

    lease: Lease
    lost: tuple[str, ...]
    """Hubs that others have at higher epochs: close them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of accusing a node."""

    word: str
    """`dead` (declared now or before), `alive`, `suspect` (ask again), `grace`, `gone`."""
    wait_ms: int = 0
    """When asking again may bring something else."""

    @property
    def is_dead(self) -> bool:
        """Say whether what the node owned may be taken over."""
        return self.word in ("dead", "gone")


class Leases:
    """The leases of a fleet's nodes. Raises StoreUnavailable and ForeignStore from every method.

    After StoreUnavailable every call may be repeated: it is answered as the first would have been.
    `t0` is the caller's monotonic clock, read before the call; `now` is for people.
    """

    def __init__(self, prologue: Prologue, timing: Timing) -> None:
        """`prologue` is best over a connection of its own: `LEASE_TIMEOUT`, one connection."""
        self._prologue = prologue
        self._keys = prologue.keys
        self.timing = timing

    def register(self, node: Node, t0: float, now: Timestamp) -> Lease | Busy:
        """Begin a new incarnation of `node.id`.

        A predecessor that left, is dead, or ran on this same start of the host and keeps no
        presence connection any more, is succeeded at once; any other one's lease is waited out.
        The caller holds its host's lock for the name, so on this host the predecessor is gone.
        Subscribe `Keys.presence` for the new incarnation before a row names a witness.
        """
        answer = self._run("register", now, node.id, *self._row(node, now))
        if answer[0] == "busy":
            return Busy(int(str(answer[1])), str(answer[2]), int(str(answer[3])))
        inc = self._prologue.heard(int(str(answer[1])))
        return Lease(node.id, inc, str(answer[2]), self.timing.deadline(t0))

    def renew(
        self, lease: Lease, node: Node, t0: float, now: Timestamp, last_order: str = ""
    ) -> Renewal:
        """Extend the lease, write the node's row, and hear what is new.

        Raises LeaseLost when this incarnation is over.
        """
        args = (lease.inc, last_order, *self._row(node, now))
        word, *rest = self._run("renew", now, lease.node, *args)
        if word == "unknown":
            return _unknown(lease, last_order)
        clock, run, highest, version, mode, leader, died, assigned, orders = rest
        self._prologue.heard(int(str(highest)))
        is_same_run = str(run) == lease.run
        deadline = max(lease.deadline, self.timing.deadline(t0)) if is_same_run else lease.deadline
        entries = [entry for entry in _list(orders) if isinstance(entry, list)]
        return Renewal(
            lease=replace(lease, deadline=deadline),
            clock_ms=int(str(clock)),
            directory_version=int(str(version)),
            mode=NodeMode(str(mode)),
            orders=tuple(read_order(unflat(_list(entry[1]))) for entry in entries),
            last_order=str(entries[-1][0]) if entries else last_order,
            assigned=self._grants(lease, _list(assigned)),
            leader=read_leader(unflat(_list(leader))),
            died=tuple(map(str, _list(died))),
            must_reconcile=not is_same_run,
        )

    def reconcile(
        self, lease: Lease, node: Node, hubs: Mapping[str, int], t0: float, now: Timestamp
    ) -> Reconciled:
        """Tell a store that was restarted, or restored, what this node owns: hub and epoch of all.

        The higher epoch wins. What is missing there is restored; what this node does not name is
        not its own any more. Raises LeaseLost when this incarnation is over there.
        """
        claims: list[str | int] = []
        for hub, epoch in hubs.items():
            claims += [fold(hub), self._prologue.heard(epoch)]
        row = self._row(node, now)
        args = (lease.inc, len(hubs), *claims, *row)
        _, run, *lost = self._run("reconcile", now, lease.node, *args)
        confirmed = Lease(lease.node, lease.inc, str(run), self.timing.deadline(t0))
        return Reconciled(confirmed, tuple(map(str, lost)))

    def leave(self, lease: Lease, why: str, now: Timestamp, *, may_return: bool = False) -> bool:
        """End one's own lease in order; what it still owned is free at once. False: it was over.

        `may_return`: its hubs wait `heir_ms` for a successor, unless it was drained or cordoned.
        The caller has stopped to act as owner before.
        """
        args = ("inc", lease.inc, why, int(may_return))
        return self._run("leave", now, lease.node, *args)[0] == "ok"

    def reap(self, node: str, process: str, why: str, now: Timestamp) -> bool:
        """End the lease of a process that has ended, as its supervisor knows who reaped it.

        `process` is the name the supervisor gave it (`Node.process`). Its hubs wait `heir_ms` for
        the successor. False: it has none, or it is not that process'.
        """
        return self._run("leave", now, node, "process", process, why, 1)[0] == "ok"

    def declare(self, lease: Lease, node: str, now: Timestamp) -> Finding:
        """End the lease of `node` if it has expired. Renewals do so for all by themselves."""
        return _finding(self._run("declare", now, lease.node, lease.inc, node))

    def suspect(self, lease: Lease, node: str, inc: int, now: Timestamp) -> Finding:
        """Accuse a node whose port refused us, as the witness it has named: the fast path.

        Only if it keeps no presence connection either, does not renew, and is accused again
        `suspect_ms` later, is it dead: closed sockets on two paths. Silence is no evidence.
        """
        channel = self._keys.presence(node, inc)
        return _finding(self._run("suspect", now, lease.node, lease.inc, node, inc, channel))

    def _grants(self, lease: Lease, assigned: Sequence[object]) -> tuple[Grant, ...]:
        pairs = zip(assigned[::2], assigned[1::2], strict=True)
        return tuple(
            Grant(str(hub), lease.node, lease.inc, self._prologue.heard(int(str(epoch))))
            for hub, epoch in pairs
        )

    def _row(self, node: Node, now: Timestamp) -> list[str | int]:
        return flat(node_to_fields(replace(node, updated=now)))

    def _run(self, step: str, now: Timestamp, node: str, *args: str | int) -> Answer:
        return self._prologue.run(step, now, [self._keys.node(node)], [node, *args])


def read_order(fields: Mapping[str, str]) -> Order:
    """Return an order to a node as its stream holds it."""
    match fields["order"]:
        case "move-hub":
            return MoveHub(fields["hub"], fields["to"])
        case "lose-hub":
            return LoseHub(fields["hub"], int(fields["epoch"]))
        case _:
            return DropSession(fields["hub"], fields["session"], fields["key_hash"])


def _unknown(lease: Lease, last_order: str) -> Renewal:
    """The store does not know us: it lost our row, or an operator removed it."""
    return Renewal(lease, 0, 0, NodeMode.SERVING, (), last_order, (), None, (), True)


def _finding(answer: Answer) -> Finding:
    return Finding(str(answer[0]), int(str(answer[1])) if len(answer) > 1 else 0)


def _list(item: object) -> list[object]:
    assert isinstance(item, list), "a step answers lists where its head says so"
    return item
