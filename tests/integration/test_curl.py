"""The calls of SoftEther's JSON-RPC document, made by the real curl as its examples do.

curl ── TLS ──► gateway (one process) ── unix socket ──► embedded Valkey

What was sent to a real server, in that order, is sent to us: answers are as they were in name and
type of everything, errors have the same number. One curl makes all calls of a test, over one
connection as far as it is let.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from coordinator.model import Hub
from coordinator.times import utc_now
from gateway.admin.administrators import set_fleet_password
from gateway.wire.auth import admin_password_hash
from tests.hostile.gateway import Gateway
from tests.rpc_vectors import json_exchanges

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

PASSWORD, HUB_PASSWORD = "adminpw", "hubpw"
END = "\x1e"

APART = {
    "admin-path": "the page is its own",
    "EnumFarmMember": "not from a cluster",
    "mb-GetFarmConnectionStatus": "from a member of a cluster",
    "ct-GetFarmInfo-0": "the id of a gateway of theirs",
    "ct-GetFarmInfo-1": "the id of a gateway of theirs",
    "mb-GetFarmSetting": "from a member of a cluster",
    "mb-hubadmin": "a hub of theirs",
    "GetSessionStatus-ipv6": "a session of theirs",
    "json-hub-empty-password": "a closed connection; we say 401 as to every wrong password",
    "adminip-denied": "an address that was locked out",
}
"""Exchanges that say nothing about us, by label, and why."""


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with tempfile.TemporaryDirectory(prefix="ef-") as home, Gateway(Path(home)) as running:
        set_fleet_password(running.fleet, PASSWORD, utc_now())
        for hub in ("T1", "T2"):
            running.fleet.directory.create_hub(Hub(hub), utc_now())
            secret = admin_password_hash(HUB_PASSWORD)
            running.fleet.administration.set_hub(hub, utc_now(), secret=secret)
        yield running
        running.assert_no_fault()


def curl(gateway: Gateway, calls: Sequence[Sequence[str]]) -> list[tuple[int, str]]:
    """Make calls, each some words for curl; return status and body of each answer."""
    words = ["curl"]
    for call in calls:
        words += ["-sk", "-w", f"{END}%{{http_code}}{END}", *call, "--next"]
    done = subprocess.run(words[:-1], capture_output=True, text=True, timeout=60, check=True)
    parts = done.stdout.split(END)[:-1]
    return [(int(code), body) for body, code in zip(parts[::2], parts[1::2], strict=True)]


def as_curl(gateway: Gateway, exchange: dict[str, Any]) -> list[str]:
    """Return the words by which curl says what was sent in a recorded exchange."""
    first, *lines = exchange["request_head"].strip().split("\r\n")
    method, target, _ = first.split(" ")
    words = ["-X", method, f"https://127.0.0.1:{gateway.tcp_port}{target}"]
    for name, _, value in (line.partition(": ") for line in lines):
        if name.rstrip(":") not in ("Host", "Content-Length"):
            words += ["-H", f"{name}: {value}" if value else f"{name.rstrip(': ')};"]
    asked = exchange["request"]
    if isinstance(asked, dict) and "HubType_u32" in asked.get("params", ()):
        asked = {**asked, "params": {**asked["params"], "HubType_u32": 2}}  # as in a cluster
    if asked:
        words += ["-d", asked if isinstance(asked, str) else json.dumps(asked)]
    return words


def differences(theirs: object, ours: object, where: str = "") -> list[str]:
    """Return where two answers differ in the names and types of what they hold; of rows, the first
    are compared, if there are some on both sides."""
    match theirs, ours:
        case dict(), dict():
            names = {name for name in {*theirs, *ours} if not depends(name)}
            apart = [f"{where}/{name}" for name in names if (name in theirs) != (name in ours)]
            both = sorted(names & theirs.keys() & ours.keys())
            inner = [differences(theirs[name], ours[name], f"{where}/{name}") for name in both]
            return sum(inner, apart)
        case list(), list():
            return differences(theirs[0], ours[0], f"{where}[]") if theirs and ours else []
    return [] if type(theirs) is type(ours) else [where]


def depends(name: str) -> bool:
    """Say whether what has this name is there or not with a server's or an account's kind."""
    account = ("caps_", "policy:", "UsePolicy", "HashedKey", "NtLmSecureHash")
    return name.startswith((*account, "ServerX"))  # the far certificate of a cascade that stands


def test_the_recorded_calls_are_answered_alike(gateway: Gateway) -> None:
    exchanges = [e for label, e in json_exchanges().items() if label not in APART]
    answers = curl(gateway, [as_curl(gateway, exchange) for exchange in exchanges])
    compared, wrong = set(), []
    for exchange, (status, body) in zip(exchanges, answers, strict=True):
        asked, recorded = exchange["request"], exchange["response"]
        head = exchange["response_head"] or "HTTP/1.1 200 it closed the connection instead"
        if status != int(head.split(" ")[1]):
            wrong.append(f"{exchange['label']}: {status}, {head[:12]}")
        if not isinstance(asked, dict) or not isinstance(recorded, dict):
            continue
        said = json.loads(body)
        assert said["id"] == asked.get("id")
        name = asked.get("method", "")
        code, was = (one.get("error", {}).get("code", 0) for one in (said, recorded))
        if code != was:
            # A cascade of theirs is not there, what is not served is 33.
            is_known = (code == 33 or (code == 29 and "Link" in name)) and name not in ANSWERED
            wrong += [] if is_known else [f"{exchange['label']}: {code} for {was}"]
        elif not code:
            compared.add(name)
            wrong += differences(recorded["result"], said["result"], exchange["label"])
    assert wrong == []
    assert compared >= ANSWERED


ANSWERED = {
    *("Test", "GetServerInfo", "GetServerStatus", "GetCaps", "EnumListener", "EnumConnection"),
    *("CreateHub", "GetHub", "SetHub", "EnumHub", "GetHubStatus", "SetHubOnline", "DeleteHub"),
    *("CreateUser", "GetUser", "SetUser", "EnumUser", "DeleteUser"),
    *("CreateGroup", "GetGroup", "EnumGroup", "EnumSession", "EnumMacTable", "EnumIpTable"),
    *("AddAccess", "EnumAccess", "SetAccessList", "GetAcList", "SetAcList"),
    *("GetHubAdminOptions", "SetHubAdminOptions", "EnumFarmMember", "GetFarmSetting"),
    *("CreateLink", "GetLink", "EnumLink", "SetLinkOnline", "GetLinkStatus", "DeleteLink"),
    *("EnumEthernet", "EnumLocalBridge", "GetBridgeSupport", "GetServerCipher"),
    *("GetHubLog", "SetHubLog", "GetSysLog", "EnumLogFile"),
}
"""What is compared at least."""
