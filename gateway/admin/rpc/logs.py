"""Calls about what hubs write down, and where it goes: settings, files, syslog, the message.

Log files are on the gateways that wrote them. The list says where each is, and reading goes there;
a tool that does not say where gets the one of the gateway that answers, else of the first that has
one of that name. Hub administrators see their own hub's files, and gateways by a handle.
"""

from collections.abc import Sequence
from typing import TypeVar

from coordinator.errors import InvalidValue
from coordinator.hub_log import PACKET_KINDS, HubLog, Keep, LogSwitch, Syslog, SyslogSave
from gateway.admin import hubs, nodes, syslog
from gateway.admin.log_files import ANYBODY, Reader
from gateway.admin.nodes import Health
from gateway.admin.rpc.convert import stable_id
from gateway.admin.rpc.method import Call, Method, Who, refusal
from gateway.wire.codes import ErrorCode
from gateway.wire.rpc_struct import Values

PACKET_SLOTS = 16  # of the wire; half of them mean something
SWITCHES, KEEPS, SAVES = list(LogSwitch), list(Keep), list(SyslogSave)
SYSLOG_PORT = 514
MAX_SIZE = 0xFFFF_FFFF
SECRET = "Secret"  # a syslog server as hub administrators see it

T = TypeVar("T")


# -- what a hub writes ----------------------------------------------------------------------------


def get_hub_log(call: Call) -> Values:
    return _values(call, call.hub.log)


def set_hub_log(call: Call) -> Values:
    """Replace the settings; when files change stays, where the hub's administrator may not say."""
    is_bound = not call.caller.is_fleet_admin and bool(
        call.administration.options.get("no_change_log_switch_type")
    )
    was, kinds = call.hub.log, call.values.get("PacketLogConfig", ())
    wanted = HubLog(
        security=call.flag("SaveSecurityLog"),
        security_switch=was.security_switch
        if is_bound
        else _at(SWITCHES, call.number("SecurityLogSwitchType")),
        packet=call.flag("SavePacketLog"),
        packet_switch=was.packet_switch
        if is_bound
        else _at(SWITCHES, call.number("PacketLogSwitchType")),
        packets={
            kind: _at(KEEPS, kinds[slot]) if slot < len(kinds) else Keep.NONE
            for slot, kind in enumerate(PACKET_KINDS)
        },
    )
    return _values(call, hubs.change(call.fleet, call.hub.name, call.now, log=wanted).log)


def get_hub_msg(call: Call) -> Values:
    return {"HubName": call.hub.name, "Msg": call.hub.message.encode()}


def set_hub_msg(call: Call) -> Values:
    """Set what clients are shown when they join; nothing takes it away."""
    try:
        text = call.data("Msg").rstrip(b"\0").decode()
    except UnicodeDecodeError as error:
        raise InvalidValue(f"the message is not in UTF-8: {error}") from error
    hubs.change(call.fleet, call.hub.name, call.now, message=text)
    return {"HubName": call.hub.name, "Msg": text.encode()}


# -- where it goes --------------------------------------------------------------------------------


def get_sys_log(call: Call) -> Values:
    """Where logs go; a hub administrator hears only that they do."""
    held = syslog.show(call.fleet)
    kind = SAVES.index(held.save)
    if call.caller.is_fleet_admin and held.host:
        return {"SaveType": kind, "Port": held.udp_port, "Hostname": held.host}
    is_hidden = not call.caller.is_fleet_admin and held.save is not SyslogSave.OFF
    return {"SaveType": kind, "Port": 0, "Hostname": SECRET if is_hidden else ""}


def set_sys_log(call: Call) -> Values:
    """Send logs there from now on; in which format stays what the command line set."""
    wanted = Syslog(
        save=_at(SAVES, call.number("SaveType")),
        host=call.text("Hostname"),
        udp_port=call.number("Port") or SYSLOG_PORT,
        format=syslog.show(call.fleet).format,
    )
    syslog.change(call.fleet, wanted)
    return dict(call.values)


# -- files ----------------------------------------------------------------------------------------


