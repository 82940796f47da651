"""Administration calls on a real store, without a gateway: what is answered to whom.

The requests are those that stock tools sent; the fleet holds what they ask about.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest

from coordinator.errors import NotFound
from coordinator.fleet import Fleet
from coordinator.lease import Lease
from coordinator.model import AuthKind, Hub, HubKind, User
from coordinator.times import Timestamp
from gateway.admin import users
from gateway.admin.administrators import EMPTY, Caller, by_password, by_proof
from gateway.admin.live import ConnectionRow, Gathered, TableRow
from gateway.admin.rpc.dispatch import Answer, carry_out
from gateway.admin.rpc.method import Context
from gateway.admin.rpc.methods import METHODS
from gateway.errors import Refused
from gateway.wire.auth import admin_password_hash, secure_password, user_password_hash
from gateway.wire.jsonrpc import to_pack
from gateway.wire.pack import Pack
from gateway.wire.rpc import FUNCTION
from tests.contract.values import LOGIN, NODE, NOW, new_key
from tests.rpc_vectors import Exchange, exchanges, rights

MAC = bytes.fromhex("5e0000007701")
KEY = 424445023  # the recorded one
ADMINISTRATOR = Caller(address="192.0.2.9:50000")
RANDOM = bytes(range(20))
LATER = Timestamp("2026-02-01T00:00:00.000Z")
HUBS = {"T1": 2, "T2": 2, "S1": 1, "D1": 2, "J1": 2}


class OneGateway:
    """What a gateway knows while it runs, without one: hub T2 has learned one address."""

    node = "node-1"

    def listeners(self) -> Sequence[int]:
        return [443, 5555]

    def connections(self) -> Sequence[ConnectionRow]:
        return [ConnectionRow("CID-1", "127.0.0.1:50000", 1_000_000_000_000)]

    def certificate_der(self) -> bytes:
        return b"certificate"

    def macs(self, hub: str, nodes: Sequence[str]) -> Gathered:
        rows = [TableRow(KEY, "node-1", "SID-CAS-1", MAC, 1, 2)] if hub == "T2" else []
        return Gathered(rows, [node for node in nodes if node != self.node])

    def forget_mac(self, hub: str, nodes: Sequence[str], key: int) -> bool:
        return hub == "T2" and key == KEY

    def mac_counts(self, nodes: Sequence[str]) -> Mapping[str, int]:
        return {"t2": 1}


@pytest.fixture
def context(fleet: Fleet) -> Iterator[Context]:
    lease = fleet.leases.register(NODE, 0.0, NOW)
    assert isinstance(lease, Lease)
    kinds = {1: HubKind.STATIC, 2: HubKind.DYNAMIC}
    for name, number in HUBS.items():
        fleet.directory.create_hub(Hub(name, kinds[number]), NOW)
        for user in ("u1", "u3", "cas"):
            fleet.directory.create_user(User(name, user, secret=b"s" * 20), NOW)
        login = replace(LOGIN, hub=name, user="cas", node="node-1")
        if number == 1:
            fleet.sessions.open(login, new_key(), NOW)
            continue
        placed = fleet.placement.place(lease, name, NOW, here=True)
        grant = placed.grant  # type: ignore[union-attr]  # here it is
        fleet.placement.activate(grant, NOW)
        epoch = {"inc": lease.inc, "hub_epoch": grant.epoch}
        fleet.sessions.open(replace(login, **epoch), new_key(), NOW)
    fleet.administration.set_hub("T1", NOW, secret=admin_password_hash("hubpw"))
    return Context(fleet, OneGateway(), "EtherFleet 1.0", lambda: 1.0)


def hub_admin(context: Context, hub: str = "T1") -> Caller:
    found = context.fleet.directory.hub(hub)
    assert found is not None
    return Caller(found.name, found.created)


def ask(context: Context, name: str, caller: Caller = ADMINISTRATOR, **params: object) -> Answer:
    return carry_out(context, caller, name, to_pack(params), NOW)


def carried_out(context: Context, caller: Caller, name: str, asked: Pack) -> Answer | int:
    """Return the answer, or the code of the error."""
    try:
        return carry_out(context, caller, name, asked, NOW)
    except Refused as error:
        return error.code


def code(context: Context, name: str, caller: Caller = ADMINISTRATOR, **params: object) -> int:
    answer = carried_out(context, caller, name, to_pack(params))
    return answer if isinstance(answer, int) else 0


# -- shapes -----------------------------------------------------------------------------------


def test_every_captured_request_is_answered_in_the_captured_shape(context):
    answered, differing = set(), {}
    for exchange in exchanges():
        if exchange.function.lower() not in METHODS or exchange.scenario == "member":
            continue
        caller = hub_admin(context) if exchange.scenario == "hubadmin" else ADMINISTRATOR
        asked = Pack.from_bytes(exchange.request)
        assert asked.text(FUNCTION) == exchange.function
        answer = carried_out(context, caller, exchange.function, asked)
        if isinstance(answer, int):
            assert answer in {8, 29, 33, 38, 52, 55, 57, 65, 66, 143}, str(exchange)
        elif exchange.error == 0:
            answered.add(exchange.function)
            differs = differences(answer, exchange) - KNOWN.get(exchange.function, set())
            if differs:
                differing[str(exchange)] = differs
    assert differing == {}
    assert {e.function for e in exchanges() if e.function.lower() in METHODS} - answered == {
        "GetFarmInfo",  # the recorded id is another gateway's
        "GetFarmConnectionStatus",  # nobody of ours is a member
    }


# What differs, and why.
KNOWN = {
    "GetServerCert": {"Key"},  # nobody is told the key
    "GetCaps": {"CapsName", "CapsValue", "CapsDescrption"},  # for JSON clients
    "GetPortsUDP": {"Ports"},  # there are none
}


def differences(answer: Answer, exchange: Exchange) -> set[str]:
    """Return the elements of one side only: without capabilities, what depends on a user's kind of
    account, and tables that are empty on one side."""
    recorded = Pack.from_bytes(exchange.response)
    ours = {element.name: element.type for element in answer.elements()}
    theirs = {element.name: element.type for element in recorded}
    there = answer.struct.read(recorded)
    empty = {
        name
        for group in answer.struct.groups
        if not (group.name in there and answer.values.get(group.name))
        for field in group.fields
        for element in field.elements([field.default])
        for name in [element.name]
    }
    apart = ("caps_", "policy:", "UsePolicy", "HashedKey", "NtLmSecureHash")
    found = {name for name, _ in ours.items() ^ theirs.items()} - empty
    return {name for name in found if not name.startswith(apart)}


# -- who may ----------------------------------------------------------------------------------


def test_the_rights_matrix_holds(context):
    empty = {"own": "T1", "other": "T2", "empty": ""}
    for function, codes in rights().items():
        if function.lower() not in METHODS:
            assert code(context, function, hub_admin(context)) == 33
            continue
        for whose, hub in empty.items():
            expected = codes.get(f"hubadmin-{whose}")
            if expected is None:
                continue
            found = code(context, function, hub_admin(context), HubName_str=hub)
            assert found == ELSEWISE.get((function, whose), expected), (function, whose)


# Of a cluster, not of the standalone server it was recorded on.
ELSEWISE = {
    **{("EnumFarmMember", whose): 52 for whose in ("own", "other", "empty")},
    **{("GetFarmInfo", whose): 52 for whose in ("own", "other", "empty")},
    # Its own hub without any settings: no hub type is 38 in a cluster.
    ("SetHub", "own"): 38,
}


def test_a_hub_administrator_sees_no_other_hub(context):
    for name in sorted(METHODS):
        for params in ({}, {"HubName_str": "T1", "Name_str": "u1"}):
            answer = carried_out(context, hub_admin(context), name, to_pack(params))
            said = str(answer if isinstance(answer, int) else answer.to_json())
            assert not any(f"'{hub}'" in said for hub in ("T2", "S1", "D1", "J1")), name
            assert "node-1" not in said, name


def test_a_hub_made_anew_is_not_the_former_administrators(context):
    former = hub_admin(context)
    context.fleet.directory.delete_hub("T1")
    assert code(context, "GetHub", former, HubName_str="T1") == 8
    context.fleet.directory.create_hub(Hub("T1"), LATER)
    assert code(context, "GetHub", former, HubName_str="T1") == 52
    assert code(context, "EnumHub", former) == 52
    assert context.fleet.administration.of_hub("T1").secret is None


# -- passwords --------------------------------------------------------------------------------


def proof(password: str) -> bytes:
    return secure_password(admin_password_hash(password), RANDOM)


def enter(fleet: Fleet, hub: str | None, password: str, *, is_local: bool = False) -> int:
    try:
        by_proof(fleet, hub, proof(password), RANDOM, "192.0.2.9:5", is_local=is_local)
    except Refused as error:
        return error.code
    return 0


def test_before_there_is_a_password_only_who_sits_here_gets_in(context):
    fleet = context.fleet
    assert enter(fleet, None, "", is_local=True) == 0
    assert enter(fleet, None, "") == 51
    assert enter(fleet, None, "guess") == 12
    assert enter(fleet, "T2", "") == 51
    with pytest.raises(Refused):
        by_password(fleet, "", "", "192.0.2.9:5")
    with pytest.raises(Refused):
        by_password(fleet, "T2", "", "192.0.2.9:5")


def test_a_password_is_set_and_holds(context):
    fleet = context.fleet
    assert code(context, "SetServerPassword", PlainTextPassword_str="secret") == 0
    assert enter(fleet, None, "secret") == 0
    assert enter(fleet, None, "", is_local=True) == 12
    assert by_password(fleet, "Administrator", "secret", "").is_fleet_admin
    hashed = to_pack({"HashedPassword_bin": ""})
    with pytest.raises(Refused):
        carry_out(context, ADMINISTRATOR, "SetServerPassword", hashed, NOW)
    assert enter(fleet, "T1", "secret") == 12
    assert enter(fleet, "t1", "hubpw") == 0
    assert enter(fleet, "NOWHERE", "hubpw") == 8
    assert by_password(fleet, "t1", "hubpw", "").hub == "T1"


def test_a_hub_keeps_its_password_unless_another_is_given(context):
    asked = {"HubName_str": "T1", "HubType_u32": 2, "Online_bool": True}
    zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAA="
    assert code(context, "SetHub", **asked, HashedPassword_bin=zeros, MaxSession_u32=5) == 0
    assert enter(context.fleet, "T1", "hubpw") == 0
    assert context.fleet.directory.hub("T1").max_sessions == 5
    assert code(context, "SetHub", **asked, AdminPasswordPlainText_str="new") == 0
    assert enter(context.fleet, "T1", "new") == 0
    answer = ask(context, "GetHub", HubName_str="T1").values
    assert "HashedPassword" not in answer
    assert code(context, "CreateHub", HubName_str="N", HubType_u32=2, Online_bool=True) == 0
    assert context.fleet.administration.of_hub("N").secret == EMPTY


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


# -- sessions and tables ----------------------------------------------------------------------


def test_sessions_are_listed_with_their_gateway_and_ended(context):
    (row,) = ask(context, "EnumSession", HubName_str="T1").values["SessionList"]
    assert (row["Name"], row["RemoteSession"], row["RemoteHostname"]) == (
        "SID-CAS-1",
        False,
        "node-1",
    )
    session = {"HubName_str": "T1", "Name_str": "sid-cas-1"}
    shown = ask(context, "GetSessionStatus", **session).values
    assert (shown["SessionName"], str(shown["Client_Ip_Address"])) == ("SID-CAS-1", "198.51.100.7")
    assert code(context, "DeleteSession", **session) == 0
    assert code(context, "DeleteSession", **session) == 29


def test_an_address_is_listed_and_forgotten(context):
    (row,) = ask(context, "EnumMacTable", HubName_str="T2").values["MacTable"]
    assert (row["Key"], row["MacAddress"], row["RemoteItem"]) == (KEY, MAC, False)
    assert code(context, "DeleteMacTable", HubName_str="T2", Key_u32=1) == 29
    assert code(context, "DeleteMacTable", HubName_str="T2", Key_u32=KEY) == 0


def test_members_are_known_by_lasting_ids(context):
    (row,) = ask(context, "EnumFarmMember").values["FarmMemberList"]
    info = ask(context, "GetFarmInfo", Id_u32=row["Id"]).values
    assert (info["Hostname"], info["Controller"]) == ("node-1", True)
    assert {hub["HubName"] for hub in info["HubsList"]} == set(HUBS)
    assert code(context, "GetFarmInfo", Id_u32=row["Id"] + 1) == 29
    assert code(context, "GetFarmConnectionStatus") == 55


def test_a_function_may_be_spelt_in_any_case_and_an_unknown_one_is_33(context):
    assert ask(context, "TEST", IntValue_u32=3).values["StrValue"] == "3"
    assert code(context, "Nonsense") == 33
    assert code(context, "") == 33
