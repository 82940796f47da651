"""Bridges in the store: rules, who acts on them, and placement that knows of them."""

from dataclasses import replace

import pytest

from coordinator import bridges
from coordinator.errors import AlreadyExists, InvalidValue, NotFound
from coordinator.fleet import Fleet
from coordinator.model import Bridge, Hub, HubKind, NewSession, SessionUpdate
from coordinator.placement import At, Here, Nobody
from tests.contract.test_placement import admit, settle, take
from tests.contract.values import (
    ALICE,
    LATER,
    LOGIN,
    NOW,
    furnish,
    let_pass,
    machine,
    new_key,
    register,
    renew,
)

RULE = Bridge("LAN", "eth1")


@pytest.fixture
def hub(fleet: Fleet) -> None:
    """A static hub, LAN."""
    furnish(fleet, Hub("LAN", HubKind.STATIC), replace(ALICE, hub="LAN"))


def test_a_rule_is_kept_as_it_was_added_and_raises_the_version(fleet: Fleet, hub) -> None:
    version = fleet.directory.version()
    added = [
        fleet.bridges.add(RULE),
        fleet.bridges.add(Bridge("lan", "none", node="gw4")),
        fleet.bridges.add(Bridge("lan", "office0", label="berlin", is_tap=True)),
    ]
    assert fleet.directory.version() == version + 3
    assert fleet.bridges.all() == [added[0], added[2], added[1]]
    for rule in added:
        fleet.bridges.remove(rule)
    assert fleet.bridges.all() == []
    assert fleet.directory.version() == version + 6


def test_a_rule_twice_or_for_no_hub_or_gone_is_an_error(fleet: Fleet, hub) -> None:
    fleet.bridges.add(RULE)
    with pytest.raises(AlreadyExists):
        fleet.bridges.add(replace(RULE, is_tap=True))
    with pytest.raises(NotFound):
        fleet.bridges.add(Bridge("nowhere", "eth1"))
    fleet.bridges.remove(RULE)
    with pytest.raises(NotFound):
        fleet.bridges.remove(RULE)


def test_there_are_not_more_rules_than_a_node_would_read(fleet: Fleet, hub, monkeypatch) -> None:
    monkeypatch.setattr(bridges, "MAX_RULES", 1)
    fleet.bridges.add(RULE)
    with pytest.raises(InvalidValue):
        fleet.bridges.add(replace(RULE, device="eth2"))


def test_the_rules_of_a_hub_go_with_it(fleet: Fleet, hub) -> None:
    furnish(fleet)
    fleet.bridges.add(RULE)
    kept = fleet.bridges.add(Bridge("corp", "eth1"))
    fleet.directory.delete_hub("lan")
    assert fleet.bridges.all() == [kept]


def test_a_static_hub_is_not_placed_where_it_is_refused(fleet: Fleet) -> None:
    one, two, three = settle(fleet)
    renew(fleet, one, refuses=("other", "lan"))
    renew(fleet, three, refuses=("lan",))
    found = {admit(fleet, one, "LAN")[0] for _ in range(4)}
    assert found == {At("node-2", "192.0.2.2", (5555, 992), 0)}
    new = replace(LOGIN, hub="LAN", node="node-1")
    stays = fleet.placement.admit(one, new, new_key(), NOW, stay=True)
    assert isinstance(stays, At)
    renew(fleet, two, refuses=("lan",))
    assert admit(fleet, two, "LAN")[0] == Nobody()
    renew(fleet, one)
    assert admit(fleet, one, "LAN")[0] == Here(None, True)


def test_a_dynamic_hub_is_placed_where_it_is_not_refused_if_it_can(fleet: Fleet) -> None:
    one, two = settle(fleet, 2)
    renew(fleet, one, refuses=("corp",))
    placed = fleet.placement.place(one, "corp", NOW, here=True)
    assert isinstance(placed, At)
    assert placed.node == "node-2"
    grant = take(fleet, two)
    renew(fleet, two, refuses=("corp",))
    moved = fleet.placement.transfer(grant, "", NOW)
    assert moved is not None, "better without its LAN than nowhere"


def test_who_comes_from_another_node_brings_what_was_behind_him(fleet: Fleet) -> None:
    """That node is not known to be dead yet when the fastest of its clients log in anew."""
    one, two = settle(fleet, 2)
    login = replace(LOGIN, hub="LAN", unique_id=machine(1), inc=one.inc)
    again = replace(login, node="node-2", inc=two.inc)
    record = fleet.sessions.open(login, new_key(), NOW)
    assert record.macs == ()
    macs = ("02:00:00:00:00:01", "02:00:00:00:00:02")
    fleet.sessions.update([SessionUpdate(record, 1, macs=macs)], NOW)
    kept = fleet.sessions.open(again, new_key(), NOW)
    assert kept.macs == (), "there is no bridge, so nobody has to know"
    fleet.bridges.add(RULE)
    assert fleet.sessions.open(login, new_key(), NOW).macs == (), "two are elsewhere: which?"
    fleet.sessions.kick("lan", kept.name)
    other = replace(again, unique_id=machine(2))
    assert fleet.sessions.open(other, new_key(), NOW).macs == ()


