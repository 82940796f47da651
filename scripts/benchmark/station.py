"""A station: one logged-in connection with as little around it as load can do with.

Messages are made beforehand and encrypted as they are; what arrives is counted by runs. No frame is
looked at. The same code drives both servers, so what it costs falls on both alike.
"""

import os
import struct
from dataclasses import replace
from functools import cache

from gateway.client.account import Account
from gateway.client.dial import Dialled, Trust, dial
from gateway.client.resolve import Endpoint
from gateway.transport.contexts import client_context
from gateway.transport.tls import CIPHERTEXT_VIEW, PLAINTEXT, PLAINTEXT_START, PLAINTEXT_VIEW
from gateway.wire.blocks import BlockScanner, encode_blocks, encode_keep_alive
from gateway.wire.events import Redirected, Welcomed
from gateway.wire.hello import Hello
from gateway.wire.login import Login

CLIENT_NAME = "Load Station"
USER, PASSWORD = "load", "a password of twenty"
BROADCAST = b"\xff" * 6
MAC_PREFIX = b"\x02\xef"
TRUST = Trust(client_context())
SEND_BYTES = 256 * 1024  # handed to the kernel at once


def mac(number: int) -> bytes:
    """Return the address of station `number`."""
    return MAC_PREFIX + number.to_bytes(4, "big")


def frame(destination: bytes, source: bytes, size: int) -> bytes:
    """Return a frame of `size` bytes: UDP over IPv4, which is what a hub sees most of."""
    body = size - 14
    addresses = b"\x0a\x63" + source[-2:] + b"\x0a\x63" + destination[-2:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, body, 1, 0x4000, 64, 17, 0) + addresses
    udp = struct.pack(">HHHH", 9000, 9001, body - 20, 0)
    return destination + source + b"\x08\x00" + ip + udp + bytes(body - 28)


@cache  # the hash of a password is not what is measured
def account(hub: str) -> Account:
    """Return the account every station of a hub logs in with."""
    return Account.of(hub, USER, PASSWORD)


def login_of(account: Account, hello: Hello) -> Login:
    """Return the login of a station: under a name of its own."""
    return _renamed(account.login(hello))


def _renamed(login: Login) -> Login:
    # Under the name of our own client a gateway tells it a time-out of 5 s; here both say 20 s.
    return replace(login, client_name=CLIENT_NAME)


def log_in(tcp_port: int, account: Account) -> Dialled:
    """Return a connection that was welcomed, at the worker it was sent to."""
    dialled = dial(
        Endpoint("127.0.0.1", tcp_port, "127.0.0.1"), lambda hello: login_of(account, hello), TRUST
    )
    if isinstance(dialled.event, Redirected):
        redirect = dialled.event.redirect
        dialled.opening.close()
        where = Endpoint(str(redirect.address), redirect.tcp_ports[0], "127.0.0.1")
        dialled = dial(where, lambda _hello: _renamed(account.ticket_login(redirect.ticket)), TRUST)
    assert isinstance(dialled.event, Welcomed), f"no welcome but {dialled.event}"
    return dialled


class Station:
    """One session over one connection. Logging in blocks; everything after it does not."""

    def __init__(self, tcp_port: int, hub: str, number: int) -> None:
        dialled = log_in(tcp_port, account(hub))
        self.mac = mac(number)
        self._sock = dialled.opening.sock
        self._sock.setblocking(False)
        self._engine = dialled.opening.engine
        self._scanner = BlockScanner()
        self._unsent = memoryview(b"")
        end = PLAINTEXT_START + len(dialled.trailing)
        PLAINTEXT_VIEW[PLAINTEXT_START:end] = dialled.trailing
        self._scanner.scan(PLAINTEXT, PLAINTEXT_START, end)

    def fileno(self) -> int:
        return self._sock.fileno()

    def describe(self) -> str:
        """Return TLS version and cipher."""
        return self._engine.describe()

    @property
    def is_blocked(self) -> bool:
        """Say whether the kernel has not taken everything yet; then `resume` when writable."""
        return bool(self._unsent)

    def send(self, message: bytes, times: int = 1) -> None:
        """Send `message` that often, each in a TLS record of its own, as real senders do."""
        encrypt = self._engine.encrypt
        for _ in range(times):
            encrypt(message)
        self._unsent = memoryview(self._engine.take())
        self.resume()

    def resume(self) -> None:
        """Go on sending what the kernel did not take."""
        try:
            self._unsent = self._unsent[os.write(self.fileno(), self._unsent) :]
        except BlockingIOError:
            return

    def receive(self) -> tuple[int, int]:
        """Read once; return how many frames of stations came, and their bytes."""
        try:
            count = os.readv(self.fileno(), (CIPHERTEXT_VIEW,))
        except BlockingIOError:
            return 0, 0
        if not count:
            raise ConnectionResetError("the server closed a session under load")
        self._engine.feed(count)
        end = self._engine.decrypt()
        frames = octets = 0
        for addresses, number, size, _ in self._scanner.scan(PLAINTEXT, PLAINTEXT_START, end):
            if addresses.startswith(MAC_PREFIX, 6):
                frames += number
                octets += size
        return frames, octets

    def introduce(self, to: bytes = BROADCAST) -> None:
        """Send one frame, so that the hub knows where we are."""
        self.send(encode_blocks([frame(to, self.mac, 64)]))

    def keep_alive(self) -> None:
        """Say that we are there."""
        if not self.is_blocked:
            self.send(encode_keep_alive(b""))

    def close(self) -> None:
        """End with the close_notify that build 9674 needs."""
        self._sock.settimeout(1.0)
        try:
            self._engine.close_notify()
            self._sock.sendall(bytes(self._unsent) + self._engine.take())
        except OSError:
            return  # nobody is left to be told
        finally:
            self._sock.close()
