"""Policies by name: read from words, merged, and never trusted to do what they do not."""

import pytest

from coordinator.errors import InvalidValue
from gateway.admin.policies import (
    POLICIES,
    Enforced,
    find_policy,
    merge,
    not_enforced,
    read_policy_setting,
)
from gateway.admin.users import check_password
from gateway.node.admission import read_policy_settings
from gateway.wire.policy import WIRE_NAMES


def test_every_policy_of_the_wire_can_be_set_but_the_marker():
    assert set(WIRE_NAMES.values()) - set(POLICIES) == {"Ver3"}


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("MaxMac=3", ("MaxMac", 3)),
        ("maxmac = 3", ("MaxMac", 3)),
        ("NoBridge=yes", ("NoBridge", 1)),
        ("NOBRIDGE=off", ("NoBridge", 0)),
        ("MaxMac=default", ("MaxMac", None)),
    ],
)
def test_settings_are_read_in_any_case(text, setting):
    assert read_policy_setting(text) == setting


@pytest.mark.parametrize("text", ["", "=", "MaxMac", "MaxMac=", "MaxMac=x", "MaxMac=¹", "Nope=1"])
def test_nonsense_is_refused_with_advice(text):
    with pytest.raises(InvalidValue, match=r"for example|did you mean|write MaxMac=|allowed"):
        read_policy_setting(text)


def test_close_names_are_offered():
    with pytest.raises(InvalidValue, match="MultiLogins"):
        find_policy("multilogin")


def test_only_what_differs_from_the_default_is_kept():
    stored = {"MaxMac": 3, "NoBridge": 1, "FromTheFuture": 7}
    changes = {"MaxMac": None, "NoBridge": 0, "Access": 0, "MaxConnection": 32}
    assert merge(stored, changes) == {"FromTheFuture": 7, "Access": 0}


def test_the_defaults_are_those_a_login_uses():
    default = read_policy_settings({})
    for field, name in WIRE_NAMES.items():
        if name in POLICIES:
            assert POLICIES[name].default == getattr(default, field), name


def test_what_nobody_enforces_is_named():
    assert not_enforced({"MaxMac": 3, "NoQoS": 1, "AutoDisconnect": 9}) == ["NoQoS"]
    assert POLICIES["NoSavePassword"].enforced is Enforced.CLIENT


@pytest.mark.parametrize("password", ["", "a\nb", "x" * 256, "ALICE", "é" * 128, "\x00"])
def test_passwords_nobody_can_use_are_refused_and_not_quoted(password):
    with pytest.raises(InvalidValue) as caught:
        check_password(password, "alice")
    assert len(password) < 2 or password not in str(caught.value)
