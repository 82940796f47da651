"""Nodes: a readable row each, and orders that arrive whatever reply is lost."""

from dataclasses import replace

import pytest

from coordinator.errors import InvalidValue, NotFound
from coordinator.fleet import Fleet
from tests.contract.values import LATER, NODE, NOW, furnish, open_session


def test_row_says_how_the_node_is(fleet: Fleet) -> None:
    busy = replace(NODE, sessions=3, connections=5, counts={"over-limit": 2})
    fleet.nodes.heartbeat(busy, LATER)
    assert fleet.nodes.node("node-1") == replace(busy, updated=LATER)
    assert fleet.nodes.nodes() == [replace(busy, updated=LATER)]
    assert fleet.nodes.node("node-2") is None


def test_row_of_a_new_process_has_nothing_of_the_one_before(fleet: Fleet) -> None:
    fleet.nodes.heartbeat(replace(NODE, counts={"over-limit": 2}), NOW)
    fleet.nodes.heartbeat(replace(NODE, pid=1, started=LATER), LATER)
    assert fleet.nodes.node("node-1").counts == {}


def test_pulse_brings_the_directory_version(fleet: Fleet) -> None:
    assert fleet.nodes.heartbeat(NODE, NOW).directory_version == 0
    furnish(fleet)
    assert fleet.nodes.heartbeat(NODE, NOW).directory_version == 2


def test_orders_come_again_until_they_are_named_done(fleet: Fleet) -> None:
    furnish(fleet)
    first, second = open_session(fleet), open_session(fleet)
    fleet.sessions.kick("corp", first.name)
    lost = fleet.nodes.heartbeat(NODE, NOW)
    fleet.sessions.kick("corp", second.name)
    again = fleet.nodes.heartbeat(NODE, NOW)
    assert [o.session for o in again.orders] == [first.name, second.name]
    assert lost.orders == again.orders[:1]
    part = fleet.nodes.heartbeat(NODE, NOW, lost.last_order)
    assert [o.session for o in part.orders] == [second.name]
    none = fleet.nodes.heartbeat(NODE, NOW, part.last_order)
    assert none.orders == ()
    assert none.last_order == part.last_order
    assert fleet.nodes.heartbeat(NODE, NOW).orders == ()


def test_an_order_goes_to_the_node_that_has_the_session_now(fleet: Fleet) -> None:
    furnish(fleet)
    record = fleet.sessions.adopt(open_session(fleet), "node-2", LATER)
    fleet.sessions.kick("corp", record.name)
    assert fleet.nodes.heartbeat(NODE, NOW).orders == ()
    assert len(fleet.nodes.heartbeat(replace(NODE, id="node-2"), NOW).orders) == 1


def test_more_orders_than_fit_one_answer_all_arrive(fleet: Fleet) -> None:
    furnish(fleet)
    names = [open_session(fleet).name for _ in range(130)]
    fleet.directory.delete_hub("corp")
    first = fleet.nodes.heartbeat(NODE, NOW)
    second = fleet.nodes.heartbeat(NODE, NOW, first.last_order)
    assert (len(first.orders), len(second.orders)) == (100, 30)
    assert {o.session for o in first.orders + second.orders} == set(names)


def test_removed_node_is_gone(fleet: Fleet) -> None:
    fleet.nodes.heartbeat(NODE, NOW)
    fleet.nodes.remove("node-1", NOW)
    assert fleet.nodes.nodes() == []
    with pytest.raises(NotFound, match="no node named 'node-1'"):
        fleet.nodes.remove("node-1", NOW)


def test_a_node_name_that_cannot_be_is_refused(fleet: Fleet) -> None:
    with pytest.raises(InvalidValue, match="node name 'Node:1'"):
        fleet.nodes.heartbeat(replace(NODE, id="Node:1"), NOW)
