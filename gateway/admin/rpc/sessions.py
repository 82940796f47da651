"""Calls about sessions: all of a hub, whichever gateway carries them. Read from their records, so a
gateway that does not answer holds no list up."""

from typing import Any

from coordinator.model import SessionRecord, Traffic
from gateway.admin import sessions
from gateway.admin.nodes import Health
from gateway.admin.nodes import reports as node_reports
from gateway.admin.rpc.convert import (
    host_of,
    ipv4_or,
    ipv6_bytes,
    policy_values,
    port_of,
    to_ms,
    traffic_values,
)
from gateway.admin.rpc.method import Call, Method, Who
from gateway.wire.codes import HELLO_BUILD, HELLO_VERSION
from gateway.wire.rpc_struct import Values

ESTABLISHED = 3  # status of a session
UNIQUE_ID = 16  # bytes that tools show


def enum_session(call: Call) -> Values:
    here = call.context.live.node
    health = {report.node.id: report.health for report in node_reports(call.fleet)}
    records = sessions.of_hub(call.fleet, call.hub.name)
    serving = sorted({record.node for record in records})
    # A lease is good for some seconds after its holder has stopped: whoever is up is asked.
    asked = [node for node in serving if health.get(node) is Health.UP]
    answering = set(asked).difference(call.context.live.silent(asked))
    # Which gateway it is is the fleet's business; a hub administrator sees that it is one.
    hosts = {
        node: _host(node, call.caller.is_fleet_admin, answers=node in answering) for node in serving
    }
    rows = [_row(record, here, hosts[record.node]) for record in records]
    return {"HubName": call.hub.name, "SessionList": rows}


def get_session_status(call: Call) -> Values:
    record = sessions.find(call.fleet, call.hub.name, call.text("Name"))
    client = host_of(record.address)
    return {
        "HubName": record.hub,
        "Name": record.name,
        "Username": record.user,
        "GroupName": record.group,
        "RealUsername": record.user,
        "SessionStatus_ClientIp": ipv4_or(client, "::"),
        "SessionStatus_ClientIp6": ipv6_bytes(client),
        "SessionStatus_ClientHostName": str(client),
        "Client_Ip_Address": client,
        **_connection(call, record),
        **_node_info(record),
    }


def delete_session(call: Call) -> Values:
    """End a session wherever it is. One that is not there is an error, unlike in the reference."""
    record = sessions.kick(call.fleet, call.hub.name, call.text("Name"))
    return {"HubName": record.hub, "Name": record.name}


def _host(node: str, is_fleet_admin: bool, *, answers: bool) -> str:
    shown = node if is_fleet_admin else "gateway"
    return shown if answers else f"{shown} (does not answer)"


def _row(record: SessionRecord, here: str, host: str) -> dict[str, Any]:
    client = host_of(record.address)
    return {
        "Name": record.name,
        "Username": record.user,
        "Ip": ipv4_or(client, "::"),
        "ClientIP": client,
        "Hostname": record.host_name or str(client),
        "MaxNumTcp": record.max_connection,
        "CurrentNumTcp": record.connections,
        "PacketSize": _bytes(record.traffic),
        "PacketNum": _frames(record.traffic),
        "RemoteSession": record.node != here,
        "RemoteHostname": host,
        "Client_BridgeMode": record.bridge,
        "Client_MonitorMode": record.monitor,
        "UniqueId": record.unique_id[:UNIQUE_ID].ljust(UNIQUE_ID, b"\0"),
        "CreatedTime": to_ms(record.created),
        "LastCommTime": to_ms(record.seen),
    }


def _connection(call: Call, record: SessionRecord) -> Values:
    half = record.connections // 2 if record.half_connection else 0
    return {
        "ServerProductName": call.context.product,
        "ServerProductVer": HELLO_VERSION,
        "ServerProductBuild": HELLO_BUILD,
        "SessionName": record.name,
        "Active": True,
        "Connected": record.connections > 0,
        "SessionStatus": ESTABLISHED,
        "NumConnectionsEstablished": 1 if not record.adopted else 2,
        "HalfConnection": record.half_connection,
        "QoS": record.qos,
        "MaxTcpConnections": record.max_connection,
        "NumTcpConnections": record.connections,
        "NumTcpConnectionsUpload": half,
        "NumTcpConnectionsDownload": record.connections - half if half else 0,
        "UseEncrypt": record.use_encrypt,
        "UseCompress": record.use_compress,
        "UnderlayProtocol": f"Standard TCP/IP (IPv{host_of(record.address).version})",
        "IsBridgeMode": record.bridge,
        "IsMonitorMode": record.monitor,
        "StartTime": to_ms(record.created),
        "FirstConnectionEstablisiedTime": to_ms(record.created),
        "CurrentConnectionEstablishTime": to_ms(record.adopted or record.created),
        "TotalSendSize": _sent(record.traffic),
        "TotalRecvSize": _received(record.traffic),
        "TotalSendSizeReal": _sent(record.traffic),
        "TotalRecvSizeReal": _received(record.traffic),
        **policy_values(record.policy),
        **traffic_values(record.traffic),
    }


def _node_info(record: SessionRecord) -> Values:
    """What the client said of itself."""
    client = host_of(record.address)
    return {
        "ClientProductName": record.client_name,
        "ClientProductVer": record.client_version,
        "ClientProductBuild": record.client_build,
        "ClientHostname": record.host_name,
        "ClientIpAddress": ipv4_or(client, "0.0.0.0"),
        "ClientIpAddress6": ipv6_bytes(client),
        "ClientPort": port_of(record.address),
        "UniqueId": record.unique_id[:UNIQUE_ID].ljust(UNIQUE_ID, b"\0"),
    }


def _sent(traffic: Traffic) -> int:
    return traffic.sent_unicast_bytes + traffic.sent_broadcast_bytes


def _received(traffic: Traffic) -> int:
    return traffic.received_unicast_bytes + traffic.received_broadcast_bytes


def _bytes(traffic: Traffic) -> int:
    return _sent(traffic) + _received(traffic)


def _frames(traffic: Traffic) -> int:
    return (
        traffic.sent_unicast_frames
        + traffic.sent_broadcast_frames
        + traffic.received_unicast_frames
        + traffic.received_broadcast_frames
    )


METHODS = (
    Method("EnumSession", Who.HUB, enum_session, forbidden_by=("no_enum_session",), changes=False),
    Method(
        "GetSessionStatus",
        Who.HUB,
        get_session_status,
        needs=("Name",),
        forbidden_by=("no_query_session",),
        changes=False,
    ),
    Method(
        "DeleteSession",
        Who.HUB,
        delete_session,
        needs=("Name",),
        forbidden_by=("no_disconnect_session",),
    ),
)
