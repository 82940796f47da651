"""The audit as the store keeps it, and the handlers that write to it."""

from dataclasses import replace

import pytest

from coordinator.access import AccessRule
from coordinator.audit import PROGRAM, Actor
from coordinator.errors import NotFound
from coordinator.fleet import Fleet
from coordinator.model import HubKind, NodeMode
from coordinator.times import read_timestamp
from gateway.admin import access, audit, bridges, groups, hubs, nodes, sessions, users
from tests.contract.values import LATER, LOGIN, NOW, new_key, register

ALICE = Actor("rpc", "alice", "192.0.2.1")


def lines(fleet: Fleet) -> list[tuple[str, str, str]]:
    return [(c.what, c.hub, c.about) for c in audit.latest(fleet, audit.Filter(), 100)]


def test_every_handler_that_changes_something_notes_it(fleet: Fleet) -> None:
    mine = fleet.acting(ALICE)
    hubs.create(mine, "Corp", HubKind.DYNAMIC, NOW)
    hubs.change(mine, "corp", LATER, max_sessions=4)
    users.add(mine, "corp", "Alice", NOW, password="correct horse")
    users.change(mine, "corp", "alice", LATER, password="battery staple", policy={"MaxMac": 3})
    register(fleet, "node-1")
    record = fleet.sessions.open(LOGIN, new_key(), NOW)
    sessions.kick(mine, "corp", record.name)
    nodes.set_mode(mine, "node-1", NodeMode.CORDONED, NOW)
    users.delete(mine, "corp", "alice")
    hubs.delete(mine, "corp")
    assert lines(fleet) == [
        ("hub create", "Corp", ""),
        ("hub set", "Corp", ""),
        ("user add", "Corp", "Alice"),
        ("user set", "Corp", "Alice"),
        ("session kick", record.hub, record.name),
        ("node set", "", "node-1"),
        ("user delete", "Corp", "Alice"),
        ("hub delete", "Corp", ""),
    ]
    noted = fleet.audit.latest(100)
    assert {change.actor for change in noted} == {ALICE}
    assert (noted[1].before, noted[1].after) == ({"max_sessions": "0"}, {"max_sessions": "4"})
    assert noted[3].after == {"secret": "(hidden)", "policy:MaxMac": "3"}
    assert (noted[5].before, noted[5].after) == ({"mode": "serving"}, {"mode": "cordoned"})


def test_rules_groups_and_bridges_are_noted_in_words(fleet: Fleet) -> None:
    hubs.create(fleet, "Corp", HubKind.DYNAMIC, NOW)
    rule = access.add(fleet, "corp", AccessRule(priority=10, discard=True, protocol=6), NOW)
    access.set_active(fleet, "corp", rule.id, False, NOW)
    access.replace_all(fleet, "corp", [replace(rule, priority=20)], NOW)
    groups.create(fleet, "corp", "Staff", NOW, policy={"MaxMac": 3})
    groups.delete(fleet, "corp", "staff")
    bridges.add(fleet, "corp", "eth1")
    assert lines(fleet)[1:] == [
        ("access add", "Corp", ""),
        ("access set", "Corp", ""),
        ("access set", "Corp", ""),
        ("group add", "Corp", "Staff"),
        ("group delete", "Corp", "Staff"),
        ("bridge add", "corp", "corp to eth1 on every gateway"),
    ]
    added, switched, *_ = fleet.audit.latest(6)
    assert "priority=10" in added.after[f"rule {rule.id}"]
    assert switched.before != switched.after
    assert fleet.audit.latest(3)[0].after == {"policy:MaxMac": "3"}


def test_what_fails_is_not_noted(fleet: Fleet) -> None:
    with pytest.raises(NotFound):
        users.delete(fleet.acting(ALICE), "none", "alice")
    assert lines(fleet) == []


def test_who_is_not_named_is_the_program(fleet: Fleet) -> None:
    hubs.create(fleet, "Corp", HubKind.DYNAMIC, NOW)
    assert fleet.audit.latest(1)[0].actor == PROGRAM


def test_the_audit_can_be_followed_and_looked_into_by_time(fleet: Fleet) -> None:
    for number in range(5):
        audit.record(fleet.acting(ALICE), "hub set", hub=f"H{number % 2}", after={"n": number})
    first, *_, last = fleet.audit.latest(5)
    assert [c.after["n"] for c in audit.after(fleet, first.id)] == ["1", "2", "3", "4"]
    assert audit.after(fleet, last.id) == []
    assert [c.after["n"] for c in audit.latest(fleet, audit.Filter("h1"), 1)] == ["3"]
    assert len(audit.since(fleet, audit.Filter(), first.at)) == 5
    assert audit.since(fleet, audit.Filter(), read_timestamp("2999-01-01T00:00:00Z")) == []


def test_the_audit_is_capped(fleet: Fleet, raw, monkeypatch) -> None:
    monkeypatch.setattr("coordinator.audit.KEPT", 200)
    for number in range(1000):
        fleet.audit.add("hub set", after={"n": str(number)})
    assert raw.xlen(fleet.store.keys.audit()) < 1000
    assert fleet.audit.latest(1)[0].after == {"n": "999"}
