"""What the doctor says of what was seen: one fault at a time, in an otherwise healthy fleet."""

from dataclasses import replace

import pytest

from coordinator.election import Leader
from coordinator.model import BridgeState, BridgeStatus, Node, NodeMode, NodeState
from coordinator.times import Timestamp, from_timestamp
from gateway.admin.fleet_status import HubCounts, Snapshot, StoreReport
from gateway.admin.nodes import Health, NodeReport
from gateway.doctor.findings import Level, worst
from gateway.doctor.fleet import Reach, judge_fleet, judge_ports
from gateway.doctor.machine import MachineFacts, judge_machine
from gateway.doctor.names import NameFacts, judge_name
from gateway.doctor.store import StoreFacts, judge_store

NOW = Timestamp("2026-01-31T12:00:00.000Z")
STORE_S = from_timestamp(NOW).timestamp()
INFO = {"server_name": "valkey", "valkey_version": "9.1.0", "redis_version": "7.2.4"}
INFO |= {"aof_enabled": "1", "maxmemory_policy": "noeviction", "role": "master"}
STORE = StoreFacts("unix:///run/valkey.sock", INFO, [0.1, 0.2, 0.3], 0.01)
MACHINE = MachineFacts(
    process="the gateway (process 7)",
    max_files=20_000,
    capabilities=(1 << 41) - 1,
    has_tun=True,
    mtu=("eth0", 1500),
    listen=[("0.0.0.0:5555", "")],
    tcp_ports=[5555],
    free_bytes=10**10,
    is_embedded=True,
)


def node(name: str, **fields: object) -> NodeReport:
    row = replace(
        Node(name, 1, "h", "192.0.2.1:1", "1.0", NOW, updated=NOW, inc=1),
        **{
            "terms": "timeout_s=20",
            "certificate": "ab" * 32,
            "direct_address": f"192.0.2.{name}",
            **fields,
        },
    )
    health = Health.UP if row.state is NodeState.UP else Health.DEAD
    return NodeReport(row, health, 0, 0)


def fleet(*nodes: NodeReport, days: int | None = 300, **hubs: int) -> Snapshot:
    store = StoreReport("redis://h", "valkey 9", 0.1, 1)
    leader = Leader("1", 1, 1, NOW, 1)
    counts = HubCounts(**hubs)
    return Snapshot(NOW, "default", store, leader, nodes, counts, certificate_days=days)


def faults(findings) -> dict[str, tuple[Level, str]]:
    """Return what is not well, by check; each says what to do."""
    found = [f for f in findings if f.level]
    assert all(f.advice for f in found)
    return {f.check: (f.level, f.seen) for f in found}


def test_what_is_well_is_said_and_needs_no_advice():
    seen = fleet(node("1"), node("2"))
    findings = [
        *judge_store(STORE),
        *judge_fleet(seen, STORE_S),
        *judge_ports([Reach("1", "192.0.2.1:5555")]),
        *judge_machine(MACHINE),
        *judge_name(NameFacts("vpn", ("192.0.2.1", "192.0.2.2", "2001:db8::1"), 60), seen.nodes),
    ]
    assert worst(findings) is Level.OK
    assert not any(f.advice for f in findings)
    assert len({f.check for f in findings}) == len(findings)


@pytest.mark.parametrize(
    ("info", "check", "level"),
    [
        ({"maxmemory_policy": "allkeys-lru", "maxmemory": "1000000"}, "store eviction", Level.ERR),
        ({"maxmemory_policy": "allkeys-lru"}, "store eviction", Level.WARN),
        ({"aof_enabled": "0"}, "store persistence", Level.ERR),
        ({"aof_last_write_status": "err"}, "store persistence", Level.ERR),
        ({"rdb_last_bgsave_status": "err"}, "store dump", Level.WARN),
        ({"redis_version": "6.0.16"}, "store version", Level.ERR),
        ({"role": "slave", "master_host": "r1"}, "store role", Level.ERR),
        ({"used_memory": "90", "maxmemory": "100"}, "store memory", Level.WARN),
        ({"used_memory": "99", "maxmemory": "100"}, "store memory", Level.ERR),
    ],
)
def test_a_store_that_would_lose_something(info, check, level):
    assert faults(judge_store(replace(STORE, info={**INFO, **info})))[check][0] is level


@pytest.mark.parametrize(
    ("fields", "check", "level"),
    [
        ({"latency_ms": [30, 31, 32]}, "store latency", Level.WARN),
        ({"latency_ms": [1, 1, 900]}, None, None),
        ({"latency_ms": [300, 300, 900]}, "store latency", Level.ERR),
        ({"ahead_s": -5.0}, "store clock", Level.WARN),
        ({"ahead_s": 3600.0}, "store clock", Level.ERR),
        ({"where": "redis://store.example.org:6379"}, "store link", Level.WARN),
        ({"where": "rediss://store.example.org:6379"}, None, None),
        ({"where": "redis://127.0.0.1:6379"}, None, None),
        ({"where": "redis://[::1]:6379"}, None, None),
    ],
)
def test_a_store_that_is_far_away(fields, check, level):
    found = faults(judge_store(replace(STORE, **fields)))
    assert {name: one[0] for name, one in found.items()} == ({check: level} if check else {})


