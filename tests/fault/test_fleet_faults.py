"""A fleet under faults: who keeps a session, who serves a hub afterwards, what is refused.

  store      host-a       host-b       crowd         alpha  beta   knocker
  Valkey     supervisor   supervisor   four of our   stock clients  logins and
             2 workers    2 workers    clients                      forged tickets
────┴───────────┴────────────┴────────────┴────────────┴──────┴───────┴────  bridge

            hub LAB on host-a-1:   ann ═ bob, alpha ═ beta, eve ═ fay (from the knocker)
            hub DEPOT on host-b-2: cat ═ dog

How long things take is measured by `./scripts/faults`; here deadlines are generous.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from coordinator.model import NodeMode
from coordinator.placement import Ownership
from gateway.wire.codes import ErrorCode
from tests.stock.capture import Capturing, Segment
from tests.stock.client import StockClient
from tests.stock.crowd import PASSWORD, Crowd
from tests.stock.fleet import Fleet
from tests.stock.gateway import UNSET
from tests.stock.host import TCP_PORT, Host
from tests.stock.namespaces import Endpoint
from tests.stock.needs import missing
from tests.stock.process import Process
from tests.stock.traffic import ping
from tests.stock.waiting import until

if missing():
    pytest.skip(missing(), allow_module_level=True)  # one line, not one for each test

LAB, DEPOT = "LAB", "DEPOT"
HOME, AWAY = "host-a-1", "host-b-2"  # of LAB and of DEPOT when a test begins
TIMEOUT_S = 5
RESUME_S = 15  # a session of a hub that moved waits so long for its client
STORE_AWAY_S = 6.0  # longer than a lease lives
TICKET_AGE_S = 2.5
LARGEST_KEEP_ALIVE = 8 + 32 + 22  # bytes: head, padding, TLS record; a message adds a frame


@pytest.fixture(scope="module")
def standing() -> Iterator[Fleet]:
    """The fleet, in whatever state the last test left it."""
    clients = ("crowd", "alpha", "beta", "knocker")
    settings = f"[session]\ntimeout_s = {TIMEOUT_S}\nresume_s = {RESUME_S}\n"
    with Fleet(*clients, hosts=("host-a", "host-b"), settings=settings) as fleet:
        users = ("ann", "bob", "eve", "fay", "alpha", "beta", "probe")
        fleet.create_hub(LAB, **dict.fromkeys(users, PASSWORD))
        fleet.create_hub(DEPOT, cat=PASSWORD, dog=PASSWORD, probe=PASSWORD)
        yield fleet
        assert not fleet.faults(), "\n".join(fleet.faults())


@pytest.fixture(scope="module")
def joined(standing: Fleet) -> Iterator[Crowd]:
    ips = [host.ip for host in standing.hosts.values()]
    members = {"ann": LAB, "bob": LAB, "cat": DEPOT, "dog": DEPOT}
    with Crowd(standing["crowd"], ips, members) as crowd:
        yield crowd


@pytest.fixture
def fleet(standing: Fleet, joined: Crowd) -> Fleet:
    """The fleet, whole, its hubs at home and the crowd together."""
    for host in standing.hosts.values():
        if not host.is_running:
            host.start()
    rows = standing.records.nodes
    until(
        lambda: {n.id for n in rows.nodes() if n.state == "up"} == set(standing.nodes),
        "all nodes to be up",
        30,
        standing.explain,
    )
    for node in standing.nodes:
        standing.set_mode(node, NodeMode.SERVING)
    joined.wait_together(timeout=60)
    for hub, node in ((LAB, HOME), (DEPOT, AWAY)):
        standing.move(hub, node)
        joined.wait_together(hub)
    return standing


@pytest.fixture
def crowd(fleet: Fleet, joined: Crowd) -> Crowd:
    return joined


@pytest.fixture
def home(fleet: Fleet) -> Host:
    return fleet.host_of(HOME)


@pytest.fixture(scope="class")
def loyal(standing: Fleet) -> Iterator[Crowd]:
    """Two more of our clients, who know one address only.

    One that knows others gives a session up after half a second in which nobody answers, and a
    busy machine needs longer for a new worker.
    """
    ips = [standing.hosts["host-a"].ip]
    with Crowd(standing["knocker"], ips, {"eve": LAB, "fay": LAB}) as crowd:
        yield crowd


@pytest.fixture(scope="class")
def stock(standing: Fleet) -> Iterator[tuple[StockClient, StockClient]]:
    """Two stock clients on LAB."""
    with ExitStack() as stack:
        clients = (
            stack.enter_context(StockClient(standing["alpha"], clear_errors=True)),
            stack.enter_context(StockClient(standing["beta"], clear_errors=True)),
        )
        for number, client in enumerate(clients, start=1):
            at = {"tcp_port": TCP_PORT, "hub": LAB, "password": PASSWORD}
            host = f"{standing.hosts['host-a'].ip}/tcp"
            client.connect(host=host, user=client.namespace.label, **at)
            client.address(f"192.168.77.{number}/24")
        yield clients


@dataclass(frozen=True, slots=True)
class Before:
    """How things stood before a fault."""

    sessions: dict[str, str]
    logins: int
    stock_logins: int
    owner: Ownership


@contextmanager
def sessions_kept(
    fleet: Fleet, crowd: Crowd, stock: tuple[StockClient, ...] = ()
) -> Iterator[Before]:
    """Whatever the block does, all come back to the sessions they had, and nobody logs in."""
    places = tuple(
        client.namespace.at(f"192.168.77.{number}") for number, client in enumerate(stock, start=1)
    )
    if places:
        wait_pings(*places)
    owner = fleet.ownership(LAB)
    assert owner is not None
    before = Before(crowd.sessions(), crowd.logins(), _logins(stock), owner)
    yield before
    crowd.wait_together()
    if places:
        wait_pings(*places)
    assert crowd.sessions() == before.sessions, crowd.log()[-4000:]
    assert crowd.logins() == before.logins
    assert _logins(stock) == before.stock_logins


def wait_pings(one: Endpoint, other: Endpoint) -> None:
    until(lambda: ping(one, other, count=3).received, "the stock clients to see each other", 40)


def _logins(stock: tuple[StockClient, ...]) -> int:
    return sum(client.logins for client in stock)


class TestWorker:
    """It ends or stands still, alone or with its siblings; stock clients are there as well."""

    def test_killed(
        self,
        fleet: Fleet,
        crowd: Crowd,
        loyal: Crowd,
        home: Host,
        stock: tuple[StockClient, StockClient],
    ) -> None:
        loyal.wait_together()
        with sessions_kept(fleet, loyal, stock) as before:
            home.kill_worker(HOME)
        crowd.wait_together()
        after = fleet.ownership(LAB)
        assert after is not None
        assert (after.node, after.state) == (HOME, "active")
        assert after.epoch > before.owner.epoch

    def test_frozen(
        self,
        fleet: Fleet,
        crowd: Crowd,
        loyal: Crowd,
        home: Host,
        stock: tuple[StockClient, StockClient],
    ) -> None:
        loyal.wait_together()
        with sessions_kept(fleet, loyal, stock):
            pid = home.freeze_worker(HOME)
            until(
                lambda: any(e["pid"] == pid for e in home.events("worker ended")),
                "the supervisor to end it",
                20,
                home.log,
            )
        crowd.wait_together()
        assert [e["why"] for e in home.events("worker ended") if e["pid"] == pid] == ["frozen"]
        assert fleet.owner(LAB) == HOME

    def test_rolling_restart(
        self,
        fleet: Fleet,
        crowd: Crowd,
        loyal: Crowd,
        home: Host,
        stock: tuple[StockClient, StockClient],
    ) -> None:
        pids = {home.pid_of(node) for node in home.nodes}
        loyal.wait_together()
        with sessions_kept(fleet, loyal, stock):
            home.roll()
            home.wait_rolled()
        crowd.wait_together()
        assert pids.isdisjoint({home.pid_of(node) for node in home.nodes})
        assert fleet.owner(LAB) == HOME

    def test_all_stopped_and_started(
        self,
        fleet: Fleet,
        crowd: Crowd,
        loyal: Crowd,
        home: Host,
        stock: tuple[StockClient, StockClient],
    ) -> None:
        """Supervisor and workers end; the hub waits for the next start of its node."""
        loyal.wait_together()
        with sessions_kept(fleet, loyal, stock):
            assert home.stop() == 0
            home.start()
        crowd.wait_together()
        assert fleet.owner(LAB) == HOME

    def test_drained_to_its_sibling(
        self,
        fleet: Fleet,
        crowd: Crowd,
        loyal: Crowd,
        home: Host,
        stock: tuple[StockClient, StockClient],
    ) -> None:
        """Clients knock at the port they know, whoever answers there, and are passed on."""
        sibling, rolled = home.nodes[1], len(home.events("all workers restarted"))
        loyal.wait_together()
        with sessions_kept(fleet, loyal, stock):
            fleet.set_mode(HOME, NodeMode.DRAINING)
            until(lambda: fleet.owner(LAB) == sibling, "the sibling to own LAB", 20, fleet.explain)
        with sessions_kept(fleet, loyal, stock):
            home.roll()
            home.wait_rolled(rolled + 1)
        with sessions_kept(fleet, loyal, stock):
            home.kill_worker(sibling)
        assert fleet.owner(LAB) == sibling
        assert home.events("connection passed on")
        fleet.set_mode(HOME, NodeMode.SERVING)
        with sessions_kept(fleet, loyal, stock):
            fleet.move(LAB, HOME)
        crowd.wait_together()


# -- the store ------------------------------------------------------------------------------------


def test_store_stopped(fleet: Fleet, crowd: Crowd) -> None:
    owners = [fleet.ownership(hub) for hub in (LAB, DEPOT)]
    with sessions_kept(fleet, crowd):
        fleet.store.stop()
        time.sleep(STORE_AWAY_S)
        fleet.store.start()
    assert [_grant(fleet.ownership(hub)) for hub in (LAB, DEPOT)] == [_grant(o) for o in owners]


def test_presence_connections_broken_again_and_again(fleet: Fleet, crowd: Crowd) -> None:
    """A broken connection to the store alone is nobody's death, and stops no frame."""
    owners = [fleet.ownership(hub) for hub in (LAB, DEPOT)]
    with sessions_kept(fleet, crowd):
        for _ in range(30):
            assert int(fleet.store.command("client", "kill", "type", "pubsub")) >= 0
            time.sleep(0.1)
    assert [_grant(fleet.ownership(hub)) for hub in (LAB, DEPOT)] == [_grant(o) for o in owners]


