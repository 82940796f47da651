"""The listener: accept, bound what strangers may hold open, hand each socket to a dialogue.

All dialogues together, and those from one address, are bounded. When all places are taken no
further connection is accepted: it waits in the kernel's queue, as a short storm should. An address
over its own share is closed at once and counted.
"""

import errno
import socket
from collections import Counter
from collections.abc import Callable

import gevent
import structlog
from gevent.lock import BoundedSemaphore

from gateway.config import Limits, parse_listen
from gateway.errors import ConfigError

log = structlog.get_logger()

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
        self._by_address: Counter[str] = Counter()
        self._sockets: list[socket.socket] = []
        self._acceptors: list[gevent.Greenlet[..., None]] = []

    def bind(self, addresses: list[str]) -> list[tuple[str, int]]:
        """Listen on every `host:port`; return what was bound. Raises ConfigError."""
        for text in addresses:
            self._sockets.append(_listen(text, self._limits.backlog))
        return [sock.getsockname()[:2] for sock in self._sockets]

    def start(self) -> None:
        """Begin to accept."""
        self._acceptors = [gevent.spawn(self._accept, sock) for sock in self._sockets]

    def stop(self) -> None:
        """Stop accepting; dialogues under way go on to their end or deadline."""
        gevent.killall(self._acceptors)
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            self._places.acquire()
            try:
                sock, peer = listening.accept()
            except OSError as error:
                self._places.release()
                if error.errno in NO_ROOM:
                    log.warning("cannot accept", why=error.strerror, pause_s=OUT_OF_FILES_PAUSE_S)
                    self._count("out-of-files")
                    gevent.sleep(OUT_OF_FILES_PAUSE_S)
                continue
            except gevent.GreenletExit:
                self._places.release()
                raise
            address = peer[0].removeprefix("::ffff:")
            if self._by_address[address] >= self._limits.handshakes_per_address:
                self._places.release()
                self._count("too-many-from-address")
                sock.close()
                continue
            self._by_address[address] += 1
            gevent.spawn(self._run, sock, address)

    def _run(self, sock: socket.socket, address: str) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._dialogue(sock, address)
        except OSError as error:
            log.debug("connection lost", address=address, why=error.strerror)
            sock.close()
        except Exception:
            log.exception("dialogue ended by a fault of ours", address=address)
            self._count("internal")
            sock.close()
        finally:
            self._places.release()
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]


def _listen(text: str, backlog: int) -> socket.socket:
    host, tcp_port = parse_listen(text)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
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
