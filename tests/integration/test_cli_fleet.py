"""What operators do with a fleet, by the command line.

two clients ──TLS──► one gateway of two workers ──► embedded Valkey ◄── etherfleet <command>

The workers are the nodes n-1 and n-2; the clients join the dynamic hub LAB in user space.
"""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coordinator.fleet import Fleet, join
from coordinator.redis_store import connect
from coordinator.seal import read_fleet_key
from coordinator.times import utc_now
from gateway.cli.exits import ExitCode
from tests.stock.waiting import until

DEADLINE = 20  # seconds for anything to happen
ARGV = [sys.executable, "-m", "gateway"]

Run = Callable[..., str]


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ETHERFLEET")}
    return {**kept, "ETHERFLEET_STATE_DIR": str(home), "PYTHONUNBUFFERED": "1"}


def free_tcp_port() -> int:
    """Return a port that is free, as are most likely the two behind it."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ef-") as name:
        yield Path(name) / "s"


@pytest.fixture(scope="module")
def etherfleet(home: Path) -> Run:
    """Run one command to its end; return what it answered, stdout and stderr."""

    def run(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [*ARGV, *words],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            env=environment(home),
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, f"{words}: {done.returncode}\n{said}"
        assert "Traceback" not in said
        return said

    return run


@pytest.fixture(scope="module")
def answer(etherfleet: Run) -> Callable[..., object]:
    """Run one command and return its JSON."""

    def run(*words: str, code: int = 0) -> object:
        return json.loads(etherfleet(*words, "--format", "json", code=code))

    return run


@pytest.fixture(scope="module")
def gateway(home: Path, etherfleet: Run) -> Iterator[str]:
    """A gateway of two workers; the address clients connect to."""
    address = f"127.0.0.1:{free_tcp_port()}"
    log = home.with_name("log")
    with log.open("w") as out:
        process = subprocess.Popen(
            [*ARGV, "gateway", "--workers", "2", "--node", "n", "--listen", address],
            stderr=out,
            env=environment(home),
        )
    try:
        etherfleet("wait", "--for", "nodes=2", "--for", "ok", "--timeout", str(DEADLINE - 5))
        yield address
    finally:
        process.terminate()
        code = process.wait(DEADLINE)
    assert code == 0, log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def clients(gateway: str, home: Path, etherfleet: Run) -> Iterator[None]:
    """Two clients on LAB, which stay joined whatever happens."""
    etherfleet("hub", "create", "LAB")
    running = []
    for user in ("alice", "bob"):
        etherfleet("user", "add", "LAB", user, "--anonymous")
        words = ("connect", gateway, "LAB", "--user", user, "--anonymous", "--user-space")
        log = home.with_name(user).open("w")
        running.append(subprocess.Popen([*ARGV, *words], stdout=log, env=environment(home)))
        log.close()
    try:
        etherfleet("wait", "--for", "sessions=LAB:2", "--for", "owner=LAB")
        yield
    finally:
        for process in running:
            process.send_signal(signal.SIGINT)
        assert [process.wait(DEADLINE) for process in running] == [0, 0]


@pytest.fixture(scope="module")
def fleet(home: Path, gateway: str) -> Iterator[Fleet]:
    """A look into the store, quicker than a command."""
    store = connect(f"unix://{home / 'valkey.sock'}", "default")
    key = read_fleet_key((home / "fleet.key").read_text())
    yield join(store, key, utc_now(), create=False)
    store.close()


@pytest.fixture
def owner(clients: None, fleet: Fleet) -> str:
    """The node that serves LAB, with both clients on it."""
    return wait_for_clients(fleet)


def wait_for_clients(fleet: Fleet) -> str:
    """Wait until LAB's owner carries both clients; return it."""

    def carrying() -> str:
        owner = fleet.placement.owner("LAB")
        node = fleet.nodes.node(owner.node) if owner is not None and owner.node else None
        return node.id if node is not None and node.sessions == 2 else ""

    return until(carrying, "both clients to be back", DEADLINE, fleet.nodes.nodes)


def other(node: str) -> str:
    return "n-1" if node == "n-2" else "n-2"


