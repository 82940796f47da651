"""Hubs, users, groups, rules and options, as administration calls change them on a real store."""

from collections.abc import Mapping

import pytest

from coordinator.errors import NotFound
from coordinator.fleet import Fleet
from coordinator.model import AuthKind
from gateway.admin import users
from gateway.admin.options import OPTIONS as IN_FORCE
from gateway.admin.rpc.convert import policy_values
from gateway.admin.rpc.method import Context
from gateway.wire.auth import user_password_hash
from tests.admin_calls import ask, code, furnish, hub_admin


@pytest.fixture
def context(fleet: Fleet) -> Context:
    return furnish(fleet)


# -- hubs and users ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"HubName_str": "NEW", "HubType_u32": 2}, 0),
        ({"HubName_str": "NEW", "HubType_u32": 1}, 0),
        ({"HubName_str": "NEW"}, 38),
        ({"HubName_str": "t1", "HubType_u32": 2}, 57),
        ({"HubName_str": "a/b", "HubType_u32": 2}, 38),
        ({"HubName_str": "x" * 256, "HubType_u32": 2}, 38),
        ({"HubType_u32": 2}, 38),
        ({"HubName_utf": "NEW", "HubType_u32": 2}, 38),
    ],
)
def test_making_a_hub(context, params, expected):
    assert code(context, "CreateHub", **params) == expected


def test_a_hub_s_kind_is_for_its_lifetime(context):
    assert code(context, "SetHub", HubName_str="T1", HubType_u32=1) == 33
    assert code(context, "GetHub", HubName_str="NOWHERE") == 8
    assert code(context, "GetHub", HubName_str="") == 38
    assert code(context, "DeleteHub", HubName_str="T1") == 0
    assert code(context, "DeleteHub", HubName_str="T1") == 8


USER = {"HubName_str": "T1", "Name_str": "new", "AuthType_u32": 1}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, 0),
        ({"Name_str": "U1"}, 66),
        ({"Name_str": ""}, 38),
        ({"Name_str": "a\nb"}, 38),
        ({"Note_utf": "x" * 5000}, 38),
        ({"AuthType_u32": 7}, 143),
        ({"GroupName_str": "nobody"}, 65),
        ({"HashedKey_bin": "AQI="}, 38),
        ({"ExpireTime_dt": 2**64 - 1}, 38),
        ({"HubName_str": "NOWHERE"}, 8),
        ({"Auth_Password_str": "new"}, 38),
    ],
)
def test_making_a_user(context, params, expected):
    assert code(context, "CreateUser", **{**USER, **params}) == expected
    is_there = context.fleet.directory.user("T1", "new") is not None
    assert is_there == (expected == 0)


