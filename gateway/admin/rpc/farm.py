"""Calls about the gateways together, which tools know as cluster members.

Every gateway answers as the controller, so exactly one member, the one that answers, is marked as
that. A member's id is made of its name and stays what it is.
"""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from coordinator.model import HubKind
from coordinator.names import fold
from coordinator.placement import calc_point
from gateway.admin import nodes
from gateway.admin.nodes import Health, NodeReport
from gateway.admin.rpc.convert import host_of, stable_id, to_ms
from gateway.admin.rpc.method import Call, Method, Who, refusal
from gateway.admin.rpc.server import CONTROLLER
from gateway.wire.codes import ErrorCode
from gateway.wire.fields import Address
from gateway.wire.rpc_struct import Values


def get_farm_setting(call: Call) -> Values:
    node = nodes.find(call.fleet, call.context.live.node)
    return {
        "ServerType": CONTROLLER,
        "Weight": node.weight or 100,
        "ControllerOnly": not node.is_host,
    }


def enum_farm_member(call: Call) -> Values:
    here, members = call.context.live.node, _members(call)
    silent = call.context.live.silent([report.node.id for report in members if report.is_up])
    return {"FarmMemberList": [_row(report, here, silent) for report in members]}


def get_farm_info(call: Call) -> Values:
    """One gateway, by the id that the list gave."""
    wanted = call.number("Id")
    report = next((r for r in _members(call) if stable_id(r.node.id) == wanted), None)
    if report is None:
        raise refusal(ErrorCode.OBJECT_NOT_FOUND, f"no gateway has the id {wanted}")
    silent = call.context.live.silent([report.node.id] if report.is_up else [])
    owned = {owner.hub for owner in nodes.hubs_of(call.fleet, report.node.id)}
    served = [
        hub
        for hub in call.fleet.directory.hubs()
        if hub.kind is HubKind.STATIC or fold(hub.name) in owned
    ]
    return {
        **_row(report, call.context.live.node, silent),
        "Ports": list(report.node.direct_tcp_ports),
        "ServerCert": call.context.live.certificate_der(),
        "HubsList": [
            # vpncmd prints "Dynamic" for 0: it, and not the wire, has it the wrong way round.
            {"HubName": hub.name, "DynamicHub": hub.kind is HubKind.DYNAMIC}
            for hub in served
        ],
        "Weight": report.node.weight or 100,
    }


def get_farm_connection_status(_: Call) -> Values:
    raise refusal(ErrorCode.NOT_CLUSTER_MEMBER, "a gateway is connected to no controller")


def _members(call: Call) -> list[NodeReport]:
    """Return all but those that left: one that died is missed until it is back, or forgotten."""
    reports = nodes.reports(call.fleet)
    return [report for report in reports if report.health is not Health.LEFT]


def _row(report: NodeReport, here: str, silent: Sequence[str]) -> dict[str, Any]:
    node = report.node
    answers = report.is_up and node.id not in silent
    name = node.id if answers else f"{node.id} (does not answer)"
    return {
        "Id": stable_id(node.id),
        "Controller": node.id == here,
        "ConnectedTime": to_ms(node.started),
        "Ip": _address(node.direct_address, node.address),
        "Hostname": name,
        "Point": calc_point(report.sessions, node.max_sessions, node.weight) if answers else 0,
        "NumSessions": report.sessions,
        "NumTcpConnections": node.connections if report.is_up else 0,
        "NumHubs": report.hubs,
    }


def _address(direct: str, listening: str) -> Address:
    return ip_address(direct) if direct else host_of(listening)


METHODS = (
    Method("GetFarmSetting", Who.ANY, get_farm_setting, changes=False),
    Method("EnumFarmMember", Who.FLEET, enum_farm_member, changes=False),
    Method("GetFarmInfo", Who.FLEET, get_farm_info, changes=False),
    Method("GetFarmConnectionStatus", Who.ANY, get_farm_connection_status, changes=False),
)
