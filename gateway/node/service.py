"""A node as a process: serve from start to signal, with the files and the collector it needs."""

import gc
import resource
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import gevent
import structlog
from gevent.event import Event

from gateway import __version__, logs
from gateway.config import Settings
from gateway.embedded import EmbeddedStore
from gateway.fleet import open_fleet
from gateway.node.app import App
from gateway.node.siblings import Siblings

log = structlog.get_logger()


def serve(
    settings: Settings,
    *,
    sockets: Sequence[socket.socket] = (),
    siblings: Siblings | None = None,
    ready: Callable[[], None] | None = None,
    owns_store: bool = True,
    has_successor: Callable[[], bool] = lambda: False,
) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called once clients are let in.

    Under a supervisor, `sockets`, `siblings` and the embedded store are its own, and
    `has_successor` says in the end whether it will replace this process. Raises ConfigError or
    CoordinatorError when it cannot serve.
    """
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stopping.set)
    _allow_files()
    with ExitStack() as stack:
        revive = None
        if owns_store and not settings.store.url:
            # Held here too, so that this process owns the server and starts it again if need be.
            revive = stack.enter_context(EmbeddedStore(settings.state_dir)).ensure
        fleet = stack.enter_context(open_fleet(settings))
        app = App(settings, fleet, sockets=sockets, siblings=siblings, revive_store=revive)
        log.info(
            "gateway ready",
            version=__version__,
            fleet=settings.fleet.name,
            node=settings.node,
            store=fleet.store.where,
            certificate=app.shown.fingerprint,
        )
        for warning in fleet.warnings:
            log.warning("store", why=warning)
        logs.listen(app.journal.tell)
        _tune_collector()
        app.start()
        if ready is not None:
            ready()
        stopping.wait()
        app.stop(for_successor=has_successor())
    log.info("stopped")


def _tune_collector() -> None:
    """Look for cycles seldom, and not among what stays: most of what logins leave is no cycle."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _allow_files() -> None:
    """Open as many files as the system allows: every connection is one, and 1024 are the rule."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    except (OSError, ValueError) as error:
        log.warning("few open files allowed", why=str(error))
