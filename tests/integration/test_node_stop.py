"""A gateway that stops, runs out of files, or has served a thousand strangers.

clients, strangers ── TLS ──► gateway ── unix socket ──► embedded Valkey
"""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.wire.blocks import encode_blocks
from tests.hostile.gateway import Gateway
from tests.hostile.stranger import ALICE, ANYBODY, BOB, Stranger, frame
from tests.stock.waiting import until


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ef-") as name:
        yield Path(name)


def fill(gateway: Gateway, count: int) -> list[Stranger]:
    """Join `count` clients of three users."""
    strangers = []
    for number in range(count):
        stranger = Stranger(gateway.tcp_port, source=f"127.0.0.{number % 9 + 1}")
        stranger.login(("alice", "bob", "mallory")[number % 3])
        strangers.append(stranger)
    return strangers


def test_sigterm_under_load_notifies_everybody_and_keeps_their_sessions(home: Path) -> None:
    with Gateway(home) as gateway:
        clients = fill(gateway, 60)
        talkers = clients[:2]
        halfway = Stranger(gateway.tcp_port)  # TLS stands, nothing said yet
        silent = Stranger(gateway.tcp_port, tls=False)
        stop = threading.Event()

        def talk(client: Stranger, flood: bytes) -> None:
            with suppress(OSError):
                while not stop.is_set():
                    client.send(flood)

        for number, client in enumerate(talkers):
            client.send_frames(frame(ANYBODY, (ALICE, BOB)[number]))
        floods = [encode_blocks([frame(to, by, bytes(1400))] * 50) for to, by in
                  ((BOB, ALICE), (ALICE, BOB))]  # fmt: skip
        threads = [
            threading.Thread(target=talk, args=pair) for pair in zip(talkers, floods, strict=True)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        gateway.signal(signal.SIGTERM)
        began = time.monotonic()
        ends = [client.ended(5) for client in clients[2:]]
        assert ends == ["notified"] * len(ends)
        assert halfway.ended(1) == "notified"
        assert silent.ended(1) in ("closed", "reset")
        stop.set()
        assert gateway.wait() == 0
        assert time.monotonic() - began < 5
        for thread in threads:
            thread.join()
        gateway.start()
        assert clients[5].welcome is not None
        with Stranger(gateway.tcp_port) as again:
            again.join(clients[5].welcome.session_key)
        gateway.assert_no_fault()


def test_sigterm_while_the_store_hangs_notifies_clients_all_the_same(home: Path) -> None:
    with Gateway(home) as gateway:
        (client,) = fill(gateway, 1)
        store = gateway.store_pid()
        os.kill(store, signal.SIGSTOP)
        try:
            gateway.signal(signal.SIGTERM)
            assert client.ended(4) == "notified"
        finally:
            os.kill(store, signal.SIGCONT)
        assert gateway.wait() == 0
        gateway.assert_no_fault()


def test_a_thousand_strangers_leave_nothing_behind(home: Path) -> None:
    def visit(gateway: Gateway, number: int) -> None:
        stranger = Stranger(gateway.tcp_port, source=f"127.0.0.{number % 20 + 1}", tls=number % 4)
        with stranger, suppress(OSError, Refused):
            match number % 8:
                case 1:
                    stranger.login("alice")
                case 2:
                    stranger.send(b"GET / HTTP/1.1\r\n\r\n")
                case 3:
                    stranger.login("eve")
                case 4:
                    stranger.send(b"nothing like TLS\r\n\r\n" * 20)
                case 5:
                    stranger.login("bob")
                    stranger.reset()
                case 6:
                    stranger.send(b"\0")
                    stranger.reset()
                case 7:
                    stranger.join(bytes(20))

    settings = "session.timeout_s = 1.0\nlimits.handshake_s = 1.0"
    with Gateway(home, settings) as gateway:
        for number in range(200):  # pools fill, caches warm
            visit(gateway, number)
        until(lambda: gateway.census()["sessions"] == 0, "the first sessions to end")
        time.sleep(1.2)
        before = gateway.census()
        for number in range(1000):
            visit(gateway, number)
        before["files"] += 16  # as many as the pool towards the store may hold
        names = ("files", "greenlets", "active", "connections", "sessions", "openings", "engines")
        until(
            lambda: all(n <= before[name] for name, n in gateway.census().items() if name in names),
            f"all to be as before: {before}",
            explain=gateway.census,
        )
        after = gateway.census()
        assert after["heap_kib"] - before["heap_kib"] < 256, (before, after)
        assert after["blocks"] - before["blocks"] < 5000, (before, after)
        gateway.assert_no_fault()


def test_without_files_strangers_wait_and_clients_stay(home: Path) -> None:
    with Gateway(home, prefix="prlimit --nofile=60:60") as gateway:
        with Stranger(gateway.tcp_port) as alice, Stranger(gateway.tcp_port) as bob:
            alice.login("alice")
            bob.login("bob")
            alice.send_frames(frame(ANYBODY, ALICE))
            assert bob.receive_frames(1) == [frame(ANYBODY, ALICE)]
            until(lambda: gateway.fleet.traffic.hub("LAB").traffic, "a first report", 12)
            crowd = [
                Stranger(gateway.tcp_port, source=f"127.0.0.{n % 3 + 2}", tls=False)
                for n in range(100)
            ]
            assert gateway.wait_count("out-of-files")
            alice.send_frames(frame(ANYBODY, ALICE))
            assert bob.receive_frames(1) == [frame(ANYBODY, ALICE)]
            for stranger in crowd:
                stranger.sock.close()
            with Stranger(gateway.tcp_port) as again:
                again.login("mallory")
            assert bob.ended(0.1) == "open"
        gateway.assert_no_fault()


def test_as_many_files_as_the_system_allows(home: Path) -> None:
    """The usual soft limit of 1024 would have ended at a thousand sessions."""
    with Gateway(home, prefix="prlimit --nofile=64:4096") as gateway:
        limits = Path(f"/proc/{gateway.pid}/limits").read_text()
        assert "Max open files            4096" in limits
