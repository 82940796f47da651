"""Access lists and source rules: whole lists are read, single rules change, ids stay."""

from dataclasses import replace

import pytest
import redis

from coordinator import rules as rules_module
from coordinator.access import AccessRule
from coordinator.errors import Conflict, InvalidValue, NotFound, TooMany
from coordinator.fleet import Fleet
from coordinator.masks import read_network
from coordinator.sources import SourceRule
from tests.contract.values import HUB, LATER, NOW

WEB = AccessRule(20, discard=True, protocol=6, destination_ports=(80, 80), note="no web")
DNS = AccessRule(10, protocol=17, destination_ports=(53, 53), source_user="Domain Users")
MAIL = AccessRule(30, protocol=6, destination_ports=(25, 25))
OFFICE = SourceRule(read_network("192.0.2.0/24"), deny=False, priority=1)
WORLD = SourceRule(read_network("0.0.0.0/0"), priority=2)


def test_rules_are_stored_in_the_order_they_are_asked(fleet: Fleet, raw: redis.Redis) -> None:
    fleet.directory.create_hub(HUB, NOW)
    assert fleet.rules.access_list("corp").rules == ()
    made = fleet.rules.add_access_rules("corp", [WEB, DNS], NOW)
    assert made == (replace(WEB, id=1), replace(DNS, id=2))
    found = fleet.rules.access_list("CORP")
    assert found.rules == (made[1], made[0])
    assert found.find(2) == made[1]
    assert found.version == fleet.directory.version() == 2
    hub = fleet.directory.hub("corp")
    assert hub is not None
    assert hub.access_version == 2
    assert raw.hgetall(fleet.store.keys.access("corp")) == {
        "version": "2",
        "next_id": "3",
        "changed": NOW,
        "rule:1": 'action=discard priority=20 protocol=tcp destination_ports=80 note="no web"',
        "rule:2": "action=pass priority=10 protocol=udp destination_ports=53 "
        'source_user="Domain Users"',
    }


def test_ids_stay_while_others_come_and_go(fleet: Fleet) -> None:
    fleet.directory.create_hub(HUB, NOW)
    fleet.rules.add_access_rules("corp", [WEB, DNS, WEB], NOW)
    fleet.rules.delete_access_rules("corp", [1, 3], NOW)
    (third,) = fleet.rules.add_access_rules("corp", [WEB], NOW)
    assert third.id == 4
    assert [rule.id for rule in fleet.rules.access_list("corp").rules] == [2, 4]


def test_one_rule_is_changed_under_its_version(fleet: Fleet) -> None:
    fleet.directory.create_hub(HUB, NOW)
    (web,) = fleet.rules.add_access_rules("corp", [WEB], NOW)
    version = fleet.rules.access_list("corp").version
    off = fleet.rules.set_access_rule("corp", replace(web, active=False), version, LATER)
    assert fleet.rules.access_list("corp").rules == (off,)
    with pytest.raises(Conflict, match="access rules of hub 'corp' were changed meanwhile"):
        fleet.rules.set_access_rule("corp", web, version, LATER)
    version = fleet.rules.access_list("corp").version
    with pytest.raises(NotFound, match="no access rule named '7'"):
        fleet.rules.set_access_rule("corp", replace(web, id=7), version, LATER)


def test_a_list_is_replaced_whole(fleet: Fleet) -> None:
    fleet.directory.create_hub(HUB, NOW)
    fleet.rules.add_access_rules("corp", [WEB, WEB], NOW)
    (made,) = fleet.rules.replace_access_list("corp", [DNS], NOW)
    assert fleet.rules.access_list("corp").rules == (made,)
    again = fleet.rules.replace_access_list("corp", [WEB, replace(made, note="x")], NOW)
    assert [rule.id for rule in again] == [made.id + 1, made.id]
    with pytest.raises(NotFound, match="no access rule named '99'"):
        fleet.rules.replace_access_list("corp", [replace(WEB, id=99)], NOW)
    with pytest.raises(Conflict):
        fleet.rules.replace_access_list("corp", [], NOW, version=1)
    assert fleet.rules.replace_access_list("corp", [], NOW) == ()
    assert fleet.rules.access_list("corp").rules == ()


