"""What this node knows of itself while it runs, and how it asks the others for the same."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from coordinator.names import fold
from gateway.admin.live import ConnectionRow, Gathered, Learned, Table, TableRow
from gateway.admin.rpc.convert import stable_id
from gateway.hub.port import Port
from gateway.hub.switch import Switch
from gateway.node import certificate
from gateway.node.calls import NodeCalls
from gateway.node.hubs import Hubs
from gateway.node.log_shelf import LogShelf
from gateway.node.roster import Roster
from gateway.node.session import Session
from gateway.node.shown import Shown, why_not

MAX_ROWS = 16_384  # of one gateway in one answer
ROWS, FORGET, LEARNED, PRESENT = "rows", "forget", "learned", "present"

Row = tuple[str, str, int, int, bool]
"""Address in hex, session, when it was learned and last seen (ms since 1970), given by DHCP."""


class LiveNode:
    """See `gateway.admin.live.Live`."""

    def __init__(
        self,
        node: str,
        ports: Sequence[int],
        hubs: Hubs,
        calls: NodeCalls,
        logs: LogShelf,
        roster: Roster,
        shown: Shown,
        clock: Callable[[], float],
    ) -> None:
        """`clock()` is the wall clock, in seconds."""
        self.node = node
        self._ports = tuple(ports)
        self._hubs = hubs
        self._calls = calls
        self.logs = logs
        self._roster = roster
        self._shown = shown
        self._clock = clock
        calls.answer(ROWS, self._answer_rows)
        calls.answer(FORGET, self._answer_forget)
        calls.answer(LEARNED, self._answer_learned)
        calls.answer(PRESENT, lambda _: True)

    def listeners(self) -> Sequence[int]:
        return self._ports

    def certificate_der(self) -> bytes:
        return self._shown.der

    @property
    def may_change_certificate(self) -> bool:
        return not self._shown.is_fixed

    def make_certificate(self, common_name: str) -> tuple[str, str]:
        return certificate.make(common_name, datetime.now(UTC))

    def why_not_shown(self, certificate_pem: str, private_key_pem: str) -> str:
        return why_not(certificate_pem, private_key_pem)

    def connections(self) -> Sequence[ConnectionRow]:
        return self._roster.rows()

    def disconnect(self, name: str) -> bool:
        return self._roster.end(name)

    def ciphers(self) -> Sequence[str]:
        return self._shown.ciphers()

    def rows(self, table: Table, hub: str, nodes: Sequence[str]) -> Gathered:
        heard = self._calls.ask(nodes, ROWS, {"table": table, "hub": hub})
        rows = [
            TableRow(_key(node, row[0]), node, row[1], bytes.fromhex(row[0]), *row[2:])
            for node, said in sorted(heard.answers.items())
            for row in said
        ]
        return Gathered(rows, heard.silent)

    def forget(self, table: Table, hub: str, nodes: Sequence[str], key: int) -> bool:
        heard = self._calls.ask(nodes, FORGET, {"table": table, "hub": hub, "key": key})
        return any(heard.answers.values())

    def silent(self, nodes: Sequence[str]) -> Sequence[str]:
        return self._calls.ask(nodes, PRESENT, {}).silent

    def learned(self, nodes: Sequence[str], hub: str = "") -> Mapping[str, Learned]:
        counts: dict[str, Learned] = {}
        for said in self._calls.ask(nodes, LEARNED, {"hub": hub}).answers.values():
            for hub, (macs, ips) in said.items():
                former = counts.get(hub, Learned())
                counts[hub] = Learned(former.macs + macs, former.ips + ips)
        return counts

    # -- what others may ask -------------------------------------------------------------------

    def _answer_rows(self, body: Any) -> list[Row]:
        live = self._hubs.alive.get(fold(body["hub"]))
        if live is None:
            return []
        rows = _macs(live.switch) if body["table"] == Table.MACS else _ips(live.switch)
        # The switch counts on a clock of its own; tools want the time of day.
        offset_s = self._clock() - time.monotonic()
        return [
            (address, name, _ms(created + offset_s), _ms(updated + offset_s), is_leased)
            for address, name, created, updated, is_leased in islice(rows, MAX_ROWS)
        ]

    def _answer_forget(self, body: Any) -> bool:
        live = self._hubs.alive.get(fold(body["hub"]))
        if live is None:
            return False
        is_mac = body["table"] == Table.MACS
        rows = _macs(live.switch) if is_mac else _ips(live.switch)
        found = [row[0] for row in rows if _key(self.node, row[0]) == body["key"]]
        forget = live.switch.table.forget if is_mac else live.switch.rules.ips.forget
        for address in found:
            forget(bytes.fromhex(address))
        return bool(found)

    def _answer_learned(self, body: Any) -> dict[str, tuple[int, int]]:
        wanted = fold(body["hub"])
        return {
            hub: (len(live.switch.table), len(live.switch.rules.ips))
            for hub, live in self._hubs.alive.items()
            if wanted in ("", hub)
        }


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _macs(switch: Switch) -> Iterator[tuple[str, str, float, float, bool]]:
    for row in switch.macs():
        yield row.mac.hex(), _name_of(row.port), row.learned, row.seen, False


def _ips(switch: Switch) -> Iterator[tuple[str, str, float, float, bool]]:
    for ip, entry in switch.rules.ips.rows():
        yield ip.hex(), _name_of(entry.port), entry.seen, entry.seen, entry.is_leased


def _key(node: str, address: str) -> int:
    return stable_id(f"{node} {address}")


def _name_of(port: Port) -> str:
    """Return what tools call whoever is behind a port."""
    owner = port.owner
    return owner.record.name if isinstance(owner, Session) else type(owner).__name__
