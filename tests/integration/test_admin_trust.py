"""Users by certificate, authorities and revocations, as administration calls set them."""

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from coordinator.fleet import Fleet
from coordinator.model import AuthKind
from coordinator.trust import MAX_CERTIFICATE, Revocation
from gateway.admin import audit, users
from gateway.admin.rpc.method import Context
from gateway.admin.trust import digest_of
from tests.admin_calls import ask, code, furnish, hub_admin
from tests.certificates import issue, name, rsa_key

CA = issue(name(CN="Lab CA", O="Example", C="DE"), key=rsa_key(which=1), may_sign=True)
ALICE = issue(name(CN="alice"), CA)
HUB = {"HubName_str": "T1"}
USER = {**HUB, "Name_str": "new"}


def as_json(der: bytes) -> str:
    return b64encode(der).decode()


@pytest.fixture
def context(fleet: Fleet) -> Context:
    return furnish(fleet)


def changes(context: Context) -> list[tuple[str, dict, dict]]:
    found = audit.latest(context.fleet, audit.Filter(), 20)
    return [(change.what, dict(change.before), dict(change.after)) for change in found]


# -- users ----------------------------------------------------------------------------------------


def test_a_user_with_a_certificate_is_read_back_and_written_back(context):
    asked = {**USER, "AuthType_u32": 2, "UserX_bin": as_json(ALICE.der)}
    assert code(context, "CreateUser", **asked) == 0
    shown = ask(context, "GetUser", **USER).values
    assert (shown["AuthType"], shown["UserX"]) == (2, ALICE.der)
    assert "HashedKey" not in shown
    assert code(context, "SetUser", **asked, Note_utf="moved") == 0
    user = users.find(context.fleet, "T1", "new")
    assert (user.auth, user.certificate, user.note) == (AuthKind.CERTIFICATE, ALICE.der, "moved")
    (row,) = (r for r in ask(context, "EnumUser", **HUB).values["UserList"] if r["Name"] == "new")
    assert row["AuthType"] == 2
    assert code(context, "SetUser", **USER, AuthType_u32=1, Auth_Password_str="pw-1") == 0
    assert users.find(context.fleet, "T1", "new").certificate == b""
    noted = [
        (what, before.get("certificate"), after.get("certificate"))
        for what, before, after in changes(context)
    ]
    digest = f"sha256={digest_of(ALICE.der)}"
    assert noted == [
        ("user add", None, digest),
        ("user set", None, None),
        ("user set", digest, None),
    ]


def test_a_user_by_signed_certificate_has_what_is_required(context):
    asked = {**USER, "AuthType_u32": 3}
    assert code(context, "CreateUser", **asked) == 0
    assert not {"CommonName", "Serial"} & ask(context, "GetUser", **USER).values.keys()
    assert code(context, "SetUser", **asked, CommonName_utf=" cn1 ", Serial_bin="AAAB") == 0
    shown = ask(context, "GetUser", **USER).values
    assert (shown["CommonName"], shown["Serial"]) == ("cn1", b"\x01")
    assert code(context, "SetUser", **asked) == 0
    user = users.find(context.fleet, "T1", "new")
    assert (user.common_name, user.serial) == ("", b"")


CURVE = issue(name(CN="x"), key=ec.generate_private_key(ec.SECP256R1()))
ODD = issue(name(CN="x"), key=rsa_key(1280))


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"AuthType_u32": 2}, 38),
        ({"AuthType_u32": 2, "UserX_bin": "bm90IG9uZQ=="}, 38),
        ({"AuthType_u32": 2, "UserX_bin": as_json(bytes(MAX_CERTIFICATE + 1))}, 38),
        ({"AuthType_u32": 2, "UserX_bin": as_json(ODD.der)}, 77),
        ({"AuthType_u32": 2, "UserX_bin": as_json(CURVE.der)}, 77),
        ({"AuthType_u32": 3, "Serial_bin": as_json(bytes(65))}, 38),
        ({"AuthType_u32": 3, "CommonName_utf": "x" * 256}, 38),
        ({"AuthType_u32": 4}, 143),
        ({"AuthType_u32": 5}, 143),
    ],
)
def test_what_no_user_may_have(context, params, expected):
    assert code(context, "CreateUser", **USER, **params) == expected
    assert context.fleet.directory.user("T1", "new") is None


# -- authorities ----------------------------------------------------------------------------------


