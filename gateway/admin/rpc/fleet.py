"""Calls that the reference has no names for: the fleet as it is, live, and what moves in it.

Their names have "Fleet" in them. They are made for a page that asks every two seconds, so what
looks is read through `gateway.admin.watch`. A hub administrator is shown one hub: no other one,
no gateway by name or address, and of the history what befell his hub, in words of our own, because
the reasons that were written down name gateways.
"""

from collections.abc import Sequence
from typing import Any

from coordinator.errors import InvalidValue
from coordinator.history import Event
from coordinator.model import NodeMode, SessionRecord, Traffic
from coordinator.names import fold
from gateway.admin import fleet_status, hubs, nodes
from gateway.admin.certificates import days_left_of
from gateway.admin.fleet_status import Verdict
from gateway.admin.hubs import HubReport, HubState
from gateway.admin.nodes import Health, NodeReport
from gateway.admin.rates import Rate
from gateway.admin.rpc.convert import host_of, to_ms
from gateway.admin.rpc.method import Call, Method, Who, refusal
from gateway.admin.watch import View
from gateway.wire.codes import ErrorCode
from gateway.wire.rpc_struct import Values

MAX_HUBS = 1000  # in one answer
MAX_EVENTS = 500
FEW_EVENTS = 30  # unless so many are asked for

# What a hub administrator hears of an event of his hub.
BEFELL = {
    "grant": "a gateway was given the hub",
    "active": "the hub is served",
    "transfer": "the hub went to another gateway",
    "free": "nobody uses the hub: no gateway has it",
    "restore": "the hub was found again after a fault",
    "bridge": "the hub's bridge to a LAN changed",
}


# -- looking ----------------------------------------------------------------------------------


def get_fleet_status(call: Call) -> Values:
    """How everything is; to a hub administrator, how the hub is."""
    who = {
        "FleetName": call.fleet.store.keys.fleet if call.caller.is_fleet_admin else "",
        "HubName": call.caller.hub,
        "CallerName": call.caller.name,
        "MayChange": not call.caller.is_read_only,
        "CurrentTime": to_ms(call.now),
        "Product": call.context.product,
    }
    return {**who, **(_whole(call) if call.caller.is_fleet_admin else _own(call))}


def enum_fleet_node(call: Call) -> Values:
    view = _view(call)
    answering = _answering(call, view)
    rows = [
        {**_node(report, report.node.id in answering), "IsRateKnown": view.is_whole, **_rate(rate)}
        for report, rate in view.rates.nodes
    ]
    return {"NodeList": rows}


def enum_fleet_hub(call: Call) -> Values:
    """The hubs, by name; of a hub administrator his own."""
    is_fleet = call.caller.is_fleet_admin
    view = _view(call, "" if is_fleet else call.caller.hub)
    read: dict[str, int] = {}
    for record, _ in view.rates.sessions:
        read[fold(record.hub)] = read.get(fold(record.hub), 0) + 1
    rows = [
        {
            **_hub(report, is_fleet),
            "IsRateKnown": read.get(fold(report.hub.name), 0) >= report.sessions,
            **_rate(rate),
            "Rate.DroppedFrames": round(drops),
        }
        for report, rate, drops in view.rates.hubs[:MAX_HUBS]
    ]
    return {"HubList": rows}


def enum_fleet_session(call: Call) -> Values:
    """The sessions of one hub, or of all that the caller may see; as many as are watched."""
    hub = _hub_shown(call)
    if not call.caller.is_fleet_admin:
        _forbid(call, "no_enum_session")
    view = _view(call, hub)
    answering, is_fleet = _answering(call, view), call.caller.is_fleet_admin
    rows = [
        {**_session(record, is_fleet), "IsAnswering": record.node in answering, **_rate(rate)}
        for record, rate in view.rates.sessions
    ]
    return {"HubName": hub, "NumSessions": view.sessions, "SessionList": rows}


