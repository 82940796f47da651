"""Every call of SoftEther's JSON-RPC document, with every field it names, made by the real curl.

curl ── TLS ──► gateway (one process) ── unix socket ──► embedded Valkey
                   ▲ alice, bob on hub LAB

`tests/vectors/jsonrpc/document.json` has the names of methods and fields, and nothing else of the
document (`developer_tools/vpnserver-jsonrpc-clients/README.md` in SoftEtherVPN): for each method
what goes in and what comes out, `x[]` an array of numbers or texts, `{group: [...]}` one of rows.
What is answered has at least those fields, of the type that a name's ending says; what is not
served is 33, and `docs/vpncmd.md` says why.
"""

import base64
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from coordinator.times import utc_now
from gateway.admin.administrators import set_fleet_password
from tests.frames import BROADCAST, ethernet
from tests.hostile.gateway import Gateway
from tests.hostile.stranger import Stranger
from tests.identities import make_identity
from tests.stock.waiting import until

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

DOCUMENT = Path(__file__).parents[1] / "vectors" / "jsonrpc" / "document.json"
MANUAL = (Path(__file__).parents[2] / "docs" / "vpncmd.md").read_text()
PASSWORD = "adminpw"

Names = list[Any]
Values = dict[str, Any]


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


SAMPLES: dict[str, Any] = {
    "str": "sample",
    "utf": "sample",
    "bin": in_base64(b"a sample"),
    "ip": "0.0.0.0",
    "u32": 0,
    "u64": 0,
    "bool": False,
    "dt": "2036-01-01T00:00:00.000Z",
}
TYPES = {"str": str, "utf": str, "bin": str, "ip": str, "dt": str, "bool": bool}

LAST = ("DeleteMacTable", "Disconnect", "SetLinkOffline", "RenameLink", "Del")
"""What takes away what others ask for comes behind them, in this order."""

UNSENT = {
    *("NumPort_u32", "NumFarmHub_u32", "NumFarm_u32", "NumHub_u32", "NumConnection_u32"),
    *("NumLink_u32", "NumConnectionsEatablished_u32", "NoTls1_bool", "AccessListSingle"),
    *("Auth_Password_str", "LinkMode_bool"),
}
"""Fields the reference sends never, whatever its document says."""

ELSEWHERE = {
    *("UserX_bin", "Serial_bin", "CommonName_utf", "RadiusUsername_utf", "NtUsername_utf"),
    *("UsePolicy_bool", "HashedPassword_bin", "PlainPassword_str", "ClientX_bin", "ClientK_bin"),
    *("ServerCert_bin", "ServerX_bin", "Key_bin"),
    *("GetFarmSetting.Ports_u32", "AddLocalBridge.Online_bool", "AddLocalBridge.Active_bool"),
    *("DeleteLocalBridge.Online_bool", "DeleteLocalBridge.Active_bool"),
    *(f"DelCrl.{part}_utf" for part in ("Organization", "Unit", "Country", "State", "Local")),
    *("DelCrl.DigestMD5_bin", "DelCrl.DigestSHA1_bin"),
}
"""Fields, of one method or all, of accounts, cascades and servers of other kinds than here; and
the key of the gateway's certificate, which nobody is told."""

CODES = {"GetFarmConnectionStatus": 55, "DeleteIpTable": 29, "SetCrl": 38}
"""No gateway is a member, no address is learned without a policy about addresses, and the document
names nothing for SetCrl, not even a hub."""