def test_all_of_a_change_happens_or_nothing(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.directory.create_hub(HUB, NOW)
    fleet.rules.add_access_rules("corp", [WEB, DNS], NOW)
    before = fleet.rules.access_list("corp")
    with pytest.raises(NotFound, match="no access rule named '9'"):
        fleet.rules.delete_access_rules("corp", [1, 9], NOW)
    with pytest.raises(InvalidValue):
        fleet.rules.add_access_rules("corp", [DNS, AccessRule(0)], NOW)
    monkeypatch.setattr(rules_module, "_ACCESS", rules_module._ACCESS._replace(most=3))
    with pytest.raises(TooMany, match="too many access rules in this hub: 3 are allowed"):
        fleet.rules.add_access_rules("corp", [MAIL, replace(MAIL, priority=2)], NOW)
    assert fleet.rules.access_list("corp") == before
    fleet.rules.replace_access_list("corp", [WEB, DNS, WEB], NOW)
    with pytest.raises(NotFound, match="no hub named 'nix'"):
        fleet.rules.add_access_rules("nix", [WEB], NOW)


def test_the_longest_list_is_one_step(fleet: Fleet) -> None:
    fleet.directory.create_hub(HUB, NOW)
    made = fleet.rules.replace_access_list("corp", [WEB] * 4096, NOW)
    assert made[-1].id == 4096
    assert len(fleet.rules.access_list("corp").rules) == 4096
    with pytest.raises(TooMany):
        fleet.rules.add_access_rules("corp", [MAIL], NOW)
    with pytest.raises(TooMany):
        fleet.rules.replace_access_list("corp", [*made, WEB], NOW)


def test_a_rule_told_twice_is_there_once(fleet: Fleet) -> None:
    """vpncmd repeats a call whose answer was lost, and added the rule a second time."""
    fleet.directory.create_hub(HUB, NOW)
    (web,) = fleet.rules.add_access_rules("corp", [WEB], NOW)
    assert fleet.rules.add_access_rules("corp", [WEB, DNS], NOW) == (web, replace(DNS, id=2))
    assert len(fleet.rules.access_list("corp").rules) == 2
    with pytest.raises(TooMany, match="2 are allowed"):
        fleet.rules.add_access_rules("corp", [MAIL], NOW, most=2)
    assert fleet.rules.add_access_rules("corp", [WEB], NOW, most=2) == (web,)
    (office,) = fleet.rules.add_source_rules("corp", [OFFICE], NOW)
    assert fleet.rules.add_source_rules("corp", [OFFICE], NOW) == (office,)


def test_source_rules_are_stored_and_replaced(fleet: Fleet, raw: redis.Redis) -> None:
    fleet.directory.create_hub(HUB, NOW)
    world, office = fleet.rules.add_source_rules("corp", [WORLD, OFFICE], NOW)
    found = fleet.rules.source_list("corp")
    assert found.rules == (office, world)
    assert raw.hget(fleet.store.keys.sources("corp"), "rule:2") == (
        "action=allow priority=1 network=192.0.2.0/24"
    )
    hub = fleet.directory.hub("corp")
    assert hub is not None
    assert hub.source_version == found.version
    fleet.rules.delete_source_rules("corp", [world.id], NOW)
    assert fleet.rules.source_list("corp").rules == (office,)
    fleet.rules.replace_source_list("corp", [WORLD], NOW)
    assert [rule.network for rule in fleet.rules.source_list("corp").rules] == [WORLD.network]


def test_lists_go_with_their_hub(fleet: Fleet) -> None:
    fleet.directory.create_hub(HUB, NOW)
    fleet.rules.add_access_rules("corp", [WEB], NOW)
    fleet.rules.add_source_rules("corp", [WORLD], NOW)
    fleet.directory.delete_hub("corp")
    with pytest.raises(NotFound):
        fleet.rules.add_access_rules("corp", [WEB], NOW)
    fleet.directory.create_hub(HUB, NOW)
    assert fleet.rules.access_list("corp").rules == ()
    assert fleet.rules.source_list("corp").rules == ()


def test_a_line_somebody_broke_by_hand_is_named(fleet: Fleet, raw: redis.Redis) -> None:
    fleet.directory.create_hub(HUB, NOW)
    fleet.rules.add_access_rules("corp", [WEB], NOW)
    raw.hset(fleet.store.keys.access("corp"), "rule:1", "nonsense")
    with pytest.raises(InvalidValue, match="access rule 1 'nonsense'"):
        fleet.rules.access_list("corp")
