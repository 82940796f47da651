"""Administration calls on a real store, without a gateway: what their tests have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

from coordinator.fleet import Fleet
from coordinator.groups import Group
from coordinator.lease import Lease
from coordinator.model import Hub, HubKind, User
from gateway.admin.administrators import Caller
from gateway.admin.live import (
    ConnectionRow,
    Gathered,
    GatheredLogs,
    Learned,
    LogRow,
    Table,
    TableRow,
)
from gateway.admin.log_files import Reader
from gateway.admin.rpc.dispatch import Answer, carry_out
from gateway.admin.rpc.method import Context
from gateway.errors import Refused
from gateway.node import certificate
from gateway.node.shown import why_not
from gateway.wire.auth import admin_password_hash
from gateway.wire.jsonrpc import to_pack
from gateway.wire.pack import Pack
from tests.contract.values import LOGIN, NODE, NOW, new_key

MAC = bytes.fromhex("5e0000007701")
IP = bytes([192, 0, 2, 77])
RECORDED = "CID-279"  # a connection, in the recorded calls
KEYS = {Table.MACS: 424445023, Table.IPS: 2327591388}  # the recorded ones
ADMINISTRATOR = Caller(address="192.0.2.9:50000")
HUBS = {"T1": 2, "T2": 2, "S1": 1, "D1": 2, "J1": 2}


class OneDirectory:
    """Log files of T1 and T2 on node-1; node-2 never answers."""

    files: ClassVar[dict[str, bytes]] = {
        "security_log/T1/sec.log": b"somebody came\n",
        "security_log/T2/sec.log": b"somebody else\n",
    }

    def list_files(self, reader: Reader, nodes: Sequence[str]) -> GatheredLogs:
        rows = [
            LogRow("node-1", path, len(text), 1_000_000_000_000)
            for path, text in self.files.items()
            if not reader.hub or path.split("/")[1].lower() == reader.hub.lower()
        ]
        return GatheredLogs(rows, [node for node in nodes if node != "node-1"])

    def read_file(self, node: str, reader: Reader, path: str, offset: int) -> bytes | None:
        there = [row.path for row in self.list_files(reader, [node]).rows]
        is_there = node == "node-1" and path in there
        return self.files[path][offset : offset + 10] if is_there else None


class OneGateway:
    """What a gateway knows while it runs, without one: hub T2 has learned one address."""

    node = "node-1"
    logs = OneDirectory()

    def listeners(self) -> Sequence[int]:
        return [443, 5555]

    def connections(self) -> Sequence[ConnectionRow]:
        program = ("vpnclient", 501, 9674)
        session = ConnectionRow(RECORDED, "127.0.0.1:50000", 1_000_000_000_000, False, *program)
        return [session, ConnectionRow("CID-1", "127.0.0.1:50001", 1_000_000_000_000, True)]

    def disconnect(self, name: str) -> bool:
        return name in (RECORDED, "CID-1")

    def ciphers(self) -> Sequence[str]:
        return ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"]

    may_change_certificate = True

    def make_certificate(self, common_name: str) -> tuple[str, str]:
        return certificate.make(common_name, datetime.now(UTC))

    def why_not_shown(self, certificate_pem: str, private_key_pem: str) -> str:
        return why_not(certificate_pem, private_key_pem)

    def certificate_der(self) -> bytes:
        return b"certificate"

    def rows(self, table: Table, hub: str, nodes: Sequence[str]) -> Gathered:
        address = MAC if table is Table.MACS else IP
        rows = [TableRow(KEYS[table], "node-1", "SID-CAS-1", address, 1, 2)] if hub == "T2" else []
        return Gathered(rows, [node for node in nodes if node != self.node])

    def forget(self, table: Table, hub: str, nodes: Sequence[str], key: int) -> bool:
        return hub == "T2" and key == KEYS[table]

    def learned(self, nodes: Sequence[str], hub: str = "") -> Mapping[str, Learned]:
        return {"t2": Learned(1, 1)}

    def silent(self, nodes: Sequence[str]) -> Sequence[str]:
        return [node for node in nodes if node != self.node]


def furnish(fleet: Fleet) -> Context:
    """Return what calls work with: one gateway, five hubs with users, groups and a session."""
    lease = fleet.leases.register(NODE, 0.0, NOW)
    assert isinstance(lease, Lease)
    kinds = {1: HubKind.STATIC, 2: HubKind.DYNAMIC}
    for name, number in HUBS.items():
        fleet.directory.create_hub(Hub(name, kinds[number]), NOW)
        fleet.directory.create_group(Group(name, "g1"), NOW)
        for user in ("u1", "u3", "cas"):
            fleet.directory.create_user(User(name, user, secret=b"s" * 20), NOW)
        login = replace(LOGIN, hub=name, user="cas", node="node-1")
        if number == 1:
            fleet.sessions.open(login, new_key(), NOW)
            continue
        placed = fleet.placement.place(lease, name, NOW, here=True)
        grant = placed.grant  # type: ignore[union-attr]  # here it is
        fleet.placement.activate(grant, NOW)
        epoch = {"inc": lease.inc, "hub_epoch": grant.epoch}
        fleet.sessions.open(replace(login, **epoch), new_key(), NOW)
    fleet.administration.set_hub("T1", NOW, secret=admin_password_hash("hubpw"))
    return Context(fleet, OneGateway(), "EtherFleet 1.0", lambda: 1.0)


def hub_admin(context: Context, hub: str = "T1") -> Caller:
    found = context.fleet.directory.hub(hub)
    assert found is not None
    return Caller(found.name, found.created)


def ask(context: Context, name: str, caller: Caller = ADMINISTRATOR, **params: object) -> Answer:
    return carry_out(context, caller, name, to_pack(params), NOW)


def carried_out(context: Context, caller: Caller, name: str, asked: Pack) -> Answer | int:
    """Return the answer, or the code of the error."""
    try:
        return carry_out(context, caller, name, asked, NOW)
    except Refused as error:
        return error.code


def code(context: Context, name: str, caller: Caller = ADMINISTRATOR, **params: object) -> int:
    answer = carried_out(context, caller, name, to_pack(params))
    return answer if isinstance(answer, int) else 0
