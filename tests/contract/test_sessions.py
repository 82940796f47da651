"""Sessions: admitted under exact limits, adopted, fenced by their epoch, removed whole."""

from dataclasses import replace

import pytest

from coordinator.errors import HubOffline, Limit, NoRoom, NotFound
from coordinator.fleet import Fleet
from coordinator.model import Hub, SessionUpdate, Traffic
from tests.contract.values import (
    ALICE,
    HUB,
    LATER,
    LOGIN,
    NOW,
    furnish,
    machine,
    new_key,
    open_session,
    orders_of,
)

FULL_LOGIN = replace(
    LOGIN,
    client_name="SoftEther VPN Client",
    client_version=444,
    client_build=9807,
    host_name="laptop",
    unique_id=machine(7),
    policy={"Access": 1, "MaxConnection": 8},
    max_connection=8,
    timeout_ms=3000,
    use_encrypt=True,
    use_compress=True,
    half_connection=True,
    qos=True,
    bridge=True,
    monitor=True,
)


def test_session_is_recorded_with_all_that_its_login_settled(fleet: Fleet) -> None:
    furnish(fleet)
    key = new_key()
    record = fleet.sessions.open(FULL_LOGIN, key, NOW)
    assert (record.name, record.epoch) == ("SID-ALICE-1", 1)
    assert (record.created, record.seen, record.adopted) == (NOW, NOW, "")
    for name in type(FULL_LOGIN).__dataclass_fields__:
        assert getattr(record, name) == getattr(FULL_LOGIN, name)
    assert fleet.sessions.by_key(key) == record
    assert fleet.sessions.get("CORP", "sid-alice-1") == record


def test_number_in_the_name_counts_per_hub_and_is_not_used_again(fleet: Fleet) -> None:
    furnish(fleet)
    furnish(fleet, Hub("Other"), replace(ALICE, hub="Other"))
    fleet.sessions.close(open_session(fleet))
    names = [open_session(fleet).name, open_session(fleet, hub="other").name]
    assert names == ["SID-ALICE-2", "SID-ALICE-1"]


def test_sessions_are_listed_by_hub_user_and_node(fleet: Fleet) -> None:
    furnish(fleet)
    fleet.directory.create_user(replace(ALICE, name="Bob"), NOW)
    alices = open_session(fleet)
    bobs = open_session(fleet, user="BOB", node="node-2")
    assert fleet.sessions.of_hub("CORP") == [alices, bobs]
    assert fleet.sessions.of_user("corp", "bob") == [bobs]
    assert fleet.sessions.of_node("node-1") == [alices]
    assert fleet.sessions.of_node("node-1", but=[alices]) == []
    assert fleet.sessions.count("corp") == 2
    assert fleet.sessions.of_hub("other") == []


def test_who_may_not_open(fleet: Fleet) -> None:
    with pytest.raises(NotFound, match="no hub named 'Corp'"):
        open_session(fleet)
    fleet.directory.create_hub(HUB, NOW)
    with pytest.raises(NotFound, match="no user named 'Alice'"):
        open_session(fleet)
    fleet.directory.create_user(ALICE, NOW)
    hub = fleet.directory.hub("corp")
    fleet.directory.set_hub(replace(hub, online=False), NOW)
    with pytest.raises(HubOffline, match="hub 'Corp' is offline"):
        open_session(fleet)
    assert fleet.sessions.count("corp") == 0


def test_hub_is_full_at_its_limit(fleet: Fleet) -> None:
    furnish(fleet, replace(HUB, max_sessions=2))
    first = open_session(fleet)
    open_session(fleet)
    with pytest.raises(NoRoom, match="hub-sessions of 'Corp': 2 taken, 2 allowed") as caught:
        open_session(fleet)
    assert (caught.value.limit, caught.value.seen, caught.value.allowed) == (
        Limit.HUB_SESSIONS,
        2,
        2,
    )
    fleet.sessions.close(first)
    open_session(fleet)


def test_a_full_hub_lets_him_in_whose_own_session_waits(fleet: Fleet) -> None:
    """After a takeover a client that logged in anew was told 16 and waited a minute."""
    furnish(fleet, Hub("Corp", max_sessions=1))
    record = open_session(fleet, unique_id=machine(1))
    with pytest.raises(NoRoom):
        open_session(fleet, unique_id=machine(1))
    assert fleet.sessions.adopt(record, "node-2", LATER) is not None
    with pytest.raises(NoRoom):
        open_session(fleet, unique_id=machine(2), host_name="laptop")
    assert open_session(fleet, unique_id=machine(1)).name == "SID-ALICE-2"