def test_of_one_session_elsewhere_the_addresses_are_known(fleet: Fleet) -> None:
    one, two = settle(fleet, 2)
    fleet.bridges.add(RULE)
    login = replace(LOGIN, hub="LAN", unique_id=machine(1), inc=one.inc)
    record = fleet.sessions.open(login, new_key(), NOW)
    macs = ("02:00:00:00:00:01", "02:00:00:00:00:02")
    fleet.sessions.update([SessionUpdate(record, 1, macs=macs)], NOW)
    beside = fleet.sessions.open(login, new_key(), NOW)
    assert beside.macs == (), "the other one is at the same node, and alive"
    fleet.sessions.kick("lan", beside.name)
    again = replace(login, node="node-2", inc=two.inc)
    assert fleet.sessions.open(again, new_key(), NOW).macs == macs


def test_of_sessions_that_nobody_is_at_all_addresses_are_known(fleet: Fleet) -> None:
    """A machine that was frozen is back, and with it a session whose client has gone on elsewhere;
    that machine dies, and now there are two."""
    one, two = settle(fleet, 2)
    fleet.bridges.add(RULE)
    login = replace(LOGIN, hub="LAN", unique_id=machine(1), inc=one.inc)
    second = replace(login, node="node-2", inc=two.inc)
    empty = fleet.sessions.open(login, new_key(), NOW)
    fleet.sessions.update([SessionUpdate(empty, 0, macs=("02:00:00:00:00:01",))], LATER)
    orphan = fleet.sessions.open(second, new_key(), NOW)
    update = SessionUpdate(orphan, 1, macs=("02:00:00:00:00:01", "02:00:00:00:00:02"))
    fleet.sessions.update([update], LATER)
    fleet.leases.leave(two, "killed", NOW)
    found = fleet.sessions.open(login, new_key(), NOW).macs
    assert sorted(found) == ["02:00:00:00:00:01", "02:00:00:00:00:02"]


def test_a_session_that_ended_leaves_its_addresses_to_the_next_login_of_its_client(
    fleet: Fleet, raw
) -> None:
    """A drain ends it before its client can be anywhere else: the LAN there would have to wait for
    a client that is silent, 2.3 s in one run."""
    one, two = settle(fleet, 2)
    fleet.bridges.add(RULE)
    login = replace(LOGIN, hub="LAN", unique_id=machine(1), inc=one.inc, host_name="pc")
    again = replace(login, node="node-2", inc=two.inc)
    macs = ("02:00:00:00:00:01", "02:00:00:00:00:02")

    def end(*hints: str) -> None:
        record = fleet.sessions.open(login, new_key(), NOW)
        fleet.sessions.update([SessionUpdate(record, 1, macs=hints)], NOW)
        fleet.sessions.close(record)

    def who_comes(login: NewSession) -> tuple[str, ...]:
        record = fleet.sessions.open(login, new_key(), NOW)
        fleet.sessions.close(record)
        return record.macs

    end(*macs)
    assert who_comes(replace(again, user="Alice", unique_id=machine(2), host_name="x")) == ()
    assert who_comes(replace(again, address="203.0.113.9:1")) == macs, "the same machine"
    end(*macs)
    assert who_comes(replace(again, unique_id=machine(3), address="198.51.100.7:9")) == macs
    end(*macs)
    assert (who_comes(again), who_comes(again)) == (macs, ()), "once"
    kept = fleet.sessions.open(login, new_key(), NOW)
    fleet.sessions.update([SessionUpdate(kept, 1, macs=("02:00:00:00:00:03",))], NOW)
    end(*macs)
    fleet.sessions.close(kept)
    assert who_comes(again) == ("02:00:00:00:00:03",), "of two, the one that ended last"
    end(*macs)
    let_pass(fleet, raw, 60_000)
    assert who_comes(again) == (), "too old"
    end(*macs)
    keys = fleet.store.keys
    assert raw.hlen(keys.left()) == raw.zcard(keys.left_since()) == 2, "what was old has gone"
    fleet.bridges.remove(RULE)
    who_comes(again)
    end(*macs)
    assert not raw.exists(keys.left()), "there is no bridge, so nobody has to know"


def test_what_a_node_has_seen_is_in_the_history(fleet: Fleet) -> None:
    register(fleet, "node-1")
    fleet.history.note("bridge", "eth1 is missing", NOW, node="node-1", hub="lan")
    event = fleet.history.latest(1)[0]
    assert (event.what, event.why, event.node, event.hub) == (
        "bridge", "eth1 is missing", "node-1", "lan"
    )  # fmt: skip