def test_status_shows_it_all_on_one_screen(etherfleet, answer, owner):
    seen = answer("status")
    assert (seen["verdict"], seen["warnings"]) == ("ok", [])
    assert [(n["name"], n["state"], n["mode"]) for n in seen["nodes"]] == [
        ("n-1", "up", "serving"),
        ("n-2", "up", "serving"),
    ]
    assert (seen["hubs"]["placed"], seen["sessions"]) == (1, 2)
    assert seen["leader"]["is_alive"]
    assert 0 < seen["store"]["latency_ms"] < 1000
    assert all(node["renewed_ms"] < 4000 for node in seen["nodes"])
    assert seen["certificate_days"] > 3000
    shown = etherfleet("status")
    assert shown.startswith("fleet default: ok\n")
    assert "valkey.sock" in shown
    assert len(shown.splitlines()) < 24
    assert max(map(len, shown.splitlines()[1:])) <= 80


def test_a_node_and_its_hubs_are_shown(etherfleet, answer, fleet, owner):
    (hub,) = answer("node", "show", owner.upper())["owned"]
    assert (hub["hub"], hub["state"]) == ("lab", "active")
    assert hub["epoch"] == fleet.placement.owner("LAB").epoch
    assert "lab, active, epoch" in etherfleet("node", "show", owner)
    assert f"active on {owner}" in etherfleet("hub", "show", "LAB")
    assert owner in etherfleet("hub", "list")


def test_a_hub_is_moved_and_its_clients_follow(etherfleet, answer, fleet, owner):
    was = fleet.placement.owner("LAB")
    moved = answer("hub", "move", "LAB", "--to", other(owner), "--yes")
    assert (moved["was"], moved["node"], moved["sessions"]) == (owner, other(owner), 2)
    assert moved["epoch"] > was.epoch
    assert wait_for_clients(fleet) == other(owner)
    assert "already" in etherfleet("hub", "move", "LAB", "--to", other(owner))
    last = answer("history", "--hub", "LAB", "--last", "1")
    assert [(e["what"], e["hub"], e["node"]) for e in last] == [("active", "lab", other(owner))]


def test_a_node_is_drained_and_its_clients_are_elsewhere(etherfleet, answer, fleet, owner):
    assert "add --yes" in etherfleet("node", "drain", owner, code=ExitCode.USAGE)
    words = ("node", "drain", owner, "--rate", "50", "--yes", "--format", "json")
    drained = answer_of(etherfleet(*words))
    assert (drained["is_drained"], drained["hubs"], drained["sessions"]) == (True, 1, 2)
    assert (drained["hubs_left"], drained["sessions_left"]) == (0, 0)
    etherfleet("wait", "--for", f"drained={owner}", "--for", f"owner=LAB:{other(owner)}")
    assert wait_for_clients(fleet) == other(owner)
    assert f"{owner} is drained: it may be stopped" in etherfleet("status")

    line = etherfleet("node", "drain", other(owner), "--yes", code=ExitCode.FAILED)
    assert "no other node can take over" in line
    line = etherfleet("hub", "move", "LAB", "--to", owner, "--yes", code=ExitCode.FAILED)
    assert "it is up, draining" in line
    assert "no node takes new sessions" in etherfleet("node", "cordon", other(owner))
    assert answer("status", code=1)["verdict"] == "degraded"
    for node in (owner, other(owner)):
        etherfleet("node", "undrain", node)
    etherfleet("wait", "--for", "ok")


def answer_of(said: str) -> dict:
    """Return the JSON behind the lines that tell of progress."""
    return json.loads(said[said.index("{") : said.rindex("}") + 1])


def test_another_node_leads_when_the_leader_steps_down(etherfleet, answer, fleet, gateway):
    was = fleet.election.leader()
    assert answer("leader", "step-down") == {"was": was.node}
    etherfleet("wait", "--for", f"leader={other(was.node)}", "--timeout", "10")
    now = answer("leader", "show")
    assert now["is_alive"]
    assert now["epoch"] > was.epoch


def test_the_doctor_finds_a_running_fleet_and_what_is_wrong_with_it(answer, etherfleet, gateway):
    told = answer("doctor", code=2)
    levels = {finding["check"]: finding["level"] for finding in told["findings"]}
    assert levels["store persistence"] == levels["node versions"] == levels["node settings"] == "ok"
    assert levels["nodes"] == "ok"
    # Redirects to it name an address of this machine, and it listens on loopback only.
    assert levels["node ports"] == "err"
    assert told["verdict"] == "err"
    assert "[ERR]  node ports: n-1 does not answer at " in etherfleet("doctor", code=2)


