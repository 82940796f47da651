"""A visitor: logs in and leaves, with as little around it as load can do with.

What a login says is made beforehand but for the proof, and of the answers only what must be known
is read. So the generator's share of the processors, which both servers are short of, stays small.
On the wire it is what every client of ours says, in the same steps.
"""

import socket

from gateway.client.account import Account
from gateway.transport.opening import Opening
from gateway.transport.tls import TlsEngine
from gateway.wire import http
from gateway.wire.auth import secure_password
from gateway.wire.codes import HASH_SIZE, SIGNATURE
from gateway.wire.hello import Hello
from gateway.wire.login import encode_login
from gateway.wire.mould import Mould
from gateway.wire.pack import Pack
from scripts.benchmark.station import TRUST, account, login_of

HOST = "127.0.0.1"


class Visitor:
    """Whoever comes to one hub of one server."""

    def __init__(self, tcp_port: int, hub: str) -> None:
        self._where = (HOST, tcp_port)
        self._account: Account = account(hub)
        self._login = Mould(encode_login(login_of(self._account, Hello(""))), ("secure_password",))
        empty = http.encode_pack_request(HOST, Pack()).removesuffix(Pack().to_bytes())
        self._head = empty.replace(b"Content-Length: 4", b"Content-Length: %d")
        self._signature = http.encode_signature(HOST, SIGNATURE)

    def visit(self) -> None:
        """Log in with the password, and leave."""
        sock = socket.create_connection(self._where)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opening = Opening(sock, TlsEngine(TRUST.context, server_side=False))
        try:
            opening.handshake()
            opening.write(self._signature)
            random = Pack.from_bytes(_answer(opening)).data("random", HASH_SIZE)
            assert random is not None
            assert self._account.password_hash is not None
            login = self._login.cast(secure_password(self._account.password_hash, random))
            opening.write(self._head % len(login) + login)
            welcome = _answer(opening)
            assert b"session_key" in welcome, f"no welcome but {Pack.from_bytes(welcome)}"
            opening.engine.close_notify()
            sock.sendall(opening.engine.take())
        finally:
            sock.close()


def _answer(opening: Opening) -> bytes:
    """Return the body of the next answer; what follows it in the same breath may be lost."""
    read = opening.read()
    while (end := read.find(b"\r\n\r\n") + 4) < 4:
        read += opening.read()
    start = read.index(b"Content-Length: ", 0, end) + 16
    size = int(read[start : read.index(b"\r", start)])
    while len(read) < end + size:
        read += opening.read()
    return read[end : end + size]
