"""A client that does one thing at a time, on a blocking socket, and sees how it is left."""

import socket
import ssl
import struct
import time
from dataclasses import replace
from typing import Any, Self

from gateway.client.account import Account
from gateway.transport.contexts import client_context
from gateway.wire.blocks import encode_blocks, encode_keep_alive, read_blocks
from gateway.wire.handshake import AdditionalConnect, ClientHandshake, Joined, Welcome, Welcomed
from gateway.wire.reader import Reader

CONTEXT = client_context()
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 seconds


class Stranger:
    """One TCP connection to a gateway, TLS when asked for.

    `ended` tells how it ended: "notified" (TLS close_notify), "ragged" (FIN without it), "reset".
    """

    def __init__(
        self,
        tcp_port: int,
        *,
        source: str = "127.0.0.1",
        tls: bool = True,
        receive_buffer: int = 0,
        timeout: float = 10.0,
    ) -> None:
        raw = socket.socket()
        if receive_buffer:  # before connecting: it decides the window that is offered
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.settimeout(timeout)
        raw.bind((source, 0))
        raw.connect(("127.0.0.1", tcp_port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock: Any = raw
        self.welcome: Welcome | None = None
        self.frames: list[bytes] = []
        self._reader: Reader[None] = Reader(1 << 24)
        self._reader.begin(read_blocks(self.frames.append))
        if tls:
            self.sock = CONTEXT.wrap_socket(
                raw, server_hostname="localhost", suppress_ragged_eofs=False
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def login(self, user: str = "alice", *, hub: str = "LAB", **options: object) -> Welcome:
        """Log in; raises Refused with the gateway's code."""
        account = Account.of(hub, user, f"pw-{user}", **options)
        # Not by our client's name: strangers keep silent for longer than that is given.
        request = lambda hello: replace(account.login(hello), client_name="Stranger")  # noqa: E731  # short
        event = self.talk(ClientHandshake(request, host="127.0.0.1"))
        assert isinstance(event, Welcomed)
        self.welcome = event.welcome
        return event.welcome

    def join(self, key: bytes) -> Joined:
        """Ask to join the session of `key`; raises Refused."""
        event = self.talk(ClientHandshake(AdditionalConnect(key), host="127.0.0.1"))
        assert isinstance(event, Joined)
        return event

    def talk(self, handshake: ClientHandshake) -> object:
        """Lead a dialogue to its end; return the event that is it."""
        while (event := handshake.next_event()) is None:
            self.send(handshake.data_to_send())
            data = self.sock.recv(65536)
            assert data, "closed instead of an answer"
            handshake.receive_data(data)
        self._take(handshake.trailing)
        return event

    def keep_alive(self) -> None:
        self.send(encode_keep_alive(b"still here"))

    def send_frames(self, *frames: bytes) -> None:
        self.send(encode_blocks(frames))

    def receive_frames(self, count: int, timeout: float = 10.0) -> list[bytes]:
        """Return the next `count` frames."""
        deadline = time.monotonic() + timeout
        while len(self.frames) < count:
            assert time.monotonic() < deadline, f"{len(self.frames)} of {count} frames came"
            data = self.sock.recv(65536)
            assert data, f"closed after {len(self.frames)} of {count} frames"
            self._take(data)
        taken, self.frames[:] = self.frames[:count], self.frames[count:]
        return taken

    def _take(self, data: bytes) -> None:
        if data:
            self._reader.receive(data)
            self._reader.advance()

    def ended(self, timeout: float = 10.0) -> str:
        """Read until the end and tell how it came; "open" when it did not within `timeout`."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                if not self.sock.recv(65536):
                    return "notified" if isinstance(self.sock, ssl.SSLSocket) else "closed"
            except ssl.SSLEOFError:
                return "ragged"
            except (ConnectionResetError, BrokenPipeError):
                return "reset"
            except ssl.SSLError as error:
                return f"alert: {error.reason}"
            except TimeoutError:
                break
        return "open"

    def reset(self) -> None:
        """Leave with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.sock.close()


def frame(destination: int, source: int, payload: bytes = b"") -> bytes:
    """Return a frame between two stations by number; 0xFFFFFFFFFFFF is everybody."""
    addresses = destination.to_bytes(6, "big") + source.to_bytes(6, "big")
    return addresses + b"\x08\x00" + payload


ANYBODY = 0xFFFF_FFFF_FFFF
ALICE, BOB, MALLORY = 0x02_00_00_00_00_0A, 0x02_00_00_00_00_0B, 0x02_00_00_00_00_0C