def test_events_are_followed_to_ctrl_c(home, etherfleet, gateway):
    process = subprocess.Popen(
        [*ARGV, "events", "-f", "--last", "1", "--format", "json", "--node", "n-2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(home),
    )
    assert process.stdout is not None
    json.loads(process.stdout.readline())
    etherfleet("node", "cordon", "n-2")
    etherfleet("node", "undrain", "n-2")
    ready, _, _ = select.select([process.stdout], [], [], DEADLINE)
    assert ready
    told = [json.loads(process.stdout.readline()) for _ in range(2)]
    assert [(e["what"], e["why"], e["node"]) for e in told] == [
        ("mode", "cordoned", "n-2"),
        ("mode", "serving", "n-2"),
    ]
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == 0
    assert process.stdout.read() == ""
    process.stdout.close()
    modes = [
        json.loads(line)
        for line in etherfleet("audit", "--since", "5m", "--json").split("\n")
        if '"node set"' in line
    ]
    assert [(c["about"], c["after"]["mode"]) for c in modes[-2:]] == [
        ("n-2", "cordoned"),
        ("n-2", "serving"),
    ]
    assert modes[-1]["from_address"] == socket.gethostname()
    line = etherfleet("events", "--node", "n-2", "--last", "1").strip()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z +mode +n-2: serving", line)


def test_status_is_watched_to_ctrl_c(home, gateway):
    process = subprocess.Popen(
        [*ARGV, "status", "-w", "--format", "json"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(home),
    )
    assert process.stdout is not None
    seen = [json.loads(process.stdout.readline())["at"] for _ in range(2)]
    assert seen[0] < seen[1]
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == 0
    process.stdout.close()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("node show n-9", ExitCode.NOT_FOUND, "no node named 'n-9'; etherfleet node list"),
        ("node drain n-9 --yes", ExitCode.NOT_FOUND, "no node named 'n-9'"),
        ("node show n/9", ExitCode.USAGE, "are allowed"),
        ("node remove n-1", ExitCode.FAILED, "stop its gateway first"),
        ("hub move NOPE", ExitCode.NOT_FOUND, "no hub named 'NOPE'"),
        ("hub move IDLE", ExitCode.FAILED, "no node has it"),
        ("hub move STATIC", ExitCode.FAILED, "every node serves it"),
        ("wait --for nodes=9 --timeout 0", ExitCode.NOT_IN_TIME, "nodes=9 (2 are up)"),
        ("wait --for owner=IDLE --timeout 0", ExitCode.NOT_IN_TIME, "the hub is idle"),
        ("wait --for owner=STATIC", ExitCode.USAGE, "it has no owner"),
        ("wait --for drained=n-9", ExitCode.NOT_FOUND, "no node named"),
    ],
)
def test_an_error_is_one_line_and_its_code(etherfleet, idle_hubs, words, code, said):
    (line,) = etherfleet(*words.split(), code=code).splitlines()
    assert line.startswith("etherfleet: ")
    assert said in line


@pytest.fixture(scope="module")
def idle_hubs(etherfleet: Run, gateway: str) -> None:
    etherfleet("hub", "create", "IDLE")
    etherfleet("hub", "create", "STATIC", "--static")


def test_a_fleet_that_stopped_is_down_and_its_nodes_can_be_forgotten(etherfleet, answer, tmp_path):
    with tempfile.TemporaryDirectory(prefix="ef-") as name:
        home = Path(name)
        place = ("--state-dir", str(home / "s"))
        seen = answer("status", *place, code=2)
        assert (seen["verdict"], seen["store"]["is_reachable"]) == ("down", False)
        assert not (home / "s").exists()

        listen = ("--listen", "127.0.0.1:0", "--node", "solo", "--workers", "0")
        with (tmp_path / "log").open("w") as out:
            process = subprocess.Popen(
                [*ARGV, "gateway", *listen, *place], stderr=out, env=environment(home)
            )
        etherfleet("wait", "--for", "nodes=1", *place)
        assert "degraded" not in etherfleet("node", "cordon", "solo", *place)
        process.terminate()
        assert process.wait(DEADLINE) == 0

        assert "no gateway" in etherfleet("status", *place, code=2)
        (node,) = answer("node", "list", *place)
        assert (node["name"], node["state"], node["mode"]) == ("solo", "left", "cordoned")
        assert answer("node", "remove", "solo", *place) == {"removed": "solo", "state": "left"}
        assert "Start one" in etherfleet("node", "list", *place)
