"""The siblings: the other workers of our supervisor, which answer at the same addresses.

Sessions live on the direct port of the worker they began on. When their hub moves to a sibling the
clients still knock there, so whoever accepts such a connection passes it on, as a socket, before a
byte of TLS is read: it costs one message over a unix socket and nothing afterwards. `knocks.py`
says how the right one is known.

Each worker has an inbox. The supervisor holds both of its ends, as it holds the listening sockets:
what comes while a worker is being replaced waits there for its successor.
"""

import array
import json
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gevent
import structlog
from gevent.socket import wait_read

from gateway.node.knocks import Knock, Knocks

log = structlog.get_logger()

MAX_MESSAGE = 64 * 1024  # bytes
KNOCKS_A_MESSAGE = 500
FULL_FOR_S = 1.0  # an inbox: its worker has ended or stands still
HOLD_S = 2.0  # most that a client waits unanswered while it is settled where its hub goes
PAUSE_S = 0.005


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another worker of our supervisor."""

    node: str
    tcp_port: int
    """That leads to it alone."""
    inbox: socket.socket
    """What is sent there, it reads."""


class Siblings:
    """The siblings of one worker, and its own inbox. Without any, nothing here does anything."""

    def __init__(
        self,
        node: str = "",
        tcp_port: int = 0,
        others: Sequence[Sibling] = (),
        inbox: socket.socket | None = None,
    ) -> None:
        """`node` and `tcp_port` are this worker's own; `inbox` is what it reads."""
        self._node = node
        self._tcp_port = tcp_port
        self._others = {sibling.node: sibling for sibling in others}
        self._inbox = inbox
        self._expected = Knocks()
        self._held: Counter[Knock] = Counter()

    @property
    def nodes(self) -> tuple[str, ...]:
        """Return the siblings' names."""
        return tuple(self._others)

    def owner_of(self, tcp_port: int) -> str:
        """Return the sibling that a port leads to alone; empty: it is ours, or all of us share."""
        return next((s.node for s in self._others.values() if s.tcp_port == tcp_port), "")

    # -- clients that were sent away ------------------------------------------------------------

    def announce(self, knocks: Sequence[Knock]) -> None:
        """Have clients who are about to come back to a sibling's port passed on to us.

        Does not wait: call it before the clients learn that their connection ends.
        """
        for sibling in self._others.values():
            coming = [k for k in knocks if self._leads_to(k.tcp_port, sibling)]
            self._tell(sibling, coming, self._node)

    @contextmanager
    def holding(self, knocks: Sequence[Knock]) -> Iterator[Callable[[str], None]]:
        """Let clients wait at the door until the block has said whose they are.

        Yields what to call with the name of their hub's new node, if there is one.
        """

        def go_to(node: str) -> None:
            if node in self._others:
                self._expected.expect(knocks, node, time.monotonic())

        self.announce(knocks)
        if self._others:
            self._held.update(knocks)
        try:
            yield go_to
        finally:
            self._held.subtract(knocks)
            self._held = +self._held

    def point(self, knock: Knock, node: str) -> bool:
        """Note that a client who came here belongs to a sibling; false if `node` is none.

        It is to be told to try again.
        """
        if node not in self._others:
            return False
        self._expected.expect([knock], node, time.monotonic())
        for sibling in self._others.values():
            if sibling.node != node and self._leads_to(knock.tcp_port, sibling):
                self._tell(sibling, [knock], node)
        return True

    def _leads_to(self, tcp_port: int, sibling: Sibling) -> bool:
        """Say whether a knock at `tcp_port` may reach a sibling: all answer at shared ports."""
        return tcp_port == sibling.tcp_port or not (
            tcp_port == self._tcp_port or self.owner_of(tcp_port)
        )

    def _tell(self, sibling: Sibling, knocks: Sequence[Knock], node: str) -> None:
        for start in range(0, len(knocks), KNOCKS_A_MESSAGE):
            text = {"expect": knocks[start : start + KNOCKS_A_MESSAGE], "for": node}
            if not _send(sibling, text):
                # Then they are told to try again, and are right a second later.
                log.debug("sibling not told of clients to come", sibling=sibling.node)
                return

    # -- connections ----------------------------------------------------------------------------

    def pass_on(self, sock: socket.socket, address: str) -> bool:
        """Give a new connection to the sibling it is for; false: it is ours. May wait a moment."""
        if not self._others:
            return False
        try:
            knock = Knock(address, sock.getsockname()[1])
        except OSError:
            return False
        deadline = time.monotonic() + HOLD_S
        while knock in self._held and time.monotonic() < deadline:
            gevent.sleep(PAUSE_S)
        sibling = self._others.get(self._expected.take(knock, time.monotonic()))
        if sibling is None:
            return False
        deadline = time.monotonic() + FULL_FOR_S
        while not _send(sibling, {"knock": address}, sock):
            if time.monotonic() > deadline:
                log.warning("sibling takes no connections", sibling=sibling.node)
                return False
            gevent.sleep(PAUSE_S)
        log.debug("connection passed on", address=address, sibling=sibling.node)
        sock.close()
        return True

    def run(self, take_in: Callable[[socket.socket, str], None]) -> None:
        """Read what siblings send until killed; `take_in` is given connections and addresses."""
        while self._inbox is not None:
            wait_read(self._inbox.fileno())
            text, descriptors, _flags, _from = socket.recv_fds(self._inbox, MAX_MESSAGE, 1)
            sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
            try:
                self._receive(json.loads(text), sockets, take_in)
            except (ValueError, LookupError, TypeError) as error:
                # While a gateway is upgraded its workers are of two versions.
                log.warning("message of a sibling not understood", why=str(error))
                for sock in sockets:
                    sock.close()

    def _receive(
        self,
        message: Any,
        sockets: Sequence[socket.socket],
        take_in: Callable[[socket.socket, str], None],
    ) -> None:
        if "knock" in message:
            take_in(sockets[0], str(message["knock"]))
        else:
            knocks = [Knock(str(a), int(p)) for a, p in message["expect"]]
            self._expected.expect(knocks, str(message["for"]), time.monotonic())


def _send(
    sibling: Sibling, message: Mapping[str, object], sock: socket.socket | None = None
) -> bool:
    """Send a message, with a socket; false when there is no room in the inbox. Does not wait."""
    rights = array.array("i", [] if sock is None else [sock.fileno()])
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if sock is not None else []
    try:
        sibling.inbox.sendmsg([json.dumps(message).encode()], ancillary, socket.MSG_DONTWAIT)
    except OSError:
        return False
    return True
