"""Hubs and users: stored, found in any case, changed under their version, deleted whole."""

from dataclasses import replace

import pytest

from coordinator import directory as directory_module
from coordinator.directory import Lookup
from coordinator.errors import AlreadyExists, Conflict, InvalidValue, NotFound, SealBroken
from coordinator.fleet import Fleet
from coordinator.model import AuthKind, Hub, HubKind, User
from tests.contract.values import (
    ALICE,
    HUB,
    LATER,
    NOW,
    furnish,
    machine,
    open_session,
    orders_of,
    register,
)


def test_hub_is_stored_and_found_in_any_case(fleet: Fleet) -> None:
    hub = Hub("My Hub-1.(x)", HubKind.STATIC, False, 7, 8, "Grüß\nGott")
    made = fleet.directory.create_hub(hub, NOW)
    assert made == replace(hub, created=NOW, changed=NOW, version=1)
    assert fleet.directory.hub("MY HUB-1.(X)") == made
    assert fleet.directory.hubs() == [made]


def test_user_is_stored_and_found_in_any_case(fleet: Fleet) -> None:
    fleet.directory.create_hub(HUB, NOW)
    user = User(
        *("Corp", "Alice.B@example.org", AuthKind.PASSWORD, bytes(range(20)), "Alice B", "a note"),
        expires=LATER,
        policy={"Access": 1, "MaxUpload": 1_000_000},
    )
    made = fleet.directory.create_user(user, NOW)
    assert made == replace(user, created=NOW, changed=NOW, version=2)
    assert fleet.directory.user("CORP", "alice.b@EXAMPLE.org") == made
    assert fleet.directory.users("corp") == [made]
    assert fleet.directory.find("corp", user.name)[:2] == (fleet.directory.hub("Corp"), made)


def test_nothing_is_found_under_names_nobody_may_have(fleet: Fleet) -> None:
    fleet.directory.create_hub(Hub("a"), NOW)
    fleet.directory.create_user(replace(ALICE, hub="a", name="b:c"), NOW)
    assert fleet.directory.user("a", "b:c") is not None
    assert fleet.directory.find("a:b", "c") == Lookup(None, None, "")
    for name in ("", " a", "a\0", "\ud800", "x" * 256):
        assert fleet.directory.hub(name) is None
        assert fleet.directory.user("a", name) is None
        assert fleet.directory.find("a", name) == Lookup(fleet.directory.hub("a"), None, "")


def test_a_name_is_taken_in_any_case(fleet: Fleet) -> None:
    furnish(fleet)
    with pytest.raises(AlreadyExists, match="'CORP' exists"):
        fleet.directory.create_hub(Hub("CORP"), NOW)
    with pytest.raises(AlreadyExists, match="'ALICE' exists"):
        fleet.directory.create_user(replace(ALICE, name="ALICE"), NOW)


def test_a_user_needs_a_hub(fleet: Fleet) -> None:
    with pytest.raises(NotFound, match="no hub named 'Corp'"):
        fleet.directory.create_user(ALICE, NOW)


def test_every_change_raises_the_version(fleet: Fleet) -> None:
    versions = [fleet.directory.version()]
    hub, user = furnish(fleet)
    versions.append(fleet.directory.version())
    fleet.directory.set_hub(hub, LATER)
    versions.append(fleet.directory.version())
    fleet.directory.set_user(user, LATER)
    versions.append(fleet.directory.version())
    fleet.directory.delete_user("corp", "alice")
    versions.append(fleet.directory.version())
    fleet.directory.delete_hub("corp")
    versions.append(fleet.directory.version())
    assert versions == [0, 2, 3, 4, 5, 6]


def test_setting_replaces_every_field(fleet: Fleet) -> None:
    hub, user = furnish(
        fleet, user=replace(ALICE, expires=LATER, policy={"NoBridge": 1, "MaxUpload": 5})
    )
    hub = fleet.directory.set_hub(replace(hub, online=False, max_sessions=3), LATER)
    assert fleet.directory.hub("corp") == hub
    assert (hub.created, hub.changed) == (NOW, LATER)
    user = replace(user, auth=AuthKind.ANONYMOUS, secret=None, expires=None, policy={"Access": 1})
    user = fleet.directory.set_user(user, LATER)
    assert fleet.directory.user("corp", "alice") == user


def test_setting_leaves_fields_of_others_alone(fleet: Fleet, store, raw) -> None:
    hub, _ = furnish(fleet)
    key = store.keys.hub("corp")
    raw.hset(key, "owner", "node-1")
    fleet.directory.set_hub(hub, LATER)
    assert store.field(key, "owner") == "node-1"


def test_of_two_changes_of_one_reading_the_second_conflicts(fleet: Fleet) -> None:
    hub, user = furnish(fleet)
    fleet.directory.set_hub(replace(hub, message="first"), LATER)
    with pytest.raises(Conflict, match="version 3 is there, 1 was read"):
        fleet.directory.set_hub(replace(hub, message="second"), LATER)
    fleet.directory.set_user(replace(user, note="first"), LATER)
    with pytest.raises(Conflict, match="version 4 is there, 2 was read"):
        fleet.directory.set_user(replace(user, note="second"), LATER)
    assert fleet.directory.hub("corp").message == "first"
    assert fleet.directory.user("corp", "alice").note == "first"


