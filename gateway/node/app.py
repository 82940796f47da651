"""The composition root: build a node from its settings, start it, stop it in reverse.

An orderly stop keeps the sessions' records: clients are told of the end with a close_notify, knock
again every second, and are taken back by whichever process answers at this address next.
"""

import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import attrgetter

import gevent
import structlog

from coordinator.errors import CoordinatorError, StoreError
from coordinator.fleet import Fleet
from coordinator.model import Node
from coordinator.redis_store import LEASE_TIMEOUT, connect
from gateway.admin import page
from gateway.admin.rpc.method import Context
from gateway.config import Settings
from gateway.fleet import store_url
from gateway.node import gate_samples
from gateway.node.administration import Administration
from gateway.node.alarm import Alarms
from gateway.node.attempts import USERS, Attempts
from gateway.node.bridges import Bridges
from gateway.node.calls import NodeCalls
from gateway.node.cascades import NodeCascades
from gateway.node.counters import Counters
from gateway.node.dialogue import PRODUCT, Dialogues
from gateway.node.duties import Duties
from gateway.node.entrance import make_entrance
from gateway.node.heartbeat import Heartbeat
from gateway.node.hubs import Hubs
from gateway.node.insight import make_insight
from gateway.node.journal import make_journal
from gateway.node.lease import NodeLease
from gateway.node.ledger import Ledger
from gateway.node.listener import Listener
from gateway.node.live import LiveNode
from gateway.node.log_shelf import LogShelf
from gateway.node.login import Logins
from gateway.node.metrics import Sources
from gateway.node.owned import OwnedHubs
from gateway.node.roster import Roster
from gateway.node.row import make_row
from gateway.node.rule_keeper import RuleKeeper
from gateway.node.shown import Shown
from gateway.node.siblings import Siblings
from gateway.node.table import SessionTable
from gateway.node.terms import read_access_list
from gateway.node.vigil import Vigil
from gateway.node.wishes import Wishes
from gateway.transport.linger import wait_lingering
from gateway.witness.watched import Watched

log = structlog.get_logger()


LAST_BEAT_S = 2.0  # clients wait for their close_notify: no longer for a store that hangs