def _grant(owner: Ownership | None) -> tuple[str, int, int]:
    assert owner is not None
    return owner.node, owner.inc, owner.epoch


# -- a machine goes -------------------------------------------------------------------------------


def test_host_killed(fleet: Fleet, crowd: Crowd, home: Host) -> None:
    untouched = {name: crowd.state()[name] for name in ("cat", "dog")}
    nodes = fleet.records.nodes
    until(lambda: (row := nodes.node(HOME)) and row.witness, "a witness of the owner", 20)
    home.kill()
    others = fleet.host_of(AWAY).nodes
    until(lambda: fleet.owner(LAB) in others, "another owner of LAB", 20, fleet.explain)
    died = [line for line in fleet.history() if f" dead node={HOME} " in line]
    assert "its port refuses and its presence ended" in died[-1], "not because its lease ran out"
    crowd.wait_together(timeout=40)
    for name, before in untouched.items():
        now = crowd.state()[name]
        assert (now.session, now.logins, now.resumed) == (
            before.session,
            before.logins,
            before.resumed,
        )


def test_host_frozen(fleet: Fleet, crowd: Crowd, home: Host, tmp_path: Path) -> None:
    """When it goes on, not one frame of the hub it has lost leaves it.

    Its clients have not given it up by then, and what they sent waits in its sockets.
    """
    direct_port = TCP_PORT + 1 + home.nodes.index(HOME)
    with Capturing(home.namespace, tmp_path / "segments") as capturing:

        def frames(since: float = 0.0) -> list[Segment]:
            ours = [s for s in capturing.segments() if s.source_port == direct_port]
            return [s for s in ours if s.at > since and s.size > LARGEST_KEEP_ALIVE]

        until(frames, "frames of the crowd to pass", 20)
        home.freeze()
        connections = {(s.target, s.target_port) for s in frames()}
        others = fleet.host_of(AWAY).nodes
        until(lambda: fleet.owner(LAB) in others, "another owner of LAB", 20, fleet.explain)
        thawed = time.monotonic()
        home.thaw()
        until(lambda: home.events("lease lost, dynamic hubs are closed here"), "the loss", 20)
        crowd.wait_together(timeout=40)
        late = [s for s in frames(thawed) if (s.target, s.target_port) in connections]
        assert late == []


