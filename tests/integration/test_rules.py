"""Rules changed by the command line act on sessions that stand, on both nodes of a fleet.

    alice, bob ──► n-1 ─┐
                        ├─ embedded Valkey ◄── etherfleet access, group, user, hub source
    alice, bob ──► n-2 ─┘

The hub is static: an instance on each node, with sessions of its own.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from coordinator.access import AccessRule
from coordinator.fleet import Fleet, join
from coordinator.redis_store import connect
from coordinator.seal import read_fleet_key
from coordinator.times import utc_now
from gateway.errors import Refused
from gateway.wire.codes import ErrorCode
from tests.frames import BROADCAST, ethernet, ipv4, tcp
from tests.hostile.stranger import Stranger
from tests.integration.test_cli_fleet import ARGV, DEADLINE, environment, free_tcp_port

ALICE, BOB = bytes.fromhex("5e000000000a"), bytes.fromhex("5e000000000b")
TO_BOB = {"to": BOB, "by": ALICE}
WEB = ipv4("10.0.0.1", "10.0.0.2", 6, tcp(1000, 80), **TO_BOB)
ANSWER = ipv4("10.0.0.1", "10.0.0.2", 6, tcp(80, 1000, 0x12), **TO_BOB)
SETTINGS = '[gateway]\nredirect = "never"\n'


class Pair(NamedTuple):
    """Two clients of one node."""

    alice: Stranger
    bob: Stranger

    def passes(self, frame: bytes) -> bool:
        """Say whether a frame of Alice's reaches Bob: a mark that no rule is about follows it."""
        mark = ethernet(time.monotonic_ns().to_bytes(8) + bytes(38), 0x88B5, **TO_BOB)
        self.alice.send_frames(frame, mark)
        found = self.bob.receive_frames(1)
        if found[0] == frame:
            found += self.bob.receive_frames(1)
        assert found[-1] == mark
        return len(found) == 2


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ef-") as name:
        (Path(name) / "etherfleet.toml").write_text(SETTINGS)
        yield Path(name) / "s"


@pytest.fixture(scope="module")
def etherfleet(home: Path) -> Callable[..., str]:
    """Run one command to its end; return what it answered."""

    def run(*words: str) -> str:
        done = subprocess.run(
            [*ARGV, *words], capture_output=True, text=True, timeout=DEADLINE, env=environment(home)
        )
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="module")
def fleet(home: Path, etherfleet: Callable[..., str]) -> Iterator[Fleet]:
    """A gateway of two workers, with the static hub LAB."""
    log = home.with_name("log")
    command = [*ARGV, "gateway", "--config", str(home.with_name("etherfleet.toml"))]
    command += ["--workers", "2", "--node", "n", "--listen", f"127.0.0.1:{free_tcp_port()}"]
    with log.open("w") as out:
        process = subprocess.Popen(command, stderr=out, env=environment(home))
    try:
        etherfleet("wait", "--for", "nodes=2", "--for", "ok", "--timeout", str(DEADLINE - 5))
        etherfleet("hub", "create", "LAB", "--static")
        for user in ("alice", "bob"):
            etherfleet("user", "add", "LAB", user, "--anonymous")
        key = read_fleet_key((home / "fleet.key").read_text())
        fleet = join(connect(f"unix://{home / 'valkey.sock'}", "default"), key, utc_now())
        yield fleet
        fleet.store.close()
    finally:
        process.terminate()
        code = process.wait(DEADLINE)
    assert code == 0, log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def tcp_ports(fleet: Fleet) -> list[int]:
    """Where each node is reached."""
    return [node.direct_tcp_ports[0] for node in fleet.nodes.nodes()]


@pytest.fixture
def pairs(tcp_ports: list[int]) -> Iterator[list[Pair]]:
    """Alice and Bob on each node, who know each other."""
    made = [Pair(Stranger(tcp_port), Stranger(tcp_port)) for tcp_port in tcp_ports]
    for pair in made:
        pair.alice.login("alice")
        pair.bob.login("bob")
        # To everybody: sessions of the test before may still wait for their clients.
        pair.bob.send_frames(ethernet(bytes(46), 0x88B5, to=BROADCAST, by=BOB))
        pair.alice.receive_frames(1)
        assert pair.passes(WEB)
        assert pair.passes(ANSWER)
    yield made
    for pair in made:
        pair.alice.sock.close()
        pair.bob.sock.close()


def wait_for(pairs: list[Pair], frame: bytes, wanted: bool) -> float:
    """Wait until a frame passes, or does not, on all nodes; return how many seconds it took."""
    began = time.monotonic()
    while any(pair.passes(frame) is not wanted for pair in pairs):
        assert time.monotonic() < began + DEADLINE, f"passes is not {wanted}"
        time.sleep(0.02)
    return time.monotonic() - began