@pytest.mark.parametrize(
    ("nodes", "check", "seen"),
    [
        ((node("1"), node("2", version="1.1")), "node versions", "1.0 on 1; 1.1 on 2"),
        (
            (node("1"), node("2"), node("3", terms="timeout_s=5")),
            "node settings",
            "timeout_s=20 on 1, 2; timeout_s=5 on 3",
        ),
        (
            (node("1"), node("2", certificate="cd" * 32)),
            "node certificates",
            f"{'ab' * 8} on 1; {'cd' * 8} on 2",
        ),
        ((node("1"), node("2", state=NodeState.DEAD)), "nodes", "2 is dead"),
        ((), "nodes", "none is alive"),
        ((node("1", mode=NodeMode.CORDONED),), "nodes", "none takes new sessions"),
        (
            (node("1"), node("2", updated=Timestamp("2026-01-31T12:00:30.000Z"))),
            "node clocks",
            "2 is 30 s ahead of the store",
        ),
    ],
)
def test_nodes_that_differ_or_are_gone(nodes, check, seen):
    assert faults(judge_fleet(fleet(*nodes), STORE_S))[check][1] == seen


def test_a_row_that_is_old_is_no_clock_that_is_behind():
    silent = NodeReport(replace(node("1").node, updated=NOW), Health.UP, 3500, 0)
    assert "node clocks" not in faults(judge_fleet(fleet(silent), STORE_S + 3.5))


@pytest.mark.parametrize(("days", "level"), [(None, 1), (-1, 2), (3, 2), (20, 1), (31, 0)])
def test_a_certificate_that_ends(days, level):
    found = faults(judge_fleet(fleet(node("1"), days=days), STORE_S))
    assert found.get("certificate", (0,))[0] == level


def test_hubs_that_wait_for_an_owner():
    found = faults(judge_fleet(fleet(node("1"), waiting=2, placed=3), STORE_S))
    assert found["hubs"] == (Level.WARN, "2 without a living owner while clients wait")


def test_bridges_that_are_not_as_they_should_be():
    up = BridgeStatus("lan", "eth1", BridgeState.UP)
    missing = BridgeStatus("lan", "eth1", BridgeState.MISSING, "no interface eth1")
    loop = BridgeStatus("lan", "eth1", BridgeState.LOOP, "its own frames came back: shut")
    without = node("2", bridges=(missing,), refuses=("lan",))
    found = faults(judge_fleet(fleet(node("1", bridges=(up,)), without), STORE_S))
    said = "hub lan on 2: no interface eth1; it carries no sessions of it"
    assert found["bridges"] == (Level.WARN, said)
    found = faults(judge_fleet(fleet(node("1", bridges=(loop,))), STORE_S))
    assert found["bridges"] == (Level.WARN, "hub lan on 1: its own frames came back: shut")
    found = faults(judge_fleet(fleet(without), STORE_S))
    assert found["bridges"] == (Level.ERR, "no node can bridge hub lan")
    assert "bridges" not in faults(judge_fleet(fleet(node("1", bridges=(up,))), STORE_S))


def test_a_cascade_that_does_not_stand():
    seen = replace(fleet(node("1")), cascades=("cascade up of hub LAB: auth failed",))
    found = faults(judge_fleet(seen, STORE_S))
    assert found["cascades"] == (Level.WARN, "cascade up of hub LAB: auth failed")


def test_a_port_that_does_not_answer():
    reaches = [Reach("1", "192.0.2.1:5555"), Reach("2", "192.0.2.2:5555", "Connection refused")]
    assert faults(judge_ports(reaches)) == {
        "node ports": (Level.ERR, "2 does not answer at 192.0.2.2:5555: Connection refused")
    }


@pytest.mark.parametrize(
    ("fields", "check", "level"),
    [
        ({"max_files": 4096}, "file limit", Level.WARN),
        ({"max_files": 1024}, "file limit", Level.ERR),
        ({"capabilities": 0, "has_tun": False}, None, None),
        ({"capabilities": 0, "tcp_ports": [443]}, "capabilities", Level.ERR),
        ({"listen": [("0.0.0.0:443", "another program listens there")]}, "listen", Level.ERR),
        ({"mtu": None}, "MTU", Level.WARN),
        ({"mtu": ("ppp0", 1492)}, None, None),
        ({"mtu": ("tun0", 1000)}, "MTU", Level.WARN),
        ({"free_bytes": 5 * 10**8}, "disk", Level.WARN),
        ({"free_bytes": 0}, "disk", Level.ERR),
    ],
)
def test_a_machine_that_is_too_small(fields, check, level):
    found = faults(judge_machine(replace(MACHINE, **fields)))
    assert {name: one[0] for name, one in found.items()} == ({check: level} if check else {})


@pytest.mark.parametrize(
    ("facts", "seen"),
    [
        (NameFacts("vpn", why_not="no such name"), ["no such name"]),
        (NameFacts("vpn", ("192.0.2.1",)), ["192.0.2.2 (2) is not in it"]),
        (NameFacts("vpn", ("192.0.2.1", "192.0.2.2", "192.0.2.9")), ["192.0.2.9 is no living"]),
        (NameFacts("vpn", ("198.51.100.1",)), ["198.51.100.1: no living node names itself so"]),
        (NameFacts("vpn", ("192.0.2.1", "192.0.2.2"), 3600), ["its time to live is 3600 s"]),
    ],
)
def test_a_name_that_leads_elsewhere(facts, seen):
    findings = [f for f in judge_name(facts, fleet(node("1"), node("2")).nodes) if f.level]
    assert len(findings) == len(seen)
    for finding, wanted in zip(findings, seen, strict=True):
        assert wanted in finding.seen
        assert finding.advice
