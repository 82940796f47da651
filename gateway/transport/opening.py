"""The opening of a connection: TLS handshake and dialogue, read and written in straight lines.

Runs in a greenlet of its own under one deadline for the whole, so a peer that trickles bytes
gains nothing. Afterwards all that is here goes to `connection.Connection`, or is closed.

A storm of logins pays for each call to the kernel and for each watcher that is made. So one watcher
waits for the peer as long as the connection lives; and the socket is a plain one that never waits.
"""

import os
import socket
from types import TracebackType

import gevent

from gateway.errors import ProtocolError
from gateway.transport.linger import linger, write_all
from gateway.transport.peer import address_of, peer_name
from gateway.transport.tls import (
    CIPHERTEXT_VIEW,
    PLAINTEXT_START,
    PLAINTEXT_VIEW,
    TlsClosed,
    TlsEngine,
)

READABLE = 1  # libev's event bit
RECEIVE_BYTES = 16 * 1024  # at once from a stranger: bounds the memory and the time he costs
_ROOM = CIPHERTEXT_VIEW[:RECEIVE_BYTES]


class PeerGone(ProtocolError):
    """The peer closed, reset or broke TLS before the dialogue was over."""

    reason = "peer-gone"


class TooSlow(ProtocolError):
    """The dialogue took longer than allowed."""

    reason = "too-slow"


class Deadline:
    """So many seconds for everything inside a `with`; raises TooSlow when they are over."""

    __slots__ = ("_seconds", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._timer = gevent.Timeout.start_new(self._seconds)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.close()
        if error is self._timer:
            raise TooSlow(f"not done within {self._seconds:g} s") from error


class Opening:
    """A socket that does not wait, its watcher and its TLS engine during the dialogue."""

    def __init__(self, sock: socket.socket, engine: TlsEngine) -> None:
        self.sock = sock
        self.engine = engine
        self.peer: str = peer_name(sock)
        self.watch_read = gevent.get_hub().loop.io(sock.fileno(), READABLE)

    @property
    def is_ipv4(self) -> bool:
        """Say whether the peer came over IPv4."""
        return not self.peer.startswith("[")

    @property
    def peer_address(self) -> str:
        """Return where the peer came from, without its port."""
        return address_of(self.peer)

    @property
    def local_address(self) -> str:
        """Return the address of ours that the peer used. Raises OSError when it has gone."""
        return str(self.sock.getsockname()[0]).removeprefix("::ffff:")

    @property
    def local_port(self) -> int:
        """Return the TCP port of ours that the peer used. Raises OSError when it has gone."""
        return int(self.sock.getsockname()[1])

    def deadline(self, seconds: float) -> "Deadline":
        """Allow `seconds` for everything inside; raises TooSlow."""
        return Deadline(seconds)

    def handshake(self) -> None:
        """Complete the TLS handshake. Raises PeerGone."""
        try:
            while not self.engine.handshake():
                self._flush()
                self._receive()
            self._flush()
        except TlsClosed as error:
            self._try_flush_alert()
            raise PeerGone(str(error)) from error

    def read(self) -> bytes:
        """Return the next decrypted bytes, at least one. Raises PeerGone."""
        while True:
            try:
                end = self.engine.decrypt()
            except TlsClosed as error:
                raise PeerGone(str(error)) from error
            if end > PLAINTEXT_START:
                return bytes(PLAINTEXT_VIEW[PLAINTEXT_START:end])
            self._flush()  # what TLS itself answers, to new keys for example, must not pile up
            self._receive()

    def write(self, data: bytes) -> None:
        """Send `data` whole. Raises PeerGone."""
        if data:
            self.engine.encrypt(data)
            self._flush()

    def close(self) -> "gevent.Greenlet[..., object]":
        """Close with a TLS close_notify, in a greenlet; join it to wait until it is done."""
        self.watch_read.close()
        return linger(self.sock, self.engine, b"")

    def abandon(self) -> None:
        """Close at once: nobody is there to be told."""
        self.watch_read.close()
        self.sock.close()

    def _receive(self) -> None:
        # A receive that finds bytes does not wait, so a peer that sends without end would stop the
        # process, and its own deadline too: the loop says when there is something to receive.
        gevent.get_hub().wait(self.watch_read)
        try:
            count = os.readv(self.sock.fileno(), (_ROOM,))
        except OSError as error:
            raise PeerGone(f"receive failed: {error.strerror or error}") from error
        if not count:
            raise PeerGone("closed without TLS close_notify")
        self.engine.feed(count)

    def _flush(self) -> None:
        data = self.engine.take()
        if data:
            try:
                write_all(self.sock.fileno(), data)
            except OSError as error:
                raise PeerGone(f"send failed: {error.strerror or error}") from error

    def _try_flush_alert(self) -> None:
        """Tell the peer why, if it still listens: it may well be gone."""
        try:
            self._flush()
        except PeerGone:
            return
