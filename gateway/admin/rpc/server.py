"""Calls about the service as a whole. Hub administrators see nothing of it but their own hub."""

from collections import Counter
from collections.abc import Sequence

from coordinator.model import HubKind, Traffic
from coordinator.names import fold
from gateway.admin import administrators, audit, hubs, nodes
from gateway.admin.administrators import check_admin_password
from gateway.admin.live import ConnectionRow, Learned
from gateway.admin.nodes import NodeReport
from gateway.admin.rpc.convert import host_of, port_of, to_ms, traffic_values
from gateway.admin.rpc.method import Call, Method, Who, refusal
from gateway.wire.auth import admin_password_hash
from gateway.wire.codes import HELLO_BUILD, HELLO_VERSION, ErrorCode
from gateway.wire.rpc_struct import Values

CONTROLLER = 1  # server type: every gateway answers as the controller of the cluster
OS_TYPE = 3100  # Linux
MANAGEMENT, CLIENT = 5, 0  # types of a connection
SECOND_MS = 1000
DEFAULT_CIPHER = "~DEFAULT~"  # what the reference calls its own choice


def test(call: Call) -> Values:
    """Answer what was asked, and its number as text."""
    return {**call.values, "StrValue": str(call.number("IntValue"))}


def get_server_info(call: Call) -> Values:
    context = call.context
    is_fleet_admin = call.caller.is_fleet_admin
    return {
        "ServerProductName": context.product,
        "ServerVersionString": context.product.rpartition(" ")[2],
        "ServerBuildInfoString": context.product,
        "ServerVerInt": HELLO_VERSION,
        "ServerBuildInt": HELLO_BUILD,
        "ServerHostName": context.live.node if is_fleet_admin else "",
        "ServerType": CONTROLLER,
        "ServerFamilyName": "EtherFleet",
        "OsType": OS_TYPE,
        "OsSystemName": "Linux",
        "OsProductName": "Linux",
        "KernelName": "Linux",
    }


def get_server_status(call: Call) -> Values:
    """The whole fleet; of a hub administrator's hub only what is his."""
    fleet, live, keys = call.fleet, call.context.live, call.fleet.store.keys
    is_fleet_admin = call.caller.is_fleet_admin
    found = nodes.reports(fleet)
    # Of one hub nothing is read but its own: how long it takes tells nothing of the others.
    seen = hubs.reports(fleet) if is_fleet_admin else [hubs.report(fleet, call.caller.hub)]
    up = [report.node.id for report in found if report.is_up]
    counts = live.learned(up, call.caller.hub)
    learned = [counts.get(fold(report.hub.name), Learned()) for report in seen]
    kinds = Counter(report.hub.kind for report in seen)
    here = next((report for report in found if report.node.id == live.node), None)
    total = Traffic()
    for report in seen:
        total += report.totals.traffic
    return {
        "ServerType": CONTROLLER,
        "NumHubTotal": len(seen),
        "NumHubStatic": kinds[HubKind.STATIC],
        "NumHubDynamic": kinds[HubKind.DYNAMIC],
        "NumMacTables": sum(one.macs for one in learned),
        "NumIpTables": sum(one.ips for one in learned),
        "NumUsers": sum(report.users for report in seen),
        "NumGroups": sum(fleet.store.sizes([keys.groups(report.hub.name) for report in seen])),
        "CurrentTime": to_ms(call.now),
        "CurrentTick": int(call.context.clock() * SECOND_MS),
        "StartTime": to_ms(here.node.started) if here is not None else None,
        **(_load(found, here) if is_fleet_admin else _own_load(seen[0].sessions)),
        **traffic_values(total),
    }


def _load(found: Sequence[NodeReport], here: NodeReport | None) -> Values:
    sessions = sum(report.sessions for report in found)
    connections = sum(report.node.connections for report in found if report.is_up)
    here_sessions = here.sessions if here is not None else 0
    here_connections = here.node.connections if here is not None else 0
    return {
        "NumSessionsTotal": sessions,
        "NumSessionsLocal": here_sessions,
        "NumSessionsRemote": sessions - here_sessions,
        "NumTcpConnections": connections,
        "NumTcpConnectionsLocal": here_connections,
        "NumTcpConnectionsRemote": connections - here_connections,
    }


