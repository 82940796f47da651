"""A fleet in simulated time against a real store: nodes with clocks of their own, that pause and
crash, get answers late or not at all, while hubs are placed, moved and given up.

Time is a number that `Simulation` moves; the store's lease clock follows it as it would follow its
own clock. Requests take time both ways, so a node decides by what was true a while ago. What it
believes in is the rule under test: `believes`, given to the simulation, can be broken on purpose.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random

import redis

from coordinator.errors import LeaseLost, NoRoom, StaleEpoch
from coordinator.fleet import Fleet
from coordinator.lease import Lease, Leases, Renewal
from coordinator.model import Hub, Node, SessionUpdate
from coordinator.placement import Grant, Here, Placement
from coordinator.prologue import Prologue
from coordinator.sessions import Sessions
from coordinator.store import Answer, Call
from coordinator.timing import Timing
from tests.contract.values import ALICE, LOGIN, NOW, a_node, new_key

FAR = 9_000_000_000_000  # a server clock that stands still, as far as steps can see
Belief = Callable[[Timing, float, float], float]
"""From the times, when a request left and when its answer came: the deadline."""


def sound(timing: Timing, t0: float, _answered: float) -> float:
    """The rule of `Timing.deadline`."""
    return timing.deadline(t0)


def broken(timing: Timing, _t0: float, answered: float) -> float:
    """As if a lease began when its holder heard of it."""
    return answered + timing.ttl_ms / 1000


class SimulatedStore:
    """A store whose lease clock follows `Simulation.now`, whatever real time does."""

    def __init__(self, store: object, raw: redis.Redis, clock: Callable[[], float]) -> None:
        self._store = store
        self._raw = raw
        self._clock = clock
        self._seen = 0.0
        self._lease_ms = 0.0
        self.gap_ms = Timing().gap_ms

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def step(self, name: str, keys: Sequence[str], args: Sequence[str | int]) -> Answer:
        return self.steps(name, [Call(keys, args)])[0]

    def steps(self, name: str, calls: Sequence[Call]) -> list[Answer]:
        passed = (self._clock() - self._seen) * 1000
        self._seen = self._clock()
        self._lease_ms += min(passed, self.gap_ms)
        told = {"clock_ms": int(self._lease_ms), "seen_ms": FAR}
        self._raw.hset(self._store.keys.meta(), mapping=told)
        return self._store.steps(name, calls)


@dataclass
class SimulatedNode:
    """What one process knows."""

    node: Node
    rate: float
    """Of its clock; all are within half a percent."""
    lease: Lease | None = None
    owned: dict[str, Grant] = field(default_factory=dict)
    next_renewal: float = 0.0
    paused_until: float = 0.0
    down_until: float = 0.0
    must_reconcile: bool = False
    handing_over: set[str] = field(default_factory=set)
    """Hubs it has stopped for a hand-over that was not answered yet: they stay stopped."""

    def local(self, now: float) -> float:
        """Its own monotonic clock."""
        return 1000 + now * self.rate

    def drop_all(self) -> None:
        """Forget the lease and all that was bound to it."""
        self.lease = None
        self.owned = {}
        self.handing_over = set()


class Simulation:
    """Everything, driven by one seed."""

    def __init__(
        self, fleet: Fleet, raw: redis.Redis, seed: int, believes: Belief = sound, nodes: int = 4
    ) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self._believes = believes
        self._raw = raw
        self._fleet = fleet
        store = SimulatedStore(fleet.store, raw, lambda: self.now)
        prologue = Prologue(store, fleet.cluster)  # type: ignore[arg-type] # a store by its methods
        self.leases = Leases(prologue, fleet.timing)
        self.placement = Placement(prologue)
        self.sessions = Sessions(store)  # type: ignore[arg-type] # as above
        self.timing = fleet.timing
        self.hubs = [f"h{n}" for n in range(3)]
        for hub in self.hubs:
            fleet.directory.create_hub(Hub(hub), NOW)
            fleet.directory.create_user(replace(ALICE, hub=hub), NOW)
        self.nodes = [
            SimulatedNode(a_node(f"node-{n}"), 1 + self.random.uniform(-0.005, 0.005))
            for n in range(1, nodes + 1)
        ]
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self.acknowledged: dict[str, str] = {}
        """Key hash of each session opened, to its hub."""
        self.violations: list[str] = []
        self._away_until = 0.0
        self.served = 0
        """How many samples found a hub served."""

    # -- time ------------------------------------------------------------------------------------

    def run(self, events: int) -> None:
        """Let that many things happen; look after each."""
        for _ in range(events):
            self.now += self.random.expovariate(1 / 0.05)
            self._run_due()
            self._act(self.random.choice(self.nodes))
            self._look()

    def _run_due(self) -> None:
        due = sorted(entry for entry in self._later if entry[0] <= self.now)
        self._later = [entry for entry in self._later if entry[0] > self.now]
        for _, _, action in due:
            action()

    def _after(self, most: float, action: Callable[[], None]) -> None:
        self._number += 1
        delay = self.random.choice((0.0, 0.01, self.random.uniform(0, most)))
        self._later.append((self.now + delay, self._number, action))

    def _look(self) -> None:
        for hub in self.hubs:
            open_gates = [node.node.id for node in self._believers(hub)]
            self.served += bool(open_gates)
            if len(open_gates) > 1:
                self.violations.append(f"{self.now:.3f}: {hub} is served by {open_gates}")

    def _believers(self, hub: str) -> Iterator[SimulatedNode]:
        for node in self.nodes:
            if node.lease and hub in node.owned and node.lease.is_valid(node.local(self.now)):
                yield node

    # -- what a node does ------------------------------------------------------------------------

    def _act(self, node: SimulatedNode) -> None:
        if self.now < max(node.paused_until, node.down_until, self._away_until):
            return
        if node.lease is None:
            self._register(node)
        elif self.now >= node.next_renewal:
            self._renew(node)
        else:
            doing = self.random.choices(
                (
                    *(self._ask, self._open, self._hand_over, self._pause, self._crash),
                    *(self._restart, self._lose_store),
                ),
                (40, 40, 8, 3, 2, 0.3, 0.3),
            )
            doing[0](node)

    def _register(self, node: SimulatedNode) -> None:
        t0, local = self.now, node.local(self.now)
        answer = self.leases.register(replace(node.node, boot=""), local, NOW)
        if isinstance(answer, Lease):
            deadline = self._believes(self.timing, node.local(t0), local)
            node.lease = replace(answer, deadline=deadline)
            node.next_renewal = self.now

    def _renew(self, node: SimulatedNode) -> None:
        """The request is under way for a while, and so is the answer, if there is one."""
        lease, t0 = node.lease, node.local(self.now)
        node.next_renewal = self.now + self.random.uniform(0.9, 1.1)
        self._after(1.5, lambda: self._arrive(node, lease, t0))

    def _arrive(self, node: SimulatedNode, lease: Lease, t0: float) -> None:
        is_lost = self.now < self._away_until or self.random.random() < 0.05
        if node.lease is None or node.lease.inc != lease.inc or is_lost:
            return
        try:
            if node.must_reconcile:
                self._reconcile(node, t0)
                return
            renewal = self.leases.renew(node.lease, node.node, t0, NOW)
        except LeaseLost:
            node.drop_all()
            return
        if self.random.random() < 0.9:  # else the answer is lost
            self._after(1.5, lambda: self._hear(node, renewal, t0))

    def _hear(self, node: SimulatedNode, renewal: Renewal, t0: float) -> None:
        if node.lease is None or node.lease.inc != renewal.lease.inc:
            return
        node.must_reconcile |= renewal.must_reconcile
        if not renewal.must_reconcile:
            deadline = self._believes(self.timing, t0, node.local(self.now))
            node.lease = replace(node.lease, deadline=max(node.lease.deadline, deadline))
        for grant in renewal.assigned:
            self._take_up(node, grant)

    def _reconcile(self, node: SimulatedNode, t0: float) -> None:
        claims = {hub: grant.epoch for hub, grant in node.owned.items()}
        done = self.leases.reconcile(node.lease, node.node, claims, t0, NOW)
        for hub in done.lost:
            del node.owned[hub]
        deadline = self._believes(self.timing, t0, node.local(self.now))
        node.lease = replace(done.lease, deadline=deadline)
        node.must_reconcile = False

    def _ask(self, node: SimulatedNode) -> None:
        hub = self.random.choice(self.hubs)
        try:
            placed = self.placement.place(node.lease, hub, NOW, here=self.random.random() < 0.5)
        except LeaseLost:
            node.drop_all()
            return
        if isinstance(placed, Here):
            self._after(1.0, lambda: self._take_up(node, placed.grant))

    def _take_up(self, node: SimulatedNode, grant: Grant) -> None:
        mine = node.lease is not None and node.lease.inc == grant.inc
        if grant.hub in node.handing_over:
            return  # found by this test: taken up again, it would be served by two
        is_awake = self.now >= max(node.paused_until, self._away_until)
        if mine and is_awake and self.placement.activate(grant, NOW):
            node.owned[grant.hub] = grant

    def _open(self, node: SimulatedNode) -> None:
        """Open sessions and report on them; the fence, not the gate, is what keeps them right."""
        for hub, grant in list(node.owned.items()):
            login = replace(LOGIN, hub=hub, node=grant.node, inc=grant.inc, hub_epoch=grant.epoch)
            try:
                record = self.sessions.open(login, new_key(), NOW)
            except StaleEpoch:
                node.owned.pop(hub)
                continue
            except NoRoom:
                continue
            self.acknowledged[record.key_hash] = hub
            self.sessions.update([SessionUpdate(record, 1)], NOW)

    def _hand_over(self, node: SimulatedNode) -> None:
        if not node.owned:
            return
        hub = self.random.choice(sorted(node.owned))
        grant = node.owned.pop(hub)  # it stops first
        node.handing_over.add(hub)
        self._after(1.0, lambda: self._transfer(node, grant))

    def _transfer(self, node: SimulatedNode, grant: Grant) -> None:
        if self.now < self._away_until:  # unknown: it stays stopped and asks again
            self._after(1.0, lambda: self._transfer(node, grant))
            return
        node.handing_over.discard(grant.hub)
        try:
            after = self.placement.transfer(grant, "", NOW)
        except StaleEpoch:
            return
        if after is None and node.lease and node.lease.inc == grant.inc:
            node.owned[grant.hub] = grant  # nobody else can: it goes on

    def _pause(self, node: SimulatedNode) -> None:
        node.paused_until = self.now + self.random.choice((0.3, 2.0, 6.0, 12.0))

    def _crash(self, node: SimulatedNode) -> None:
        if self.random.random() < 0.5:
            self.leases.leave(node.lease, "stops", NOW)
        node.drop_all()
        node.down_until = self.now + self.random.choice((0.0, 1.0, 8.0))

    def _lose_store(self, _node: SimulatedNode) -> None:
        """Nobody reaches the store for a while."""
        self._away_until = self.now + self.random.choice((1.0, 5.0, 20.0))

    def _restart(self, _node: SimulatedNode) -> None:
        """The store is restarted: for its nodes it has another run id than before."""
        self._raw.hset(self._fleet.store.keys.meta(), "run", "0" * 40)
        for node in self.nodes:
            if node.lease:
                node.lease = replace(node.lease, run="0" * 40)