def test_leader_killed(fleet: Fleet, crowd: Crowd, tmp_path: Path) -> None:
    until(fleet.leader, "a leader", 20, fleet.explain)
    leads = fleet.host_of(fleet.leader())
    other = next(host for host in fleet.hosts.values() if host is not leads)
    for hub, node in zip((LAB, DEPOT), other.nodes, strict=True):
        fleet.move(hub, node)
        crowd.wait_together(hub)
    before, attempts = crowd.state(), tmp_path / "attempts"
    with logging_in(fleet, other, attempts):
        wait_attempts(attempts, 2)
        leads.kill()
        killed = time.monotonic()
        until(lambda: fleet.leader() in other.nodes, "another leader", 20, fleet.explain)
        wait_attempts(attempts, 8)
    crowd.wait_together()
    after = crowd.state()
    for name, was in before.items():
        assert (after[name].logins, after[name].resumed) == (was.logins, was.resumed)
    tried = [json.loads(line) for line in attempts.read_text().splitlines() if line.endswith("}")]
    assert not [attempt["why"] for attempt in tried if attempt["why"]]
    assert sum(attempt["began"] > killed for attempt in tried) >= 2


@contextmanager
def logging_in(fleet: Fleet, host: Host, path: Path) -> Iterator[None]:
    """Log in to LAB at `host` again and again; `path` tells of each attempt."""
    argv = [sys.executable, "-m", "tests.stock.login_probe", host.ip, str(TCP_PORT), LAB, "probe"]
    with (
        path.open("wb") as out,
        subprocess.Popen(
            fleet["knocker"].inside(*argv), stdin=subprocess.PIPE, stdout=out
        ) as probe,
    ):
        assert probe.stdin
        probe.stdin.write(f"{PASSWORD}\n".encode())
        probe.stdin.flush()
        try:
            yield
        finally:
            probe.terminate()


