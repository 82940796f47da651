"""Draining: what a node carries goes elsewhere, at a rate, until nothing is left.

Hubs are handed over one by one. Sessions of static hubs go one by one, too: to a sibling that may
take them if there is one, because their clients come back to it at once and in the same session;
else they end, and the clients log in anew wherever the fleet has room.
"""

from collections import Counter
from collections.abc import Callable

import gevent
import structlog

from coordinator.errors import LeaseLost, StoreError
from coordinator.fleet import Fleet
from coordinator.model import Node, NodeMode, NodeState
from coordinator.names import fold
from coordinator.placement import calc_point
from gateway.node.lease import NodeLease
from gateway.node.owned import OwnedHubs
from gateway.node.session import Session
from gateway.node.siblings import Siblings
from gateway.node.table import SessionTable
from gateway.transport.gate import ALWAYS_OPEN

log = structlog.get_logger()

DRAIN_RATE = 100  # sessions a second, unless the operator said otherwise
LOOK_EVERY_S = 0.1  # whether the drain is wanted still


class Drain:
    """The drain of one node. `is_wanted` is set from outside; `run` does one round of it."""

    def __init__(
        self,
        fleet: Fleet,
        lease: NodeLease,
        owned: OwnedHubs,
        table: SessionTable,
        siblings: Siblings,
        move: Callable[[str, str], None],
        *,
        resume_s: float,
    ) -> None:
        """`move(hub, to)` hands a hub over and tells of it; `resume_s`: how long a session that
        was passed on waits for its client."""
        self._fleet = fleet
        self._lease = lease
        self._owned = owned
        self._table = table
        self._siblings = siblings
        self._move = move
        self._resume_s = resume_s
        self.is_wanted = False

    def run(self) -> None:
        """Move what is here now. Not while there is no room elsewhere: sessions would be closed
        once a second for nothing."""
        try:
            nodes = self._fleet.nodes.nodes()
            me = self._lease.held.node
        except (StoreError, LeaseLost) as error:
            log.warning("drain interrupted", why=str(error))
            return
        takers = [node for node in nodes if node.id != me and _has_room(node)]
        if not takers:
            log.warning("drain waits: no other node can take anything")
            return
        rate = next((node.drain_rate for node in nodes if node.id == me), 0) or DRAIN_RATE
        for hub in list(self._owned.epochs()):
            # Of a static hub only its cascades go with it; its sessions' turn comes below.
            count = sum(s.gate is not ALWAYS_OPEN for s in self._table.of_hub(hub))
            self._move(hub, "")
            if not self._has_paused(max(1, count) / rate):
                return
        beside = [node for node in takers if node.id in self._siblings.nodes]
        given: Counter[str] = Counter()
        for session in self._table.all():
            if session.gate is ALWAYS_OPEN and not session.ended:
                hub = fold(session.record.hub)
                able = [node for node in beside if hub not in node.refuses]
                self._send_away(session, able, given)
                if not self._has_paused(1 / rate):
                    return

    def leave(self, hubs: list[str]) -> None:
        """Send away the sessions of `hubs`, folded, which this node refuses, to nodes that do not;
        where there are none, they stay."""
        try:
            nodes = self._fleet.nodes.nodes()
            me = self._lease.held.node
        except (StoreError, LeaseLost) as error:
            log.warning("sessions stay without their LAN", why=str(error))
            return
        for hub in hubs:
            takers = [n for n in nodes if n.id != me and _has_room(n) and hub not in n.refuses]
            sessions = self._table.of_hub(hub)
            if not takers or not sessions:
                continue
            log.info("sessions go where the hub has its bridge", hub=hub, sessions=len(sessions))
            if hub in self._owned.epochs():
                self._move(hub, "")
                continue
            beside = [node for node in takers if node.id in self._siblings.nodes]
            given: Counter[str] = Counter()
            for session in sessions:
                if not session.ended:
                    self._send_away(session, beside, given)
                    gevent.sleep(1 / DRAIN_RATE)

    def _send_away(self, session: Session, beside: list[Node], given: Counter[str]) -> None:
        """End a session of a static hub, to go on at the sibling with the most room if there is
        any; `given` counts."""

        best = max(beside, key=lambda node: _room(node, given[node.id]), default=None)
        if best is None or not _room(best, given[best.id]):
            session.end("drained")
            return
        given[best.id] += 1
        with self._siblings.holding(session.knocks()) as go_to:
            go_to(best.id)
            session.end("passed-on")
        self._table.leave_behind(session.record, self._resume_s)

    def _has_paused(self, seconds: float) -> bool:
        """Let the clients of what was moved log in elsewhere meanwhile; false if that is all."""
        while seconds > 0 and self.is_wanted:
            gevent.sleep(min(seconds, LOOK_EVERY_S))
            seconds -= LOOK_EVERY_S
        return self.is_wanted


def _has_room(node: Node) -> bool:
    serves = node.is_host and node.state is NodeState.UP and node.mode is NodeMode.SERVING
    return serves and _room(node, 0) > 0


def _room(node: Node, more: int) -> int:
    """Return a node's point with so many sessions more than it says."""
    return calc_point(node.sessions + more, node.max_sessions, node.weight)
