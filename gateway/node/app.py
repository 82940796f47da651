"""The composition root: build a node from its settings, run it, stop it in reverse.

An orderly stop keeps the sessions' records: clients are told of the end with a close_notify, knock
again every second, and are taken back by whichever process answers at this address next.
"""

import datetime
import os
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack

import gevent
import structlog
from gevent.event import Event

from coordinator.errors import StoreError
from coordinator.fleet import Fleet
from coordinator.model import FleetCertificate, Node
from coordinator.times import utc_now
from gateway import __version__
from gateway.config import Settings
from gateway.embedded import EmbeddedStore
from gateway.fleet import open_fleet
from gateway.node import certificate
from gateway.node.counters import Counters
from gateway.node.dialogue import Dialogues
from gateway.node.heartbeat import Heartbeat
from gateway.node.hubs import Hubs
from gateway.node.ledger import Ledger
from gateway.node.listener import Listener
from gateway.node.table import SessionTable
from gateway.transport.contexts import server_context
from gateway.transport.linger import wait_lingering

log = structlog.get_logger()


class App:
    """One node, built but not started."""

    def __init__(
        self, settings: Settings, fleet: Fleet, revive_store: Callable[[], None] | None = None
    ) -> None:
        """`revive_store` is called while the store is away: an embedded one may need an owner.

        Raises ConfigError or CoordinatorError when it cannot run."""
        self._settings = settings
        self._fleet = fleet
        self.certificate_pem, private_key_pem = _fleet_certificate(settings, fleet)
        self._counters = Counters()
        ledger = Ledger()
        self.hubs = Hubs(ledger)
        self.table = SessionTable(settings.node, self.hubs, fleet.sessions, fleet.directory, ledger)
        self._dialogues = Dialogues(
            server_context(self.certificate_pem, private_key_pem),
            fleet.directory,
            self.table,
            self._counters.count,
            node=settings.node,
            handshake_s=settings.limits.handshake_s,
            timeout_s=settings.session.timeout_s,
            queue_bytes=settings.session.queue_kib * 1024,
        )
        self._listener = Listener(settings.limits, self._dialogues.conduct, self._counters.count)
        self.addresses = self._listener.bind(settings.gateway.listen)
        self._heartbeat = Heartbeat(
            _describe(settings, self.addresses),
            fleet,
            ledger,
            self.hubs,
            self.table,
            self._counters,
            revive_store,
        )
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    def start(self) -> None:
        """Begin to serve."""
        self._heartbeat.beat(report=False)
        # Before anyone is let in: frames of whoever comes first find the others' sessions.
        self._resume_left()
        self._listener.start()
        self._greenlets = [gevent.spawn(self._heartbeat.run)]
        for host, tcp_port in self.addresses:
            log.info("listening", address=host, tcp_port=tcp_port)

    def stop(self) -> None:
        """Stop accepting, close every connection orderly, leave the records to be resumed."""
        log.info("stopping", sessions=len(self.table))
        self._listener.stop()
        gevent.killall(self._greenlets)
        self._heartbeat.beat(report=True)
        self.table.is_stopping = True
        for session in self.table.all():
            session.end("gateway-stops")
        wait_lingering()

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


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigError or CoordinatorError when it cannot."""
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stopping.set)
    with ExitStack() as stack:
        revive = None
        if not settings.store.url:
            # Held here too, so that this process owns the server and starts it again if need be.
            revive = stack.enter_context(EmbeddedStore(settings.state_dir)).ensure
        fleet = stack.enter_context(open_fleet(settings))
        app = App(settings, fleet, revive)
        log.info(
            "gateway ready",
            version=__version__,
            fleet=settings.fleet.name,
            node=settings.node,
            store=fleet.store.where,
            certificate=certificate.fingerprint(app.certificate_pem),
        )
        for warning in fleet.warnings:
            log.warning("store", why=warning)
        app.start()
        stopping.wait()
        app.stop()
    log.info("stopped")


def _fleet_certificate(settings: Settings, fleet: Fleet) -> tuple[str, str]:
    """Return certificate and key: from the files named, else from the store, made once."""
    files = settings.fleet
    if files.certificate_file:
        return certificate.from_files(files.certificate_file, files.private_key_file)
    found = fleet.certificates.get()
    if found is None:
        made = certificate.make(
            f"{settings.fleet.name}.etherfleet", datetime.datetime.now(datetime.UTC)
        )
        found = fleet.certificates.get_or_create(FleetCertificate(*made), utc_now())
    return found.cert_pem, found.key_pem


def _describe(settings: Settings, addresses: list[tuple[str, int]]) -> Node:
    host, tcp_port = addresses[0]
    return Node(
        id=settings.node,
        pid=os.getpid(),
        host=socket.gethostname(),
        address=f"[{host}]:{tcp_port}" if ":" in host else f"{host}:{tcp_port}",
        version=__version__,
        started=utc_now(),
    )