class App:
    """One node, built but not started."""

    def __init__(
        self,
        settings: Settings,
        fleet: Fleet,
        *,
        sockets: Sequence[socket.socket] = (),
        siblings: Siblings | None = None,
        revive_store: Callable[[], None] | None = None,
    ) -> None:
        """`sockets` listen already; without any, those of the settings are made. `siblings` are
        the other workers of a supervisor.

        `revive_store` is called while the store is away: an embedded one may need an owner.

        Raises ConfigError or CoordinatorError when it cannot run."""
        self._settings = settings
        self._fleet = fleet
        # A store of our own and one worker on it: nobody else is there.
        self._solo = not settings.store.url and not settings.gateway.direct_tcp_port
        self.shown = Shown.at_first(settings.fleet, fleet.certificates)
        self._counters = Counters()
        self._siblings = siblings or Siblings()
        self._listener = Listener(settings.limits, self._conduct, self._counters.count)
        if sockets:
            self._listener.take(sockets)
        else:
            self._listener.bind(settings.gateway.listen)
        self.addresses = self._listener.addresses
        self._entrance = make_entrance(settings, self.addresses, self.shown)
        gate = gate_samples.make_gate()
        ledger = Ledger()
        self.hubs = Hubs(ledger, gate, lambda hub: read_access_list(fleet.rules, hub))
        self.journal = make_journal(settings, fleet, self.hubs)
        self.table = SessionTable(
            settings.node,
            self.hubs,
            fleet.sessions,
            fleet.directory,
            ledger,
            self._counters.count,
            self.journal.note,
        )
        self._lease_store = connect(
            store_url(settings), settings.fleet.name, timeout=LEASE_TIMEOUT, pool_size=1
        )
        self._presence_store = connect(store_url(settings), settings.fleet.name, pool_size=1)
        self._row = make_row(settings, self.addresses, self._entrance)
        self._lease = NodeLease(
            fleet.leases_over(self._lease_store),
            self._presence_store,
            self._describe,
            gate,
            lambda hubs, why: self._owned.lose(hubs, why),
            lambda: self._owned.epochs(),
            watched := Watched(),
            solo=self._solo,
        )
        self._cascades = NodeCascades(fleet, self.hubs, gate, ledger, lambda: self._owned.served())
        self._owned = OwnedHubs(
            fleet.placement,
            self._lease,
            self._cascades.end_owned,
            self._cascades.uses_of,
            lambda hub: self._duties.take_over_sessions(hub),
            self.table.knocks_of,
            self._siblings,
        )
        self.table.join_fleet(self._owned, self._lease)
        self._calls_store = connect(store_url(settings), settings.fleet.name, pool_size=1)
        self._calls = NodeCalls(settings.node, fleet.calls, fleet.calls.over(self._calls_store))
        pages = page.load() if settings.gateway.admin_page else {}
        self._administration = Administration(self._office(), self._counters.count, pages)
        attempts = Attempts(USERS, fleet.attempts, Alarms(fleet, settings.node).tell)
        self._dialogues = Dialogues(
            self.shown,
            Logins(
                fleet,
                self._lease,
                self._owned,
                self.table,
                self._entrance,
                self._siblings,
                attempts,
            ),
            self.table,
            self._administration,
            self._siblings,
            Wishes(fleet, attempts),
            self._counters.count,
            self.journal.note,
            handshake_s=settings.limits.handshake_s,
            queue_bytes=settings.session.queue_kib * 1024,
        )
        self._heartbeat = Heartbeat(self._lease, fleet.timing.renew_s, revive_store)
        self._vigil = Vigil(fleet, self._lease, watched, self._row, self._heartbeat.wake)
        self._bridges = Bridges(fleet, self.hubs, self._row, self._heartbeat.wake)
        self._duties = Duties(
            fleet,
            self._lease,
            self._owned,
            ledger,
            self.hubs,
            self.table,
            self._bridges,
            self._siblings,
            RuleKeeper(fleet.directory, fleet.rules, self.hubs),
            self._cascades,
            self.shown,
            resume_s=settings.session.resume_s,
        )
        self._insight = make_insight(
            settings,
            Sources(
                fleet=settings.fleet.name,
                node=settings.node,
                hubs=self.hubs,
                table=self.table,
                counters=self._counters,
                lease=self._lease,
                heartbeat=self._heartbeat,
                gate=gate,
                owned=lambda: len(self._owned.epochs()),
                stores=(fleet.store, self._lease_store, self._presence_store),
            ),
            lambda: self._listener.is_accepting,
        )
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    def _conduct(self, sock: socket.socket, address: str) -> None:
        if not self._siblings.pass_on(sock, address):
            self._dialogues.conduct(sock, address)

    def _describe(self) -> Node:
        """Return this node's row as it is now."""
        sessions = self.table.all()
        return replace(
            self._row,
            sessions=len(sessions),
            connections=sum(map(len, map(attrgetter("connections"), sessions))),
            counts=self._counters.totals,
            ethernet=self._bridges.ethernet,
            bridges=self._bridges.statuses,
            refuses=self._bridges.refuses,
            certificate=self.shown.fingerprint,
        )

    def _office(self) -> Context:
        """Return what administrators' calls work with."""
        live = LiveNode(
            self._settings.node,
            [tcp_port for _, tcp_port in self.addresses],
            self.hubs,
            self._calls,
            LogShelf(self._settings.node, self._settings.log_dir, self._calls),
            Roster(self.table, lambda: self._administration),
            self.shown,
            time.time,  # noqa: TID251  # the rim: shown to people
        )
        return Context(self._fleet, live, PRODUCT, time.monotonic)

    def start(self) -> None:
        """Begin to serve."""
        if self._insight is not None:
            self._insight.start()
        # Before anything is placed here: hubs whose bridge we cannot have are refused.
        self._bridges.learn(self._fleet.directory.version())
        self._lease.register()
        renewal = self._heartbeat.beat()
        if renewal is not None:
            self._duties.carry_out(renewal)
        # Before anyone is let in: frames of whoever comes first find the others' sessions.
        self._resume_left()
        self._listener.start()
        self._greenlets = [
            gevent.spawn(self.journal.run),
            gevent.spawn(self._heartbeat.run),
            gevent.spawn(self._duties.run, self._heartbeat),
            gevent.spawn(self._bridges.run),
            gevent.spawn(self._calls.run),
            gevent.spawn(self._siblings.run, self._listener.take_in),
            gevent.spawn(self._cascades.tell_news),
        ]
        if self._row.peer_address and not self._solo:
            self._greenlets.append(gevent.spawn(self._vigil.run))
        if path := os.environ.get("ETHERFLEET_GATE_SAMPLES"):
            node, epochs = self._settings.node, self._owned.epochs
            self._greenlets.append(gevent.spawn(gate_samples.sample, path, node, self.hubs, epochs))
        for host, tcp_port in self.addresses:
            log.info("listening", address=host, tcp_port=tcp_port)

    def stop(self, *, for_successor: bool = False) -> None:
        """Stop accepting, close every connection orderly, leave the records to be resumed.

        `for_successor`: keep the lease, for a supervisor who ends it and starts our successor; the
        hubs wait for that one. Otherwise they wait a few seconds, in case we are started again."""
        log.info("stopping", sessions=len(self.table))
        self._listener.stop()
        self._administration.stop()
        if self._insight is not None:
            self._insight.stop()
        gevent.killall(self._greenlets)
        with gevent.Timeout(LAST_BEAT_S, False):  # type: ignore[arg-type]  # False: end silently
            self._report()
        self._cascades.stop_all("gateway-stops")
        sessions = self.table.all()
        if for_successor:
            self._siblings.announce([knock for session in sessions for knock in session.knocks()])
        for session in sessions:
            session.end("gateway-stops")
        self._bridges.stop()
        if for_successor:
            self._lease.close_gate()
        else:
            self._leave()
        self._close_journal()
        wait_lingering()
        self._lease_store.close()
        self._presence_store.close()
        self._calls_store.close()

    def _close_journal(self) -> None:
        """Write the last lines, unless that takes long."""
        with gevent.Timeout(LAST_BEAT_S, False):  # type: ignore[arg-type]  # False: end silently
            self.journal.write()
        self.journal.close()

    def _report(self) -> None:
        try:
            self._duties.report()
            self.table.close_records()
        except CoordinatorError as error:
            log.warning("last counters not written", why=str(error))

    def _leave(self) -> None:
        """Give the lease up: a successor takes the hubs back, or others have them."""
        try:
            self._lease.leave("stopped")
        except CoordinatorError as error:
            log.warning("lease not given up, it will run out", why=str(error))

    def _resume_left(self) -> None:
        """Take back the sessions left over from before; the heartbeat tells of a store away."""
        wait_s = self._settings.session.resume_s
        try:
            count = self.table.resume_left(wait_s)
        except StoreError as error:
            log.warning("sessions of before are resumed one by one", why=str(error))
            return
        if count:
            log.info("sessions of before wait for their clients", sessions=count, for_s=wait_s)
