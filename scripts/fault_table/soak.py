"""A mix of faults by chance, for minutes; then what every node said of itself is judged.

    seed ──► plan ──► strikes and repairs, several under way at once ──► verdict
             (pure)   on three machines, with clients and acknowledged writes going on

The plan depends on the seed alone. What a strike finds there does not: one that makes no sense at
its moment, such as killing a machine that is down already, is left out and counted.
"""

import contextlib
import heapq
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from coordinator.errors import CoordinatorError
from coordinator.model import AuthKind, Hub, NodeMode, User
from coordinator.times import utc_now
from scripts.fault_table.invariants import Verdict, judge
from tests.stock.crowd import PASSWORD, Crowd
from tests.stock.fleet import Fleet
from tests.stock.host import Host
from tests.stock.waiting import until

MEMBERS = {
    "ann": "LAB", "bob": "LAB", "cat": "DEPOT", "dog": "DEPOT",
    "eve": "ATTIC", "fay": "ATTIC", "gus": "CELLAR", "hal": "CELLAR",
}  # fmt: skip
LEDGER = "LEDGER"  # a hub without sessions, whose users are the acknowledged writes
WRITE_EVERY_S = 0.25
PAUSE_S = (0.3, 4.0)  # between two strikes
NO_STORE = "does not serve"  # what a gateway says that is started while the store is away
CALM_S = 90.0  # in which everything must be well again in the end

Repair = Callable[[], None]


class Senseless(Exception):
    """A strike makes no sense now: its target is down, or nothing would be left standing."""


