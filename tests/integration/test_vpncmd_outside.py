"""Stock vpncmd on bridges, cascades, logs and connections of a fleet of three workers.

vpncmd ── TLS ──► one gateway of three workers ──► embedded Valkey
                        ▲          │ cascade from hub ST
strangers ──────────────┘          └──────────► its own hub LAB
"""

from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from coordinator.cascade import CascadeAuth, CascadeState, CascadeTrust
from coordinator.fleet import Fleet
from coordinator.hub_log import Keep, LogSwitch, SyslogSave
from coordinator.model import Bridge
from gateway.admin import cascades, syslog
from gateway.admin.cascades import check_identity
from gateway.errors import Refused
from gateway.wire.auth import user_password_hash
from gateway.wire.codes import ErrorCode
from gateway.wire.identity import read_identity
from tests.certificates import issue, name
from tests.hostile.administrator import JsonClient
from tests.identities import make_identity
from tests.integration.test_vpncmd import (
    PASSWORD,
    Commands,
    as_hub_administrator,
    at_hub,
    enter,
    fleet,  # noqa: F401  # a fixture
    gateway,  # noqa: F401  # a fixture
    home,  # noqa: F401  # a fixture
    hubs,  # noqa: F401  # a fixture
    pytestmark,  # noqa: F401  # skips these as well
    refused,
    tcp_port,  # noqa: F401  # a fixture
    vpncmd,  # noqa: F401  # a fixture
)
from tests.stock.vpncmd import VpncmdError, records
from tests.stock.waiting import until

# ruff: noqa: F811  # fixtures


def test_a_bridge_of_the_fleet(vpncmd: Commands, fleet: Fleet, hubs: None) -> None:
    vpncmd("BridgeCreate LAB /DEVICE:eft0 /TAP:no", "BridgeCreate LAB /DEVICE:eft0@n-1 /TAP:no")
    assert {Bridge("lab", "eft0"), Bridge("lab", "eft0", node="n-1")} == set(fleet.bridges.all())
    listed, devices = vpncmd("BridgeList", "BridgeDeviceList")
    assert "eft0@n-1" in listed
    assert "LAB" in listed
    assert devices is not None
    assert refused(vpncmd, "BridgeCreate NOWHERE /DEVICE:eft0 /TAP:no") == ErrorCode.HUB_NOT_FOUND
    (own,) = vpncmd("BridgeList", at=as_hub_administrator("ST", "hub-pw"))
    assert "eft0" not in own
    vpncmd("BridgeDelete LAB /DEVICE:eft0", "BridgeDelete LAB /DEVICE:eft0@n-1")
    assert refused(vpncmd, "BridgeDelete LAB /DEVICE:eft0") == ErrorCode.OBJECT_NOT_FOUND


@pytest.fixture
def cascade(vpncmd: Commands, tcp_port: int, hubs: None) -> Iterator[str]:
    """A cascade of ST to LAB by the commands anybody would use; online."""
    vpncmd(
        f"CascadeCreate up /SERVER:127.0.0.1:{tcp_port} /HUB:LAB /USERNAME:a",
        "CascadePasswordSet up /PASSWORD:pw-a /TYPE:standard",
        "CascadeDetailSet up /MAXTCP:2 /INTERVAL:1 /TTL:0 /HALF:no /NOQOS:yes",
        "CascadeCompressEnable up",
        "CascadePolicySet up /NAME:MaxMac /VALUE:50",
        "CascadeOnline up",
        at=at_hub("ST"),
    )
    yield "up"
    vpncmd("CascadeDelete up", at=at_hub("ST"))


