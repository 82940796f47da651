"""What supervisor and worker say to each other, over a socket pair.

    worker ─► supervisor    WAITING once everything is imported
    supervisor ─► worker    once: an assignment, with sockets: those that listen, the worker's inbox
                            and the way into each sibling's
    worker ─► supervisor    READY when it serves, then ALIVE every half second from its loop
    supervisor ─► worker    LAST before a SIGTERM that no successor follows

A worker whose loop has stopped says nothing any more; that is how a frozen one is told from a busy
one without asking it.
"""

import json
import socket
from dataclasses import asdict, dataclass
from typing import Any

WAITING = b"w"
READY = b"r"
ALIVE = b"."
LAST = b"l"
ALIVE_EVERY_S = 0.5
MAX_ASSIGNMENT = 64 * 1024  # bytes
MAX_SOCKETS = 253  # in one message: SCM_MAX_FD, linux/net/scm.h


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a worker is to be."""

    settings: dict[str, Any]
    """The whole file as the supervisor read it, with the worker's own id. It may hold the store's
    password, so it goes this way and neither by argv nor by a file."""
    log_level: str = "info"
    siblings: tuple[tuple[str, int], ...] = ()
    """Names and direct ports of the other workers. The last sockets are its inbox and theirs."""


def send_assignment(
    control: socket.socket, assignment: Assignment, sockets: list[socket.socket]
) -> None:
    """Hand `assignment` and its `sockets` to a worker."""
    text = json.dumps(asdict(assignment))
    socket.send_fds(control, [text.encode()], [sock.fileno() for sock in sockets])


def receive_assignment(control: socket.socket) -> tuple[Assignment, list[socket.socket]] | None:
    """Wait for the assignment; None when the supervisor ended first."""
    text, descriptors, _flags, _address = socket.recv_fds(control, MAX_ASSIGNMENT, MAX_SOCKETS)
    if not text:
        return None
    return Assignment(**json.loads(text)), [socket.socket(fileno=fd) for fd in descriptors]


def has_successor(control: socket.socket) -> bool:
    """Say, in a worker that is to end, whether its supervisor is there and will replace it."""
    control.setblocking(False)
    try:
        return control.recv(1) not in (LAST, b"")
    except BlockingIOError:
        return True
    except OSError:
        return False
