"""What a snapshot of the fleet means: warnings degrade, notes do not, nobody alive is down."""

from dataclasses import replace

import pytest

from coordinator.election import Leader
from coordinator.model import Hub, HubKind, Node, NodeMode, NodeState
from coordinator.placement import Ownership
from coordinator.times import Timestamp
from gateway.admin.fleet_status import (
    HubCounts,
    Snapshot,
    StoreReport,
    Verdict,
    count_hubs,
    judge,
)
from gateway.admin.nodes import Health, LeaseClock, NodeReport

NOW = Timestamp("2026-01-31T12:00:00.000Z")
ONE = Node("gw-1", 1, "h", "192.0.2.1:5555", "0.1.0", NOW, sessions=3, inc=7, expires_ms=14_000)
TWO = replace(ONE, id="gw-2", inc=8)


def up(node: Node = ONE, hubs: int = 0, recorded: int = 3) -> NodeReport:
    return NodeReport(node, Health.UP, 200, hubs, recorded)


def gone(health: Health, *waiting: str) -> NodeReport:
    ended = replace(TWO, state=NodeState.DEAD, why="lease expired 14 ms ago")
    return NodeReport(ended, health, 9000, 1, len(waiting), waiting)


WELL = Snapshot(
    at=NOW,
    fleet="default",
    store=StoreReport("unix:///s", "valkey 9", 0.2, 1_000_000),
    leader=Leader("gw-1", 7, 9, NOW, 1),
    nodes=(up(), up(TWO)),
    hubs=HubCounts(placed=1),
)


def test_all_well_is_ok_without_a_word():
    judged = judge(WELL)
    assert (judged.verdict, judged.warnings, judged.notes) == (Verdict.OK, (), ())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nodes": (up(), gone(Health.DEAD))}, "gw-2 is dead (lease expired 14 ms ago)"),
        ({"nodes": (up(), gone(Health.SILENT))}, "gw-2 is silent for 9 s"),
        ({"leader": None}, "nobody leads"),
        ({"leader": Leader("gw-1", 6, 9, NOW, 1)}, "nobody leads"),
        ({"nodes": (up(replace(ONE, mode=NodeMode.CORDONED)),)}, "no node takes new sessions"),
        ({"nodes": (up(replace(ONE, is_host=False)),)}, "no node takes new sessions"),
        ({"hubs": HubCounts(waiting=2)}, "clients wait: 2"),
        ({"store": replace(WELL.store, faults=("appendonly is no",))}, "store: appendonly is no"),
        ({"cascades": ("cascade up of hub LAB: no answer",)}, "cascade up of hub LAB: no answer"),
        ({"certificate_days": 12}, "certificate ends in 12 days"),
        ({"certificate_days": -1}, "certificate has ended"),
    ],
)
def test_a_warning_degrades(change, said):
    judged = judge(replace(WELL, **change))
    assert judged.verdict is Verdict.DEGRADED
    assert any(said in warning for warning in judged.warnings), judged


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nodes": (up(), gone(Health.LEFT, "lab:SID-A-1"))}, "gw-2 has left"),
        ({"nodes": (up(), gone(Health.LEFT, "lab:SID-A-1"))}, "wait for their clients"),
        ({"nodes": (up(), up(replace(TWO, mode=NodeMode.CORDONED)))}, "gw-2 is cordoned"),
        ({"nodes": (up(), up(replace(TWO, mode=NodeMode.DRAINING), 4))}, "hubs left 4, sessions 3"),
        ({"nodes": (up(), up(replace(TWO, version="0.2.0")))}, "0.1.0 (1), 0.2.0 (1)"),
        ({"nodes": (up(), up(TWO, recorded=5))}, "gw-2 that it does not carry: 2"),
        ({"unreconciled": 2}, "the store was restarted; 2 nodes"),
    ],
)
def test_a_note_does_not(change, said):
    judged = judge(replace(WELL, **change))
    assert judged.verdict is Verdict.OK, judged
    assert any(said in note for note in judged.notes), judged


def test_drained_is_who_carries_nothing_and_is_given_nothing():
    empty = up(replace(ONE, mode=NodeMode.DRAINING, sessions=0))
    assert empty.is_drained
    assert not replace(empty, hubs=1).is_drained
    assert not replace(empty, node=replace(ONE, mode=NodeMode.DRAINING)).is_drained
    assert not replace(empty, node=replace(ONE, sessions=0)).is_drained
    assert gone(Health.LEFT).is_drained


@pytest.mark.parametrize("nodes", [(), (gone(Health.SILENT), gone(Health.DEAD))])
def test_without_a_living_node_it_is_down(nodes):
    judged = judge(replace(WELL, nodes=nodes))
    assert judged.verdict is Verdict.DOWN
    assert "start a gateway" in judged.warnings[0]


def test_silence_is_counted_by_the_clocks_of_the_store():
    clock = LeaseClock(lease_ms=12_000, seen_ms=100_000, store_ms=100_500, ttl_ms=4000)
    assert clock.renewed_ms(ONE) == 2500  # renewed at 10,000 on the lease clock; 500 since
    behind = replace(clock, store_ms=90_000)  # the store's clock was set back
    assert behind.renewed_ms(ONE) == 2000


def owner(hub: str, node: str, inc: int) -> Ownership:
    return Ownership(hub, node, inc, 1, "active", NOW, "placed")


def test_hubs_are_counted_once_each():
    hubs = [
        Hub("Placed"),
        Hub("Idle"),
        Hub("Freed"),
        Hub("Waiting"),
        Hub("Before"),
        Hub("Static", HubKind.STATIC),
        Hub("Off", online=False),
    ]
    owners = [
        owner("placed", "gw-1", 7),
        owner("off", "gw-1", 7),
        owner("freed", "", 0),
        owner("waiting", "gw-2", 8),
        owner("before", "gw-1", 6),
    ]
    nodes = [up(), gone(Health.DEAD, "waiting:SID-A-1", "placed:SID-A-2")]
    counted = count_hubs(hubs, owners, nodes)
    assert counted == HubCounts(placed=1, idle=3, waiting=1, static=1, offline=1)
    assert counted.all == len(hubs)