def enum_log_file(call: Call) -> Values:
    """The files on all gateways; one that does not answer has a row that says so."""
    _forbid_reading(call)
    reports = nodes.reports(call.fleet)
    up = [report.node.id for report in reports if report.is_up]
    gone = [r.node.id for r in reports if r.health in (Health.SILENT, Health.DEAD)]
    found = call.context.live.logs.list_files(_reader(call), up)
    rows: list[Values] = [
        {
            "FilePath": row.path,
            "ServerName": _handle(call, row.node),
            "FileSize": min(row.size, MAX_SIZE),
            "UpdatedTime": row.changed_ms,
        }
        for row in found.rows
    ]
    for node in (*found.silent, *gone):
        name = _handle(call, node)
        rows.append({"FilePath": f"({name} does not answer)", "ServerName": name})
    return {"NumItem": len(rows), "LogFiles": rows}


def read_log_file(call: Call) -> Values:
    """A piece of a file from `Offset` on; none behind its end."""
    _forbid_reading(call)
    path, offset = call.text("FilePath"), call.number("Offset")
    node = _holder(call, path, call.text("ServerName"))
    data = call.context.live.logs.read_file(node, _reader(call), path, offset)
    if data is None:
        raise refusal(ErrorCode.OBJECT_NOT_FOUND, f"no log file {path[:200]!r} there")
    found: Values = {"FilePath": path, "ServerName": _handle(call, node), "Offset": offset}
    return {**found, "Buffer": data} if data else found


def _holder(call: Call, path: str, handle: str) -> str:
    """Return the gateway that is to read a file. Raises Refused."""
    up = _up(call)
    if handle:
        named = [node for node in up if _handle(call, node).lower() == handle.lower()]
    else:
        rows = call.context.live.logs.list_files(_reader(call), up).rows
        holders = [row.node for row in rows if row.path == path]
        named = sorted(holders, key=lambda node: (node != call.context.live.node, node))
    if not named:
        raise refusal(ErrorCode.OBJECT_NOT_FOUND, f"no gateway has log file {path[:200]!r}")
    return named[0]


def _reader(call: Call) -> Reader:
    """Return whose files are the caller's to read. Raises NotFound when his hub is gone."""
    if not call.caller.hub:
        return ANYBODY
    hub = hubs.find(call.fleet, call.caller.hub)
    return Reader(hub.name, hub.created)


def _handle(call: Call, node: str) -> str:
    """Return a gateway's name; what it is called is not a hub administrator's business."""
    return node if call.caller.is_fleet_admin else f"gateway-{stable_id(node) % 0x10000:04x}"


def _up(call: Call) -> list[str]:
    return [report.node.id for report in nodes.reports(call.fleet) if report.is_up]


def _forbid_reading(call: Call) -> None:
    if not call.caller.is_fleet_admin:
        options = call.fleet.administration.of_hub(call.caller.hub).options
        if options.get("no_read_log_file"):
            raise refusal(ErrorCode.NOT_ENOUGH_RIGHTS, "forbidden by no_read_log_file")


def _at(words: Sequence[T], number: int) -> T:
    """Return the word a number stands for. Raises InvalidValue."""
    if number >= len(words):
        raise InvalidValue(f"{number}, 0 to {len(words) - 1} allowed")
    return words[number]


def _values(call: Call, log: HubLog) -> Values:
    kept = [KEEPS.index(log.packets.get(kind, Keep.NONE)) for kind in PACKET_KINDS]
    return {
        "HubName": call.hub.name,
        "SaveSecurityLog": log.security,
        "SecurityLogSwitchType": SWITCHES.index(log.security_switch),
        "SavePacketLog": log.packet,
        "PacketLogSwitchType": SWITCHES.index(log.packet_switch),
        "PacketLogConfig": kept + [0] * (PACKET_SLOTS - len(kept)),
    }


METHODS = (
    Method("GetHubLog", Who.HUB, get_hub_log, changes=False),
    Method("SetHubLog", Who.HUB, set_hub_log, forbidden_by=("no_change_log_config",)),
    Method("GetHubMsg", Who.HUB, get_hub_msg, changes=False),
    Method("SetHubMsg", Who.HUB, set_hub_msg, forbidden_by=("no_change_msg",)),
    Method("GetSysLog", Who.ANY, get_sys_log, changes=False),
    Method("SetSysLog", Who.FLEET, set_sys_log),
    Method("EnumLogFile", Who.ANY, enum_log_file, changes=False),
    Method("ReadLogFile", Who.ANY, read_log_file, needs=("FilePath",), changes=False),
)
