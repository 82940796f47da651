"""The stage: a fleet, and for each run fresh clients with traffic between them.

  store    host-a        host-b          host-c     alpha beta  carol dave  erin frank  gina hugo
           the entry     the victim,     leads      stock       ours        stock       ours
                         owner of LAB
────┴────────┴─────────────┴───────────────┴──────────┴────┴─────┴────┴──────┴────┴──────┴────┴──

           on the dynamic hub LAB:       alpha ═ beta, carol ═ dave
           on the static hub SHOP:       erin ═ frank, gina ═ hugo, all on one node of host-b
           on the LAN that SHOP is bridged to by all three:  desk ═ erin, desk ═ gina
"""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

from coordinator.model import Bridge, NodeMode
from tests.stock.client import StockClient
from tests.stock.fleet import Fleet
from tests.stock.host import TCP_PORT, Host
from tests.stock.namespaces import Endpoint
from tests.stock.office import DEVICE, Office
from tests.stock.our_client import OurClient
from tests.stock.traffic import Pinging, ping
from tests.stock.waiting import until

HUB, SHOP = "LAB", "SHOP"
PASSWORD = "not a secret"
NAME = "fleet.test"  # our clients know all three machines by it, as users would by DNS
USERS = {HUB: ("alpha", "beta", "carol", "dave", "probe"), SHOP: ("erin", "frank", "gina", "hugo")}
CLIENTS = (*USERS[HUB], *USERS[SHOP])
SUBNETS = {HUB: "192.168.77", SHOP: "192.168.78"}
Client = StockClient | OurClient
BACK_S = 100.0
"Longer than any client of any setting takes to come back."


@dataclass(frozen=True, slots=True)
class Pair:
    """Two ends of traffic on one hub, its clients of one kind, and what they show when it is
    over."""

    name: str
    hub: str
    clients: tuple[Client, ...]
    "two, or one whose partner is a machine of the LAN"
    places: tuple[Endpoint, Endpoint]

    @property
    def logins(self) -> int:
        return sum(client.logins for client in self.clients)

    @property
    def errors(self) -> list[int]:
        """Codes that stock clients were given."""
        return [e for c in self.clients if isinstance(c, StockClient) for e in c.errors()]

    def reaches(self) -> bool:
        return ping(*self.places, count=3).received > 0


@dataclass
class Measured:
    """What one run of one fault came to. Seconds; `gaps` by pair."""

    fault: str
    gaps: dict[str, float] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    back_at: dict[str, float] = field(default_factory=dict)
    "when the longest gap of each pair ended, Unix time"
    found: dict[str, float] = field(default_factory=dict)
    "until a frame to a client that was silent arrived, from when it was let in again"
    new_logins: dict[str, int] = field(default_factory=dict)
    errors: dict[str, list[int]] = field(default_factory=dict)
    owner_before: str = ""
    owner_after: str = ""
    struck_at: float = 0.0
    "when the fault was done, on the monotonic clock"
    elsewhere_s: float | None = None
    "from then until somebody served the hub at a later epoch"
    slowest_login_s: float | None = None
    failed_logins: int = 0
    notes: list[str] = field(default_factory=list)