def _own_load(sessions: int) -> Values:
    return {"NumSessionsTotal": sessions, "NumSessionsRemote": sessions}


def enum_listener(call: Call) -> Values:
    """The ports of this gateway: they belong to its settings, and all of them are open."""
    ports = dict.fromkeys(call.context.live.listeners())
    return {"ListenerList": [{"Ports": port, "Enables": True} for port in ports]}


def get_ports_udp(_: Call) -> Values:
    return {"Ports": []}


def set_server_password(call: Call) -> Values:
    """Set the fleet's password, in clear text or as its hash."""
    plain, hashed = call.text("PlainTextPassword"), call.data("HashedPassword")
    if plain:
        hashed = admin_password_hash(check_admin_password(plain))
    if len(hashed) != 20 or not any(hashed):
        raise refusal(ErrorCode.INVALID_PARAMETER, "no password was given")
    administrators.set_fleet_hash(call.fleet, hashed, call.now)
    call.own_secrets.append(hashed)
    return {}


def enum_connection(call: Call) -> Values:
    """The TCP connections of this gateway, as the reference does; others show their own."""
    return {"ConnectionList": [_connection(row) for row in call.context.live.connections()]}


def get_connection_info(call: Call) -> Values:
    name = call.text("Name")
    rows = call.context.live.connections()
    row = next((row for row in rows if row.name.lower() == name.lower()), None)
    if row is None:
        raise refusal(ErrorCode.OBJECT_NOT_FOUND, f"no connection {name[:80]!r} on this gateway")
    return {
        **_connection(row),
        "ServerStr": call.context.product,
        "ServerVer": HELLO_VERSION,
        "ServerBuild": HELLO_BUILD,
        "ClientStr": row.client_name,
        "ClientVer": row.client_version,
        "ClientBuild": row.client_build,
    }


def disconnect_connection(call: Call) -> Values:
    """Close a connection of this gateway; whoever is behind it may come back."""
    name = call.text("Name")
    if not call.context.live.disconnect(name):
        raise refusal(ErrorCode.OBJECT_NOT_FOUND, f"no connection {name[:80]!r} on this gateway")
    audit.record(call.fleet, "connection end", about=name)
    return {"Name": name}


def _connection(row: ConnectionRow) -> Values:
    return {
        "Name": row.name,
        "Ip": host_of(row.address),
        "Port": port_of(row.address),
        "Hostname": str(host_of(row.address)),
        "ConnectedTime": row.since_ms,
        "Type": MANAGEMENT if row.is_administration else CLIENT,
    }


def get_server_cipher(_: Call) -> Values:
    """Clients choose from the list: nothing else can be set."""
    return {"String": DEFAULT_CIPHER}


def get_server_cipher_list(call: Call) -> Values:
    return {"String": ";".join(call.context.live.ciphers())}


def flush(_: Call) -> Values:
    """Every change is in the store before its call is answered: there is nothing to write."""
    return {}


def get_admin_message(_: Call) -> Values:
    return {"Msg": b""}


METHODS = (
    Method("Test", Who.ANY, test, changes=False),
    Method("GetServerInfo", Who.ANY, get_server_info, changes=False),
    Method("GetServerStatus", Who.ANY, get_server_status, changes=False),
    Method("EnumListener", Who.ANY, enum_listener, changes=False),
    Method("GetPortsUDP", Who.ANY, get_ports_udp, changes=False),
    Method("SetServerPassword", Who.FLEET, set_server_password),
    Method("EnumConnection", Who.FLEET, enum_connection, changes=False),
    Method("GetConnectionInfo", Who.FLEET, get_connection_info, needs=("Name",), changes=False),
    Method("DisconnectConnection", Who.FLEET, disconnect_connection, needs=("Name",)),
    Method("GetServerCipher", Who.ANY, get_server_cipher, changes=False),
    Method("GetServerCipherList", Who.ANY, get_server_cipher_list, changes=False),
    Method("Flush", Who.FLEET, flush, changes=False),
    Method("GetAdminMsg", Who.ANY, get_admin_message, changes=False),
)
