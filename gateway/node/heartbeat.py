"""The heartbeat: once a second, tell the store how we are and hear what has changed.

One round trip carries this node's row, what its sessions moved, and brings the directory's version
and the orders for this node. Notices may be lost, this cannot be: whatever is asked of a node
happens within a second or two of the store being reachable.

While the store is away sessions go on; what could not be written is written when it is back.
"""

from collections.abc import Callable
from dataclasses import replace

import gevent
import structlog

from coordinator.errors import StoreError
from coordinator.fleet import Fleet
from coordinator.model import Node, SessionUpdate
from coordinator.times import utc_now
from gateway.errors import ConfigError
from gateway.node.counters import Counters
from gateway.node.hubs import Hubs
from gateway.node.ledger import Ledger
from gateway.node.session import Session
from gateway.node.table import SessionTable

log = structlog.get_logger()

INTERVAL_S = 1.0
REPORT_EVERY = 5  # beats between two reports on traffic and sessions


class Heartbeat:
    """The one loop of a node that writes to the store on its own account."""

    def __init__(
        self,
        node: Node,
        fleet: Fleet,
        ledger: Ledger,
        hubs: Hubs,
        table: SessionTable,
        counters: Counters,
        revive_store: Callable[[], None] | None = None,
    ) -> None:
        """`revive_store` is tried at each beat while the store is away."""
        self._node = node
        self._fleet = fleet
        self._ledger = ledger
        self._hubs = hubs
        self._table = table
        self._counters = counters
        self._revive_store = revive_store
        self._known_version = -1
        self._last_order = ""
        self._is_store_away = False

    def run(self) -> None:
        """Beat until killed."""
        beats = 0
        while True:
            try:
                self.beat(report=beats % REPORT_EVERY == 0)
            except Exception:  # the loop that kicks and counts must outlive a fault of ours
                log.exception("heartbeat failed")
            beats += 1
            gevent.sleep(INTERVAL_S)

    def beat(self, *, report: bool) -> None:
        """Do one beat; with `report` also flush traffic and session rows."""
        try:
            self._exchange()
            self._table.close_records()
            if report:
                self.report()
        except StoreError as error:
            if not self._is_store_away:
                log.warning("store away, sessions go on", why=str(error))
            self._is_store_away = True
            self._revive()
            return
        if self._is_store_away:
            log.info("store is back")
            self._is_store_away = False

    def _revive(self) -> None:
        if self._revive_store is None:
            return
        try:
            self._revive_store()
        except ConfigError as error:
            log.warning("embedded store does not start", why=str(error))

    def _exchange(self) -> None:
        sessions = self._table.all()
        node = replace(
            self._node,
            sessions=len(sessions),
            connections=sum(len(s.connections) for s in sessions),
            counts=self._counters.totals,
        )
        pulse = self._fleet.nodes.heartbeat(node, utc_now(), self._last_order)
        for order in pulse.orders:
            self._table.drop(order.key_hash, "kicked")
        self._last_order = pulse.last_order
        if pulse.directory_version != self._known_version:
            self._apply_directory()
            self._known_version = pulse.directory_version

    def _apply_directory(self) -> None:
        """Bring the hubs alive here in line with the directory."""
        for live in list(self._hubs.alive.values()):
            hub = self._fleet.directory.hub(live.hub.name)
            if hub is None or not hub.online:
                why = "hub-deleted" if hub is None else "hub-offline"
                log.info("hub closed", hub=live.hub.name, why=why, sessions=len(live.sessions))
                for session in list(live.sessions.values()):
                    session.end(why)
            else:
                live.change(hub)

    def report(self) -> None:
        """Write the rows of sessions that have news, and the totals of hubs and users."""
        reports: list[tuple[Session, SessionUpdate]] = []
        for live in self._hubs.alive.values():
            macs = live.macs_by_port()
            for session in live.sessions.values():
                update = session.report(macs.get(session.port, ()))
                if update is not None:
                    reports.append((session, update))
        for lost in self._fleet.sessions.update([update for _, update in reports], utc_now()):
            self._table.drop(lost.key_hash, "taken-over")
        for session, update in reports:
            if not session.ended:
                session.settle(update, self._ledger)
        for live in self._hubs.alive.values():
            self._ledger.drops[live.hub.name].update(live.take_drops())
        taken = self._ledger.take()
        try:
            self._fleet.traffic.add(taken.hubs, taken.users, taken.drops)
        except StoreError:
            self._ledger.put_back(taken)
            raise