def test_an_authority_is_added_once_listed_read_and_deleted(context):
    for _ in range(2):
        assert code(context, "AddCa", **HUB, Cert_bin=as_json(CA.der)) == 0
    (row,) = ask(context, "EnumCa", **HUB).values["CAList"]
    assert (row["SubjectName"], row["IssuerName"]) == ("Lab CA, Example, DE",) * 2
    assert row["Expires"] == CA.certificate.not_valid_after_utc.timestamp() * 1000
    asked = {**HUB, "Key_u32": row["Key"]}
    assert ask(context, "GetCa", **asked).values["Cert"] == CA.der
    assert code(context, "GetCa", **{**asked, "HubName_str": "T2"}) == 29
    assert code(context, "DeleteCa", **asked) == 0
    assert code(context, "DeleteCa", **asked) == code(context, "GetCa", **asked) == 29
    line = {"authority 1": f"CN=Lab CA, O=Example, C=DE sha256={digest_of(CA.der)}"}
    assert changes(context) == [("ca add", {}, line), ("ca add", {}, line), ("ca remove", line, {})]


@pytest.mark.parametrize("certificate", [b"", b"none", bytes(MAX_CERTIFICATE + 1)])
def test_what_is_no_authority(context, certificate):
    assert code(context, "AddCa", **HUB, Cert_bin=as_json(certificate)) == 38
    assert code(context, "AddCa", HubName_str="NOWHERE", Cert_bin=as_json(CA.der)) == 8


# -- revocations ----------------------------------------------------------------------------------


def test_a_revocation_is_added_listed_changed_and_deleted(context):
    asked = {**HUB, "CommonName_utf": " eve ", "Serial_bin": "AAFV", "DigestMD5_bin": "AAAA"}
    key = ask(context, "AddCrl", **asked).values["Key"]
    assert ask(context, "EnumCrl", **HUB).values == {
        "HubName": "T1",
        "NumItem": 1,
        "CRLList": [{"Key": key, "CrlInfo": 'Subject="CN=eve", Serial="01 55"'}],
    }
    shown = ask(context, "GetCrl", **HUB, Key_u32=key).values
    assert shown == {"HubName": "T1", "Key": key, "CommonName": "eve", "Serial": b"\x01\x55"}
    other = {**HUB, "Key_u32": key, "DigestSHA1_bin": as_json(b"s" * 20), "Unit_utf": "Lab"}
    assert code(context, "SetCrl", **other) == 0
    (found,) = context.fleet.rules.trust("T1").revocations
    assert found == Revocation(sha1=b"s" * 20, unit="Lab", id=key)
    (row,) = ask(context, "EnumCrl", **HUB).values["CRLList"]
    assert row["CrlInfo"] == f'Subject="OU=Lab", SHA1="{(b"s" * 20).hex(" ")}"'
    assert code(context, "DelCrl", **HUB, Key_u32=key) == 0
    for name_, params in (("GetCrl", {}), ("DelCrl", {}), ("SetCrl", {"Unit_utf": "x"})):
        assert code(context, name_, **HUB, Key_u32=key, **params) == 29
    assert [what for what, *_ in changes(context)] == [
        "revocation add",
        "revocation set",
        "revocation delete",
    ]


@pytest.mark.parametrize(
    "params",
    [{}, {"CommonName_utf": " "}, {"DigestSHA1_bin": "AAAA"}, {"Serial_bin": as_json(b"x" * 65)}],
)
def test_a_revocation_of_everything_is_none(context, params):
    assert code(context, "AddCrl", **HUB, **params) == 38
    assert context.fleet.rules.trust("T1").revocations == ()


# -- who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "calls"),
    [
        ("no_change_cert_list", [("AddCa", {"Cert_bin": as_json(CA.der)}), ("DeleteCa", {})]),
        (
            "no_change_crl_list",
            [("AddCrl", {"Unit_utf": "x"}), ("SetCrl", {"Unit_utf": "x"}), ("DelCrl", {})],
        ),
    ],
)
def test_options_forbid_it_to_the_hub_s_administrator(context, option, calls):
    own = hub_admin(context)
    row = [{"Name_str": option, "Value_u32": 1}]
    assert code(context, "SetHubAdminOptions", **HUB, AdminOptionList=row) == 0
    for function, params in calls:
        assert code(context, function, own, **HUB, **params) == 52
        assert code(context, function, **HUB, **params) in (0, 29)
    for function in ("EnumCa", "EnumCrl"):
        assert code(context, function, own, **HUB) == 0


def test_a_hub_s_administrator_sees_those_of_his_hub_alone(context):
    own, other = hub_admin(context), hub_admin(context, "T2")
    assert code(context, "AddCa", own, **HUB, Cert_bin=as_json(CA.der)) == 0
    assert code(context, "EnumCa", other, **HUB) == 52
    assert ask(context, "EnumCa", other, HubName_str="T2").values["CAList"] == []
