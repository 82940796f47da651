"""Closing: a TLS close_notify that really arrives.

Closing a socket with unread bytes makes the kernel send RST, which can overtake the notice; and
build 9674 never recovers from an end without one (spec 5.6). So: send what is left and the notice,
shut our direction down, and discard what the peer still sends until it closes.

A peer that acknowledged nothing for a second is given up. One on a slow link with a full queue
needs longer (4.6 s at 2 Mbit/s), and gets its time as long as bytes arrive there.

Reading what is there already does not wait: a peer that never stops sending would keep the loop to
itself. So the loop is asked before each further read.
"""

import os
import socket
import struct

import gevent
from gevent.pool import Group
from gevent.socket import wait_read, wait_write

from gateway.transport.tls import CIPHERTEXT_VIEW, TlsEngine

LINGER_S = 1.0  # without anything acknowledged
MOST_S = 10.0  # in all

_BYTES_ACKED = struct.Struct("@120xQ")  # tcpi_bytes_acked in struct tcp_info, linux/tcp.h

_lingering: Group = Group()


def linger(sock: socket.socket, engine: TlsEngine, unsent: bytes) -> "gevent.Greenlet[..., object]":
    """Close `sock` behind `unsent` ciphertext and a close_notify, in the greenlet returned."""
    closing: gevent.Greenlet[..., object] = gevent.spawn(_close, sock, engine, unsent)
    _lingering.add(closing)
    return closing


def leave(sock: socket.socket, engine: TlsEngine, unsent: bytes) -> None:
    """Close as `linger` does, but at once and without a greenlet if the peer has closed already."""
    descriptor = sock.fileno()
    try:
        engine.close_notify()
        unsent += engine.take()
        unsent = unsent[os.write(descriptor, unsent) :]
        if not unsent and engine.has_ended:
            sock.close()  # after its notice the peer sends nothing that could be lost
            return
        if not unsent:
            sock.shutdown(socket.SHUT_WR)
            if not os.readv(descriptor, (CIPHERTEXT_VIEW,)):
                sock.close()
                return
    except BlockingIOError:
        pass  # its end is still to come
    except OSError:
        sock.close()
        return
    linger(sock, engine, unsent)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`; wait for room if there is none. Raises OSError."""
    while True:
        try:
            count = os.write(descriptor, data)
        except BlockingIOError:
            count = 0
        if count == len(data):
            return
        data = data[count:]
        wait_write(descriptor)


def wait_lingering(timeout_s: float = MOST_S + 0.5) -> None:
    """Wait until every socket handed to `linger` is closed: the last step of an orderly stop."""
    _lingering.join(timeout=timeout_s)


def _close(sock: socket.socket, engine: TlsEngine, unsent: bytes) -> None:
    leaving = gevent.spawn(_take_leave, sock, engine, unsent)
    try:
        for _ in range(round(MOST_S / LINGER_S)):
            before = _acknowledged(sock)
            leaving.join(LINGER_S)
            if leaving.ready() or _acknowledged(sock) == before:
                return
    finally:
        leaving.kill()
        sock.close()


def _take_leave(sock: socket.socket, engine: TlsEngine, unsent: bytes) -> None:
    try:
        engine.close_notify()
        write_all(sock.fileno(), unsent + engine.take())
        sock.shutdown(socket.SHUT_WR)
        wait_read(sock.fileno())
        while os.readv(sock.fileno(), (CIPHERTEXT_VIEW,)):
            wait_read(sock.fileno())
    except OSError:
        return  # the peer was faster: there is nobody left to tell


def _acknowledged(sock: socket.socket) -> int:
    """Return how many bytes the peer has acknowledged so far."""
    facts = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.size)
    (count,) = _BYTES_ACKED.unpack(facts)
    return int(count)
