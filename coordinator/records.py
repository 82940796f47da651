"""Values ⇄ hash fields, both directions next to each other.

Everything is text: numbers in decimal, yes and no as 1 and 0, lists separated by spaces. A field
that is missing reads as its default and one that nobody knows is left alone, so that programs one
version apart share a fleet.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence

from coordinator.groups import Group
from coordinator.hub_log import HubLog
from coordinator.model import (
    NEVER,
    TRAFFIC_FIELDS,
    AuthKind,
    BridgeState,
    BridgeStatus,
    Hub,
    HubKind,
    Node,
    NodeMode,
    NodeState,
    SessionRecord,
    Totals,
    Traffic,
    User,
)
from coordinator.names import check_counter_name
from coordinator.times import Timestamp

POLICY = "policy:"
OPTION = "option:"
DROP = "drop:"
COUNT = "count:"
Fields = Mapping[str, str]


def hub_to_fields(hub: Hub) -> dict[str, str]:
    """`version` is written by the step itself."""
    return {
        "name": hub.name,
        "kind": hub.kind.value,
        "online": _flag(hub.online),
        "max_sessions": str(hub.max_sessions),
        "max_macs": str(hub.max_macs),
        "message": hub.message,
        "log": hub.log.to_text(),
        "no_enum": _flag(hub.no_enum),
        "created": hub.created,
        "changed": hub.changed,
        **{f"{OPTION}{name}": str(value) for name, value in sorted(hub.options.items())},
    }


def hub_from_fields(fields: Fields) -> Hub:
    return Hub(
        name=fields["name"],
        kind=HubKind(fields["kind"]),
        online=fields.get("online") == "1",
        max_sessions=_number(fields, "max_sessions"),
        max_macs=_number(fields, "max_macs"),
        message=fields.get("message", ""),
        log=HubLog.from_text(fields.get("log", "")),
        no_enum=fields.get("no_enum") == "1",
        options=_named_numbers(fields, OPTION),
        created=_time(fields, "created"),
        changed=_time(fields, "changed"),
        version=_number(fields, "version"),
        access_version=_number(fields, "access_version"),
        source_version=_number(fields, "source_version"),
        terms_version=_number(fields, "terms_version"),
        trust_version=_number(fields, "trust_version"),
    )


def group_to_fields(group: Group) -> dict[str, str]:
    """`version` is written by the step itself."""
    return {
        "hub": group.hub,
        "name": group.name,
        "real_name": group.real_name,
        "note": group.note,
        "created": group.created,
        "changed": group.changed,
        **policy_to_fields(group.policy),
    }


def group_from_fields(fields: Fields) -> Group:
    return Group(
        hub=fields["hub"],
        name=fields["name"],
        real_name=fields.get("real_name", ""),
        note=fields.get("note", ""),
        policy=policy_from_fields(fields),
        created=_time(fields, "created"),
        changed=_time(fields, "changed"),
        version=_number(fields, "version"),
    )


def user_to_fields(user: User, sealed_secret: str | None) -> dict[str, str]:
    """`version` is written by the step itself; the secret enters sealed or not at all."""
    values = {
        "hub": user.hub,
        "name": user.name,
        "auth": user.auth.value,
        "secret": sealed_secret,
        "real_name": user.real_name,
        "note": user.note,
        "expires": user.expires,
        "group": user.group or None,
        "certificate": b64encode(user.certificate).decode() or None,
        "common_name": user.common_name or None,
        "serial": user.serial.hex() or None,
        "created": user.created,
        "changed": user.changed,
    }
    present = {name: value for name, value in values.items() if value is not None}
    return present | policy_to_fields(user.policy)


def user_from_fields(fields: Fields, secret: bytes | None) -> User:
    return User(
        hub=fields["hub"],
        name=fields["name"],
        auth=AuthKind(fields["auth"]),
        secret=secret,
        real_name=fields.get("real_name", ""),
        note=fields.get("note", ""),
        expires=Timestamp(fields["expires"]) if "expires" in fields else None,
        policy=policy_from_fields(fields),
        group=fields.get("group", ""),
        certificate=b64decode(fields.get("certificate", "")),
        common_name=fields.get("common_name", ""),
        serial=bytes.fromhex(fields.get("serial", "")),
        created=_time(fields, "created"),
        changed=_time(fields, "changed"),
        version=_number(fields, "version"),
    )


def session_to_fields(record: SessionRecord) -> dict[str, str]:
    """Traffic is not among them: it is only ever added to."""
    values = {
        "name": record.name,
        "hub": record.hub,
        "user": record.user,
        "node": record.node,
        "epoch": str(record.epoch),
        "key_hash": record.key_hash,
        "address": record.address,
        "client_name": record.client_name,
        "client_version": str(record.client_version),
        "client_build": str(record.client_build),
        "host_name": record.host_name,
        "unique_id": record.unique_id.hex(),
        "max_connection": str(record.max_connection),
        "timeout_ms": str(record.timeout_ms),
        "use_encrypt": _flag(record.use_encrypt),
        "use_compress": _flag(record.use_compress),
        "half_connection": _flag(record.half_connection),
        "qos": _flag(record.qos),
        "bridge": _flag(record.bridge),
        "monitor": _flag(record.monitor),
        "group": record.group,
        "inc": str(record.inc),
        "hub_epoch": str(record.hub_epoch),
        "macs": " ".join(record.macs),
        "ips": " ".join(record.ips),
        "connections": str(record.connections),
        "created": record.created,
        "adopted": record.adopted,
        "seen": record.seen,
    }
    for optional in ("unique_id", "group", "macs", "ips", "adopted"):
        if not values[optional]:
            del values[optional]
    return values | policy_to_fields(record.policy)


def session_from_fields(fields: Fields) -> SessionRecord:
    return SessionRecord(
        name=fields["name"],
        hub=fields["hub"],
        user=fields["user"],
        node=fields["node"],
        epoch=_number(fields, "epoch"),
        key_hash=fields["key_hash"],
        address=fields.get("address", ""),
        client_name=fields.get("client_name", ""),
        client_version=_number(fields, "client_version"),
        client_build=_number(fields, "client_build"),
        host_name=fields.get("host_name", ""),
        unique_id=bytes.fromhex(fields.get("unique_id", "")),
        policy=policy_from_fields(fields),
        max_connection=_number(fields, "max_connection", 1),
        timeout_ms=_number(fields, "timeout_ms", 20_000),
        use_encrypt=fields.get("use_encrypt") == "1",
        use_compress=fields.get("use_compress") == "1",
        half_connection=fields.get("half_connection") == "1",
        qos=fields.get("qos") == "1",
        bridge=fields.get("bridge") == "1",
        monitor=fields.get("monitor") == "1",
        group=fields.get("group", ""),
        inc=_number(fields, "inc"),
        hub_epoch=_number(fields, "hub_epoch"),
        macs=tuple(fields.get("macs", "").split()),
        ips=tuple(fields.get("ips", "").split()),
        connections=_number(fields, "connections"),
        created=_time(fields, "created"),
        adopted=_time(fields, "adopted"),
        seen=_time(fields, "seen"),
        traffic=traffic_from_fields(fields),
    )


def node_to_fields(node: Node) -> dict[str, str]:
    """What a node says of itself; the rest of its row is written by steps."""
    return {
        "id": node.id,
        "pid": str(node.pid),
        "host": node.host,
        "address": node.address,
        "version": node.version,
        "started": node.started,
        "sessions": str(node.sessions),
        "connections": str(node.connections),
        "updated": node.updated,
        "direct_address": node.direct_address,
        "direct_tcp_ports": " ".join(map(str, node.direct_tcp_ports)),
        "peer_address": node.peer_address,
        "is_host": _flag(node.is_host),
        "weight": str(node.weight),
        "max_sessions": str(node.max_sessions),
        "boot": node.boot,
        "process": node.process,
        "witness": node.witness,
        "witness_inc": str(node.witness_inc),
        "labels": " ".join(node.labels),
        "ethernet": " ".join(node.ethernet),
        "bridges": "; ".join(map(bridge_to_text, node.bridges)),
        "refuses": ",".join(node.refuses),
        "terms": node.terms,
        "certificate": node.certificate,
        **{COUNT + check_counter_name(name): str(n) for name, n in sorted(node.counts.items())},
    }


def node_from_fields(fields: Fields) -> Node:
    return Node(
        id=fields["id"],
        pid=_number(fields, "pid"),
        host=fields.get("host", ""),
        address=fields.get("address", ""),
        version=fields.get("version", ""),
        started=_time(fields, "started"),
        sessions=_number(fields, "sessions"),
        connections=_number(fields, "connections"),
        counts=_named_numbers(fields, COUNT),
        updated=_time(fields, "updated"),
        direct_address=fields.get("direct_address", ""),
        direct_tcp_ports=tuple(map(int, fields.get("direct_tcp_ports", "").split())),
        peer_address=fields.get("peer_address", ""),
        is_host=fields.get("is_host", "1") == "1",
        weight=_number(fields, "weight", 100),
        max_sessions=_number(fields, "max_sessions"),
        boot=fields.get("boot", ""),
        process=fields.get("process", ""),
        witness=fields.get("witness", ""),
        witness_inc=_number(fields, "witness_inc"),
        labels=tuple(fields.get("labels", "").split()),
        ethernet=tuple(fields.get("ethernet", "").split()),
        bridges=tuple(map(bridge_from_text, filter(None, fields.get("bridges", "").split("; ")))),
        refuses=tuple(filter(None, fields.get("refuses", "").split(","))),
        terms=fields.get("terms", ""),
        certificate=fields.get("certificate", ""),
        inc=_number(fields, "inc"),
        state=NodeState(fields.get("state", "up")),
        mode=NodeMode(fields.get("mode", "serving")),
        drain_rate=_number(fields, "drain_rate"),
        why=fields.get("why", ""),
        ended=_time(fields, "ended"),
        expires_ms=_number(fields, "expires_ms"),
        ended_ms=_number(fields, "ended_ms"),
    )


def bridge_to_text(status: BridgeStatus) -> str:
    """Return `lan/eth1=up` or `lan/eth1=missing: no interface eth1`."""
    why = f": {status.why.replace('; ', ', ')}" if status.why else ""
    return f"{status.hub}/{status.device}={status.state}{why}"


def bridge_from_text(text: str) -> BridgeStatus:
    place, _, said = text.partition("=")
    hub, _, device = place.partition("/")
    state, _, why = said.partition(": ")
    return BridgeStatus(hub, device, BridgeState(state), why)


def policy_to_fields(policy: Mapping[str, int]) -> dict[str, str]:
    return {f"{POLICY}{name}": str(value) for name, value in sorted(policy.items())}


def policy_from_fields(fields: Fields) -> dict[str, int]:
    return _named_numbers(fields, POLICY)


def traffic_to_increments(traffic: Traffic) -> dict[str, int]:
    """Only what moved: to be added to the fields of these names."""
    return {name: n for name in TRAFFIC_FIELDS if (n := getattr(traffic, name))}


def traffic_from_fields(fields: Fields) -> Traffic:
    return Traffic(*(_number(fields, name) for name in TRAFFIC_FIELDS))


def totals_from_fields(fields: Fields) -> Totals:
    return Totals(
        traffic=traffic_from_fields(fields),
        drops=_named_numbers(fields, DROP),
        logins=_number(fields, "logins"),
        last_login=Timestamp(fields["last_login"]) if "last_login" in fields else None,
    )


def flat(fields: Mapping[str, str | int]) -> list[str | int]:
    """Return names and values in turn, as a step takes them."""
    return [item for pair in fields.items() for item in pair]


def unflat(items: Sequence[object]) -> dict[str, str]:
    """Return names and values in turn as the fields they are."""
    return {str(items[i]): str(items[i + 1]) for i in range(0, len(items), 2)}


def _flag(value: bool) -> str:
    return "1" if value else "0"


def _number(fields: Fields, name: str, default: int = 0) -> int:
    return int(fields.get(name, default))


def _named_numbers(fields: Fields, prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix): int(value)
        for name, value in sorted(fields.items())
        if name.startswith(prefix)
    }


def _time(fields: Fields, name: str) -> Timestamp:
    return Timestamp(fields.get(name, NEVER))
