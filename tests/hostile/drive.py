"""Acts out conversations against a gateway, many at once, beside a healthy pair of sessions.

Usage: python -m tests.hostile.drive TCP_PORT SEED COUNT; one JSON object on standard output:

    conversations, connections, joined   how many there were
    ends        by kind of conversation: how the gateway ended them, and how often
    unended     those it should have ended and did not, as "number kind"
    ragged      those it ended without a close_notify although TLS was intact
    healthy     frames sent and received by each of the pair, what was missing or out of order,
                connections lost, the longest time a frame was on its way
"""

# ruff: noqa: E402  # nothing may import sockets before the patch

from gevent import monkey

monkey.patch_all()

import json
import socket
import ssl
import struct
import sys
import time
from collections import Counter, defaultdict
from contextlib import suppress
from typing import Any

import gevent
from gevent.pool import Pool

from gateway.client.account import Account
from gateway.client.dial import Trust
from gateway.client.resolve import Endpoint
from gateway.client.session import ClientSession, open_session
from gateway.errors import ProtocolError, Refused
from gateway.transport.contexts import client_context
from gateway.wire.blocks import encode_blocks, iterate_frames
from gateway.wire.handshake import AdditionalConnect, ClientHandshake, Welcomed
from tests.hostile.conversations import (
    HOST,
    Conversation,
    End,
    Hear,
    JoinOwn,
    LogIn,
    Say,
    conversation,
)

AT_ONCE = 100
SOURCES = 40  # loopback addresses they come from: each has its share of dialogues
PATIENCE_S = 8.0  # for the gateway to end what it must
RESET = struct.pack("ii", 1, 0)
CONTEXT = client_context()
PACE_S = 0.01
BATCH = 4  # frames


class Healthy:
    """Two sessions that send each other numbered frames, and count what is missing."""

    def __init__(self, tcp_port: int) -> None:
        endpoint, trust = Endpoint(HOST, tcp_port, "localhost"), Trust(client_context())
        self._due = [0, 0]  # next number each must receive
        self.sent = [0, 0]
        self.wrong = 0
        self.slowest_s = 0.0
        self._stations = [b"\x02\xaa\0\0\0" + bytes([n]) for n in range(2)]
        self.sessions: list[ClientSession] = []
        for n, user in enumerate(("alice", "bob")):
            account = Account.of("LAB", user, f"pw-{user}")
            self.sessions.append(
                open_session(endpoint, account, trust, lambda runs, n=n: self._receive(n, runs))
            )
        for n in range(2):  # each must be known before the other speaks to it
            self.sessions[n].send(encode_blocks([b"\xff" * 6 + self._stations[n] + bytes(8)]), 1)
            self.sessions[n].flush()
        gevent.sleep(0.2)
        self._sender = gevent.spawn(self._send)

    def _send(self) -> None:
        while True:
            for n, session in enumerate(self.sessions):
                head = self._stations[1 - n] + self._stations[n] + b"\x88\xb5"
                frames = []
                for _ in range(BATCH):
                    frames.append(head + struct.pack(">Qd", self.sent[n], time.monotonic()))
                    self.sent[n] += 1
                session.send(encode_blocks(frames), len(frames))
                session.flush()
            gevent.sleep(PACE_S)

    def _receive(self, me: int, runs: Any) -> None:
        wanted = self._stations[me] + self._stations[1 - me]
        for addresses, _, _, message in runs:
            if addresses != wanted:
                continue  # what the others flood
            for frame in iterate_frames(message):
                number, sent_at = struct.unpack_from(">Qd", frame, 14)
                self.wrong += number != self._due[me]
                self._due[me] = number + 1
                self.slowest_s = max(self.slowest_s, time.monotonic() - sent_at)

    def end(self) -> dict[str, object]:
        """Stop sending, wait for what is on its way, and leave."""
        self._sender.kill()
        deadline = time.monotonic() + 5
        while self._due != self.sent[::-1] and time.monotonic() < deadline:
            gevent.sleep(0.05)
        report = {
            "sent": self.sent,
            "received": self._due[::-1],
            "wrong": self.wrong,
            "resumed": sum(session.resumed for session in self.sessions),
            "slowest_s": round(self.slowest_s, 3),
        }
        for session in self.sessions:
            session.close()
        return report