def test_a_stock_client_is_known_by_where_it_comes_from(fleet: Fleet) -> None:
    """Its machine id changes with the addresses its computer has, the VPN's included."""
    furnish(fleet, Hub("Corp", max_sessions=1))
    policy = {"MultiLogins": 1}
    record = open_session(fleet, unique_id=machine(1), host_name="laptop", policy=policy)
    with pytest.raises(NoRoom) as full:
        open_session(fleet, unique_id=machine(2), host_name="laptop")
    assert not full.value.may_change
    with pytest.raises(NoRoom) as full:
        open_session(fleet, unique_id=machine(2), host_name="laptop", node="node-2")
    assert full.value.may_change, "its node may have died just now"
    assert fleet.sessions.adopt(record, "node-2", LATER) is not None
    again = {"unique_id": machine(2), "host_name": "laptop", "policy": policy}
    with pytest.raises(NoRoom):
        open_session(fleet, **{**again, "host_name": "desktop"})
    with pytest.raises(NoRoom) as full:
        open_session(fleet, **again, address="198.51.100.8:50000")
    assert not full.value.may_change
    assert open_session(fleet, **again, address="198.51.100.7:50001").name == "SID-ALICE-2"


def test_user_is_limited_over_machines_not_on_one(fleet: Fleet) -> None:
    furnish(fleet)
    limited = {"MultiLogins": 2}
    for number in (1, 2, 2):
        open_session(fleet, policy=limited, unique_id=machine(number))
    with pytest.raises(NoRoom, match="user-logins of 'Alice': 3 taken, 2 allowed") as caught:
        open_session(fleet, policy=limited, unique_id=machine(3))
    assert caught.value.limit is Limit.USER_LOGINS
    # From machine 1 only the two sessions of machine 2 count, from machine 2 the one of machine 1.
    with pytest.raises(NoRoom, match="2 taken, 2 allowed"):
        open_session(fleet, policy=limited, unique_id=machine(1))
    open_session(fleet, policy=limited, unique_id=machine(2))


def test_machines_that_do_not_say_who_they_are_all_count(fleet: Fleet) -> None:
    furnish(fleet)
    open_session(fleet, policy={"MultiLogins": 1}, unique_id=bytes(20))
    with pytest.raises(NoRoom, match="1 taken, 1 allowed"):
        open_session(fleet, policy={"MultiLogins": 1}, unique_id=bytes(20))
    with pytest.raises(NoRoom, match="1 taken, 1 allowed"):
        open_session(fleet, policy={"MultiLogins": 1}, unique_id=b"")


def test_opening_again_with_the_same_key_admits_one(fleet: Fleet) -> None:
    furnish(fleet, replace(HUB, max_sessions=1))
    key = new_key()
    record = fleet.sessions.open(LOGIN, key, NOW)
    assert fleet.sessions.open(LOGIN, key, NOW) == record
    assert fleet.traffic.hub("corp").logins == 1


def test_adopting_moves_a_session_under_a_higher_epoch(fleet: Fleet) -> None:
    furnish(fleet)
    key = new_key()
    opened = fleet.sessions.open(FULL_LOGIN, key, NOW)
    adopted = fleet.sessions.adopt(opened, "node-2", LATER)
    assert adopted == replace(opened, node="node-2", epoch=2, adopted=LATER, seen=LATER)
    assert fleet.sessions.by_key(key) == adopted
    assert fleet.sessions.of_node("node-1") == []
    assert fleet.sessions.of_node("node-2") == [adopted]


def test_what_was_taken_over_cannot_be_changed_by_the_one_before(fleet: Fleet) -> None:
    furnish(fleet)
    before = open_session(fleet)
    after = fleet.sessions.adopt(before, "node-1", LATER)  # the same node, restarted
    assert fleet.sessions.update([SessionUpdate(before, 9)], LATER) == [before]
    assert not fleet.sessions.close(before)
    assert fleet.sessions.get("corp", before.name) == after
    assert fleet.sessions.update([SessionUpdate(after, 1)], LATER) == []
    assert fleet.sessions.close(after)