def test_an_access_list_acts_on_sessions_of_all_nodes(pairs, fleet, etherfleet, figure):
    rule = "discard --priority 10 --protocol tcp --destination-ports 80 --source-user alice"
    etherfleet("access", "add", "LAB", *rule.split())
    wait_for(pairs, WEB, False)
    assert all(pair.passes(ANSWER) for pair in pairs)
    etherfleet("access", "disable", "LAB", "1")
    wait_for(pairs, WEB, True)
    etherfleet("access", "delete", "LAB", "1", "--yes")
    no_tcp = AccessRule(1, discard=True, protocol=6)
    made = fleet.rules.add_access_rules("LAB", [no_tcp], utc_now())
    took = wait_for(pairs, WEB, False)
    figure("from a change in the store to two nodes that obey", f"{took:.2f} s")
    fleet.rules.delete_access_rules("LAB", [made[0].id], utc_now())
    wait_for(pairs, WEB, True)


def test_a_rule_lets_frames_arrive_later_or_not_at_all(pairs, etherfleet):
    web = "access add LAB pass --json --protocol tcp --destination-ports 80"
    late = json.loads(etherfleet(*web.split(), "--delay", "300", "--jitter", "10"))
    wait_overtaken(pairs, WEB, True)
    assert all(pair.passes(ANSWER) for pair in pairs)
    etherfleet("access", "delete", "LAB", str(late["number"]), "--yes")
    wait_overtaken(pairs, WEB, False)
    lost = json.loads(etherfleet(*web.split(), "--loss", "100"))
    wait_for(pairs, WEB, False)
    etherfleet("access", "delete", "LAB", str(lost["number"]), "--yes")
    wait_for(pairs, WEB, True)


def wait_overtaken(pairs: list[Pair], frame: bytes, wanted: bool) -> None:
    """Wait until a frame arrives behind one that is sent after it, or does not."""
    until = time.monotonic() + DEADLINE
    while any(is_overtaken(pair, frame) is not wanted for pair in pairs):
        assert time.monotonic() < until, f"overtaken is not {wanted}"


def is_overtaken(pair: Pair, frame: bytes) -> bool:
    """Say whether a frame that is sent first arrives last."""
    mark = ethernet(time.monotonic_ns().to_bytes(8) + bytes(38), 0x88B5, **TO_BOB)
    pair.alice.send_frames(frame, mark)
    found = pair.bob.receive_frames(2)
    assert sorted(found) == sorted([frame, mark])
    return found[0] == mark


def test_policies_of_a_group_act_on_sessions_of_its_members(pairs, etherfleet):
    etherfleet("group", "create", "LAB", "staff", "--policy", "NoServer=yes")
    etherfleet("user", "set", "LAB", "alice", "--group", "staff")
    wait_for(pairs, ANSWER, False)
    assert all(pair.passes(WEB) for pair in pairs)
    etherfleet("group", "delete", "LAB", "staff", "--yes")
    wait_for(pairs, ANSWER, True)


def test_an_option_of_the_hub_acts_on_sessions_that_stand(pairs, fleet, etherfleet):
    etherfleet("hub", "set", "LAB", "--option", "FilterIPv4=yes")
    wait_for(pairs, WEB, False)
    hub = fleet.directory.hub("LAB")
    assert hub is not None
    fleet.directory.set_hub(replace(hub, options={}), utc_now())
    wait_for(pairs, WEB, True)


def test_sessions_of_a_user_without_access_end(pairs, etherfleet):
    etherfleet("user", "set", "LAB", "alice", "--policy", "Access=no")
    assert [pair.alice.ended(DEADLINE) for pair in pairs] == ["notified"] * 2
    etherfleet("user", "set", "LAB", "alice", "--policy", "Access=default")


def test_source_rules_are_asked_at_login(pairs, tcp_ports, etherfleet):
    etherfleet("hub", "source", "deny", "LAB", "127.0.0.0/8", "--priority", "20")
    for tcp_port in tcp_ports:
        with Stranger(tcp_port) as stranger, pytest.raises(Refused) as refused:
            stranger.login("alice")
        assert refused.value.code == ErrorCode.SOURCE_ADDRESS_DENIED
    assert all(pair.passes(WEB) for pair in pairs)
    etherfleet("hub", "source", "allow", "LAB", "127.0.0.1", "--priority", "10")
    with Stranger(tcp_ports[0]) as stranger:
        stranger.login("alice")
    etherfleet("hub", "source", "delete", "LAB", "1", "2", "--yes")
