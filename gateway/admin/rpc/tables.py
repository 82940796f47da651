"""Calls about what hubs have learned: MAC addresses, and the IP addresses behind them.

A dynamic hub is asked of its owner, a static one of every gateway. One that does not answer has a
row of its own that says so.
"""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from coordinator.model import HubKind
from gateway.admin import hubs, nodes
from gateway.admin.live import Table, TableRow
from gateway.admin.rpc.convert import ipv4_or
from gateway.admin.rpc.method import Call, Method, Who, refusal
from gateway.wire.codes import ErrorCode
from gateway.wire.rpc_struct import Values


def enum_mac_table(call: Call) -> Values:
    return _listed(call, Table.MACS, "MacTable", _mac_values)


def enum_ip_table(call: Call) -> Values:
    """The IP addresses in use: a hub learns them where a policy binds somebody to his."""
    return _listed(call, Table.IPS, "IpTable", _ip_values)


def delete_mac_table(call: Call) -> Values:
    return _forgotten(call, Table.MACS)


def delete_ip_table(call: Call) -> Values:
    return _forgotten(call, Table.IPS)


def _listed(
    call: Call, table: Table, group: str, values_of: Callable[[TableRow], Values]
) -> Values:
    found = call.context.live.rows(table, call.hub.name, _serving(call))
    here = call.context.live.node
    rows = [{**_row(row, here, _host(call, row.node)), **values_of(row)} for row in found.rows]
    rows += [_silent_row(_host(call, node)) for node in found.silent]
    return {"HubName": call.hub.name, group: rows}


def _forgotten(call: Call, table: Table) -> Values:
    key = call.number("Key")
    if not call.context.live.forget(table, call.hub.name, _serving(call), key):
        raise refusal(ErrorCode.OBJECT_NOT_FOUND, f"no address has the key {key}")
    return {"HubName": call.hub.name, "Key": key}


def _serving(call: Call) -> list[str]:
    """Return the gateways that serve the hub."""
    if call.hub.kind is HubKind.STATIC:
        return [report.node.id for report in nodes.reports(call.fleet) if report.is_up]
    owner = hubs.report(call.fleet, call.hub.name).node
    return [owner] if owner else []


def _host(call: Call, node: str) -> str:
    return node if call.caller.is_fleet_admin else "gateway"


def _row(row: TableRow, here: str, host: str) -> dict[str, Any]:
    return {
        "Key": row.key,
        "SessionName": row.session,
        "CreatedTime": row.created_ms,
        "UpdatedTime": row.updated_ms,
        "RemoteItem": row.node != here,
        "RemoteHostname": host,
    }


def _mac_values(row: TableRow) -> Values:
    return {"MacAddress": row.address}


def _ip_values(row: TableRow) -> Values:
    address = ip_address(row.address)
    shown = dict.fromkeys(("IpV6", "IpAddress"), address)
    return {**shown, "Ip": ipv4_or(address, "::"), "DhcpAllocated": row.is_leased}


def _silent_row(host: str) -> dict[str, Any]:
    return {
        "SessionName": f"({host} does not answer)",
        "RemoteItem": True,
        "RemoteHostname": f"{host} (does not answer)",
    }


METHODS = (
    Method("EnumMacTable", Who.HUB, enum_mac_table, changes=False),
    Method("DeleteMacTable", Who.HUB, delete_mac_table, forbidden_by=("no_delete_mactable",)),
    Method("EnumIpTable", Who.HUB, enum_ip_table, changes=False),
    Method("DeleteIpTable", Who.HUB, delete_ip_table, forbidden_by=("no_delete_iptable",)),
)
