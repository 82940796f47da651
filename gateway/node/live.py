"""What this node knows of itself while it runs, and how it asks the others for the same."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from coordinator.names import fold
from gateway.admin.live import ConnectionRow, Gathered, TableRow
from gateway.admin.rpc.convert import stable_id
from gateway.hub.port import Port
from gateway.node.calls import NodeCalls
from gateway.node.hubs import Hubs
from gateway.node.session import Session

MAX_ROWS = 16_384  # of one gateway in one answer
MACS, FORGET_MAC, MAC_COUNTS = "macs", "forget-mac", "mac-counts"


class LiveNode:
    """See `gateway.admin.live.Live`."""

    def __init__(
        self,
        node: str,
        ports: Sequence[int],
        certificate_der: bytes,
        hubs: Hubs,
        calls: NodeCalls,
        connections: Callable[[], Sequence[ConnectionRow]],
        clock: Callable[[], float],
    ) -> None:
        """`connections()` are this node's; `clock()` is the wall clock, in seconds."""
        self.node = node
        self._ports = tuple(ports)
        self._certificate_der = certificate_der
        self._hubs = hubs
        self._calls = calls
        self._connections = connections
        self._clock = clock
        calls.answer(MACS, self._answer_macs)
        calls.answer(FORGET_MAC, self._answer_forget_mac)
        calls.answer(MAC_COUNTS, self._answer_mac_counts)

    def listeners(self) -> Sequence[int]:
        return self._ports

    def certificate_der(self) -> bytes:
        return self._certificate_der

    def connections(self) -> Sequence[ConnectionRow]:
        return self._connections()

    def macs(self, hub: str, nodes: Sequence[str]) -> Gathered:
        heard = self._calls.ask(nodes, MACS, {"hub": hub})
        rows = [
            TableRow(_key(node, mac), node, session, bytes.fromhex(mac), created, updated)
            for node, said in sorted(heard.answers.items())
            for mac, session, created, updated in said
        ]
        return Gathered(rows, heard.silent)

    def forget_mac(self, hub: str, nodes: Sequence[str], key: int) -> bool:
        heard = self._calls.ask(nodes, FORGET_MAC, {"hub": hub, "key": key})
        return any(heard.answers.values())

    def mac_counts(self, nodes: Sequence[str]) -> Mapping[str, int]:
        counts: dict[str, int] = {}
        for said in self._calls.ask(nodes, MAC_COUNTS, {}).answers.values():
            for hub, count in said.items():
                counts[hub] = counts.get(hub, 0) + count
        return counts

    # -- what others may ask -------------------------------------------------------------------

    def _answer_macs(self, body: Any) -> list[tuple[str, str, int, int]]:
        live = self._hubs.alive.get(fold(body["hub"]))
        if live is None:
            return []
        # The switch counts on a clock of its own; tools want the time of day.
        offset_s = self._clock() - time.monotonic()
        return [
            (
                row.mac.hex(),
                _name_of(row.port),
                int((row.learned + offset_s) * 1000),
                int((row.seen + offset_s) * 1000),
            )
            for row in live.switch.macs()[:MAX_ROWS]
        ]

    def _answer_forget_mac(self, body: Any) -> bool:
        live = self._hubs.alive.get(fold(body["hub"]))
        if live is None:
            return False
        wanted = [r.mac for r in live.switch.macs() if _key(self.node, r.mac.hex()) == body["key"]]
        for mac in wanted:
            live.switch.table.forget(mac)
        return bool(wanted)

    def _answer_mac_counts(self, _: Any) -> dict[str, int]:
        return {hub: len(live.switch.table) for hub, live in self._hubs.alive.items()}


def _key(node: str, mac: str) -> int:
    return stable_id(f"{node} {mac}")


def _name_of(port: Port) -> str:
    """Return what tools call whoever is behind a port."""
    owner = port.owner
    return owner.record.name if isinstance(owner, Session) else type(owner).__name__