def test_what_ended_cannot_be_adopted(fleet: Fleet) -> None:
    furnish(fleet)
    key = new_key()
    record = fleet.sessions.open(LOGIN, key, NOW)
    assert fleet.sessions.close(record)
    assert not fleet.sessions.close(record)
    assert fleet.sessions.by_key(key) is None
    assert fleet.sessions.adopt(record, "node-2", LATER) is None
    assert fleet.sessions.of_node("node-2") == []


def test_a_new_session_of_an_old_name_is_not_the_old_one(fleet: Fleet) -> None:
    furnish(fleet)
    old = open_session(fleet)
    fleet.directory.delete_hub("corp")
    furnish(fleet)
    new = open_session(fleet)
    assert (new.name, new.epoch) == (old.name, old.epoch)
    assert fleet.sessions.adopt(old, "node-2", LATER) is None
    assert fleet.sessions.update([SessionUpdate(old, 9)], LATER) == [old]
    assert not fleet.sessions.close(old)
    assert fleet.sessions.get("corp", new.name) == new


def test_sessions_of_a_hub_that_went_offline_cannot_be_adopted(fleet: Fleet) -> None:
    hub, _ = furnish(fleet)
    record = open_session(fleet)
    fleet.directory.set_hub(replace(hub, online=False), NOW)
    assert fleet.sessions.adopt(record, "node-2", LATER) is None


def test_report_adds_traffic_and_keeps_hints_it_does_not_know(fleet: Fleet) -> None:
    furnish(fleet)
    record = open_session(fleet)
    seen = ("02:00:00:00:00:01", "02:00:00:00:00:02")
    moved = Traffic(1, 100, 2, 200, 3, 300, 4, 400)
    for macs, ips in ((seen, ("10.0.0.1", "fe80::1")), (None, None), ((), None)):
        update = SessionUpdate(record, 8, moved, macs, ips)
        assert fleet.sessions.update([update], LATER) == []
    found = fleet.sessions.get("corp", record.name)
    assert found == replace(
        record,
        connections=8,
        seen=LATER,
        traffic=moved + moved + moved,
        ips=("10.0.0.1", "fe80::1"),
    )


def test_sweeping_ends_only_what_nobody_took_over(fleet: Fleet) -> None:
    furnish(fleet)
    left = [open_session(fleet) for _ in range(3)]
    read = fleet.sessions.of_node("node-1")
    resumed = fleet.sessions.adopt(left[1], "node-1", LATER)
    assert fleet.sessions.sweep(read) == [left[0], left[2]]
    assert fleet.sessions.of_node("node-1") == [resumed]
    assert fleet.sessions.count("corp") == 1


def test_kicked_session_is_unknown_at_once_and_its_node_is_told(fleet: Fleet) -> None:
    furnish(fleet, replace(HUB, max_sessions=1))
    key = new_key()
    record = fleet.sessions.open(LOGIN, key, NOW)
    fleet.sessions.kick("CORP", record.name.lower())
    assert fleet.sessions.by_key(key) is None
    (order,) = orders_of(fleet, "node-1")
    assert (order.hub, order.session, order.key_hash) == ("corp", record.name, record.key_hash)
    assert fleet.sessions.update([SessionUpdate(record, 1)], LATER) == [record]
    open_session(fleet)  # its place is free
    with pytest.raises(NotFound, match="no session named 'SID-ALICE-1'"):
        fleet.sessions.kick("corp", "SID-ALICE-1")


def test_a_session_that_ended_leaves_nothing_behind(fleet: Fleet) -> None:
    furnish(fleet)
    before = set(fleet.store.scan())
    fleet.sessions.close(open_session(fleet, unique_id=machine(1)))
    left = {key for key, _ in set(fleet.store.scan()) - before}
    keys = fleet.store.keys
    assert left == {
        keys.session_number("corp"),
        keys.hub_traffic("corp"),
        keys.user_traffic("corp", "alice"),
    }


def test_a_user_name_may_contain_what_separates_keys(fleet: Fleet) -> None:
    furnish(fleet, user=replace(ALICE, name="a:b}@c.d"))
    key = new_key()
    record = fleet.sessions.open(replace(LOGIN, user="A:B}@C.D"), key, NOW)
    assert record.name == "SID-A:B}@C.D-1"
    assert fleet.sessions.by_key(key) == record
    assert fleet.sessions.of_user("corp", "a:b}@c.d") == [record]
    assert fleet.sessions.adopt(record, "node-2", LATER) is not None
    assert fleet.directory.delete_user("corp", "a:b}@c.d") == 1
