"""Rules of bridges: which hold for which node."""

import pytest

from coordinator.bridges import bridges_of, check, describe
from coordinator.errors import InvalidValue
from coordinator.model import NO_DEVICE, Bridge, Node
from coordinator.times import Timestamp

EVERY = Bridge("lan", "eth1")
BERLIN = Bridge("lan", "bond0", label="berlin")
GW3 = Bridge("lan", "ens5", node="gw3")
NOT_GW4 = Bridge("lan", NO_DEVICE, node="gw4")
RULES = [EVERY, BERLIN, GW3, NOT_GW4, Bridge("lan", "eth2"), Bridge("lab", "tap0", is_tap=True)]


def devices(name: str, *labels: str, hub: str = "lan") -> list[str]:
    node = Node(name, 1, "h", "a", "1", Timestamp(""), labels=labels)
    return [rule.device for rule in bridges_of(RULES, node).get(hub, ())]


def test_a_rule_without_a_place_is_for_every_gateway():
    assert devices("gw1") == ["eth1", "eth2"]
    assert devices("gw1", hub="lab") == ["tap0"]


def test_a_rule_by_label_or_name_holds_in_place_of_the_others():
    assert devices("gw1", "berlin", "big") == ["bond0"]
    assert devices("gw3") == ["ens5"]
    assert devices("gw3", "berlin") == ["ens5"]


def test_the_workers_of_a_gateway_go_by_its_name():
    assert devices("gw3-2") == ["ens5"]
    assert devices("gw3-east") == ["eth1", "eth2"]
    assert devices("gw31") == ["eth1", "eth2"]


def test_no_interface_is_an_exception_too_and_not_the_same_as_no_rule():
    assert devices("gw4") == []
    node = Node("gw4", 1, "h", "a", "1", Timestamp(""))
    assert "lan" in bridges_of(RULES, node)
    assert "other" not in bridges_of(RULES, node)


def test_rules_are_stored_folded():
    assert check(Bridge("LAN", "eth1", "GW3")) == Bridge("lan", "eth1", "gw3")


@pytest.mark.parametrize(
    "rule",
    [
        Bridge("a/b", "eth1"),
        Bridge("lan", ""),
        Bridge("lan", "eth/1"),
        Bridge("lan", "sixteen-letters-"),
        Bridge("lan", "a b"),
        Bridge("lan", "none"),
        Bridge("lan", "none", node="gw1", is_tap=True),
        Bridge("lan", "eth1", node="gw1", label="berlin"),
        Bridge("lan", "eth1", label="a=b"),
        Bridge("lan", "eth1", node="a/b"),
    ],
)
def test_what_no_rule_may_hold_is_refused(rule):
    with pytest.raises(InvalidValue):
        check(rule)


def test_rules_read_as_words():
    assert describe(EVERY) == "lan to eth1 on every gateway"
    assert describe(BERLIN) == "lan to bond0 on label berlin"
    assert describe(NOT_GW4) == "lan to no interface on gw4"
    assert describe(RULES[-1]) == "lab to tap0 (TAP) on every gateway"
