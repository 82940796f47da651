"""Administration calls on a real store, without a gateway: what is answered to whom.

The requests are those that stock tools sent; the fleet holds what they ask about.
"""

import pytest
import redis

from coordinator.audit import Actor
from coordinator.fleet import Fleet
from coordinator.model import Hub, Role
from coordinator.times import Timestamp
from coordinator.trust import Authority, Revocation, authority_to_line, revocation_to_line
from gateway.admin import named_administrators as named
from gateway.admin.administrators import EMPTY, by_password, by_proof
from gateway.admin.live import Table
from gateway.admin.rpc.dispatch import Answer, carry_out
from gateway.admin.rpc.method import Context
from gateway.admin.rpc.methods import METHODS
from gateway.errors import Refused
from gateway.wire.auth import admin_password_hash, secure_password
from gateway.wire.jsonrpc import to_pack
from gateway.wire.pack import Pack
from gateway.wire.rpc import FUNCTION
from tests.admin_calls import (
    ADMINISTRATOR,
    HUBS,
    KEYS,
    MAC,
    ask,
    carried_out,
    code,
    furnish,
    hub_admin,
)
from tests.contract.values import NOW
from tests.rpc_vectors import Exchange, exchanges, rights

RANDOM = bytes(range(20))
LATER = Timestamp("2026-02-01T00:00:00.000Z")


@pytest.fixture
def context(fleet: Fleet) -> Context:
    return furnish(fleet)


# -- shapes -----------------------------------------------------------------------------------


def test_every_captured_request_is_answered_in_the_captured_shape(context, store_url):
    answered, differing = set(), {}
    raw, keys = redis.Redis.from_url(store_url), context.fleet.store.keys
    certificate = Pack.from_bytes(recorded("AddCa").request).data("Cert")
    lists = {"Ca": keys.authorities("T1"), "Crl": keys.revocations("T1")}
    lines = {
        "Ca": authority_to_line(Authority(certificate)),
        "Crl": revocation_to_line(Revocation(b"\x01\x55", common_name="cn")),
    }
    for exchange in exchanges():
        if exchange.function.lower() not in METHODS or exchange.scenario == "member":
            continue
        caller = hub_admin(context) if exchange.scenario == "hubadmin" else ADMINISTRATOR
        asked = Pack.from_bytes(exchange.request)
        assert asked.text(FUNCTION) == exchange.function
        if exchange.function in ("GetCa", "DeleteCa", "GetCrl", "DelCrl") and not exchange.error:
            kind = exchange.function.removeprefix("Get").removeprefix("Delete").removeprefix("Del")
            raw.hset(lists[kind], f"rule:{asked.integer('Key')}", lines[kind])
        answer = carried_out(context, caller, exchange.function, asked)
        if isinstance(answer, int):
            assert answer in {4, 8, 29, 33, 38, 52, 55, 57, 59, 61, 65, 66, 67, 143}, str(exchange)
        elif exchange.error == 0:
            answered.add(exchange.function)
            differs = differences(answer, exchange) - KNOWN.get(exchange.function, set())
            if differs:
                differing[str(exchange)] = differs
    assert differing == {}
    assert {e.function for e in exchanges() if e.function.lower() in METHODS} - answered == {
        "GetFarmInfo",  # the recorded id is another gateway's
        "GetFarmConnectionStatus",  # nobody of ours is a member
        "SetServerCert",  # the recorded key is zeroed
        "GetLinkStatus",  # none of the cascades is online
    }


def recorded(function: str) -> Exchange:
    return next(found for found in exchanges() if found.function == function)