class Scene:
    """A fleet that stands for many runs; `say` tells what is going on."""

    owned = HUB
    """The hub whose owner is watched; empty: none."""

    def __init__(
        self,
        fleet: Fleet,
        say: Callable[[str], None],
        *,
        retry_s: int,
        office: Office | None = None,
    ) -> None:
        """With an `office`, whose cables lead to all machines, the static hub is bridged there."""
        self.fleet = fleet
        self.office = office
        self.say = say
        self._retry_s = retry_s
        self.entry, self.victim, self.other = fleet.hosts.values()
        self.node = self.victim.nodes[0]
        for hub, users in USERS.items():
            fleet.create_hub(hub, static=hub == SHOP, **dict.fromkeys(users, PASSWORD))
        if office is not None:
            fleet.records.bridges.add(Bridge(SHOP, DEVICE))

    def repair(self) -> None:
        """Bring everything back that a fault took away."""
        self.fleet.store.thaw()
        for label, host in self.fleet.hosts.items():
            with contextlib.suppress(AssertionError):  # it was not cut
                self.fleet.join(label)
            if host.is_frozen:
                host.thaw()
        for host in self.fleet.hosts.values():
            if not host.is_running:
                host.kill()
                host.start()
        nodes = self.fleet.records.nodes
        until(
            lambda: {n.id for n in nodes.nodes() if n.state == "up"} >= set(self.fleet.nodes),
            "all nodes",
            60,
            self.fleet.explain,
        )
        for node in self.fleet.nodes:
            self.fleet.set_mode(node, NodeMode.SERVING)

    def shelter(self, *, but: Sequence[str] = ()) -> None:
        """Let one node alone be given what the victim loses: two sessions of a static hub see each
        other only there, and the time it takes is what is asked here, not the spread. The modes of
        `but` stay as they are."""
        shelter = self.other.nodes[0]
        for node in self.fleet.nodes:
            if node != shelter and node not in but:
                self.fleet.set_mode(node, NodeMode.CORDONED)

    def wait_left(self, nodes: Sequence[str]) -> None:
        """Wait until `nodes` carry no session any more."""
        rows = self.fleet.records.nodes
        until(
            lambda: not sum(n.sessions for n in rows.nodes() if n.id in nodes),
            f"{', '.join(nodes)} to be empty",
            30,
            self.fleet.explain,
        )

    def lead_elsewhere(self) -> None:
        """Let a node of the third machine lead."""
        for _ in range(60):
            leader = self.fleet.leader()
            if leader in self.other.nodes:
                return
            if leader:
                self.fleet.records.election.step_down(_now(), "the table wants another")
            until(self.fleet.leader, "a leader", 10)
        raise AssertionError("host-c never led")

    @contextmanager
    def company(self) -> Iterator[list[Pair]]:
        """Bring the clients together, the owner of the hub being the victim's first node."""
        with ExitStack() as stack:
            names = {NAME: [host.ip for host in self.fleet.hosts.values()]}
            ours = {n: stack.enter_context(OurClient(self.fleet[n], names=names)) for n in _ours()}
            stock = {
                n: stack.enter_context(StockClient(self.fleet[n], clear_errors=True))
                for n in _stock()
            }
            stack.callback(calm, ours)
            self.join(ours["carol"], HUB, "carol")
            self.fleet.wait_owner(HUB)
            self.fleet.move(HUB, self.node)
            with self.only(self.node), ThreadPoolExecutor() as pool:
                rest = [
                    pool.submit(self.join, client, hub, name)
                    for name, hub, client in _by_hub({**ours, **stock})
                    if name != "carol"
                ]
                for future in rest:
                    future.result()
            pairs = [
                self.pair("stock", HUB, stock["alpha"], stock["beta"]),
                self.pair("ours", HUB, ours["carol"], ours["dave"]),
                self.pair("stock static", SHOP, stock["erin"], stock["frank"]),
                self.pair("ours static", SHOP, ours["gina"], ours["hugo"]),
            ]
            if self.office is not None:
                pairs.append(self._at_the_office("stock on LAN", self.office, pairs[2]))
                pairs.append(self._at_the_office("ours on LAN", self.office, pairs[3]))
            for pair in pairs:
                until(pair.reaches, f"{pair.name} to see each other", 60, self.fleet.explain)
            yield pairs

    @contextmanager
    def only(self, *nodes: str) -> Iterator[None]:
        """Let only these nodes be given anything new."""
        others = [node for node in self.fleet.nodes if node not in nodes]
        for node in others:
            self.fleet.set_mode(node, NodeMode.CORDONED)
        try:
            yield
        finally:
            for node in others:
                self.fleet.set_mode(node, NodeMode.SERVING)

    def join(self, client: Client, hub: str, name: str) -> None:
        """Log a client in, and give it its address."""
        address = f"{SUBNETS[hub]}.{CLIENTS.index(name) + 1}/24"
        at = {"tcp_port": TCP_PORT, "hub": hub, "user": name, "password": PASSWORD}
        if isinstance(client, OurClient):
            client.connect(host=NAME, address=address, wait=60, **at)
        else:
            client.connect(host=f"{self.entry.ip}/tcp", retry_interval=self._retry_s, wait=60, **at)
            client.address(address)

    def pair(self, name: str, hub: str, one: object, other: object) -> Pair:
        """Let one client of a hub speak to another."""
        places = tuple(
            client.namespace.at(f"{SUBNETS[hub]}.{CLIENTS.index(client.namespace.label) + 1}")
            for client in (one, other)
        )
        return Pair(name, hub, (one, other), places)  # type: ignore[arg-type]

    def _at_the_office(self, name: str, office: Office, pair: Pair) -> Pair:
        """Let a machine of the LAN speak to the first of a pair: it never speaks first."""
        return Pair(name, pair.hub, pair.clients[:1], (office.place, pair.places[0]))

    @contextmanager
    def probing(self, host: Host, into: Measured) -> Iterator[None]:
        """Log in at `host` again and again meanwhile."""
        argv = [sys.executable, "-m", "tests.stock.login_probe"]
        where = [host.ip, str(TCP_PORT), HUB, "probe"]
        with subprocess.Popen(
            self.fleet["probe"].inside(*argv, *where),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as probe:
            assert probe.stdin
            assert probe.stdout
            try:
                probe.stdin.write(PASSWORD + "\n")
                probe.stdin.flush()
                probe.stdout.readline()
                yield
            finally:
                probe.terminate()
                lines = probe.stdout.read().splitlines()
            tried = [json.loads(line) for line in lines if line.endswith("}")]
            into.slowest_login_s = max((t["seconds"] for t in tried), default=None)
            failed = [t["why"] for t in tried if t["why"]]
            into.failed_logins = len(failed)
            into.notes += sorted(set(failed))


@contextmanager
def measuring(pairs: list[Pair], into: Measured) -> Iterator[None]:
    """Ping between the clients of each pair for as long as the block runs, and until all are back.

    The traffic runs for a second before, so that there is an echo to count the gap from.
    """
    before = {pair.name: (pair.logins, len(pair.errors)) for pair in pairs}
    with ExitStack() as stack:
        pings = {pair.name: stack.enter_context(Pinging(*pair.places)) for pair in pairs}
        time.sleep(1.0)
        into.struck_at = time.monotonic()
        yield
        for pair in pairs:
            with contextlib.suppress(AssertionError):  # then the gap says so: it has no end
                until(pair.reaches, f"{pair.name} to be back", BACK_S)
        time.sleep(1.0)
    for pair in pairs:
        into.gaps[pair.name] = pings[pair.name].result.longest_gap
        into.lost[pair.name] = pings[pair.name].result.lost
        into.back_at[pair.name] = pings[pair.name].result.back_at
        logins, errors = before[pair.name]
        into.new_logins[pair.name] = pair.logins - logins
        into.errors[pair.name] = pair.errors[errors:]


def _now() -> str:
    from coordinator.times import utc_now

    return utc_now()


def _stock() -> tuple[str, ...]:
    return ("alpha", "beta", "erin", "frank")


def _ours() -> tuple[str, ...]:
    return ("carol", "dave", "gina", "hugo")


def _by_hub(
    clients: dict[str, StockClient | OurClient],
) -> Iterator[tuple[str, str, StockClient | OurClient]]:
    for name, client in clients.items():
        yield name, next(hub for hub, users in USERS.items() if name in users), client


def calm(clients: dict[str, OurClient]) -> None:
    """Our clients end in order even while their gateway is away."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(partial(OurClient.leave), clients.values()))
