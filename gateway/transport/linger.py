"""Closing: a TLS close_notify that really arrives.

Closing a socket with unread bytes makes the kernel send RST, which can overtake the notice; and
build 9674 never recovers from an end without one (spec 5.6). So: send what is left and the notice,
shut our direction down, and discard what the peer still sends until it closes or a second is over.
"""

import socket

import gevent
from gevent.pool import Group

from gateway.transport.tls import CIPHERTEXT_VIEW, TlsEngine

LINGER_S = 1.0

_lingering: Group = Group()


def linger(sock: socket.socket, engine: TlsEngine, unsent: bytes) -> None:
    """Close `sock` behind `unsent` ciphertext and a close_notify, in a greenlet of its own."""
    _lingering.add(gevent.spawn(_close, sock, engine, unsent))


def wait_lingering(timeout_s: float = LINGER_S + 0.5) -> None:
    """Wait until every socket handed to `linger` is closed: the last step of an orderly stop."""
    _lingering.join(timeout=timeout_s)


def _close(sock: socket.socket, engine: TlsEngine, unsent: bytes) -> None:
    try:
        with gevent.Timeout(LINGER_S, False):  # type: ignore[arg-type]  # False: end silently
            engine.close_notify()
            sock.sendall(unsent + engine.take())
            sock.shutdown(socket.SHUT_WR)
            while sock.recv_into(CIPHERTEXT_VIEW):
                continue
    except OSError:
        return  # the peer was faster: there is nobody left to tell
    finally:
        sock.close()
