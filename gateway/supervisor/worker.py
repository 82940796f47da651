"""A worker, seen from inside: a process that waits for its assignment, then serves.

Waiting comes after importing: a worker held in reserve takes over in a few milliseconds.
"""

import signal
import socket
from functools import partial

import gevent
import msgspec
import structlog
from gevent.socket import wait_read

from coordinator.errors import CoordinatorError
from gateway import logs
from gateway.config import Settings
from gateway.errors import EtherFleetError
from gateway.node import service
from gateway.node.siblings import Sibling, Siblings
from gateway.processes import take_short_turns
from gateway.supervisor.control import (
    ALIVE,
    ALIVE_EVERY_S,
    READY,
    WAITING,
    Assignment,
    has_successor,
    receive_assignment,
)

log = structlog.get_logger()


def main(control: socket.socket) -> int:
    """Be what the supervisor says, over `control`, until SIGTERM; return the exit code."""
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
    take_short_turns()
    inboxes = sockets[-1 - len(assignment.siblings) :] if assignment.siblings else []
    beats: list[gevent.Greenlet[..., None]] = []

    def ready() -> None:
        control.sendall(READY)
        beats.append(gevent.spawn(_beat, control))

    try:
        service.serve(
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
