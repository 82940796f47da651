"""The listener: accept, bound what strangers may hold open, hand each socket to a dialogue.

All dialogues together, and those from one address, are bounded. When all places are taken no
further connection is accepted: it waits in the kernel's queue, as a short storm should. An address
over its own share is closed at once and counted; of IPv6 the first 64 bits are one address, because
anybody with one of these has them all.
"""

import errno
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import gevent
import structlog
from gevent.lock import BoundedSemaphore
from gevent.monkey import get_original
from gevent.socket import wait_read

from gateway.config import Limits, parse_listen
from gateway.errors import ConfigError
from gateway.node.crew import Crew
from gateway.transport.peer import network_of

log = structlog.get_logger()

IPV6_BITS = 64  # what a machine alone may have

OUT_OF_FILES_PAUSE_S = 0.5
NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Listener:
    """Listening sockets and the greenlets of the dialogues that began on them."""

    def __init__(
        self,
        limits: Limits,
        dialogue: Callable[[socket.socket, str], None],
        count: Callable[[str], None],
    ) -> None:
        """`dialogue(sock, address)` runs in a greenlet and owns `sock`; `count(reason)` counts."""
        self._limits = limits
        self._dialogue = dialogue
        self._count = count
        self._places = BoundedSemaphore(limits.handshakes)
        self._by_source: Counter[str] = Counter()
        self._dialogues = Crew()
        self._sockets: list[socket.socket] = []
        self._acceptors: list[gevent.Greenlet[..., None]] = []

    def bind(self, addresses: list[str]) -> None:
        """Listen on every `host:port`. Raises ConfigError."""
        for text in addresses:
            self._sockets.append(listen(text, self._limits.backlog))

    def take(self, sockets: Sequence[socket.socket]) -> None:
        """Accept on sockets that listen already."""
        self._sockets.extend(sockets)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Return where clients connect: host and TCP port of each socket."""
        return [sock.getsockname()[:2] for sock in self._sockets]

    def take_in(self, sock: socket.socket, address: str) -> None:
        """Begin a dialogue on a connection somebody else accepted; waits for a place."""
        self._begin(sock, address.removeprefix("::ffff:"))

    @property
    def is_accepting(self) -> bool:
        """Say whether clients are let in."""
        return bool(self._acceptors and self._sockets)

    def start(self) -> None:
        """Begin to accept."""
        self._sockets = [_plain(sock) for sock in self._sockets]
        self._acceptors = [gevent.spawn(self._accept, sock) for sock in self._sockets]

    def stop(self) -> None:
        """Stop accepting and end the dialogues under way, orderly."""
        gevent.killall(self._acceptors)
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()
        self._dialogues.kill()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                sock, peer = listening.accept()
            except BlockingIOError:
                wait_read(listening.fileno())
                continue
            except OSError as error:
                pause_s = 0.0
                if error.errno in NO_ROOM:
                    pause_s = OUT_OF_FILES_PAUSE_S
                    log.warning("cannot accept", why=error.strerror, pause_s=pause_s)
                    self._count("out-of-files")
                gevent.sleep(pause_s)
                continue
            self._begin(sock, peer[0].removeprefix("::ffff:"))

    def _begin(self, sock: socket.socket, address: str) -> None:
        source = source_of(address)
        if self._by_source[source] >= self._limits.handshakes_per_address:
            self._count("too-many-from-address")
            sock.close()
            return
        self._by_source[source] += 1
        sock.setblocking(False)
        # Behind `accept`: of two listeners, one that waits for a client must not hold a place.
        self._places.acquire()
        self._dialogues.start(partial(self._run, sock, address, source))

    def _run(self, sock: socket.socket, address: str, source: str) -> None:
        try:
            self._dialogue(sock, address)
        except Exception:
            log.exception("dialogue ended by a fault of ours", address=address)
            self._count("internal")
        finally:
            self._places.release()
            self._by_source[source] -= 1
            if not self._by_source[source]:
                del self._by_source[source]


def _plain(sock: socket.socket) -> socket.socket:
    """Return the listening `sock` as one of Python's own, so that what it accepts is, too.

    Connections are read and written by descriptor; a socket of gevent's would make two watchers
    for each that nobody uses."""
    plain: socket.socket = get_original("socket", "socket")(fileno=sock.detach())
    plain.setblocking(False)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # whatever it accepts has it too
    return plain


def source_of(address: str) -> str:
    """Return whose share a connection from `address` counts in: see the head of this file."""
    return network_of(address, IPV6_BITS)


def listen(text: str, backlog: int, *, shared: bool = False) -> socket.socket:
    """Return a socket that listens on `host:port`; `shared`: beside others on the same port.

    Raises ConfigError.
    """
    host, tcp_port = parse_listen(text)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, tcp_port))
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        raise ConfigError(
            f"cannot listen on {text}: {error.strerror}; free the port or change gateway.listen"
        ) from error
    return sock
