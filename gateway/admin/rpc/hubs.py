"""Calls about hubs."""

from collections.abc import Mapping
from typing import Any

from coordinator.model import Hub, HubKind, Totals
from coordinator.names import fold
from gateway.admin import access, administrators, hubs
from gateway.admin.administrators import EMPTY, check_admin_password
from gateway.admin.hubs import HubReport
from gateway.admin.live import Learned
from gateway.admin.nodes import reports as node_reports
from gateway.admin.rpc.convert import to_ms, traffic_values
from gateway.admin.rpc.method import Call, Method, Who, refusal
from gateway.wire.auth import admin_password_hash
from gateway.wire.codes import ErrorCode
from gateway.wire.rpc_struct import Values

KINDS = {1: HubKind.STATIC, 2: HubKind.DYNAMIC}
NUMBERS = {kind: number for number, kind in KINDS.items()}


def create_hub(call: Call) -> Values:
    """Make a hub, with its password in the same step."""
    kind = KINDS.get(call.number("HubType"))
    if kind is None:
        raise refusal(
            ErrorCode.INVALID_PARAMETER, "in a cluster a hub is static (1) or dynamic (2)"
        )
    hub = hubs.create(
        call.fleet,
        call.text("HubName"),
        kind,
        call.now,
        secret=_password(call) or EMPTY,
        online=call.flag("Online"),
        max_sessions=call.number("MaxSession"),
        no_enum=call.flag("NoEnum"),
    )
    return _values(hub)


def set_hub(call: Call) -> Values:
    """Replace a hub's settings; without a password it keeps the one it has."""
    hub, secret, online = call.hub, _password(call), call.flag("Online")
    if call.number("HubType") not in KINDS:
        raise refusal(
            ErrorCode.INVALID_PARAMETER, "in a cluster a hub is static (1) or dynamic (2)"
        )
    if KINDS[call.number("HubType")] is not hub.kind:
        raise refusal(ErrorCode.NOT_SUPPORTED, f"hub {hub.name} stays {hub.kind}")
    if secret is not None:
        call.forbid("no_change_admin_password")
    _forbid_switching(call, online)
    changed = hubs.change(
        call.fleet,
        hub.name,
        call.now,
        online=online,
        max_sessions=call.number("MaxSession"),
        no_enum=call.flag("NoEnum"),
    )
    if secret is not None:
        administrators.set_hub(call.fleet, hub.name, call.now, secret=secret)
        if not call.caller.is_fleet_admin:
            call.own_secrets.append(secret)
    return _values(changed)


def get_hub(call: Call) -> Values:
    return _values(call.hub)


def delete_hub(call: Call) -> Values:
    hubs.delete(call.fleet, call.text("HubName"))
    return {"HubName": call.text("HubName")}


def set_hub_online(call: Call) -> Values:
    online = call.flag("Online")
    _forbid_switching(call, online)
    changed = hubs.change(call.fleet, call.hub.name, call.now, online=online)
    return {"HubName": changed.name, "Online": changed.online}


def enum_hub(call: Call) -> Values:
    """All hubs; of a hub administrator his own."""
    seen = (
        hubs.reports(call.fleet)
        if call.caller.is_fleet_admin
        else [hubs.report(call.fleet, call.caller.hub)]
    )
    counts, keys = _learned(call, call.caller.hub), call.fleet.store.keys
    groups = call.fleet.store.sizes([keys.groups(report.hub.name) for report in seen])
    rows = [
        {**_row(report), "NumGroups": number, **_table_sizes(counts, report.hub)}
        for report, number in zip(seen, groups, strict=True)
    ]
    return {"HubList": rows}


def get_hub_status(call: Call) -> Values:
    report = hubs.report(call.fleet, call.hub.name)
    records = call.fleet.sessions.of_hub(call.hub.name)
    bridges = sum(record.bridge for record in records)
    return {
        "HubName": report.hub.name,
        "Online": report.hub.online,
        "HubType": NUMBERS[report.hub.kind],
        "NumSessions": len(records),
        "NumSessionsClient": len(records) - bridges,
        "NumSessionsBridge": bridges,
        "NumUsers": report.users,
        "NumGroups": call.fleet.store.size(call.fleet.store.keys.groups(report.hub.name)),
        "NumAccessLists": len(access.rules(call.fleet, report.hub.name).rules),
        **_table_sizes(_learned(call, report.hub.name), report.hub),
        **traffic_values(report.totals.traffic),
        **_times(report.hub, report.totals),
    }


def _password(call: Call) -> bytes | None:
    """Return the hash of the administrator's password that is given; None if none is."""
    plain, hashed = call.text("AdminPasswordPlainText"), call.data("HashedPassword")
    if plain:
        return admin_password_hash(check_admin_password(plain))
    if not any(hashed):
        return None
    if len(hashed) != len(EMPTY):
        raise refusal(ErrorCode.INVALID_PARAMETER, f"a password's hash has {len(EMPTY)} bytes")
    return hashed


def _forbid_switching(call: Call, online: bool) -> None:
    if online != call.hub.online:
        call.forbid("no_online" if online else "no_offline")


def _learned(call: Call, hub: str = "") -> Mapping[str, Learned]:
    up = [report.node.id for report in node_reports(call.fleet) if report.is_up]
    return call.context.live.learned(up, hub)


def _table_sizes(counts: Mapping[str, Learned], hub: Hub) -> Values:
    learned = counts.get(fold(hub.name), Learned())
    return {"NumMacTables": learned.macs, "NumIpTables": learned.ips}


def _values(hub: Hub) -> Values:
    """Passwords go in and never out: a tool that writes back the zeros changes nothing."""
    return {
        "HubName": hub.name,
        "Online": hub.online,
        "MaxSession": hub.max_sessions,
        "NoEnum": hub.no_enum,
        "HubType": NUMBERS[hub.kind],
    }


def _row(report: HubReport) -> dict[str, Any]:
    return {
        "HubName": report.hub.name,
        "Online": report.hub.online,
        "HubType": NUMBERS[report.hub.kind],
        "NumSessions": report.sessions,
        "NumUsers": report.users,
        "IsTrafficFilled": True,
        **traffic_values(report.totals.traffic, "Ex."),
        **_times(report.hub, report.totals),
    }


def _times(hub: Hub, totals: Totals) -> dict[str, Any]:
    last = to_ms(totals.last_login)
    created = to_ms(hub.created)
    return {
        "CreatedTime": created,
        "LastCommTime": last or created,
        "LastLoginTime": last or created,
        "NumLogin": totals.logins,
    }


METHODS = (
    Method("CreateHub", Who.FLEET, create_hub, needs=("HubName",)),
    Method("SetHub", Who.HUB, set_hub, needs=("HubName",)),
    Method("GetHub", Who.HUB, get_hub, needs=("HubName",), changes=False),
    Method("EnumHub", Who.ANY, enum_hub, changes=False),
    Method("DeleteHub", Who.FLEET, delete_hub, needs=("HubName",)),
    Method("SetHubOnline", Who.HUB, set_hub_online),
    Method("GetHubStatus", Who.HUB, get_hub_status, changes=False),
)