VALUES: dict[str, Values] = {
    "": {"HubName_str": "LAB", "HubNameLB_str": "LAB", "DeviceName_str": "eft9"},
    "SetServerPassword": {"PlainTextPassword_str": PASSWORD},
    "CreateHub": {"HubName_str": "DOC", "HubType_u32": 2, "Online_bool": True},
    "SetHub": {"HubName_str": "DOC", "HubType_u32": 2, "Online_bool": True},
    "GetHub": {"HubName_str": "DOC"},
    "DeleteHub": {"HubName_str": "DOC"},
    "SetHubOnline": {"Online_bool": True},
    "SetHubLog": {"PacketLogConfig_u32": [0] * 8, "SaveSecurityLog_bool": True},
    "SetHubAdminOptions": {"Name_str": "max_users"},
    "SetHubExtOptions": {"Name_str": "FilterBPDU"},
    "AddAccess": {"Priority_u32": 1},
    "SetAccessList": {"Priority_u32": 1},
    "SetAcList": {"Priority_u32": 1, "IpAddress_ip": "192.0.2.1"},
    "CreateLink": {"Hostname_str": "192.0.2.1", "Port_u32": 443, "HubName_str": "FAR"},
    "SetLink": {"Hostname_str": "192.0.2.1", "Port_u32": 443, "HubName_str": "FAR"},
    "AddCrl": {
        "DigestMD5_bin": in_base64(b"a digest of MD5 "),
        "DigestSHA1_bin": in_base64(b"one of SHA-1, longer"),
    },
    "CreateUser": {"policy:Access_bool": True},
    "SetUser": {"policy:Access_bool": True, "GroupName_str": ""},
    "RenameLink": {"OldAccountName_utf": "sample", "NewAccountName_utf": "other"},
    "DeleteLink": {"AccountName_utf": "other"},
}
"""Beside samples: of all methods, and of one."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with tempfile.TemporaryDirectory(prefix="ef-") as home, Gateway(Path(home)) as running:
        set_fleet_password(running.fleet, PASSWORD, utc_now())
        yield running
        running.assert_no_fault()


class Caller:
    """Calls methods of the document, and says what of the answers is not as it says."""

    def __init__(self, gateway: Gateway) -> None:
        self.url = f"https://127.0.0.1:{gateway.tcp_port}/api/"
        self.document: dict[str, tuple[Names, Names]] = json.loads(DOCUMENT.read_text())
        self.found: Values = {}
        """What calls have to name, by method and field."""

    def call(self, method: str) -> Values:
        values = {**VALUES[""], "HubName_Ex_str": "LAB", **VALUES.get(method, {})}
        params = filled(self.document[method][0], {**values, **self.found.get(method, {})})
        body = {"jsonrpc": "2.0", "id": "rpc_call_id", "method": method, "params": params}
        words = ["curl", "-sSk", "-u", f"administrator:{PASSWORD}", self.url, "-d", "@-"]
        done = subprocess.run(
            words, input=json.dumps(body), capture_output=True, text=True, timeout=30, check=True
        )
        answer: Values = json.loads(done.stdout)
        assert (answer["jsonrpc"], answer["id"]) == ("2.0", "rpc_call_id")
        return answer

    def result(self, method: str) -> Values:
        answer = self.call(method)
        assert "result" in answer, f"{method}: {answer}"
        return answer["result"]  # type: ignore[no-any-return]  # of JSON


def filled(names: Names, values: Values) -> Values:
    """Return parameters of these names."""
    params: Values = {}
    for name in names:
        if isinstance(name, dict):
            params |= {group: [filled(inner, values)] for group, inner in name.items()}
        else:
            params[name.removesuffix("[]")] = values.get(
                name.removesuffix("[]"), SAMPLES.get(name.rpartition("_")[2], [])
            )
    return params


def missing(names: Names, answer: Values, where: str) -> list[str]:
    """Return which fields are not there, or of another type."""
    wrong: list[str] = []
    for name in names:
        if isinstance(name, dict):
            ((group, inner),) = name.items()
            if group in UNSENT:
                continue
            rows = answer.get(group)
            if not isinstance(rows, list):
                wrong.append(f"{where}.{group}")
            for row in (rows or [])[:1]:
                wrong += missing(inner, row, f"{where}.{group}[]")
            continue
        field, brackets, _ = name.partition("[]")
        if field.startswith(("policy:", "SecPol_", "caps_")):
            continue  # with a policy only, where one name is misspelt; what we can, not cannot
        if not {field, f"{where}.{field}"}.isdisjoint(UNSENT | ELSEWHERE):
            continue
        wanted = list if brackets else TYPES.get(field.rpartition("_")[2], int)
        if not isinstance(answer.get(field), wanted):
            wrong.append(f"{where}.{field}")
    return wrong


def test_every_call_of_the_document(gateway: Gateway) -> None:
    caller = Caller(gateway)
    with Stranger(gateway.tcp_port) as alice, Stranger(gateway.tcp_port) as bob:
        session = alice.login("alice").session_name
        bob.login("bob")
        alice.send_frames(ethernet(bytes(46), 0x88B5, to=BROADCAST))
        bob.receive_frames(1)
        look_up(caller, session)
        wrong, served = [], 0
        methods = sorted(caller.document, key=rank)
        for method in methods:
            answer = caller.call(method)
            code = answer.get("error", {}).get("code", 0)
            if code == 33:
                if f"`{method}`" not in MANUAL:
                    wrong.append(f"{method}: 33, and nowhere a reason")
                continue
            served += 1
            if code != CODES.get(method, 0):
                wrong.append(f"{method}: {answer['error']}")
            elif not code:
                wrong += missing(caller.document[method][1], answer["result"], method)
        assert wrong == [], "\n".join(map(str, wrong))
        assert served >= 75


def rank(method: str) -> int:
    """Return when a method is called."""
    return next((i for i, begin in enumerate(LAST, 1) if method.startswith(begin)), 0)


def look_up(caller: Caller, session: str) -> None:
    """Find what calls have to name that only the gateway knows."""
    certificate, key = make_identity()
    key_der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    (member,) = caller.result("EnumFarmMember")["FarmMemberList"]
    connections = caller.result("EnumConnection")["ConnectionList"]
    by_session = {"HubName_str": "LAB", "Name_str": session}
    (mac,) = caller.result("EnumMacTable")["MacTable"]
    caller.found["AddCa"] = {"Cert_bin": in_base64(certificate.public_bytes(Encoding.DER))}
    caller.result("AddCa")
    (authority,) = caller.result("EnumCa")["CAList"]
    revoked = {"Key_u32": caller.result("AddCrl")["Key_u32"]}
    logs = until(lambda: caller.result("EnumLogFile")["LogFiles"], "a log file", 30)
    caller.found |= {
        "GetCa": {"Key_u32": authority["Key_u32"]},
        "DeleteCa": {"Key_u32": authority["Key_u32"]},
        "GetCrl": revoked,
        "DelCrl": revoked,
        "GetFarmInfo": {"Id_u32": member["Id_u32"]},
        "RegenerateServerCert": {"StrValue_str": "vpn.example.org"},
        "SetServerCert": {
            "Cert_bin": in_base64(certificate.public_bytes(Encoding.DER)),
            "Key_bin": in_base64(key_der),
        },
        "GetConnectionInfo": {"Name_str": connections[0]["Name_str"]},
        "DisconnectConnection": {"Name_str": connections[0]["Name_str"]},
        "GetSessionStatus": by_session,
        "DeleteSession": by_session,
        "DeleteMacTable": {"Key_u32": mac["Key_u32"]},
        "DeleteAccess": {"Id_u32": 2},
        "ReadLogFile": {"FilePath_str": logs[0]["FilePath_str"]},
    }
