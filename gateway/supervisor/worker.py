"""A worker, seen from inside: a process that imports everything, waits for its assignment, serves.

    python -m gateway.supervisor.worker DESCRIPTOR

Waiting comes after importing: a worker held in reserve takes over in a few milliseconds. Importing
is most of what a start takes: what only costs time there is kept away.
"""

import gc
import sys

gc.set_threshold(0)  # modules are no garbage; `app.run` sets it anew
sys.modules["rich"] = None  # type: ignore[assignment]  # structlog's, for a terminal's tracebacks

from gevent import monkey  # noqa: E402

monkey.patch_all()

import signal  # noqa: E402
import socket  # noqa: E402  # nothing may import sockets before the patch
from functools import partial  # noqa: E402

import gevent  # noqa: E402
import msgspec  # noqa: E402
import structlog  # noqa: E402
from gevent.socket import wait_read  # noqa: E402

from coordinator.errors import CoordinatorError  # noqa: E402
from gateway import logs  # noqa: E402
from gateway.config import Settings  # noqa: E402
from gateway.errors import EtherFleetError  # noqa: E402
from gateway.node import app  # noqa: E402
from gateway.node.siblings import Sibling, Siblings  # noqa: E402
from gateway.supervisor.control import (  # noqa: E402
    ALIVE,
    ALIVE_EVERY_S,
    READY,
    WAITING,
    Assignment,
    has_successor,
    receive_assignment,
)

log = structlog.get_logger()


def main() -> int:
    """Be what the supervisor says until SIGTERM; return the exit code."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's to hear
    try:
        control.sendall(WAITING)
        wait_read(control.fileno())
        received = receive_assignment(control)
    except (BrokenPipeError, ConnectionResetError):
        received = None
    if received is None:
        return 0  # the supervisor ended before it needed us
    assignment, sockets = received
    settings = msgspec.convert(assignment.settings, Settings)
    logs.configure(assignment.log_level, node=settings.node)
    inboxes = sockets[-1 - len(assignment.siblings) :] if assignment.siblings else []
    beats: list[gevent.Greenlet[..., None]] = []

    def ready() -> None:
        control.sendall(READY)
        beats.append(gevent.spawn(_beat, control))

    try:
        app.run(
            settings,
            sockets=sockets[: len(sockets) - len(inboxes)],
            siblings=_siblings(settings, assignment, inboxes),
            ready=ready,
            owns_store=False,
            has_successor=partial(has_successor, control),
        )
    except (EtherFleetError, CoordinatorError) as error:
        log.error("worker cannot serve", node=settings.node, why=str(error))
        return 1
    finally:
        gevent.killall(beats)
    return 0


def _siblings(
    settings: Settings, assignment: Assignment, inboxes: list[socket.socket]
) -> Siblings | None:
    if not inboxes:
        return None
    ours, *theirs = inboxes
    others = [
        Sibling(node, tcp_port, inbox)
        for (node, tcp_port), inbox in zip(assignment.siblings, theirs, strict=True)
    ]
    return Siblings(settings.node, settings.gateway.direct_tcp_port, others, ours)


def _beat(control: socket.socket) -> None:
    while True:
        gevent.sleep(ALIVE_EVERY_S)
        control.sendall(ALIVE)


if __name__ == "__main__":
    sys.exit(main())