def enum_fleet_event(call: Call) -> Values:
    """The newest events among the last MOST_EVENTS of the fleet, oldest first."""
    hub = _hub_shown(call)
    since = hubs.find(call.fleet, hub).created if hub else ""
    found = [
        event
        for event in call.context.watch.events(call.fleet, call.context.clock)
        if not hub or (event.hub == fold(hub) and event.at >= since)
    ]
    if not call.caller.is_fleet_admin:
        found = [event for event in found if event.what in BEFELL]
    last = min(call.number("Last") or FEW_EVENTS, MAX_EVENTS)
    shown = _event if call.caller.is_fleet_admin else _own_event
    return {"HubName": hub, "Last": last, "EventList": [shown(event) for event in found[-last:]]}


# -- moving -----------------------------------------------------------------------------------


def set_fleet_node_mode(call: Call) -> Values:
    """Take a gateway out of service or back into it, as `etherfleet node drain` and its kin do."""
    try:
        mode = NodeMode(call.text("Mode"))
    except ValueError:
        modes = ", ".join(NodeMode)
        raise InvalidValue(f"mode {call.text('Mode')[:80]!r}: one of {modes}") from None
    found = nodes.report(call.fleet, call.text("NodeName"))
    if mode is NodeMode.DRAINING:
        nodes.check_drain(call.fleet, found)
    rate = call.number("Rate")
    nodes.set_mode(call.fleet, found.node.id, mode, call.now, drain_rate=rate)
    return {"NodeName": found.node.id, "Mode": mode, "Rate": rate}


def move_fleet_hub(call: Call) -> Values:
    """Have a hub handed over, to the best other gateway unless one is named."""
    to = call.text("NodeName").lower()
    found = hubs.check_move(call.fleet, call.text("HubName"), to)
    if to != found.node:
        hubs.move(call.fleet, found.hub.name, to, call.now)
    return {"HubName": found.hub.name, "NodeName": to}


# -- who sees what ----------------------------------------------------------------------------


def _hub_shown(call: Call) -> str:
    """Return the hub that is asked about, as it is spelt; empty: all. Raises Refused, NotFound."""
    named = call.text("HubName")
    if call.caller.is_fleet_admin:
        return hubs.find(call.fleet, named).name if named else ""
    if named and fold(named) != fold(call.caller.hub):
        raise refusal(ErrorCode.NOT_ENOUGH_RIGHTS)
    return call.caller.hub


def _forbid(call: Call, option: str) -> None:
    if call.fleet.administration.of_hub(call.caller.hub).options.get(option):
        raise refusal(ErrorCode.NOT_ENOUGH_RIGHTS, f"forbidden by {option}")


def _view(call: Call, hub: str = "") -> View:
    return call.context.watch.view(call.fleet, call.context.clock, hub)


def _answering(call: Call, view: View) -> set[str]:
    """Return the gateways that answer: a lease outlives its holder by some seconds."""
    up = [report.node.id for report, _ in view.rates.nodes if report.is_up]
    return set(up).difference(call.context.watch.silent(call.context.live, call.context.clock, up))


def _whole(call: Call) -> Values:
    days = days_left_of(call.context.live.certificate_der(), call.now)
    seen = call.context.watch.status(call.fleet, call.context.clock, call.now, days)
    judged = fleet_status.judge(seen)
    there = [r for r in seen.nodes if r.health is not Health.LEFT]
    return {
        "NodeName": call.context.live.node,
        "Verdict": judged.verdict,
        "NumNodes": len(there),
        "NumNodesUp": sum(report.is_up for report in there),
        "NumHubs": seen.hubs.all,
        "NumSessions": seen.sessions,
        "NumSessionsWaiting": seen.waiting,
        "Warnings": list(judged.warnings),
        "Notes": list(judged.notes),
    }


