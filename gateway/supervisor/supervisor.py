"""Keep the workers: start them, replace the ones that end, restart them one after another."""

import random
import signal
import socket
import time
from collections.abc import Callable

import gevent
import msgspec
import structlog
from gevent.event import Event
from msgspec.structs import replace

from gateway.config import Settings
from gateway.supervisor.control import Assignment
from gateway.supervisor.process import WorkerProcess

log = structlog.get_logger()

READY_S = 60.0  # for a worker to begin serving; taking back many sessions takes a while
# The lease of a loop that stands still was renewed up to 1.1 s before and lives for 4 s. The worker
# must be reaped before others end that lease, or its hubs go elsewhere and its clients log in anew:
# ttl_ms - margin_ms - renew_ms with jitter; a second look takes another 0.25 s.
SILENCE_S = 2.4
SPARE_AFTER_S = 1.0  # it takes half a second of a processor, which clients that come back need more
SHORT_LIFE_S = 2.0  # a worker that ends sooner is not started again at once
MAX_PAUSE_S = 10.0


class Slot:
    """The place of one worker: its id, its sockets, and whichever process fills it now."""

    def __init__(
        self,
        node: str,
        sockets: list[socket.socket],
        direct_tcp_port: int = 0,
        *,
        metrics_listen: str = "",
    ) -> None:
        """`sockets` listen; `direct_tcp_port` leads to this worker alone; 0: every port does."""
        self.metrics_listen = metrics_listen
        self.node = node
        self.direct_tcp_port = direct_tcp_port
        self.sockets = sockets
        # Whole messages, one after another; both ends are kept, so nothing in it is ever lost.
        self.way_in, self.inbox = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process: WorkerProcess | None = None
        self.ready = Event()
        self.starts = 0


class Supervisor:
    """The workers of one machine."""

    def __init__(
        self,
        settings: Settings,
        slots: list[Slot],
        spares: list[WorkerProcess],
        *,
        log_level: str,
        reaped: Callable[[str, str, str], None],
    ) -> None:
        """`spares` wait, are taken from and added to; whoever gave them stops the rest.

        `reaped(node, process, why)` is called the moment a worker was found dead.
        """
        self._settings = settings
        self._slots = slots
        self._log_level = log_level
        self._reaped = reaped
        self._spares = spares
        self._is_sparing = False
        self._stopping = Event()
        self._restart_wanted = Event()

    def run(self) -> None:
        """Keep the workers until SIGTERM or SIGINT; SIGHUP restarts them one after another."""
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._stopping.set)
        gevent.signal_handler(signal.SIGHUP, self._restart_wanted.set)
        keepers = [gevent.spawn(self._keep, slot) for slot in self._slots]
        roller = gevent.spawn(self._roll)
        self._stopping.wait()
        roller.kill()
        log.info("stopping workers", workers=len(self._slots))
        for slot in self._slots:
            if slot.process is not None:
                slot.process.terminate(for_good=True)
        gevent.joinall(keepers)

    def _keep(self, slot: Slot) -> None:
        """Fill one slot until we stop."""
        pause = 0.0
        while not self._stopping.is_set():
            began = time.monotonic()
            process = self._next_process()
            slot.process = process
            slot.starts += 1
            assignment, sockets = self._assignment(slot)
            if process.assign(assignment, sockets) and process.wait_ready(READY_S):
                slot.ready.set()
                gevent.spawn_later(SPARE_AFTER_S, self._hold_spare)
                log.info("worker serves", node=slot.node, pid=process.pid)
            why = process.wait_end(SILENCE_S)
            slot.ready.clear()
            process.stop()
            if self._stopping.is_set():
                return
            report = log.info if why == "exit 0" else log.warning
            report("worker ended", node=slot.node, pid=process.pid, why=why)
            self._reaped(slot.node, process.name, why)
            short = time.monotonic() - began < SHORT_LIFE_S
            pause = min(MAX_PAUSE_S, max(0.2, 2 * pause)) if short else 0.0
            self._stopping.wait(pause * random.uniform(0.5, 1.0))

    def _roll(self) -> None:
        """Replace the workers one after another, each only once the one before serves again."""
        while True:
            self._restart_wanted.wait()
            self._restart_wanted.clear()
            log.info("restarting workers one after another", workers=len(self._slots))
            for slot in self._slots:
                process, starts = slot.process, slot.starts
                if process is None:
                    continue
                # What is held in reserve runs the old program: a fresh one takes its place.
                self._renew_spare()
                process.terminate()
                while slot.starts == starts:
                    gevent.sleep(0.02)
                if not slot.ready.wait(READY_S):
                    log.error("restart given up: a worker does not serve", node=slot.node)
                    break
            else:
                log.info("all workers restarted")

    def _assignment(self, slot: Slot) -> tuple[Assignment, list[socket.socket]]:
        """Return what fills a slot is to be, and the sockets that go with it."""
        gateway = replace(
            self._settings.gateway, node=slot.node, direct_tcp_port=slot.direct_tcp_port
        )
        metrics = replace(self._settings.metrics, listen=slot.metrics_listen)
        settings = replace(self._settings, gateway=gateway, metrics=metrics)
        others = [other for other in self._slots if other is not slot]
        siblings = tuple((other.node, other.direct_tcp_port) for other in others)
        inboxes = [slot.inbox, *(other.way_in for other in others)] if others else []
        assignment = Assignment(msgspec.to_builtins(settings), self._log_level, siblings)
        return assignment, [*slot.sockets, *inboxes]

    def _next_process(self) -> WorkerProcess:
        return self._spares.pop() if self._spares else WorkerProcess.start()

    def _hold_spare(self) -> None:
        """Have a process ready for whichever worker ends next."""
        # Starting one waits for the fork: the keeper of another slot may come by meanwhile.
        if self._is_sparing or self._spares or self._stopping.is_set():
            return
        self._is_sparing = True
        try:
            self._spares.append(WorkerProcess.start())
        finally:
            self._is_sparing = False

    def _renew_spare(self) -> None:
        self._stop_spares()
        # In reserve only once it waits: a keeper that took it before would hear it beside us.
        self._is_sparing = True
        try:
            fresh = WorkerProcess.start()
            fresh.wait_waiting(READY_S)
        finally:
            self._is_sparing = False
        self._stop_spares()
        self._spares.append(fresh)

    def _stop_spares(self) -> None:
        while self._spares:
            self._spares.pop().stop()