def test_a_cascade_of_the_fleet_comes_up(vpncmd: Commands, fleet: Fleet, cascade: str) -> None:
    def status() -> dict[str, str]:
        (row,) = records(vpncmd("CascadeStatusGet up", at=at_hub("ST"))[0])
        return row if "Established" in row["Session Status"] else {}

    standing = until(status, "the cascade to stand", 20, pause=0.3)
    assert standing["Number of TCP Connections"]
    (listed,) = records(vpncmd("CascadeList", at=at_hub("ST"))[0])
    assert (listed["Setting Name"], listed["Status"]) == ("up", "Online (Established)")
    stored = cascades.find(fleet, "ST", "up")
    assert (stored.use_compress, stored.max_connection, stored.policy) == (True, 2, {"MaxMac": 50})
    assert stored.secret == user_password_hash("pw-a", "a")
    vpncmd("CascadeOffline up", at=at_hub("ST"))
    assert refused(vpncmd, "CascadeStatusGet up", at=at_hub("ST")) == ErrorCode.CASCADE_OFFLINE


def test_a_cascade_s_settings(vpncmd: Commands, fleet: Fleet, home: Path, hubs: None) -> None:
    at = as_hub_administrator("LAB", "hub-pw")
    make = "CascadeCreate far /SERVER:192.0.2.1:443 /HUB:FAR /USERNAME:me"
    vpncmd("ServerCertGet far.crt")
    vpncmd(
        make,
        "CascadeUsernameSet far /USERNAME:you",
        "CascadePasswordSet far /PASSWORD:plain /TYPE:radius",
        "CascadeServerCertSet far /LOADCERT:far.crt",
        "CascadeServerCertEnable far",
        at=at,
    )
    stored = cascades.find(fleet, "LAB", "far")
    assert (stored.user, stored.auth, stored.trust) == (
        "you",
        CascadeAuth.PLAIN_PASSWORD,
        CascadeTrust.PIN,
    )
    (shown,) = vpncmd("CascadeGet far", at=at)
    assert "192.0.2.1" in shown
    assert "plain" not in shown
    vpncmd("CascadeServerCertGet far /SAVECERT:back.crt", "CascadeAnonymousSet far", at=at)
    assert (home / "back.crt").read_text().split() == (home / "far.crt").read_text().split()
    assert cascades.find(fleet, "LAB", "far").pin == stored.pin
    certificate, key = make_identity()
    (home / "me.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (home / "me.key").write_bytes(private)
    vpncmd("CascadeCertSet far /LOADCERT:me.crt /LOADKEY:me.key", at=at)
    # Read, changed in something else and written back without the key, which nobody is told.
    vpncmd("CascadeCompressEnable far", "CascadeCertGet far /SAVECERT:back.crt", at=at)
    stored = cascades.find(fleet, "LAB", "far")
    assert (stored.auth, stored.use_compress) == (CascadeAuth.CERTIFICATE, True)
    check_identity(stored.certificate, (stored.secret or b"").decode())
    assert refused(vpncmd, make, at=at) == ErrorCode.CASCADE_EXISTS
    proxy = "CascadeProxyHttp far /SERVER:proxy:8080 /USERNAME: /PASSWORD:"
    assert refused(vpncmd, proxy, at=at) == ErrorCode.NOT_SUPPORTED
    vpncmd("CascadeRename far /NEW:near", at=at)
    assert refused(vpncmd, "CascadeGet far", at=at) == ErrorCode.OBJECT_NOT_FOUND
    vpncmd("AdminOptionSet no_cascade /VALUE:1", at=at_hub("LAB"))
    assert refused(vpncmd, "CascadeDelete near", at=at) == ErrorCode.NOT_ENOUGH_RIGHTS
    vpncmd("AdminOptionSet no_cascade /VALUE:0", "CascadeDelete near", at=at_hub("LAB"))


def test_users_by_certificate_and_whom_a_hub_believes(
    vpncmd: Commands, fleet: Fleet, home: Path, tcp_port: int, hubs: None
) -> None:
    at = as_hub_administrator("LAB", "hub-pw")
    authority = issue(name(CN="Lab CA", O="Example"), may_sign=True)
    alice = issue(name(CN="alice"), authority, serial=0x0155)
    for file, text in (
        ("ca.crt", authority.pem),
        ("alice.crt", alice.pem),
        ("alice.key", alice.key_pem),
    ):
        (home / file).write_text(text)
    identity = read_identity(alice.pem, alice.key_pem)

    vpncmd(
        *(f"UserCreate {user} /GROUP:none /REALNAME:none /NOTE:none" for user in ("own", "staff")),
        "UserCertSet own /LOADCERT:alice.crt",
        "UserSignedSet staff /CN:alice /SERIAL:0155",
        "UserCertGet own /SAVECERT:back.crt",
        at=at,
    )
    assert (home / "back.crt").read_text().split() == alice.pem.split()
    shown = vpncmd("UserGet own", "UserGet staff", at=at)
    assert "Individual Certificate Authentication" in shown[0]
    assert "Signed Certificate Authentication" in shown[1]
    vpncmd("CAAdd ca.crt", "UserSet own /GROUP:none /REALNAME:x /NOTE:none", at=at)
    (listed,) = records(vpncmd("CAList", at=at)[0])
    assert (listed["Issued to"], listed["Issuer"]) == ("Lab CA, Example",) * 2
    vpncmd(f"CAGet {listed['ID']} /SAVECERT:back.crt", at=at)
    assert (home / "back.crt").read_text().split() == authority.pem.split()

    with ExitStack() as stack:  # through the port of all workers: redirected, by a ticket
        for user in ("own", "staff"):
            assert enter(stack, tcp_port, "LAB", user, identity).welcome
    vpncmd(
        f"CascadeCreate signed /SERVER:127.0.0.1:{tcp_port} /HUB:LAB /USERNAME:staff",
        "CascadeCertSet signed /LOADCERT:alice.crt /LOADKEY:alice.key",
        "CascadeOnline signed",
        at=at_hub("ST"),
    )
    state = lambda: cascades.report(fleet, "ST", "signed").state  # noqa: E731  # short
    until(lambda: state() is CascadeState.CONNECTED, "the cascade", 20, pause=0.3)
    vpncmd("CascadeDelete signed", at=at_hub("ST"))

    vpncmd("CrlAdd /SERIAL:0155 /MD5: /SHA1: /CN:alice /O: /OU: /C: /ST: /L:", at=at)
    (revoked,) = records(vpncmd("CrlList", at=at)[0])
    assert revoked["Certificate Summary"] == 'Subject="CN=alice", Serial="01 55"'
    assert "alice" in vpncmd(f"CrlGet {revoked['ID']}", at=at)[0]
    for user in ("own", "staff"):
        with ExitStack() as stack, pytest.raises(Refused, match="auth failed"):
            enter(stack, tcp_port, "LAB", user, identity)
    vpncmd("AdminOptionSet no_change_crl_list /VALUE:1", at=at_hub("LAB"))
    delete = f"CrlDel {revoked['ID']}"
    assert refused(vpncmd, delete, at=at) == ErrorCode.NOT_ENOUGH_RIGHTS
    vpncmd("AdminOptionSet no_change_crl_list /VALUE:0", delete, at=at_hub("LAB"))
    vpncmd(f"CADelete {listed['ID']}", at=at)
    assert refused(vpncmd, f"CADelete {listed['ID']}", at=at) == ErrorCode.OBJECT_NOT_FOUND
    radius = refused(vpncmd, "UserRadiusSet own /ALIAS:none", at=at)
    assert radius == ErrorCode.AUTH_NOT_AVAILABLE


def test_logs_are_set_and_read(
    vpncmd: Commands, fleet: Fleet, home: Path, tcp_port: int, hubs: None
) -> None:
    vpncmd(
        "LogSwitchSet security /SWITCH:none",
        "LogPacketSaveType /TYPE:arp /SAVE:full",
        "LogEnable packet",
        at=at_hub("ST"),
    )
    hub = fleet.directory.hub("ST")
    assert hub is not None
    assert (hub.log.security_switch, hub.log.packet) == (LogSwitch.NONE, True)
    assert hub.log.packets["arp"] is Keep.FULL
    vpncmd("LogDisable packet", at=at_hub("ST"))
    with ExitStack() as stack:
        enter(stack, tcp_port, "ST", "b")
        until(lambda: "sec.log" in vpncmd("LogFileList")[0], "a log file of ST", 10, pause=0.3)
    at = as_hub_administrator("ST", "hub-pw")
    (own,) = vpncmd("LogFileList", at=at)
    assert "security_log/ST/sec.log" in own
    assert "LAB" not in own
    assert "n-" not in own
    vpncmd("LogFileGet security_log/ST/sec.log /SAVEPATH:got.log", at=at)
    assert '"b"' in (home / "got.log").read_text()
    other = "LogFileGet security_log/LAB/sec.log /SAVEPATH:other.log"
    with pytest.raises(VpncmdError):
        vpncmd(other, at=at)


def test_syslog_is_the_fleet_s(vpncmd: Commands, fleet: Fleet, hubs: None) -> None:
    vpncmd("SyslogEnable 2 /HOST:127.0.0.1:5514")
    held = syslog.show(fleet)
    assert (held.save, held.host, held.udp_port) == (SyslogSave.SECURITY, "127.0.0.1", 5514)
    (seen,) = vpncmd("SyslogGet", at=as_hub_administrator("LAB", "hub-pw"))
    assert "127.0.0.1" not in seen
    vpncmd("SyslogDisable", "Flush", "ServerCipherGet")
    assert syslog.show(fleet).save is SyslogSave.OFF


def test_a_connection_is_looked_at_and_ended(tcp_port: int, hubs: None) -> None:
    """Asked of the gateway that carries the session: each lists its own connections."""

    def lists_session(client: JsonClient) -> dict[str, Any]:
        rows = client.call("EnumConnection")["ConnectionList"]
        return next((row for row in rows if row["Name_str"].startswith("CID-B-")), {})

    def is_cut(client: JsonClient) -> bool:
        try:
            client.request("GET", "/api/")
        except (OSError, HTTPException):
            return True
        return False

    def found() -> str:
        with JsonClient(tcp_port, PASSWORD) as client:
            row = lists_session(client)
            if not row:
                return ""
            name = str(row["Name_str"])
            shown = client.call("GetConnectionInfo", Name_str=name)
            assert (shown["Port_u32"], shown["Type_u32"]) == (row["Port_u32"], 0)
            assert client.call("DisconnectConnection", Name_str=name)["Name_str"] == name
            until(lambda: not lists_session(client), "the connection to be gone", 10)
            assert client.call("GetConnectionInfo", Name_str=name) == ErrorCode.OBJECT_NOT_FOUND
            own = next(
                row
                for row in client.call("EnumConnection")["ConnectionList"]
                if row["Port_u32"] == client.local_port
            )
            client.call("DisconnectConnection", Name_str=own["Name_str"])
            until(lambda: is_cut(client), "our own connection to be gone", 10, pause=0.05)
            return name

    with ExitStack() as stack:
        enter(stack, tcp_port, "ST", "b")
        assert until(found, "the gateway that has the connection", 30, pause=0.1)


def test_the_certificate_of_all_gateways_is_replaced(
    vpncmd: Commands, fleet: Fleet, home: Path, hubs: None
) -> None:
    """The last test here: whoever comes from now on sees another one."""
    made, key = make_identity()
    (home / "new.crt").write_bytes(made.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (home / "new.key").write_bytes(private)
    vpncmd("ServerCertSet /LOADCERT:new.crt /LOADKEY:new.key")
    wanted = made.fingerprint(SHA256()).hex()
    until(
        lambda: {node.certificate for node in fleet.nodes.nodes()} == {wanted},
        "all gateways to show it",
        20,
    )
    vpncmd("ServerCertGet shown.crt")
    assert (home / "shown.crt").read_text().split() == (home / "new.crt").read_text().split()
