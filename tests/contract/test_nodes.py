"""Nodes: a readable row each, and orders that arrive whatever reply is lost."""

import pytest

from coordinator.errors import Conflict, InvalidValue, NotFound
from coordinator.fleet import Fleet
from tests.contract.values import (
    LATER,
    NOW,
    furnish,
    open_session,
    orders_of,
    register,
    renew,
)


def test_row_says_how_the_node_is(fleet: Fleet) -> None:
    lease = register(fleet, "node-1")
    renew(fleet, lease, sessions=3, connections=5, counts={"over-limit": 2})
    row = fleet.nodes.node("node-1")
    assert (row.sessions, row.connections, row.counts) == (3, 5, {"over-limit": 2})
    assert (row.inc, row.updated) == (lease.inc, LATER)
    assert fleet.nodes.nodes() == [row]
    assert fleet.nodes.node("node-2") is None


def test_row_of_a_new_process_has_nothing_of_the_one_before(fleet: Fleet) -> None:
    renew(fleet, register(fleet, "node-1"), counts={"over-limit": 2})
    register(fleet, "node-1", pid=1, started=LATER)
    assert fleet.nodes.node("node-1").counts == {}


def test_a_renewal_brings_the_directory_version(fleet: Fleet) -> None:
    lease = register(fleet, "node-1")
    assert renew(fleet, lease).directory_version == 0
    furnish(fleet)
    assert renew(fleet, lease).directory_version == 2


def test_orders_come_again_until_they_are_named_done(fleet: Fleet) -> None:
    lease = register(fleet, "node-1")
    furnish(fleet)
    first, second = open_session(fleet), open_session(fleet)
    fleet.sessions.kick("corp", first.name)
    lost = renew(fleet, lease)
    fleet.sessions.kick("corp", second.name)
    again = renew(fleet, lease)
    assert [o.session for o in again.orders] == [first.name, second.name]
    assert lost.orders == again.orders[:1]
    part = renew(fleet, lease, last_order=lost.last_order)
    assert [o.session for o in part.orders] == [second.name]
    none = renew(fleet, lease, last_order=part.last_order)
    assert none.orders == ()
    assert none.last_order == part.last_order
    assert renew(fleet, lease).orders == ()


def test_an_order_goes_to_the_node_that_has_the_session_now(fleet: Fleet) -> None:
    furnish(fleet)
    record = fleet.sessions.adopt(open_session(fleet), "node-2", LATER)
    fleet.sessions.kick("corp", record.name)
    assert orders_of(fleet, "node-1") == ()
    assert len(orders_of(fleet, "node-2")) == 1


def test_more_orders_than_fit_one_answer_all_arrive(fleet: Fleet) -> None:
    lease = register(fleet, "node-1")
    furnish(fleet)
    names = [open_session(fleet).name for _ in range(130)]
    fleet.directory.delete_hub("corp")
    first = renew(fleet, lease)
    second = renew(fleet, lease, last_order=first.last_order)
    assert (len(first.orders), len(second.orders)) == (100, 30)
    assert {o.session for o in first.orders + second.orders} == set(names)


def test_only_a_node_that_ended_is_removed(fleet: Fleet) -> None:
    lease = register(fleet, "node-1")
    with pytest.raises(Conflict, match="alive"):
        fleet.nodes.remove("node-1", NOW)
    fleet.leases.leave(lease, "stops", NOW)
    fleet.nodes.remove("node-1", NOW)
    assert fleet.nodes.nodes() == []
    with pytest.raises(NotFound, match="no node named 'node-1'"):
        fleet.nodes.remove("node-1", NOW)


def test_a_node_name_that_cannot_be_is_refused(fleet: Fleet) -> None:
    with pytest.raises(InvalidValue, match="node name 'Node:1'"):
        register(fleet, "Node:1", boot="")
