"""Lookups: a login is let in by what was known only as long as that is true."""

from dataclasses import replace

import pytest

from coordinator.errors import DirectoryChanged, NotFound
from coordinator.fleet import Fleet
from coordinator.lookups import Lookups
from tests.contract.values import ALICE, LOGIN, NOW, furnish, new_key


@pytest.fixture
def lookups(fleet: Fleet) -> Lookups:
    furnish(fleet)
    return Lookups(fleet.directory, fleet.rules)


def test_what_was_read_is_known_and_admits(fleet: Fleet, lookups: Lookups) -> None:
    assert lookups.last("Corp", "Alice") is None
    found = lookups.read("Corp", "Alice")
    assert found[:2] == (fleet.directory.hub("corp"), fleet.directory.user("corp", "alice"))
    assert lookups.last("Corp", "Alice") is None, "he has proven nothing"
    assert lookups.keep("Corp", "Alice", found) == found
    assert lookups.last("Corp", "Alice") == found
    record = fleet.sessions.open(LOGIN, new_key(), NOW, judged_by=found.state)
    assert record.name == "SID-ALICE-1"


@pytest.mark.parametrize("change", ["password", "other user", "hub", "hub deleted", "server"])
def test_any_change_makes_it_untrue(fleet: Fleet, lookups: Lookups, raw, change: str) -> None:
    hub, user, state, *_ = lookups.read("Corp", "Alice")
    assert hub is not None
    assert user is not None
    match change:
        case "password":
            fleet.directory.set_user(replace(user, secret=b"T" * 20), NOW)
        case "other user":
            fleet.directory.create_user(replace(ALICE, name="Bob"), NOW)
        case "hub":
            fleet.directory.set_hub(replace(hub, online=False), NOW)
        case "hub deleted":
            fleet.directory.delete_hub("Corp")
        case "server":  # as the first step after a restart notes it
            raw.hset(fleet.store.keys.meta(), "run", "another")
    with pytest.raises(DirectoryChanged):
        fleet.sessions.open(LOGIN, new_key(), NOW, judged_by=state)
    assert fleet.sessions.count("corp") == 0
    assert lookups.read("Corp", "Alice").state != state


def test_a_lost_answer_is_given_again_whatever_changed_since(
    fleet: Fleet, lookups: Lookups
) -> None:
    state, key = lookups.read("Corp", "Alice").state, new_key()
    first = fleet.sessions.open(LOGIN, key, NOW, judged_by=state)
    fleet.directory.create_user(replace(ALICE, name="Bob"), NOW)
    assert fleet.sessions.open(LOGIN, key, NOW, judged_by=state).name == first.name


def test_all_that_is_kept_was_read_under_one_state(fleet: Fleet, lookups: Lookups) -> None:
    lookups.keep("Corp", "Alice", lookups.read("Corp", "Alice"))
    fleet.directory.create_user(replace(ALICE, name="Bob"), NOW)
    lookups.keep("Corp", "Bob", lookups.read("Corp", "Bob"))
    assert lookups.last("Corp", "Alice") is None
    assert lookups.last("Corp", "Bob") is not None


def test_names_strangers_make_up_are_not_kept(fleet: Fleet, lookups: Lookups) -> None:
    for hub, user in (("Corp", "nobody"), ("nowhere", "Alice"), ("a:b", "c"), ("", "")):
        assert lookups.keep(hub, user, lookups.read(hub, user)).user is None
        assert lookups.last(hub, user) is None


def test_a_user_deleted_meanwhile_is_not_let_in(fleet: Fleet, lookups: Lookups) -> None:
    state = lookups.read("Corp", "Alice").state
    fleet.directory.delete_user("Corp", "Alice")
    with pytest.raises(DirectoryChanged):
        fleet.sessions.open(LOGIN, new_key(), NOW, judged_by=state)
    with pytest.raises(NotFound):
        fleet.sessions.open(LOGIN, new_key(), NOW)