def test_a_user_keeps_the_password_unless_another_is_given(context):
    assert code(context, "CreateUser", **USER, Auth_Password_str="pw-1") == 0
    secret = user_password_hash("pw-1", "new")
    shown = ask(context, "GetUser", **USER).values
    assert (shown["HashedKey"], shown["NtLmSecureHash"]) == (bytes(20), bytes(16))
    again = {**USER, "HashedKey_bin": "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "Note_utf": "changed"}
    assert code(context, "SetUser", **again) == 0
    user = users.find(context.fleet, "T1", "new")
    assert (user.secret, user.note) == (secret, "changed")
    assert code(context, "SetUser", **{**USER, "AuthType_u32": 0}) == 0
    assert users.find(context.fleet, "T1", "new").auth is AuthKind.ANONYMOUS
    assert code(context, "DeleteUser", **USER) == 0
    with pytest.raises(NotFound):
        users.find(context.fleet, "T1", "new")
    assert code(context, "SetUser", **USER) == 29


def test_a_policy_comes_back_whole(context):
    policy = {"policy:Access_bool": True, "policy:MaxUpload_u32": 5, "policy:TimeOut_u32": 20}
    assert code(context, "CreateUser", **USER, UsePolicy_bool=True, **policy) == 0
    shown = ask(context, "GetUser", **USER).values
    assert shown["UsePolicy"]
    assert (shown["policy:MaxUpload"], shown["policy:MaxConnection"]) == (5, 0)
    assert code(context, "SetUser", **USER) == 0
    assert "UsePolicy" not in ask(context, "GetUser", **USER).values
    # All at its default is a policy as well: it holds instead of the group's.
    whole = {f"{n}_u32": v for n, v in policy_values({}).items() if not isinstance(v, bool)}
    assert code(context, "SetUser", **USER, UsePolicy_bool=True, **whole) == 0
    assert ask(context, "GetUser", **USER).values["UsePolicy"]


def test_options_bound_a_hub_administrator_and_limits_bind_all(context):
    own = hub_admin(context)
    option = [{"Name_str": "no_change_users", "Value_u32": 1}, {"Name_str": "nonsense"}]
    asked = {"HubName_str": "T1", "AdminOptionList": option}
    assert code(context, "SetHubAdminOptions", own, **asked) == 52
    assert code(context, "SetHubAdminOptions", **asked) == 0
    assert code(context, "CreateUser", own, **USER) == 52
    assert code(context, "CreateUser", **USER) == 0
    limit = [{"Name_str": "max_users", "Value_u32": 4}]
    assert code(context, "SetHubAdminOptions", HubName_str="T1", AdminOptionList=limit) == 0
    assert code(context, "CreateUser", **{**USER, "Name_str": "fifth"}) == 63
    rows = ask(context, "GetHubAdminOptions", own, HubName_str="T1").values["AdminOptionList"]
    assert {r["Name"]: r["Value"] for r in rows if r["Value"]} == {
        "no_change_users": 1,
        "max_users": 4,
    }
    allow = [{"Name_str": "allow_hub_admin_change_option", "Value_u32": 1}]
    assert code(context, "SetHubAdminOptions", HubName_str="T1", AdminOptionList=allow) == 0
    assert code(context, "SetHubAdminOptions", own, **asked) == 0


# -- groups, access lists, options ------------------------------------------------------------


def test_a_group_s_life(context):
    group = {"HubName_str": "T1", "Name_str": "staff", "Note_utf": "n"}
    assert code(context, "CreateGroup", **group) == 0
    assert code(context, "CreateGroup", **{**group, "Name_str": "STAFF"}) == 67
    assert code(context, "CreateUser", **USER, GroupName_str="staff") == 0
    (row,) = [r for r in ask(context, "EnumGroup", **group).values["GroupList"] if r["NumUsers"]]
    assert (row["Name"], row["NumUsers"], row["DenyAccess"]) == ("staff", 1, False)
    policy = {"UsePolicy_bool": True, "policy:Access_bool": False, "policy:MaxUpload_u32": 9}
    assert code(context, "SetGroup", **group, **policy) == 0
    shown = ask(context, "GetGroup", **group).values
    assert (shown["policy:Access"], shown["policy:MaxUpload"], shown["Note"]) == (0, 9, "n")
    assert ask(context, "GetUser", **USER).values["GroupName"] == "staff"
    assert code(context, "DeleteGroup", **group) == 0
    assert code(context, "DeleteGroup", **group) == 29
    assert code(context, "GetGroup", **group) == 29
    assert ask(context, "GetUser", **USER).values["GroupName"] == ""


RULE = {
    "Priority_u32": 10,
    "Active_bool": True,
    "Discard_bool": True,
    "SrcIpAddress_ip": "10.0.0.0",
    "SrcSubnetMask_ip": "255.0.0.0",
    "Protocol_u32": 6,
    "DestPortStart_u32": 80,
    "DestPortEnd_u32": 90,
    "CheckSrcMac_bool": True,
    "SrcMacAddress_bin": "AgAAAAAB",
    "SrcMacMask_bin": "////////",
    "CheckTcpState_bool": True,
    "SrcUsername_str": "u1",
    "Note_utf": "no web",
}
V6_RULE = {
    "Priority_u32": 5,
    "IsIPv6_bool": True,
    "DestIpAddress6_bin": "IAENuAAAAAAAAAAAAAAAAA==",
    "DestSubnetMask6_bin": "/////wAAAAAAAAAAAAAAAA==",
}


def add_rule(context: Context, rule: Mapping[str, object]) -> int:
    made = ask(context, "AddAccess", HubName_str="T1", AccessListSingle=[rule]).values
    (number,) = made["Id"]
    return int(number)


def test_rules_come_back_as_they_were_set(context):
    number, other = add_rule(context, RULE), add_rule(context, V6_RULE)
    shown = ask(context, "EnumAccess", HubName_str="T1").to_json()["AccessList"]
    assert [row["Id_u32"] for row in shown] == [other, number]
    assert RULE.items() <= shown[1].items()
    assert V6_RULE.items() <= shown[0].items()
    assert shown[0]["SrcIpAddress_ip"] == "223.255.255.253"
    assert shown[0]["SrcSubnetMask_ip"] == "255.255.255.255"
    off = [{**row, "Active_bool": False} for row in shown]
    assert code(context, "SetAccessList", HubName_str="T1", AccessList=off) == 0
    again = ask(context, "EnumAccess", HubName_str="T1").to_json()["AccessList"]
    apart = ("Id_u32", "UniqueId_u32")
    plain = [{n: v for n, v in row.items() if n not in apart} for row in again]
    assert plain == [{n: v for n, v in row.items() if n not in apart} for row in off]
    numbers = [row["Id_u32"] for row in again]
    assert code(context, "DeleteAccess", HubName_str="T1", Id_u32=numbers[0]) == 0
    assert code(context, "DeleteAccess", HubName_str="T1", Id_u32=numbers[0]) == 29
    assert code(context, "SetAccessList", HubName_str="T1") == 0
    assert ask(context, "EnumAccess", HubName_str="T1").values["AccessList"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"Protocol_u32": 256},
        {"DestPortStart_u32": 70_000},
        {"SrcIpAddress_ip": "::1"},
        {"SrcMacAddress_bin": "AgA="},
        {"Delay_u32": 10_001},
        {"Note_utf": "x" * 2000},
    ],
)
def test_a_rule_that_cannot_be_is_38_and_nothing_changes(context, wrong):
    rules = [RULE, {**RULE, **wrong}]
    assert code(context, "SetAccessList", HubName_str="T1", AccessList=rules) == 38
    assert ask(context, "EnumAccess", HubName_str="T1").values["AccessList"] == []


