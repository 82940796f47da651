"""One machine's part of the service: its sockets, its embedded store, its workers."""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import gevent
import structlog

from coordinator.errors import CoordinatorError
from coordinator.times import utc_now
from gateway.config import Settings, parse_listen
from gateway.embedded import EmbeddedStore
from gateway.errors import ConfigError
from gateway.fleet import open_fleet
from gateway.node.listener import listen
from gateway.supervisor.process import WorkerProcess
from gateway.supervisor.supervisor import Slot, Supervisor

log = structlog.get_logger()

LOOK_AT_STORE_S = 1.0


def supervise(settings: Settings, processes: list[WorkerProcess], *, log_level: str) -> None:
    """Serve with a node in each of `processes`, which wait for it, until SIGTERM or SIGINT.

    Raises ConfigError when it cannot.
    """
    with ExitStack() as stack:
        stack.enter_context(_pid_file(settings))
        if not settings.store.url:
            store = stack.enter_context(EmbeddedStore(settings.state_dir))
            stack.callback(gevent.spawn(_look_after, store).kill)
        fleet = stack.enter_context(open_fleet(settings))
        slots = _slots(settings, len(processes))
        for slot in slots:
            for sock in (*slot.sockets, slot.way_in, slot.inbox):
                stack.callback(sock.close)

        def reaped(node: str, process: str, why: str) -> None:
            """Tell the fleet at once: nobody has to wait for the lease of the dead to run out."""
            try:
                fleet.leases.reap(node, process, f"reaped by its supervisor: {why}", utc_now())
            except CoordinatorError as error:
                log.warning("end of a worker not told", node=node, why=str(error))

        Supervisor(settings, slots, processes, log_level=log_level, reaped=reaped).run()


def _slots(settings: Settings, workers: int) -> list[Slot]:
    """Return the places of the workers. One has all ports for itself; several share those of
    `listen`, and each has one more of its own, where its sessions live."""
    gateway, backlog = settings.gateway, settings.limits.backlog
    texts = list(gateway.listen)
    if workers == 1:
        sockets = [listen(text, backlog) for text in gateway.listen]
        return [Slot(settings.node, sockets, metrics_listen=settings.metrics.listen)]
    slots = []
    for index in range(workers):
        shared = [listen(text, backlog, shared=True) for text in texts]
        if not index:  # port 0 became one that was free: the others share it
            texts = [_joined(*sock.getsockname()[:2]) for sock in shared]
            hosts = dict.fromkeys(parse_listen(text)[0] for text in texts)
            first = gateway.direct_tcp_port or parse_listen(texts[0])[1] + 1
        direct = [listen(_joined(host, first + index), backlog) for host in hosts]
        metrics = _nth(settings.metrics.listen, index)
        name = f"{settings.node}-{index + 1}"
        slots.append(Slot(name, shared + direct, first + index, metrics_listen=metrics))
    return slots


def _nth(listen: str, index: int) -> str:
    """Return where a worker shows its metrics: each behind the one before. Port 0 stays: any."""
    if not listen:
        return ""
    host, tcp_port = parse_listen(listen)
    return _joined(host, tcp_port + index if tcp_port else 0)


def _joined(host: str, tcp_port: int) -> str:
    return f"[{host}]:{tcp_port}" if ":" in host else f"{host}:{tcp_port}"


def restart(settings: Settings) -> int:
    """Ask the gateway of this machine to replace its workers; return the process asked.

    Raises ConfigError when none runs with this state directory.
    """
    path = _pid_path(settings)
    try:
        with path.open() as file:
            if _try_lock(file.fileno()):
                raise FileNotFoundError
            pid = int(file.read())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"no gateway runs with the state directory {settings.state_dir}; "
            "start one with `etherfleet gateway`, or name its --state-dir"
        ) from error
    os.kill(pid, signal.SIGHUP)
    return pid


@contextmanager
def _pid_file(settings: Settings) -> Iterator[None]:
    """Hold the file that tells `restart` whom to ask; a lock says that the number is true."""
    path = _pid_path(settings)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = path.open("a+")
    except OSError as error:
        raise ConfigError(
            f"cannot write to {path.parent}: {error.strerror}; set gateway.state_dir"
        ) from error
    with opened as file:
        if not _try_lock(file.fileno()):
            file.seek(0)
            raise ConfigError(
                f"a gateway (process {file.read().strip()}) runs with the state directory "
                f"{settings.state_dir} already; stop it, or give this one another --state-dir"
            )
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _pid_path(settings: Settings) -> Path:
    return settings.state_dir / "gateway.pid"


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _look_after(store: EmbeddedStore) -> None:
    """Start the embedded store again whenever it is gone."""
    while True:
        gevent.sleep(LOOK_AT_STORE_S)
        try:
            store.ensure()
        except ConfigError as error:
            log.warning("embedded store does not start", why=str(error))
