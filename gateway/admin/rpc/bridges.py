"""Calls about local bridges: which hub is joined to which interface, on which gateways.

A bridge is set for the whole fleet. An exception is told from it by what follows the interface,
which tools show and send back as it is: `ens5@gw3` holds on gateway gw3, `bond0@label=berlin` on
those with that label, `none@gw4` means that there is none on gw4.
"""

from typing import Any

from coordinator.errors import AlreadyExists
from coordinator.model import Bridge
from coordinator.names import fold
from gateway.admin import bridges
from gateway.admin.bridges import BridgeReport
from gateway.admin.rpc.method import Call, Method, Who
from gateway.wire.rpc_struct import Values

LABEL = "label="


def enum_ethernet(call: Call) -> Values:
    """The interfaces of all gateways' hosts, and on which of them each is."""
    where: dict[str, list[str]] = {}
    for node, devices in bridges.interfaces(call.fleet).items():
        for device in devices:
            where.setdefault(device, []).append(node)
    rows = [
        {"DeviceName": device, "NetworkConnectionName": ", ".join(nodes)}
        for device, nodes in sorted(where.items())
    ]
    return {"NumItem": len(rows), "EthList": rows}


def add_local_bridge(call: Call) -> Values:
    """Join a hub to an interface. The same once more is no error: tools repeat what was cut off."""
    hub, is_tap = call.text("HubNameLB"), call.flag("TapMode")
    device, node, label = _place(call.text("DeviceName"))
    try:
        bridges.add(call.fleet, hub, device, node=node, label=label, is_tap=is_tap)
    except AlreadyExists:
        if bridges.find(call.fleet, hub, device, node=node, label=label).is_tap != is_tap:
            raise
    return dict(call.values)


def delete_local_bridge(call: Call) -> Values:
    device, node, label = _place(call.text("DeviceName"))
    bridges.remove(call.fleet, call.text("HubNameLB"), device, node=node, label=label)
    return dict(call.values)


def enum_local_bridge(call: Call) -> Values:
    """All bridges; of a hub administrator his hub's, without a word on gateways."""
    seen = bridges.reports(call.fleet)
    if call.caller.is_fleet_admin:
        rows = [_row(report, name_of(report.rule)) for report in seen]
    else:
        own = [report for report in seen if report.rule.hub == fold(call.caller.hub)]
        rows = [_row(report, report.rule.device) for report in own]
    return {"NumItem": len(rows), "LocalBridgeList": rows}


def get_bridge_support(_: Call) -> Values:
    return {"IsBridgeSupportedOs": True}


def name_of(rule: Bridge) -> str:
    """Return an interface as tools call it, see the head of this file."""
    place = rule.node or (LABEL + rule.label if rule.label else "")
    return f"{rule.device}@{place}" if place else rule.device


def _place(name: str) -> tuple[str, str, str]:
    """Return interface, node and label of a name as `name_of` makes them."""
    device, _, place = name.partition("@")
    if place.startswith(LABEL):
        return device, "", place.removeprefix(LABEL)
    return device, place, ""


def _row(report: BridgeReport, name: str) -> dict[str, Any]:
    """Tools read: not online is "Offline", online and not active an error.

    A bridge nobody has open, such as that of a dynamic hub nobody uses, is no error.
    """
    is_tried = any(status is not None for status in report.nodes.values())
    is_online = report.hub is not None and report.hub.online
    return {
        "DeviceName": name,
        "HubNameLB": report.name,
        "Online": is_online and is_tried,
        "Active": report.up > 0,
        "TapMode": report.rule.is_tap,
    }


METHODS = (
    Method("EnumEthernet", Who.FLEET, enum_ethernet, changes=False),
    Method("AddLocalBridge", Who.FLEET, add_local_bridge, needs=("DeviceName", "HubNameLB")),
    Method("DeleteLocalBridge", Who.FLEET, delete_local_bridge, needs=("DeviceName", "HubNameLB")),
    Method("EnumLocalBridge", Who.ANY, enum_local_bridge, changes=False),
    Method("GetBridgeSupport", Who.ANY, get_bridge_support, changes=False),
)
