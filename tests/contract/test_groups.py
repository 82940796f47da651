"""Groups: stored and found like users, and left by their members when they go."""

from dataclasses import replace

import pytest

from coordinator import directory as directory_module
from coordinator.errors import AlreadyExists, Conflict, InvalidValue, NotFound, TooMany
from coordinator.fleet import Fleet
from coordinator.groups import Group
from coordinator.lookups import Lookups
from coordinator.masks import read_network
from coordinator.sources import SourceRule
from tests.contract.values import ALICE, HUB, LATER, NOW, furnish

STAFF = Group("Corp", "Staff", "All of us", "a note", {"MaxUpload": 1_000_000})


def test_a_group_is_stored_and_found_in_any_case(fleet: Fleet) -> None:
    fleet.directory.create_hub(HUB, NOW)
    made = fleet.directory.create_group(STAFF, NOW)
    assert made == replace(STAFF, created=NOW, changed=NOW, version=2)
    assert fleet.directory.group("CORP", "sTAFF") == made
    assert fleet.directory.groups("corp") == [made]
    changed = fleet.directory.set_group(replace(made, policy={"Access": 0}), LATER)
    assert fleet.directory.group("corp", "staff") == changed
    assert changed.policy == {"Access": 0}


def test_groups_are_refused_like_users(fleet: Fleet) -> None:
    with pytest.raises(NotFound, match="no hub named 'Corp'"):
        fleet.directory.create_group(STAFF, NOW)
    fleet.directory.create_hub(HUB, NOW)
    with pytest.raises(NotFound, match="no group named 'Staff'"):
        fleet.directory.set_group(STAFF, NOW)
    made = fleet.directory.create_group(STAFF, NOW)
    with pytest.raises(AlreadyExists, match="a group named 'STAFF'"):
        fleet.directory.create_group(replace(STAFF, name="STAFF"), NOW)
    fleet.directory.set_group(made, LATER)
    with pytest.raises(Conflict, match="group 'Staff' was changed meanwhile"):
        fleet.directory.set_group(made, LATER)
    with pytest.raises(InvalidValue):
        fleet.directory.create_group(replace(STAFF, name="x", policy={"a b": 1}), NOW)
    with pytest.raises(NotFound, match="no group named 'x'"):
        fleet.directory.delete_group("Corp", "x")


def test_a_hub_holds_so_many_groups(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory_module, "MAX_GROUPS", 1)
    fleet.directory.create_hub(HUB, NOW)
    fleet.directory.create_group(STAFF, NOW)
    with pytest.raises(TooMany, match="too many groups in this hub: 1 are allowed"):
        fleet.directory.create_group(replace(STAFF, name="Other"), NOW)


def test_a_user_is_in_a_group_that_is(fleet: Fleet) -> None:
    _, alice = furnish(fleet)
    with pytest.raises(NotFound, match="no group named 'staff'"):
        fleet.directory.set_user(replace(alice, group="staff"), LATER)
    with pytest.raises(NotFound, match="no group named 'staff'"):
        fleet.directory.create_user(replace(ALICE, name="Bob", group="staff"), LATER)
    fleet.directory.create_group(STAFF, NOW)
    alice = fleet.directory.set_user(replace(alice, group="staff"), LATER)
    assert fleet.directory.user("corp", "alice") == alice
    assert fleet.directory.policy_of(alice) == STAFF.policy
    alice = fleet.directory.set_user(replace(alice, policy={"Access": 1}), LATER)
    assert fleet.directory.policy_of(alice) == {"Access": 1}
    alice = fleet.directory.set_user(replace(alice, group=""), LATER)
    assert fleet.directory.user("corp", "alice") == alice


def test_a_login_looks_up_the_policy_of_a_group_and_the_source_rules(fleet: Fleet) -> None:
    lookups = Lookups(fleet.directory, fleet.rules)
    _, alice = furnish(fleet)
    assert lookups.read("corp", "alice").sources is None
    group = fleet.directory.create_group(STAFF, NOW)
    fleet.directory.set_user(replace(alice, group="staff"), LATER)
    (rule,) = fleet.rules.add_source_rules("corp", [SourceRule(read_network("::/0"))], NOW)
    found = lookups.read("corp", "alice")
    assert found.user is not None
    assert found.user.policy == {}, "a group is asked for by whoever has proven who he is"
    found = lookups.keep("corp", "alice", found)
    assert found.user is not None
    assert found.user.policy == STAFF.policy
    assert found.sources is not None
    assert found.sources.rules == (rule,)
    assert lookups.last("corp", "alice") == found
    fleet.directory.set_group(replace(group, policy={}), LATER)
    assert lookups.read("corp", "alice").state != found.state


def test_members_leave_a_group_that_goes(fleet: Fleet) -> None:
    _, alice = furnish(fleet)
    fleet.directory.create_group(STAFF, NOW)
    alice = fleet.directory.set_user(replace(alice, group="STAFF"), NOW)
    fleet.directory.create_user(replace(ALICE, name="Bob"), NOW)
    assert fleet.directory.delete_group("corp", "staff") == 1
    assert fleet.directory.groups("corp") == []
    assert fleet.directory.user("corp", "alice").group == ""  # type: ignore[union-attr]  # he is
    with pytest.raises(Conflict):
        fleet.directory.set_user(alice, LATER)


def test_whatever_changes_terms_is_seen_at_the_hub(fleet: Fleet) -> None:
    hub, alice = furnish(fleet)

    def seen() -> int:
        found = fleet.directory.hub("corp")
        assert found is not None
        assert found.version == hub.version
        assert fleet.directory.version() == found.terms_version
        return found.terms_version

    versions = [seen()]
    group = fleet.directory.create_group(STAFF, NOW)
    versions.append(seen())
    fleet.directory.set_group(group, LATER)
    versions.append(seen())
    fleet.directory.set_user(replace(alice, note="x"), LATER)
    versions.append(seen())
    fleet.directory.delete_group("corp", "staff")
    versions.append(seen())
    fleet.directory.delete_user("corp", "alice")
    versions.append(seen())
    assert versions == sorted(set(versions))


def test_groups_go_with_their_hub(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory_module, "BATCH", 2)
    fleet.directory.create_hub(HUB, NOW)
    for number in range(5):
        fleet.directory.create_group(replace(STAFF, name=f"g{number}"), NOW)
    fleet.directory.delete_hub("corp")
    assert [key for key, _ in fleet.store.scan() if ":group" in key] == []


def test_hubs_keep_options_and_lose_those_taken_back(fleet: Fleet) -> None:
    hub = fleet.directory.create_hub(replace(HUB, no_enum=True, options={"FilterIPv6": 1}), NOW)
    assert fleet.directory.hub("corp") == hub
    hub = fleet.directory.set_hub(replace(hub, options={"FilterBPDU": 1}), LATER)
    assert fleet.directory.hub("corp") == hub
    assert fleet.directory.hubs_named(["none", "CORP"]) == [None, hub]
    with pytest.raises(InvalidValue, match="option"):
        fleet.directory.set_hub(replace(hub, options={"a:b": 1}), LATER)