def _own(call: Call) -> Values:
    report = hubs.report(call.fleet, call.caller.hub)
    warnings, notes = [], []
    if report.state is HubState.WAITING:
        warnings.append("the gateway that had the hub is gone; another takes it up in a moment")
    if not report.hub.online:
        notes.append("the hub is offline: nobody can log in")
    return {
        "Verdict": Verdict.DEGRADED if warnings else Verdict.OK,
        "NumHubs": 1,
        "NumSessions": report.sessions,
        "Warnings": warnings,
        "Notes": notes,
    }


# -- rows -------------------------------------------------------------------------------------


def _node(report: NodeReport, is_answering: bool) -> dict[str, Any]:
    node = report.node
    return {
        "Name": node.id,
        "State": report.health,
        "Mode": node.mode,
        "Why": node.why,
        "IsHost": node.is_host,
        "IsDrained": report.is_drained,
        "NumSessions": report.sessions,
        "NumSessionsWaiting": len(report.waiting),
        "NumHubs": report.hubs,
        "NumConnections": node.connections if report.is_up else 0,
        "Address": node.address,
        "MachineName": node.host,
        "Version": node.version,
        "StartedTime": to_ms(node.started),
        "RenewedMs": report.renewed_ms,
        "IsAnswering": is_answering,
    }


def _hub(report: HubReport, is_fleet_admin: bool) -> dict[str, Any]:
    return {
        "HubName": report.hub.name,
        "Kind": report.hub.kind,
        "Online": report.hub.online,
        "State": report.state,
        "NodeName": report.node if is_fleet_admin else "",
        "NumSessions": report.sessions,
        "MaxSessions": report.hub.max_sessions,
        "NumUsers": report.users,
        "NumLogin": report.totals.logins,
        "LastLoginTime": to_ms(report.totals.last_login),
    }


def _session(record: SessionRecord, is_fleet_admin: bool) -> dict[str, Any]:
    received, sent = _bytes(record.traffic)
    return {
        "SessionHubName": record.hub,
        "Name": record.name,
        "Username": record.user,
        "NodeName": record.node if is_fleet_admin else "",
        "ClientAddress": str(host_of(record.address)),
        "ClientHostName": record.host_name,
        "ClientProductName": record.client_name,
        "CreatedTime": to_ms(record.created),
        "NumTcpConnections": record.connections,
        "TotalRecvBytes": received,
        "TotalSendBytes": sent,
    }


def _event(event: Event) -> dict[str, Any]:
    return {
        "Id": event.id,
        "Time": to_ms(event.at),
        "What": event.what,
        "Why": event.why,
        "NodeName": event.node,
        "EventHubName": event.hub,
        "ByName": event.by,
        "Epoch": event.epoch,
    }


def _own_event(event: Event) -> dict[str, Any]:
    return {
        "Id": event.id,
        "Time": to_ms(event.at),
        "What": event.what,
        "Why": BEFELL[event.what],
        "EventHubName": event.hub,
    }


def _rate(rate: Rate) -> dict[str, int]:
    return {
        "Rate.RecvBytes": round(rate.received_bytes),
        "Rate.RecvFrames": round(rate.received_frames),
        "Rate.SendBytes": round(rate.sent_bytes),
        "Rate.SendFrames": round(rate.sent_frames),
    }


def _bytes(traffic: Traffic) -> Sequence[int]:
    return (
        traffic.received_unicast_bytes + traffic.received_broadcast_bytes,
        traffic.sent_unicast_bytes + traffic.sent_broadcast_bytes,
    )


METHODS = (
    Method("GetFleetStatus", Who.ANY, get_fleet_status, changes=False),
    Method("EnumFleetNode", Who.FLEET, enum_fleet_node, changes=False),
    Method("EnumFleetHub", Who.ANY, enum_fleet_hub, changes=False),
    Method("EnumFleetSession", Who.ANY, enum_fleet_session, changes=False),
    Method("EnumFleetEvent", Who.ANY, enum_fleet_event, changes=False),
    Method("SetFleetNodeMode", Who.FLEET, set_fleet_node_mode, needs=("NodeName",)),
    Method("MoveFleetHub", Who.FLEET, move_fleet_hub, needs=("HubName",)),
)