# What differs, and why.
KNOWN = {
    "GetServerCert": {"Key"},  # nobody is told the key
    "GetCaps": {"CapsName", "CapsValue", "CapsDescrption"},  # for JSON clients
    "GetPortsUDP": {"Ports"},  # there are none
    "GetLink": {"HashedPassword"},  # recorded when there was one
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
            named = {f"{METHODS[function.lower()].hub_field}_str": hub}
            found = code(context, function, hub_admin(context), **named)
            assert found == ELSEWISE.get((function, whose), expected), (function, whose)


# Of a cluster, not of the standalone server it was recorded on.
ELSEWISE = {
    **{("EnumFarmMember", whose): 52 for whose in ("own", "other", "empty")},
    **{("GetFarmInfo", whose): 52 for whose in ("own", "other", "empty")},
    # Its own hub without any settings: no hub type is 38 in a cluster.
    ("SetHub", "own"): 38,
    # A revocation without any condition is of every certificate there is.
    ("AddCrl", "own"): 38,
}


@pytest.mark.parametrize("hub", ["", "T1"])
def test_who_may_only_look_is_refused_every_change_and_nothing_else(context, hub):
    fleet = context.fleet
    named.add(fleet, "carol", Role.READ_ONLY, NOW, password="a password", hub=hub)
    carol = by_password(fleet, "carol", "a password", "192.0.2.9:5", now=NOW)
    fleet_admin = ADMINISTRATOR if not hub else hub_admin(context)
    before = (fleet.directory.version(), fleet.audit.latest(1))
    for method in METHODS.values():
        needed = {f"{n}_{'utf' if 'AccountName' in n else 'str'}": "u1" for n in method.needs}
        if "Cert" in method.needs:
            needed = {"Cert_bin": "MAMCAQE="}
        asked = {**needed, f"{method.hub_field}_str": "T1"}
        if method.changes:
            assert code(context, method.name, carol, **asked) == 52, method.name
        else:
            allowed = code(context, method.name, fleet_admin, **asked)
            assert code(context, method.name, carol, **asked) == allowed, method.name
    assert (fleet.directory.version(), fleet.audit.latest(1)) == before
    named.remove(fleet, "carol")
    assert code(context, "EnumHub", carol) == 52


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
        by_proof(fleet, hub, proof(password), RANDOM, "192.0.2.9:5", is_local=is_local, now=NOW)
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
        by_password(fleet, "", "", "192.0.2.9:5", now=NOW)
    with pytest.raises(Refused):
        by_password(fleet, "T2", "", "192.0.2.9:5", now=NOW)


def test_a_password_is_set_and_holds(context):
    fleet = context.fleet
    assert code(context, "SetServerPassword", PlainTextPassword_str="secret") == 0
    assert enter(fleet, None, "secret") == 0
    assert enter(fleet, None, "", is_local=True) == 12
    assert by_password(fleet, "Administrator", "secret", "", now=NOW).is_fleet_admin
    hashed = to_pack({"HashedPassword_bin": ""})
    with pytest.raises(Refused):
        carry_out(context, ADMINISTRATOR, "SetServerPassword", hashed, NOW)
    assert enter(fleet, "T1", "secret") == 12
    assert enter(fleet, "t1", "hubpw") == 0
    assert enter(fleet, "NOWHERE", "hubpw") == 8
    assert by_password(fleet, "t1", "hubpw", "", now=NOW).hub == "T1"


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
    assert (row["Key"], row["MacAddress"], row["RemoteItem"]) == (KEYS[Table.MACS], MAC, False)
    assert code(context, "DeleteMacTable", HubName_str="T2", Key_u32=1) == 29
    assert code(context, "DeleteMacTable", HubName_str="T2", Key_u32=row["Key"]) == 0
    (row,) = ask(context, "EnumIpTable", HubName_str="T2").values["IpTable"]
    assert (str(row["IpAddress"]), row["SessionName"]) == ("192.0.2.77", "SID-CAS-1")
    assert code(context, "DeleteIpTable", HubName_str="T2", Key_u32=row["Key"]) == 0


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


# -- the audit --------------------------------------------------------------------------------


def test_what_an_administrator_changes_is_noted_as_his_without_secrets(context: Context) -> None:
    hashed = admin_password_hash("a new password")
    ask(context, "SetHubOnline", hub_admin(context), HubName_str="T1", Online_bool=False)
    ask(context, "SetServerPassword", PlainTextPassword_str="a new password")
    online, password = context.fleet.audit.latest(2)
    assert (online.what, online.hub) == ("hub set", "T1")
    assert (online.before, online.after) == ({"online": "yes"}, {"online": "no"})
    assert online.actor == Actor("rpc", "administrator of T1", "", "hub-admin of T1")
    assert password.actor == Actor("rpc", "administrator", "192.0.2.9:50000", "fleet-admin")
    assert (password.what, password.after) == ("admin password", {"password": "(hidden)"})
    ask(context, "CreateUser", HubName_str="T1", Name_str="new", AuthType_u32=0)
    made = context.fleet.audit.latest(1)[0]
    assert (made.what, made.about, made.after) == ("user add", "new", {"auth": "anonymous"})
    noted = repr(context.fleet.audit.latest(100))
    assert hashed.hex() not in noted
    assert "a new password" not in noted