class Arena:
    """A fleet, and which of its parts are struck just now."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.hosts = list(fleet.hosts.values())
        self.cut: set[str] = set()
        self.is_store_struck = False

    def well(self, host: Host) -> bool:
        return host.is_running and not host.is_frozen and host.name not in self.cut

    def serve(self) -> None:
        """Do what a service manager would: start gateways again that found no store."""
        for host in self.hosts:
            if host.has_failed:
                host.kill()
                host.begin()

    def host(self, number: int) -> Host:
        """Return a machine that may be struck as a whole. Raises Senseless."""
        host = self.hosts[number % len(self.hosts)]
        others = [other for other in self.hosts if other is not host and self.well(other)]
        if not others or not self.well(host):
            raise Senseless
        return host

    def worker(self, number: int) -> tuple[Host, str, int]:
        """Return a worker that runs: its machine, node and process id. Raises Senseless."""
        nodes = self.fleet.nodes
        node = nodes[number % len(nodes)]
        host = self.fleet.host_of(node)
        served = [e for e in host.events("worker serves") if e["node"] == node]
        pid = int(served[-1]["pid"]) if served else 0
        if not self.well(host) or pid not in host.namespace.pids():
            raise Senseless
        return host, node, pid

    def signal_worker(self, number: int, what: signal.Signals) -> Repair:
        """Send a signal to a worker; the repair continues it if it is still there."""
        host, _node, pid = self.worker(number)
        os.kill(pid, what)

        def repair() -> None:
            if what is signal.SIGSTOP and not host.is_frozen and pid in host.namespace.pids():
                os.kill(pid, signal.SIGCONT)

        return repair


def nothing() -> None:
    """Repair what repairs itself."""


def kill_worker(arena: Arena, number: int) -> Repair:
    return arena.signal_worker(number, signal.SIGKILL)


def stop_worker(arena: Arena, number: int) -> Repair:
    return arena.signal_worker(number, signal.SIGTERM)


def freeze_worker(arena: Arena, number: int) -> Repair:
    return arena.signal_worker(number, signal.SIGSTOP)


def roll(arena: Arena, number: int) -> Repair:
    arena.host(number).roll()
    return nothing


def kill_host(arena: Arena, number: int) -> Repair:
    host = arena.host(number)
    host.kill()
    return host.begin


def freeze_host(arena: Arena, number: int) -> Repair:
    host = arena.host(number)
    host.freeze()
    return host.thaw


def cut_host(arena: Arena, number: int) -> Repair:
    name = arena.host(number).name
    arena.fleet.cut(name)
    arena.cut.add(name)

    def repair() -> None:
        arena.fleet.join(name)
        arena.cut.discard(name)

    return repair


def _strike_store(arena: Arena, strike: Callable[[], None], undo: Callable[[], None]) -> Repair:
    if arena.is_store_struck:
        raise Senseless
    strike()
    arena.is_store_struck = True

    def repair() -> None:
        undo()
        arena.is_store_struck = False

    return repair


def stop_store(arena: Arena, number: int) -> Repair:
    return _strike_store(arena, arena.fleet.store.stop, arena.fleet.store.start)


def freeze_store(arena: Arena, number: int) -> Repair:
    return _strike_store(arena, arena.fleet.store.freeze, arena.fleet.store.thaw)


def move_hub(arena: Arena, number: int) -> Repair:
    hubs = sorted(set(MEMBERS.values()))
    with asking(arena):
        arena.fleet.records.placement.order_move(hubs[number % len(hubs)], "", utc_now())
    return nothing


def drain(arena: Arena, number: int) -> Repair:
    node = arena.fleet.nodes[number % len(arena.fleet.nodes)]
    with asking(arena):
        arena.fleet.set_mode(node, NodeMode.DRAINING)

    def repair() -> None:
        with contextlib.suppress(CoordinatorError):  # then it is drained until the end
            arena.fleet.set_mode(node, NodeMode.SERVING)

    return repair


def depose(arena: Arena, number: int) -> Repair:
    with asking(arena):
        arena.fleet.records.election.step_down(utc_now(), "the soak wants another")
    return nothing


@contextmanager
def asking(arena: Arena) -> Iterator[None]:
    """Ask the store for something that it may refuse, and not while it is known to be away."""
    if arena.is_store_struck:
        raise Senseless
    try:
        yield
    except CoordinatorError as error:
        raise Senseless from error


@dataclass(frozen=True, slots=True)
class Fault:
    """`strike(arena, number)` does it to the target of that number and returns the repair."""

    name: str
    weight: int
    "how often, beside the others"
    lasts_s: tuple[float, float]
    strike: Callable[[Arena, int], Repair]


FAULTS = (
    Fault("worker killed", 4, (0, 0), kill_worker),
    Fault("worker stopped", 2, (0, 0), stop_worker),
    Fault("worker frozen", 4, (0.5, 8), freeze_worker),
    Fault("workers rolled", 1, (0, 0), roll),
    Fault("host killed", 2, (0, 12), kill_host),
    Fault("host frozen", 4, (1, 12), freeze_host),
    Fault("host cut off", 4, (1, 12), cut_host),
    Fault("store stopped", 2, (0.5, 8), stop_store),
    Fault("store frozen", 3, (0.3, 6), freeze_store),
    Fault("hub moved", 4, (0, 0), move_hub),
    Fault("node drained", 2, (1, 10), drain),
    Fault("leader deposed", 1, (0, 0), depose),
)


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault of the plan; times in seconds from the beginning."""

    at: float
    fault: Fault
    number: int
    lasts_s: float


def make_plan(seed: int, seconds: float) -> list[Strike]:
    """Return what befalls the fleet in that time; the same for the same seed."""
    chance = random.Random(seed)
    strikes: list[Strike] = []
    at = 0.0
    while (at := at + chance.uniform(*PAUSE_S)) < seconds:
        (fault,) = chance.choices(FAULTS, [fault.weight for fault in FAULTS])
        strikes.append(Strike(at, fault, chance.randrange(1000), chance.uniform(*fault.lasts_s)))
    return strikes


def carry_out(arena: Arena, plan: Sequence[Strike], say: Callable[[str], None]) -> Counter[str]:
    """Strike by plan and repair in time; return how often each fault struck."""
    began = time.monotonic()
    repairs: list[tuple[float, int, str, Repair]] = []
    struck: Counter[str] = Counter()
    waiting = list(reversed(plan))
    while waiting or repairs:
        next_strike = waiting[-1].at if waiting else float("inf")
        next_repair = repairs[0][0] if repairs else float("inf")
        due = min(next_strike, next_repair)
        while (wait_s := began + due - time.monotonic()) > 0:
            time.sleep(min(wait_s, 1.0))
            arena.serve()
        if next_repair <= next_strike:
            _, _, name, repair = heapq.heappop(repairs)
            say(f"{due:6.1f} s  over: {name}")
            repair()
            continue
        strike = waiting.pop()
        try:
            repair = strike.fault.strike(arena, strike.number)
        except Senseless:
            struck["left out"] += 1
            continue
        struck[strike.fault.name] += 1
        lasts = f", for {strike.lasts_s:.1f} s" if strike.lasts_s else ""
        say(f"{due:6.1f} s  {strike.fault.name} ({strike.number}){lasts}")
        if strike.lasts_s > 0:
            entry = (strike.at + strike.lasts_s, len(waiting), strike.fault.name, repair)
            heapq.heappush(repairs, entry)
    return struck


