"""What a node does because its lease brought news, and what it reports on its own account.

Notices may be lost, a renewal cannot: whatever is asked of a node happens within a second or two
of the store being reachable. Runs beside the heartbeat: a slow answer here renews nothing late.
"""

import random
import time

import structlog
from gevent.pool import Group

from coordinator.controller import Controller
from coordinator.errors import CoordinatorError, LeaseLost, StoreError
from coordinator.fleet import Fleet
from coordinator.lease import Renewal
from coordinator.model import DropSession, HubKind, LoseHub, MoveHub, NodeMode, SessionUpdate
from coordinator.times import utc_now
from gateway.node.bridges import Bridges
from gateway.node.cascades import NodeCascades
from gateway.node.drain import Drain
from gateway.node.heartbeat import Heartbeat
from gateway.node.hubs import Hubs
from gateway.node.lease import NodeLease
from gateway.node.ledger import Ledger
from gateway.node.owned import OwnedHubs
from gateway.node.rule_keeper import RuleKeeper
from gateway.node.session import Session
from gateway.node.shown import Shown
from gateway.node.siblings import Siblings
from gateway.node.table import SessionTable

log = structlog.get_logger()

COLLECT_EVERY_S = 30.0
REPORT_EVERY_S = 5.0  # between two reports on traffic and sessions


class Duties:
    """The second loop of a node that talks to the store; the first renews the lease."""

    def __init__(
        self,
        fleet: Fleet,
        lease: NodeLease,
        owned: OwnedHubs,
        ledger: Ledger,
        hubs: Hubs,
        table: SessionTable,
        bridges: Bridges,
        siblings: Siblings,
        rules: RuleKeeper,
        cascades: NodeCascades,
        shown: Shown,
        *,
        resume_s: float,
    ) -> None:
        """`resume_s`: how long sessions taken back wait for their clients."""
        self._fleet = fleet
        self._lease = lease
        self._owned = owned
        self._ledger = ledger
        self._hubs = hubs
        self._table = table
        self._bridges = bridges
        self._rules = rules
        self._cascades = cascades
        self._shown = shown
        self._resume_s = resume_s
        self._known_version = -1
        self._movers = Group()
        self._drain = Drain(fleet, lease, owned, table, siblings, self._move, resume_s=resume_s)
        self._controller = Controller(fleet.prologue, round(resume_s * 1000))
        self._last_sentence = ""

    def run(self, heartbeat: Heartbeat) -> None:
        """Carry out what each renewal asks for, until killed."""
        report_at = time.monotonic() + random.uniform(0, REPORT_EVERY_S)
        collect_at = time.monotonic() + COLLECT_EVERY_S
        while True:
            renewal = heartbeat.next_renewal()
            try:
                self.carry_out(renewal)
                if time.monotonic() >= report_at or self._hubs.has_moved():
                    report_at = time.monotonic() + REPORT_EVERY_S
                    self.report()
                if time.monotonic() >= collect_at:
                    collect_at = time.monotonic() + COLLECT_EVERY_S
                    self._collect()
            except CoordinatorError as error:
                log.debug("duties put off", why=str(error))
            except Exception:  # the loop that kicks and counts must outlive a fault of ours
                log.exception("duties failed")

    def carry_out(self, renewal: Renewal) -> None:
        """Do what a renewal asks for. Raises StoreError and LeaseLost: the next asks again."""
        for order in renewal.orders:
            match order:
                case DropSession(key_hash=key_hash):
                    self._table.drop(key_hash, "kicked")
                case LoseHub(hub=hub):
                    self._owned.lose([hub], "lost-with-the-store")
                case MoveHub(hub=hub, to=to):
                    self._movers.spawn(self._move, hub, to)
        for grant in renewal.assigned:
            self._owned.take_up(grant)
        self._owned.free_idle(time.monotonic())
        self._apply_directory(renewal.directory_version)
        self._bridges.learn(renewal.directory_version)
        self._shown.learn(renewal.directory_version, self._fleet.certificates)
        self._cascades.follow(renewal.directory_version)
        self._drain.is_wanted = renewal.mode is NodeMode.DRAINING
        if self._drain.is_wanted and not self._movers:
            self._movers.spawn(self._drain.run)
        elif (refused := self._bridges.overdue(time.monotonic())) and not self._movers:
            self._movers.spawn(self._drain.leave, refused)
        self._lead()
        self._table.close_records()

    def take_over_sessions(self, hub: str) -> None:
        """Make the sessions of a hub that came to us ours: their clients may come here.

        Not those of a static hub, of which only the cascades have come.
        """
        try:
            found = self._fleet.directory.hub(hub)
            if found is None or found.kind is HubKind.STATIC:
                return
            count = self._table.resume_hub(hub, self._resume_s)
        except CoordinatorError as error:
            log.warning("sessions are taken over one by one", hub=hub, why=str(error))
            return
        if count:
            log.info("sessions wait for their clients", hub=hub, sessions=count)

    def _collect(self) -> None:
        """Remove what earlier incarnations of this node left and nobody came back for in time."""
        now = utc_now()
        for record in self._table.left_over():
            self._controller.collect(record.hub, record.name, now)

    def _move(self, hub: str, to: str) -> None:
        try:
            log.info(self._owned.hand_over(hub, to), hub=hub)
        except (StoreError, LeaseLost) as error:
            log.warning("hub not moved", hub=hub, why=str(error))

    def _lead(self) -> None:
        """Show progress as leader, or become one where nobody leads; do its optional work."""
        leader = self._lease.leader
        held = self._lease.held
        if leader is None or leader.is_held_by(held):
            sentence = self._controller.step(held, utc_now())
            if sentence and sentence != self._last_sentence:
                log.info("controller", did=sentence)
            self._last_sentence = sentence

    def _apply_directory(self, version: int) -> None:
        """Bring the hubs alive here in line with the directory, if it is new or they are."""
        is_known = version == self._known_version
        stale = [one for one in self._hubs.alive.values() if not (is_known and one.is_current)]
        found = self._fleet.directory.hubs_named([live.hub.name for live in stale])
        for live, hub in zip(stale, found, strict=True):
            if hub is None or not hub.online:
                why = "hub-deleted" if hub is None else "hub-offline"
                log.info("hub closed", hub=live.hub.name, why=why, sessions=len(live.sessions))
                self._hubs.end(live.hub.name, why)
            else:
                self._rules.apply(live, hub)
        self._known_version = version
        self._rules.end_overdue()

    def report(self) -> None:
        """Write the rows of sessions and cascades that have news, the totals of hubs and users."""
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
        self._cascades.settle()
        self._cascades.report()
        taken = self._ledger.take()
        try:
            self._fleet.traffic.add(taken.hubs, taken.users, taken.drops)
        except StoreError:
            self._ledger.put_back(taken)
            raise
