"""Bridges, cascades, logs and connections, as administration calls see and change them."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from coordinator.cascade import Cascade, CascadeAuth, CascadeState, CascadeStatus, CascadeTrust
from coordinator.fleet import Fleet
from coordinator.hub_log import HubLog, Keep, LogSwitch, Syslog, SyslogFormat, SyslogSave
from coordinator.model import Bridge, BridgeState, BridgeStatus, FleetCertificate
from gateway.admin import bridges, cascades, syslog
from gateway.admin.pem import certificate_to_der
from gateway.admin.rpc.method import Context
from gateway.node import certificate
from gateway.node.shown import why_not
from gateway.wire.auth import user_password_hash
from tests.admin_calls import RECORDED, ask, code, furnish, hub_admin
from tests.contract.values import NOW, register
from tests.identities import make_identity

ZEROS = base64.b64encode(bytes(20)).decode()


@pytest.fixture
def context(fleet: Fleet) -> Context:
    return furnish(fleet)


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# -- bridges ----------------------------------------------------------------------------------


def bridged(device: str, hub: str = "S1", *, tap: bool = False) -> dict[str, object]:
    return {"DeviceName_str": device, "HubNameLB_str": hub, "TapMode_bool": tap}


def test_a_bridge_is_the_fleet_s_and_may_be_made_twice(context):
    states = (BridgeStatus("s1", "eth1", BridgeState.UP),)
    register(context.fleet, "node-2", ethernet=("eth1", "eth2"), bridges=states)
    rows = ask(context, "EnumEthernet").values["EthList"]
    assert [(row["DeviceName"], row["NetworkConnectionName"]) for row in rows] == [
        ("eth1", "node-2"),
        ("eth2", "node-2"),
    ]
    assert code(context, "AddLocalBridge", **bridged("eth1")) == 0
    assert code(context, "AddLocalBridge", **bridged("eth1")) == 0, "a tool repeats what was cut"
    assert code(context, "AddLocalBridge", **bridged("eth1", tap=True)) == 112
    assert bridges.find(context.fleet, "S1", "eth1") == Bridge("s1", "eth1")
    (row,) = ask(context, "EnumLocalBridge").values["LocalBridgeList"]
    assert (row["DeviceName"], row["HubNameLB"], row["Online"], row["Active"]) == (
        *("eth1", "S1"),
        *(True, True),
    )
    assert code(context, "DeleteLocalBridge", **bridged("eth1")) == 0
    assert code(context, "DeleteLocalBridge", **bridged("eth1")) == 29
    noted = [change.what for change in context.fleet.audit.latest(2)]
    assert noted == ["bridge add", "bridge delete"]


def test_exceptions_are_told_by_what_follows_the_interface(context):
    names = ["eth1", "bond0@label=berlin", "ens5@gw3", "none@gw4"]
    for name in names:
        assert code(context, "AddLocalBridge", **bridged(name)) == 0
    rules = set(context.fleet.bridges.all())
    assert Bridge("s1", "ens5", node="gw3") in rules
    assert Bridge("s1", "bond0", label="berlin") in rules
    rows = ask(context, "EnumLocalBridge").values["LocalBridgeList"]
    assert [row["DeviceName"] for row in rows] == names
    # Nobody has opened any of them yet: no error, none is tried.
    assert not any(row["Online"] or row["Active"] for row in rows)
    for name in names:
        assert code(context, "DeleteLocalBridge", **bridged(name)) == 0


@pytest.mark.parametrize(
    ("device", "hub", "expected"),
    [
        ("", "S1", 38),
        ("eth1", "", 38),
        ("eth1", "NOWHERE", 8),
        ("e/th", "S1", 38),
        ("x" * 16, "S1", 38),
        ("none", "S1", 38),
        ("eth1@a/b", "S1", 38),
        ("eth1@label=", "S1", 0),
    ],
)
def test_bridges_that_cannot_be(context, device, hub, expected):
    assert code(context, "AddLocalBridge", **bridged(device, hub)) == expected


def test_a_hub_administrator_sees_his_bridges_and_makes_none(context):
    for hub, device in (("T1", "eth1@gw3"), ("S1", "eth2")):
        assert code(context, "AddLocalBridge", **bridged(device, hub)) == 0
    seen = ask(context, "EnumLocalBridge", hub_admin(context)).values["LocalBridgeList"]
    assert [(row["HubNameLB"], row["DeviceName"]) for row in seen] == [("T1", "eth1")]
    for name in ("AddLocalBridge", "DeleteLocalBridge", "EnumEthernet"):
        assert code(context, name, hub_admin(context), **bridged("eth1", "T1")) == 52


# -- cascades ---------------------------------------------------------------------------------

LINK = {
    "HubName_Ex_str": "T1",
    "AccountName_utf": "up",
    "Hostname_str": "vpn.example.org",
    "Port_u32": 443,
    "HubName_str": "BRANCH",
    "MaxConnection_u32": 8,
    "AuthType_u32": 1,
    "Username_str": "office",
}
NAMED = {"HubName_str": "T1", "AccountName_utf": "UP"}
SHOWN = {"HubName_Ex_str": "T1", "AccountName_utf": "up"}


def stored(context: Context, name: str = "up") -> Cascade:
    return cascades.find(context.fleet, "T1", name)


def written_back(context: Context, **changes: object) -> int:
    """Read the cascade, change something, write all of it back, as vpncmd does."""
    answer = ask(context, "GetLink", **SHOWN)
    return code(context, "SetLink", **{**answer.to_json(), **changes})


def test_a_cascade_s_life(context):
    hashed = user_password_hash("secret 1", "office")
    assert code(context, "CreateLink", **LINK, HashedPassword_bin=in_base64(hashed)) == 0
    made = stored(context)
    assert (made.host, made.tcp_port, made.target_hub) == ("vpn.example.org", 443, "BRANCH")
    assert (made.online, made.secret, made.policy) == (False, hashed, {})
    assert code(context, "CreateLink", **LINK) == 59
    (row,) = ask(context, "EnumLink", HubName_str="t1").values["LinkList"]
    assert (row["AccountName"], row["TargetHubName"], row["Online"]) == ("up", "BRANCH", False)
    assert code(context, "GetLinkStatus", **SHOWN) == 61
    assert code(context, "SetLinkOnline", **NAMED) == 0
    assert stored(context).online
    assert ask(context, "GetLinkStatus", **SHOWN).values["SessionStatus"] == 0
    assert code(context, "SetLinkOffline", **NAMED) == 0
    assert code(context, "CreateLink", **{**LINK, "AccountName_utf": "other"}) == 0
    rename = {"HubName_str": "T1", "OldAccountName_utf": "up"}
    assert code(context, "RenameLink", **rename, NewAccountName_utf="other") == 59
    assert code(context, "RenameLink", **rename, NewAccountName_utf="north") == 0
    assert stored(context, "north").secret == hashed
    assert code(context, "DeleteLink", **NAMED) == 29
    assert code(context, "DeleteLink", **{**NAMED, "AccountName_utf": "north"}) == 0
    assert [c.name for c in context.fleet.cascades.of_hub("T1")] == ["other"]
    assert hashed.hex() not in repr(context.fleet.audit.latest(100))


def test_what_is_written_back_changes_nothing_else(context):
    assert code(context, "CreateLink", **LINK, HashedPassword_bin=in_base64(b"h" * 20)) == 0
    pinned = cascades.Pinned("5" * 64)
    cascades.change(
        context.fleet, "T1", "up", NOW, {"trust": pinned, "policy": {"MaxMac": 7}, "online": True}
    )
    was = stored(context)
    answer = ask(context, "GetLink", **SHOWN).values
    assert (answer["HashedPassword"], answer["CheckServerCert"]) == (bytes(20), True)
    assert written_back(context) == 0
    assert replace(stored(context), changed=was.changed, version=was.version) == was
    assert written_back(context, UseCompress_bool=True, Hostname_str="h/tcp") == 0
    assert (stored(context).use_compress, stored(context).host) == (True, "h")
    # Another name keeps the former one's hash: tools set the password behind it.
    assert written_back(context, Username_str="branch") == 0
    assert (stored(context).user, stored(context).secret) == ("branch", b"h" * 20)
    assert written_back(context, HashedPassword_bin=in_base64(b"n" * 20)) == 0
    assert stored(context).secret == b"n" * 20
    assert written_back(context, **{"policy:MaxMac_u32": 0, "policy:MaxIP_u32": 3}) == 0
    assert stored(context).policy == {"MaxIP": 3}
    assert (stored(context).trust, stored(context).online) == (CascadeTrust.PIN, True)
    assert written_back(context, CheckServerCert_bool=False) == 0
    assert (stored(context).trust, stored(context).pin) == (CascadeTrust.ANY, "")
    assert written_back(context, AuthType_u32=2, PlainPassword_str="plain") == 0
    assert written_back(context) == 0
    assert (stored(context).auth, stored(context).secret) == (
        CascadeAuth.PLAIN_PASSWORD,
        b"plain",
    )
    assert ask(context, "GetLink", **SHOWN).values["PlainPassword"] == ""
    assert written_back(context, AuthType_u32=0) == 0
    assert stored(context).auth is CascadeAuth.ANONYMOUS


def test_a_certificate_is_kept_until_it_is_checked(context):
    pem, _ = certificate.make("far", datetime(2026, 1, 1, tzinfo=UTC))
    der = certificate_to_der(pem)
    assert code(context, "CreateLink", **{**LINK, "AuthType_u32": 0}) == 0
    assert written_back(context, ServerCert_bin=in_base64(der)) == 0
    assert stored(context).trust is CascadeTrust.ANY
    assert ask(context, "GetLink", **SHOWN).values["ServerCert"] == der
    assert written_back(context, CheckServerCert_bool=True) == 0
    assert (stored(context).trust, stored(context).pin) == (
        CascadeTrust.PIN,
        certificate.fingerprint(pem),
    )
    assert written_back(context, ServerCert_bin="") == 0
    assert stored(context).trust is CascadeTrust.AUTHORITIES
    assert written_back(context, ServerCert_bin=in_base64(b"nonsense")) == 38


def test_a_cascade_s_own_certificate_is_told_and_its_key_is_not(context):
    made, key = make_identity()
    der = made.public_bytes(Encoding.DER)
    key_der = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    proof = {
        "AuthType_u32": 3,
        "ClientX_bin": in_base64(der),
        "ClientK_bin": in_base64(key_der),
    }
    assert code(context, "CreateLink", **{**LINK, **proof}) == 0
    answer = ask(context, "GetLink", **SHOWN)
    assert answer.values["ClientX"] == der
    assert "ClientK_bin" not in answer.to_json()
    assert written_back(context) == 0
    secret = stored(context).secret
    assert secret is not None
    assert load_pem_private_key(secret, None).private_numbers() == key.private_numbers()  # type: ignore[union-attr]  # RSA
    other = {**LINK, "AccountName_utf": "other", **proof}
    assert code(context, "CreateLink", **{**other, "ClientX_bin": in_base64(b"no")}) == 38
    assert code(context, "CreateLink", **{**other, "ClientK_bin": in_base64(b"no")}) == 38


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"AccountName_utf": ""}, 23),
        ({"HubName_Ex_str": "NOWHERE"}, 8),
        ({"HubName_Ex_str": ""}, 38),
        ({"Hostname_str": ""}, 38),
        ({"Hostname_str": "a b"}, 38),
        ({"Port_u32": 0}, 38),
        ({"Port_u32": 65_536}, 38),
        ({"HubName_str": ""}, 38),
        ({"Username_str": ""}, 38),
        ({"MaxConnection_u32": 33}, 38),
        ({"AuthType_u32": 4}, 33),
        ({"AuthType_u32": 2}, 38),
        ({"AuthType_u32": 3}, 38),
        ({"HashedPassword_bin": in_base64(b"short")}, 38),
        ({"ProxyType_u32": 1}, 33),
        ({"AccountName_utf": "x" * 300}, 38),
        ({"CheckServerCert_bool": True, "ServerCert_bin": in_base64(b"x")}, 38),
    ],
)
def test_cascades_that_cannot_be(context, changes, expected):
    assert code(context, "CreateLink", **{**LINK, **changes}) == expected
    assert context.fleet.cascades.of_hub("T1") == []


def test_how_a_cascade_is_doing(context):
    assert code(context, "CreateLink", **LINK, Online_bool=True) == 0
    owner = context.fleet.placement.owner("T1")
    assert owner is not None
    told = CascadeStatus(
        *("T1", "up", owner.node, owner.inc, owner.epoch),
        version=stored(context).version,
        state=CascadeState.RETRYING,
        error=9,
    )
    assert context.fleet.cascades.report([told]) == []
    (row,) = ask(context, "EnumLink", HubName_str="T1").values["LinkList"]
    assert (row["Connected"], row["LastError"]) == (False, 9)
    assert ask(context, "GetLinkStatus", **SHOWN).values["SessionStatus"] == 4
    told = replace(
        told, state=CascadeState.CONNECTED, server="[2001:db8::1]:5555", error=0, connected=NOW
    )
    assert context.fleet.cascades.report([told]) == []
    (row,) = ask(context, "EnumLink", HubName_str="T1").values["LinkList"]
    assert (row["Connected"], row["LastError"]) == (True, 0)
    shown = ask(context, "GetLinkStatus", **SHOWN).values
    assert (shown["SessionStatus"], shown["ServerName"], shown["ServerPort"]) == (
        *(3, "2001:db8::1"),
        5555,
    )


def test_a_hub_administrator_has_his_hub_s_cascades(context):
    at = hub_admin(context)
    assert code(context, "CreateLink", at, **LINK) == 0
    assert code(context, "CreateLink", at, **{**LINK, "HubName_Ex_str": "T2"}) == 52
    ask(
        context,
        "SetHubAdminOptions",
        HubName_str="T1",
        AdminOptionList=[{"Name_str": "no_cascade", "Value_u32": 1}],
    )
    for name in ("SetLinkOnline", "SetLinkOffline", "DeleteLink"):
        assert code(context, name, at, **NAMED) == 52
    assert code(context, "SetLink", at, **LINK) == 52
    assert code(context, "EnumLink", at, HubName_str="T1") == 0


# -- logs -------------------------------------------------------------------------------------


def test_what_a_hub_writes_down(context):
    asked: Mapping[str, object] = {
        "HubName_str": "T1",
        "SaveSecurityLog_bool": True,
        "SecurityLogSwitchType_u32": 3,
        "SavePacketLog_bool": True,
        "PacketLogSwitchType_u32": 5,
        "PacketLogConfig_u32": [1, 0, 2],
    }
    assert code(context, "SetHubLog", **asked) == 0
    kept = {"tcp_connection": Keep.HEADER, "dhcp": Keep.FULL}
    hub = context.fleet.directory.hub("T1")
    assert hub is not None
    assert hub.log == HubLog(True, LogSwitch.HOUR, True, LogSwitch.MONTH).with_packets(
        {**dict.fromkeys(hub.log.packets, Keep.NONE), **kept}
    )
    shown = ask(context, "GetHubLog", HubName_str="T1").values
    assert shown["PacketLogConfig"] == [1, 0, 2] + [0] * 13
    assert (shown["SecurityLogSwitchType"], shown["PacketLogSwitchType"]) == (3, 5)
    for wrong in ({"SecurityLogSwitchType_u32": 6}, {"PacketLogConfig_u32": [3]}):
        assert code(context, "SetHubLog", **{**asked, **wrong}) == 38
    option = {"Name_str": "no_change_log_switch_type", "Value_u32": 1}
    ask(context, "SetHubAdminOptions", HubName_str="T1", AdminOptionList=[option])
    at = hub_admin(context)
    assert code(context, "SetHubLog", at, HubName_str="T1", SecurityLogSwitchType_u32=1) == 0
    hub = context.fleet.directory.hub("T1")
    assert hub is not None
    assert (hub.log.security, hub.log.security_switch) == (False, LogSwitch.HOUR)


def test_the_message_to_clients(context):
    text = "Grüß Gott"
    assert code(context, "SetHubMsg", HubName_str="T1", Msg_bin=in_base64(text.encode())) == 0
    assert ask(context, "GetHubMsg", HubName_str="T1").values["Msg"] == text.encode()
    hub = context.fleet.directory.hub("T1")
    assert hub is not None
    assert hub.message == text
    assert code(context, "SetHubMsg", HubName_str="T1", Msg_bin=in_base64(b"\xff")) == 38
    assert code(context, "SetHubMsg", HubName_str="T1", Msg_bin=in_base64(b"x" * 50_000)) == 38
    assert code(context, "SetHubMsg", HubName_str="T1") == 0
    assert ask(context, "GetHubMsg", HubName_str="T1").values["Msg"] == b""


def test_where_logs_go(context):
    syslog.change(context.fleet, Syslog(format=SyslogFormat.RFC3164))
    assert ask(context, "GetSysLog").values == {"SaveType": 0, "Port": 0, "Hostname": ""}
    where = {"SaveType_u32": 3, "Hostname_str": "192.0.2.1", "Port_u32": 5514}
    assert code(context, "SetSysLog", **where) == 0
    wanted = Syslog(SyslogSave.PACKET, "192.0.2.1", 5514, SyslogFormat.RFC3164)
    assert syslog.show(context.fleet) == wanted
    assert ask(context, "GetSysLog").to_json() == where
    seen = ask(context, "GetSysLog", hub_admin(context)).values
    assert (seen["SaveType"], seen["Port"], seen["Hostname"]) == (3, 0, "Secret")
    assert code(context, "SetSysLog", hub_admin(context), **where) == 52
    assert code(context, "SetSysLog", **{**where, "SaveType_u32": 4}) == 38
    assert code(context, "SetSysLog", SaveType_u32=1) == 38
    assert code(context, "SetSysLog") == 0
    assert syslog.show(context.fleet).save is SyslogSave.OFF


def test_log_files_are_listed_and_read_where_they_are(context):
    register(context.fleet, "node-2")
    rows = ask(context, "EnumLogFile").values["LogFiles"]
    assert [(row["FilePath"], row["ServerName"]) for row in rows] == [
        ("security_log/T1/sec.log", "node-1"),
        ("security_log/T2/sec.log", "node-1"),
        ("(node-2 does not answer)", "node-2"),
    ]
    path = {"FilePath_str": "security_log/T1/sec.log"}
    text = b""
    while piece := ask(context, "ReadLogFile", **path, Offset_u32=len(text)).values.get("Buffer"):
        text += piece
    assert text == b"somebody came\n"
    assert code(context, "ReadLogFile", **path, ServerName_str="NODE-1") == 0
    assert code(context, "ReadLogFile", **path, ServerName_str="node-2") == 29
    assert code(context, "ReadLogFile", **path, ServerName_str="elsewhere") == 29
    assert code(context, "ReadLogFile", FilePath_str="../secret") == 29
    assert code(context, "ReadLogFile") == 38


def test_a_hub_administrator_has_his_hub_s_log_files(context):
    at = hub_admin(context)
    (row,) = ask(context, "EnumLogFile", at).values["LogFiles"]
    assert row["FilePath"] == "security_log/T1/sec.log"
    handle = row["ServerName"]
    assert handle.startswith("gateway-")
    path = {"FilePath_str": row["FilePath"], "ServerName_str": handle}
    assert ask(context, "ReadLogFile", at, **path).values["Buffer"] == b"somebody c"
    assert ask(context, "ReadLogFile", at, **path).values["ServerName"] == handle
    other = {**path, "FilePath_str": "security_log/T2/sec.log"}
    assert code(context, "ReadLogFile", at, **other) == 29
    assert code(context, "ReadLogFile", at, **{**path, "ServerName_str": "node-1"}) == 29
    option = {"Name_str": "no_read_log_file", "Value_u32": 1}
    ask(context, "SetHubAdminOptions", HubName_str="T1", AdminOptionList=[option])
    assert code(context, "EnumLogFile", at) == 52
    assert code(context, "ReadLogFile", at, **path) == 52


# -- the certificate --------------------------------------------------------------------------


def test_the_fleet_s_certificate_is_replaced(context):
    made, key = make_identity()
    der = made.public_bytes(Encoding.DER)
    key_der = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    asked = {"Cert_bin": in_base64(der), "Key_bin": in_base64(key_der)}
    _, other = make_identity()
    other_der = other.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    weak, weak_key = make_identity(1024)
    weak_der = weak_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for wrong in (
        {},
        {"Key_bin": ""},
        {"Cert_bin": in_base64(b"nonsense")},
        {"Key_bin": in_base64(other_der)},
        {
            "Cert_bin": in_base64(weak.public_bytes(Encoding.DER)),
            "Key_bin": in_base64(weak_der),
        },
    ):
        assert code(context, "SetServerCert", **({**asked, **wrong} if wrong else {})) == 4
    assert context.fleet.certificates.get() is None
    assert code(context, "SetServerCert", hub_admin(context), **asked) == 52
    assert "Key_bin" not in ask(context, "SetServerCert", **asked).to_json()
    held = context.fleet.certificates.get()
    assert held is not None
    assert certificate_to_der(held.cert_pem) == der
    noted = context.fleet.audit.latest(1)[0]
    assert (noted.what, noted.after) == (
        "certificate set",
        {"sha256": certificate.fingerprint(held.cert_pem)},
    )


def test_a_new_certificate_is_made_for_the_fleet(context):
    for wrong in ("", "x" * 65, "müller", "a\nb"):
        assert code(context, "RegenerateServerCert", StrValue_str=wrong) == 38
    assert code(context, "RegenerateServerCert", hub_admin(context), StrValue_str="x") == 52
    assert context.fleet.certificates.get() is None
    assert code(context, "RegenerateServerCert", StrValue_str="vpn.example.org") == 0
    first = context.fleet.certificates.get()
    made = x509.load_pem_x509_certificate(first.cert_pem.encode())
    assert made.subject.rfc4514_string() == "CN=vpn.example.org"
    assert why_not(first.cert_pem, first.key_pem) == ""
    assert code(context, "RegenerateServerCert", StrValue_str="vpn.example.org") == 0
    assert context.fleet.certificates.get() != first
    context.fleet.certificates.set(FleetCertificate("broken", "broken"), NOW)
    assert code(context, "RegenerateServerCert", StrValue_str="vpn.example.org") == 0
    assert context.fleet.audit.latest(1)[0].before == {"sha256": "unreadable"}


# -- connections ------------------------------------------------------------------------------


def test_a_connection_is_looked_at_and_ended(context):
    shown = ask(context, "GetConnectionInfo", Name_str=RECORDED.lower()).values
    assert (shown["ClientStr"], shown["Port"], shown["Type"]) == ("vpnclient", 50_000, 0)
    assert code(context, "GetConnectionInfo", Name_str="CID-7") == 29
    assert code(context, "DisconnectConnection", Name_str=RECORDED) == 0
    assert code(context, "DisconnectConnection", Name_str="CID-7") == 29
    assert context.fleet.audit.latest(1)[0].what == "connection end"
    for name in ("GetConnectionInfo", "DisconnectConnection", "Flush"):
        assert code(context, name, hub_admin(context), Name_str=RECORDED) == 52
    assert code(context, "Flush") == 0
    assert "TLS_AES_256_GCM_SHA384" in ask(context, "GetServerCipherList").values["String"]