def wait_attempts(path: Path, count: int) -> None:
    """Wait until so many more attempts to log in are over."""
    began = path.read_text().count("\n")
    what = f"{count} more attempts to log in"
    until(lambda: path.read_text().count("\n") >= began + count, what, 40, path.read_text)


# -- a machine is emptied -------------------------------------------------------------------------


def test_drain(fleet: Fleet, crowd: Crowd, home: Host) -> None:
    for node in home.nodes:
        fleet.set_mode(node, NodeMode.DRAINING)
    others = fleet.host_of(AWAY).nodes
    until(lambda: fleet.owner(LAB) in others, "another owner of LAB", 20, fleet.explain)
    crowd.wait_together()
    until(lambda: not carried(fleet, home), f"{home.name} to be empty", 30, fleet.explain)
    told = crowd.sessions()
    mine = {LAB: {told["ann"], told["bob"]}, DEPOT: {told["cat"], told["dog"]}}
    # Their old sessions ended; what other tests left on the hubs ends by the time-out.
    until(
        lambda: {hub: set(fleet.sessions(hub)) for hub in mine} == mine,
        "nothing to be listed but the crowd",
        60,
        lambda: (mine, fleet.sessions(LAB), fleet.sessions(DEPOT)),
    )
    assert {node for hub in mine for node in fleet.sessions(hub).values()} <= set(others)


def carried(fleet: Fleet, host: Host) -> int:
    """Return how many sessions a machine carries, by its own account."""
    return sum(row.sessions for row in fleet.records.nodes.nodes() if row.id in host.nodes)


# -- what is refused ------------------------------------------------------------------------------


def test_tickets_not_taken(fleet: Fleet, crowd: Crowd) -> None:
    settings = fleet.records.prologue.keys.settings()
    life_ms = fleet.store.command("HGET", settings, "ticket_ms")
    fleet.store.command("HSET", settings, "ticket_ms", "1000")
    entry = fleet.host_of(AWAY).ip
    argv = [sys.executable, "-m", "tests.fault.present_tickets", entry, str(TCP_PORT)]
    try:
        told = fleet["knocker"].run(*argv, LAB, DEPOT, "probe", PASSWORD, str(TICKET_AGE_S))
    finally:
        fleet.store.command("HSET", settings, "ticket_ms", life_ms)
    refused = f"code {int(ErrorCode.AUTH_FAILED)}"
    assert json.loads(told.splitlines()[-1]) == {
        "forged": refused,
        "of another node": refused,
        "of another hub": refused,
        "good": "welcome",
        "reused": refused,
        "expired": refused,
    }
    until(
        lambda: (
            (counts := fleet.counts())["ticket-unknown"] >= 3 and counts["ticket-elsewhere"] >= 2
        ),
        "refused tickets to be counted",
        20,
        fleet.counts,
    )


def test_second_process_of_a_name(fleet: Fleet, crowd: Crowd, tmp_path: Path) -> None:
    """Neither beside the first nor on another machine; the first goes on."""
    home = fleet.host_of(HOME)
    registered = fleet.records.nodes.node(HOME)
    assert registered is not None
    with sessions_kept(fleet, crowd), ExitStack() as stack:
        seconds = [
            stack.enter_context(_second(host, tmp_path / host.name))
            for host in fleet.hosts.values()
        ]
        for second in seconds:
            assert second.wait(60) != 0
            assert f"is process {home.pid_of(HOME)} on" in second.output()
            assert "another process has our name" in second.output()
    now = fleet.records.nodes.node(HOME)
    assert now is not None
    assert now.inc == registered.inc


def _second(host: Host, directory: Path) -> Process:
    directory.mkdir()
    argv = [*host.argv, "--state-dir", str(directory), "gateway", "--workers", "0"]
    return host.namespace.start(
        *argv, "--node", HOME, "--listen", "0.0.0.0:7777", log=directory / "log", env=UNSET
    )
