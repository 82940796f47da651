"""What an entry of the audit shows, and what it never does. The store behind it is a list here:
how entries are kept is the contract's."""

from dataclasses import dataclass, field, replace

import pytest

from coordinator.audit import Actor, Audit, Change, id_before
from coordinator.model import AuthKind, Hub, User
from coordinator.times import Timestamp
from gateway.admin import audit
from gateway.cli.audit import change_as_line

ACTOR = Actor("rpc", "alice", "192.0.2.1")


@dataclass
class Noted:
    """What of a fleet `record` uses."""

    changes: list[Change] = field(default_factory=list)

    @property
    def audit(self):
        return self

    def add(self, what, *, hub, about, before, after):
        self.changes.append(Change(what, ACTOR, hub, about, before, after, "1769860800000-0"))


@pytest.fixture
def noted():
    return Noted()


def test_of_a_change_only_what_differs_is_noted(noted):
    was = Hub("LAB", max_sessions=5, created=Timestamp("x"), version=3)
    audit.record(noted, "hub set", hub="LAB", before=was, after=replace(was, online=False))
    (change,) = noted.changes
    assert (change.before, change.after) == ({"online": "yes"}, {"online": "no"})


def test_what_changes_nothing_is_not_noted(noted):
    was = Hub("LAB", version=3)
    audit.record(noted, "hub set", hub="LAB", before=was, after=replace(was, version=4))
    assert noted.changes == []


def test_a_thing_that_came_or_went_is_noted_whole(noted):
    user = User("LAB", "bob", AuthKind.ANONYMOUS, note="on loan", policy={"MaxMac": 3})
    audit.record(noted, "user add", hub="LAB", about="bob", after=user)
    assert noted.changes[0].after == {
        "auth": "anonymous",
        "note": "on loan",
        "policy:MaxMac": "3",
    }
    assert noted.changes[0].before == {}


def test_a_secret_is_noted_as_changed_and_not_shown(noted):
    was = User("LAB", "bob", secret=b"\x01" * 20)
    audit.record(noted, "user set", before=was, after=replace(was, secret=b"\x02" * 20))
    assert noted.changes[0].before == {"secret": "(hidden)"}
    assert noted.changes[0].after == {"secret": "(hidden)"}


@pytest.mark.parametrize(
    "name", ["password", "radius_secret", "private_key", "api_token", "HashedPassword", "key"]
)
def test_text_under_a_name_that_sounds_like_a_secret_is_hidden(noted, name):
    audit.record(noted, "hub set", before={name: ""}, after={name: "hunter2"})
    assert noted.changes[0].after == {name: "(hidden)"}


def test_numbers_are_no_secrets_whatever_they_are_called(noted):
    audit.record(noted, "user set", before={"policy": {}}, after={"policy": {"NoSavePassword": 1}})
    assert noted.changes[0].after == {"policy:NoSavePassword": "1"}


def test_long_text_is_cut_and_lists_are_joined(noted):
    new = {"message": "m" * 5000, "ports": (443, 992), "keys": [b"k"]}
    audit.record(noted, "hub set", after=new)
    after = noted.changes[0].after
    assert len(after["message"]) == audit.MAX_VALUE
    assert after["ports"] == "443 992"
    assert after["keys"] == "(hidden)"


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ({"online": "yes"}, {"online": "no"}, "hub set LAB bob: online yes -> no"),
        ({}, {"online": "no"}, "hub set LAB bob: online=no"),
        ({"online": "yes"}, {}, "hub set LAB bob: online was yes"),
        ({"note": "x", "a": "1"}, {"a": "2"}, "hub set LAB bob: note x -> -, a 1 -> 2"),
        ({}, {}, "hub set LAB bob"),
    ],
)
def test_a_change_reads_as_a_line(before, after, line):
    change = Change("hub set", ACTOR, "LAB", "bob", before, after, "1769860800000-0")
    when = "2026-01-31T12:00:00.000Z  alice (rpc from 192.0.2.1)"
    assert change_as_line(change) == f"{when}  {line}"


def test_changes_are_asked_for_by_hub_in_any_case_and_by_name():
    change = Change("hub set", ACTOR, "Lab")
    assert audit.Filter("LAB", "Alice").lets(change)
    assert not audit.Filter("OTHER").lets(change)
    assert not audit.Filter(by="bob").lets(change)


def test_an_id_before_a_moment_lets_that_moment_in():
    assert id_before(Timestamp("2026-01-31T12:00:00.000Z")).startswith("1769860799999-")
    assert id_before(Timestamp("1970-01-01T00:00:00.000Z")) == ""


def test_an_audit_in_other_hands_is_the_same_one():
    assert Audit(None).by(ACTOR).actor is ACTOR
