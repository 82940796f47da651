"""Visitors: many at once who log in and leave, with as little around them as load can do with.

    python -m scripts.benchmark.visitors

Reads a job (one line of JSON) from standard input and prints `ready`. Then lines: `churn SECONDS`
logs in and out all the time and prints a line of JSON; `stop` ends the process.

Both servers are short of the processors the generator takes. So a visit is a generator that one
loop resumes when its answer is there; what it says is made beforehand but for the proof, and of the
answers only what must be known is read. On the wire it is what every client of ours says, in the
same steps; what it may say at once leaves at once.
"""

import gc
import json
import select
import socket
import sys
import time
from collections.abc import Generator

from gateway.client.account import Account
from gateway.transport.tls import (
    CIPHERTEXT_VIEW,
    PLAINTEXT_START,
    PLAINTEXT_VIEW,
    TlsEngine,
)
from gateway.wire import http
from gateway.wire.auth import secure_password
from gateway.wire.codes import HASH_SIZE, SIGNATURE
from gateway.wire.hello import Hello
from gateway.wire.login import encode_login
from gateway.wire.mould import Mould
from gateway.wire.pack import Pack
from scripts.benchmark.station import TRUST, account, login_of

HOST = "127.0.0.1"
AT_ONCE = 32

Steps = Generator[None, None, None]
"""Yields when there is nothing to do until its socket is readable."""


class Visitors:
    """Those who come to one hub of one server."""

    def __init__(self, tcp_port: int, hub: str) -> None:
        self._where = (HOST, tcp_port)
        self._account: Account = account(hub)
        self._login = Mould(encode_login(login_of(self._account, Hello(""))), ("secure_password",))
        empty = http.encode_pack_request(HOST, Pack()).removesuffix(Pack().to_bytes())
        self._head = empty.replace(b"Content-Length: 4", b"Content-Length: %d")
        self._signature = http.encode_signature(HOST, SIGNATURE)
        self._times: list[float] = []  # seconds, of every visit that ended as it should

    def churn(self, seconds: float) -> dict[str, float]:
        """Visit for `seconds`; return how many visits that were and how long one took.

        A visit that does not end in a welcome raises: there is no figure then.
        """
        self._times = []
        began = time.monotonic()
        poll = select.epoll()
        visits: dict[int, Steps] = {}
        for _ in range(AT_ONCE):
            self._begin(poll, visits)
        while visits:
            for descriptor, _ in poll.poll():
                try:
                    visits[descriptor].send(None)
                except StopIteration:
                    del visits[descriptor]
                    if time.monotonic() - began < seconds:
                        self._begin(poll, visits)
        poll.close()
        times = sorted(self._times)
        took = time.monotonic() - began
        return {"logins": len(times), "seconds": took, "p50_s": times[len(times) // 2]}

    def _begin(self, poll: select.epoll, visits: dict[int, Steps]) -> None:
        # Blocking: a connection on loopback is there at once, and the loop says when to read.
        began = time.monotonic()
        sock = socket.socket()
        sock.connect(self._where)
        visit = visits[sock.fileno()] = self._visit(sock, began)
        poll.register(sock.fileno(), select.EPOLLIN)
        visit.send(None)

    def _visit(self, sock: socket.socket, began: float) -> Steps:
        """Log in with the password, and leave."""
        engine = TlsEngine(TRUST.context, server_side=False)
        while not engine.handshake():
            sock.sendall(engine.take())
            yield
            _receive(sock, engine)
        engine.encrypt(self._signature)
        sock.sendall(engine.take())
        random = Pack.from_bytes((yield from _answer(sock, engine))).data("random", HASH_SIZE)
        assert random is not None
        assert self._account.password_hash is not None
        login = self._login.cast(secure_password(self._account.password_hash, random))
        engine.encrypt(self._head % len(login) + login)
        sock.sendall(engine.take())
        welcome = yield from _answer(sock, engine)
        assert b"session_key" in welcome, f"no welcome but {Pack.from_bytes(welcome)}"
        engine.close_notify()
        sock.sendall(engine.take())
        sock.close()
        self._times.append(time.monotonic() - began)


def _receive(sock: socket.socket, engine: TlsEngine) -> None:
    count = sock.recv_into(CIPHERTEXT_VIEW)
    if not count:
        raise ConnectionResetError("the server closed a connection during a login")
    engine.feed(count)


def _answer(sock: socket.socket, engine: TlsEngine) -> Generator[None, None, bytes]:
    """Return the body of the next answer; what follows it in the same breath may be lost."""
    read = b""
    wanted = -1
    while wanted < 0 or len(read) < wanted:
        yield
        _receive(sock, engine)
        read += PLAINTEXT_VIEW[PLAINTEXT_START : engine.decrypt()]
        if wanted < 0 and (end := read.find(b"\r\n\r\n") + 4) >= 4:
            start = read.index(b"Content-Length: ", 0, end) + 16
            wanted = end + int(read[start : read.index(b"\r", start)])
    return read[end:wanted]


def main() -> None:
    """Do as told."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # as the gateway does: no time for cycles that are not there
    job = json.loads(sys.stdin.readline())
    visitors = Visitors(job["tcp_port"], job["hub"])
    print("ready", flush=True)
    for line in sys.stdin:
        word, _, seconds = line.strip().partition(" ")
        if word != "churn":
            break
        print(json.dumps(visitors.churn(float(seconds))), flush=True)


if __name__ == "__main__":
    main()