def test_a_limit_on_rules_is_62(context):
    limit = [{"Name_str": "max_accesslists", "Value_u32": 1}]
    assert code(context, "SetHubAdminOptions", HubName_str="T1", AdminOptionList=limit) == 0
    add_rule(context, RULE)
    assert code(context, "AddAccess", HubName_str="T1", AccessListSingle=[RULE]) == 0  # again
    other = {**RULE, "Priority_u32": 11}
    assert code(context, "AddAccess", HubName_str="T1", AccessListSingle=[other]) == 62
    assert code(context, "SetAccessList", HubName_str="T1", AccessList=[RULE, RULE]) == 62


def test_source_rules_come_back_as_they_were_set(context):
    rows = [
        {"Priority_u32": 1, "Deny_bool": False, "IpAddress_ip": "192.0.2.7", "Masked_bool": False},
        {
            "Priority_u32": 2,
            "Deny_bool": True,
            "IpAddress_ip": "2001:db8::",
            "Masked_bool": True,
            "SubnetMask_ip": "ffff:ffff::",
        },
    ]
    assert code(context, "SetAcList", HubName_str="T1", ACList=rows) == 0
    shown = ask(context, "GetAcList", HubName_str="T1").to_json()["ACList"]
    assert [row["Id_u32"] for row in shown] == [1, 2]
    assert all(row.items() <= found.items() for row, found in zip(rows, shown, strict=True))


def test_extended_options_are_kept_and_known_by_any_case(context):
    rows = [{"Name_str": "filterbpdu", "Value_u32": 1}, {"Name_str": "nonsense", "Value_u32": 1}]
    assert code(context, "SetHubExtOptions", HubName_str="T1", AdminOptionList=rows) == 0
    shown = ask(context, "GetHubExtOptions", HubName_str="T1").values["AdminOptionList"]
    held = {row["Name"]: row["Value"] for row in shown}
    assert (held["FilterBPDU"], held["FilterIPv4"], held["VlanTypeId"]) == (1, 0, 0x8100)
    assert len(shown) >= 58


def test_tools_that_write_all_extended_options_back_change_none(context):
    """They once turned off what PrivacyFilter stops by default."""
    answer = ask(context, "GetHubExtOptions", HubName_str="T1").to_json()
    assert code(context, "SetHubExtOptions", **answer) == 0
    hub = context.fleet.directory.hub("T1")
    assert hub is not None
    assert not set(hub.options) & set(IN_FORCE)
    assert ask(context, "GetHubExtOptions", HubName_str="T1").to_json() == answer


def test_rules_that_are_written_back_keep_their_numbers(context):
    """`AccessDisable 1` writes the whole list, and `AccessEnable 1` is about the same rule."""
    for note in ("first", "second"):
        assert code(context, "AddAccess", HubName_str="T1", AccessList=[{"Note_utf": note}]) == 0
    rows = ask(context, "EnumAccess", HubName_str="T1").to_json()["AccessList"]
    numbers = {row["Note_utf"]: row["Id_u32"] for row in rows}
    rows[0]["Active_bool"] = not rows[0]["Active_bool"]
    # One of them twice, one that nobody had: those are new.
    rows += [rows[0] | {"Note_utf": "again"}, rows[1] | {"UniqueId_u32": 77, "Note_utf": "new"}]
    assert code(context, "SetAccessList", HubName_str="T1", AccessList=rows) == 0
    made = ask(context, "EnumAccess", HubName_str="T1").to_json()["AccessList"]
    found = {row["Note_utf"]: row["Id_u32"] for row in made}
    assert {note: found[note] for note in numbers} == numbers
    assert len(set(found.values())) == 4


def test_the_secret_of_a_redirection_is_not_in_the_audit(context):
    url, rule = "http://page/?<INFO>", {"Priority_u32": 1, "Active_bool": True}

    def add(text: str) -> int:
        row = {**rule, "RedirectUrl_str": text}
        return code(context, "AddAccess", HubName_str="T1", AccessListSingle=[row])

    assert add(f"{url}|of the page") == 0
    assert add(f"{url}|another") == 0
    (first, *_) = ask(context, "EnumAccess", HubName_str="T1").values["AccessList"]
    assert first["RedirectUrl"] == f"{url}|of the page", "tools write back what they read"
    told = [change.after for change in context.fleet.audit.latest(2)]
    assert all(url in str(after) and "secret" in str(after) for after in told)
    assert "of the page" not in str(told)
    assert "another" not in str(told)
    assert add("http://page/\r\nSet-Cookie: a=b") == 38
    assert add("http://" + "x" * 250) == 38