class Writer:
    """Creates a user again and again; `acknowledged` are those the store confirmed."""

    def __init__(self, fleet: Fleet) -> None:
        self.acknowledged: set[str] = set()
        self._directory = fleet.records.directory
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Writer":
        self._directory.create_hub(Hub(LEDGER), utc_now())
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def lost(self) -> set[str]:
        """Return what was acknowledged and is not there."""
        return self.acknowledged - {user.name for user in self._directory.users(LEDGER)}

    def _run(self) -> None:
        number = 0
        while not self._over.wait(WRITE_EVERY_S):
            number += 1
            user = User(LEDGER, f"u{number}", auth=AuthKind.ANONYMOUS)
            with contextlib.suppress(CoordinatorError):  # the store is away: not acknowledged
                self._directory.create_user(user, utc_now())
                self.acknowledged.add(user.name)


def soak(minutes: float, seed: int, workers: int, say: Callable[[str], None]) -> list[str]:
    """Strike for `minutes`, print the verdict, return what was found to be wrong."""
    plan = make_plan(seed, minutes * 60)
    say(f"seed {seed}: {len(plan)} strikes in {minutes:g} minutes")
    with tempfile.TemporaryDirectory(prefix="ef-gates-") as name:
        directory = Path(name)
        env = {"ETHERFLEET_GATE_SAMPLES": str(directory / "gates")}
        with Fleet("crowd", workers=workers, env=env) as fleet, ExitStack() as stack:
            for hub in sorted(set(MEMBERS.values())):
                users = [name for name, its in MEMBERS.items() if its == hub]
                fleet.create_hub(hub, **dict.fromkeys(users, PASSWORD))
            ips = [host.ip for host in fleet.hosts.values()]
            crowd = stack.enter_context(Crowd(fleet["crowd"], ips, MEMBERS))
            writer = stack.enter_context(Writer(fleet))
            crowd.wait_together()
            arena = Arena(fleet)
            struck = carry_out(arena, plan, say)
            wrong = calm_down(arena, crowd)
            wrong += [f"acknowledged, and lost: user {user}" for user in sorted(writer.lost())]
            wrong += [f"fault of ours: {f}" for f in fleet.faults() if NO_STORE not in f]
            logins = crowd.logins()
            for host in fleet.hosts.values():
                host.stop()
            verdict = judge_fleet(fleet, directory)
        print(f"\nseed {seed}, {minutes:g} minutes, {workers} workers on each of {len(ips)} hosts")
        print(", ".join(f"{what}: {count}" for what, count in sorted(struck.items())))
        print(f"writes acknowledged: {len(writer.acknowledged)}")
        print(f"logins of {len(MEMBERS)} clients: {logins}")
        print(verdict)
    for line in wrong:
        print(line)
    return [*verdict.violations, *wrong]


def calm_down(arena: Arena, crowd: Crowd) -> list[str]:
    """Wait until the fleet is well and all clients together; return what is not so in time."""
    fleet = arena.fleet

    def are_all_up() -> bool:
        arena.serve()
        rows = fleet.records.nodes.nodes()
        return {row.id for row in rows if row.state == "up"} == set(fleet.nodes)

    try:
        until(are_all_up, "all nodes to be up", CALM_S)
        for node in fleet.nodes:
            fleet.set_mode(node, NodeMode.SERVING)
        crowd.wait_together(timeout=CALM_S)
    except AssertionError as error:
        return [str(error)]
    return []


def judge_fleet(fleet: Fleet, directory: Path) -> Verdict:
    """Judge the samples in `directory` by the fleet's history."""
    history = fleet.records.history.after("", 100_000)
    with ExitStack() as stack:
        files = {
            path.suffix.removeprefix("."): stack.enter_context(path.open())
            for path in sorted(directory.iterdir())
        }
        return judge(files, history)