class Stage:
    """Where conversations are acted out, and what came of them."""

    def __init__(self, tcp_port: int) -> None:
        self._tcp_port = tcp_port
        self.connections = 0
        self.joined = 0
        self.ends: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.unended: list[str] = []
        self.ragged: list[str] = []

    def act(self, talk: Conversation) -> None:
        """Act out one conversation."""
        source = f"127.0.1.{talk.number % SOURCES + 1}"
        opened: list[Any] = []
        how = "left"
        try:
            sock = self._connect(source, opened, talk.is_tls)
            self._say_all(talk, sock, source, opened)
            how = _leave(sock, talk.end)
        except ssl.SSLEOFError:
            how = "ragged"
        except (ConnectionError, ssl.SSLError) as error:
            how = "reset" if isinstance(error, ConnectionError) else "alert"
        except (Refused, ProtocolError):
            how = "refused"
        finally:
            for one in opened:
                one.close()
        self.ends[talk.kind][how] += 1
        if how == "open":
            self.unended.append(f"{talk.number} {talk.kind}")
        if how in ("ragged", "reset") and talk.end is End.WAIT and not talk.breaks_tls:
            self.ragged.append(f"{talk.number} {talk.kind} {how}")

    def _connect(self, source: str, opened: list[Any], is_tls: bool) -> Any:
        self.connections += 1
        raw = socket.socket()
        opened.append(raw)
        raw.bind((source, 0))
        raw.settimeout(PATIENCE_S)
        raw.connect((HOST, self._tcp_port))
        if not is_tls:
            return raw
        sock = CONTEXT.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False)
        opened[-1] = sock
        return sock

    def _say_all(self, talk: Conversation, sock: Any, source: str, opened: list[Any]) -> None:
        key = b""
        for step in talk.steps:
            match step:
                case Say(data, cut, pause):
                    for start in range(0, len(data), cut or len(data) or 1):
                        sock.sendall(data[start : start + (cut or len(data))])
                        gevent.sleep(pause)
                case Hear():
                    sock.recv(65536)
                case LogIn(compress, half, connections):
                    account = Account.of(
                        "LAB",
                        "mallory",
                        "pw-mallory",
                        use_compress=compress,
                        half_connection=half,
                        max_connection=connections,
                    )
                    key = self._log_in(sock, account)
                case JoinOwn(count):
                    for _ in range(count):
                        with suppress(Refused, OSError):
                            self._join(self._connect(source, opened, True), key)

    def _log_in(self, sock: Any, account: Account) -> bytes:
        event = _converse(sock, ClientHandshake(account.login, host=HOST))
        assert isinstance(event, Welcomed)
        return event.welcome.session_key

    def _join(self, sock: Any, key: bytes) -> None:
        _converse(sock, ClientHandshake(AdditionalConnect(key), host=HOST))
        self.joined += 1


def _converse(sock: Any, handshake: ClientHandshake) -> object:
    while (event := handshake.next_event()) is None:
        sock.sendall(handshake.data_to_send())
        data = sock.recv(65536)
        if not data:
            raise ConnectionError("closed instead of an answer")
        handshake.receive_data(data)
    return event


def _leave(sock: Any, end: End) -> str:
    """End it; when that is the gateway's part, return how it did: "open" if it did not."""
    match end:
        case End.RESET:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        case End.NOTIFY if isinstance(sock, ssl.SSLSocket):
            sock.settimeout(0.0)
            with suppress(OSError):
                sock.unwrap()
        case End.WAIT:
            with gevent.Timeout(PATIENCE_S, False):
                while sock.recv(65536):
                    continue
                return "notified" if isinstance(sock, ssl.SSLSocket) else "closed"
            return "open"
    return "left"


def main(tcp_port: int, seed: int, count: int) -> None:
    """Act out `count` conversations; print what came of them."""
    healthy = Healthy(tcp_port)
    stage = Stage(tcp_port)
    began = time.monotonic()
    pool = Pool(AT_ONCE)
    for number in range(count):
        pool.spawn(stage.act, conversation(seed, number))
    pool.join()
    report = {
        "conversations": sum(sum(ends.values()) for ends in stage.ends.values()),
        "connections": stage.connections,
        "joined": stage.joined,
        "seconds": round(time.monotonic() - began, 1),
        "unended": stage.unended,
        "ragged": stage.ragged,
        "ends": stage.ends,
        "healthy": healthy.end(),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