def test_setting_what_is_gone_says_so(fleet: Fleet) -> None:
    hub, user = furnish(fleet)
    fleet.directory.delete_hub("corp")
    with pytest.raises(NotFound, match="no hub named 'Corp'"):
        fleet.directory.set_hub(hub, LATER)
    with pytest.raises(NotFound, match="no user named 'Alice'"):
        fleet.directory.set_user(user, LATER)
    with pytest.raises(NotFound, match="no user named 'alice'"):
        fleet.directory.delete_user("corp", "alice")
    with pytest.raises(NotFound, match="no hub named 'corp'"):
        fleet.directory.delete_hub("corp")


@pytest.mark.parametrize(
    ("hub", "complaint"),
    [
        (Hub(""), "hub name: 0 bytes, 1 to 255 allowed"),
        (Hub("x" * 256), "hub name: 256 bytes, 1 to 255 allowed"),
        (Hub("a:b"), "letters, digits and"),
        (Hub("Corp", max_sessions=-1), "max_sessions: -1, 0 to 4294967295 allowed"),
        (Hub("Corp", message="m" * 8193), "message of hub 'Corp': 8193 bytes, 8192 allowed"),
    ],
)
def test_hub_that_cannot_be_is_refused_with_numbers(fleet: Fleet, hub, complaint) -> None:
    with pytest.raises(InvalidValue, match=complaint):
        fleet.directory.create_hub(hub, NOW)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"name": "ü" * 128}, "user name: 256 bytes, 1 to 255 allowed"),
        ({"name": "a\nb"}, "printable"),
        ({"note": "n" * 1025}, "note: 1025 bytes, 1024 allowed"),
        ({"expires": "tomorrow"}, "'tomorrow' is not a time"),
        ({"policy": {"Max Upload": 1}}, "policy 'Max Upload'"),
        ({"policy": {"MaxUpload": 1 << 32}}, "policy MaxUpload: 4294967296, 0 to 4294967295"),
    ],
)
def test_user_that_cannot_be_is_refused_with_numbers(fleet: Fleet, changes, complaint) -> None:
    fleet.directory.create_hub(HUB, NOW)
    with pytest.raises(InvalidValue, match=complaint):
        fleet.directory.create_user(replace(ALICE, **changes), NOW)


def test_the_kind_of_a_hub_stays(fleet: Fleet) -> None:
    hub, _ = furnish(fleet)
    with pytest.raises(InvalidValue, match="'Corp' is dynamic: that cannot be changed"):
        fleet.directory.set_hub(replace(hub, kind=HubKind.STATIC), LATER)


def test_a_secret_moved_to_another_user_does_not_open(fleet: Fleet, store, raw) -> None:
    furnish(fleet)
    fleet.directory.create_user(replace(ALICE, name="Mallory", secret=b"M" * 20), NOW)
    known = store.field(store.keys.user("corp", "mallory"), "secret")
    raw.hset(store.keys.user("corp", "alice"), "secret", known)
    with pytest.raises(SealBroken, match="moved"):
        fleet.directory.user("corp", "alice")


def test_deleting_a_user_ends_his_sessions(fleet: Fleet) -> None:
    furnish(fleet)
    fleet.directory.create_user(replace(ALICE, name="Bob"), NOW)
    alices = open_session(fleet)
    bobs = open_session(fleet, user="Bob")
    assert fleet.directory.delete_user("corp", "ALICE") == 1
    assert fleet.sessions.of_hub("corp") == [bobs]
    orders = orders_of(fleet, "node-1")
    assert [(o.session, o.key_hash) for o in orders] == [(alices.name, alices.key_hash)]


def test_deleting_a_hub_leaves_nothing_of_it(fleet: Fleet, monkeypatch) -> None:
    monkeypatch.setattr(directory_module, "BATCH", 2)  # so that it takes several steps
    before = dict(fleet.store.scan())
    for hub in ("Corp", "Corporate"):
        fleet.directory.create_hub(Hub(hub), NOW)
        for number in range(5):
            user = fleet.directory.create_user(replace(ALICE, hub=hub, name=f"u{number}"), NOW)
            open_session(fleet, hub=hub, user=user.name, unique_id=machine(number))
    assert fleet.directory.delete_hub("CORP") == 5
    assert fleet.sessions.count("Corporate") == 5
    assert len(orders_of(fleet, "node-1")) == 5
    assert fleet.directory.delete_hub("corporate") == 5
    fleet.leases.leave(register(fleet, "node-1"), "stops", NOW)
    fleet.nodes.remove("node-1", NOW)
    keys = fleet.store.keys
    left = dict(fleet.store.scan()).keys() - before.keys()
    assert left == {keys.directory_version(), keys.log()}


def test_a_hub_being_deleted_admits_nobody(fleet: Fleet, store, raw) -> None:
    hub, _ = furnish(fleet)
    raw.hset(store.keys.hub("corp"), mapping={"online": "0", "removing": "1"})
    with pytest.raises(NotFound):
        fleet.directory.create_user(replace(ALICE, name="Bob"), NOW)
    with pytest.raises(NotFound):
        fleet.directory.set_hub(hub, LATER)
    assert fleet.directory.delete_hub("corp") == 0
