"""One machine's part of the service: its sockets, its embedded store, its workers."""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import gevent
import structlog

from gateway.config import Settings
from gateway.embedded import EmbeddedStore
from gateway.errors import ConfigError
from gateway.node.listener import listen
from gateway.supervisor.supervisor import Slot, Supervisor

log = structlog.get_logger()

LOOK_AT_STORE_S = 1.0


def supervise(settings: Settings, *, log_level: str) -> None:
    """Serve with one worker until SIGTERM or SIGINT. Raises ConfigError when it cannot."""
    with ExitStack() as stack:
        stack.enter_context(_pid_file(settings))
        if not settings.store.url:
            store = stack.enter_context(EmbeddedStore(settings.state_dir))
            stack.callback(gevent.spawn(_look_after, store).kill)
        backlog = settings.limits.backlog
        sockets = [listen(text, backlog) for text in settings.gateway.listen]
        for sock in sockets:
            stack.callback(sock.close)
        Supervisor(settings, [Slot(settings.node, sockets)], log_level=log_level).run()


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
