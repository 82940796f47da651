"""A gateway whose store hangs, dies or was never there.

alice, bob ── TLS ──► gateway ── unix socket ──► embedded Valkey, stopped or killed by the test
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.embedded import EmbeddedStore
from gateway.errors import Refused
from gateway.wire.codes import ErrorCode
from tests.hostile.gateway import ROOT, Gateway
from tests.hostile.late_store import LateStore
from tests.hostile.stranger import ALICE, ANYBODY, BOB, Stranger, frame
from tests.stock.waiting import until


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with tempfile.TemporaryDirectory(prefix="ef-") as home, Gateway(Path(home)) as running:
        yield running
        running.assert_no_fault()


@pytest.fixture
def pair(gateway: Gateway) -> Iterator[tuple[Stranger, Stranger]]:
    """Alice and bob, who know each other's stations."""
    with Stranger(gateway.tcp_port) as alice, Stranger(gateway.tcp_port) as bob:
        alice.login("alice")
        bob.login("bob")
        alice.send_frames(frame(ANYBODY, ALICE))
        bob.receive_frames(1)
        bob.send_frames(frame(ANYBODY, BOB))
        alice.receive_frames(1)
        yield alice, bob


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """Stop a process that stays alive, and let it go on."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def exchange(alice: Stranger, bob: Stranger, frames: int = 100) -> None:
    """Send numbered frames both ways; none may be missing."""
    numbers = [n.to_bytes(4, "big") for n in range(frames)]
    for n in numbers:
        bob.send_frames(frame(ALICE, BOB, n))
        alice.send_frames(frame(BOB, ALICE, n))
    assert [f[14:] for f in alice.receive_frames(frames)] == numbers
    assert [f[14:] for f in bob.receive_frames(frames)] == numbers


def test_frames_go_on_and_logins_are_refused_in_time_while_the_store_hangs(
    gateway: Gateway, pair: tuple[Stranger, Stranger]
) -> None:
    codes: list[int] = []

    def knock(key: bytes | None = None) -> None:
        with Stranger(gateway.tcp_port, timeout=15) as stranger, pytest.raises(Refused) as refused:
            stranger.login("mallory") if key is None else stranger.join(key)
        codes.append(refused.value.code)

    before = gateway.census()
    with paused(gateway.store_pid()):
        # More than the store's pool has connections; and sessions that others may carry.
        keys = [None] * 20 + [os.urandom(20)] * 4
        threads = [threading.Thread(target=knock, args=(key,)) for key in keys]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        while any(thread.is_alive() for thread in threads):
            exchange(*pair)
        assert time.monotonic() - began < 12, "a stock client gives up after 15 s"
        assert gateway.census()["stall_s"] < 0.5
    # Never 13, which ends a session, nor 10, 16 and 20, which make a client wait for 60 s.
    assert codes == [ErrorCode.SERVER_CANNOT_ACCEPT] * len(keys)
    until(lambda: "store is back" in gateway.text(), "the store to be back", 10)
    with Stranger(gateway.tcp_port) as again:
        again.login("mallory")
    exchange(*pair)
    until(
        lambda: gateway.census()["greenlets"] <= before["greenlets"],
        "the greenlets to end",
        explain=gateway.census,
    )


@pytest.fixture
def hasty() -> Iterator[Gateway]:
    """A gateway whose dialogues may take a second: less than it waits for the store."""
    settings = "limits.handshake_s = 1.0"
    with (
        tempfile.TemporaryDirectory(prefix="ef-") as home,
        Gateway(Path(home), settings) as running,
    ):
        yield running
        running.assert_no_fault()


def test_a_deadline_that_strikes_within_a_call_to_the_store_harms_no_later_one(
    hasty: Gateway,
) -> None:
    def knock(_: int) -> None:
        with Stranger(hasty.tcp_port) as stranger, pytest.raises(AssertionError, match="closed"):
            stranger.login("mallory")

    with Stranger(hasty.tcp_port) as first:
        first.login()
    with paused(hasty.store_pid()), ThreadPoolExecutor(40) as pool:
        list(pool.map(knock, range(40)))
    assert hasty.wait_count("too-slow", 40) == 40
    with ThreadPoolExecutor(20) as pool:  # more than the pool has connections
        strangers = list(pool.map(lambda _: Stranger(hasty.tcp_port), range(20)))
        list(pool.map(Stranger.login, strangers))
    for stranger in strangers:
        stranger.sock.close()
    until(lambda: hasty.census()["openings"] == 0, "dialogues to be over")


def test_a_login_whose_record_came_too_late_leaves_none() -> None:
    """The store did what it had been asked before it hung, for a client that was refused by then;
    the record stayed, and counted against every limit, until the next start."""
    with tempfile.TemporaryDirectory(prefix="ef-") as name:
        home = Path(name)
        with EmbeddedStore(home / "s") as embedded:
            embedded.fleet_key()
            late = LateStore(embedded.socket_path, home / "late.sock", for_s=6.5)
            settings = f"""
                store.url = "unix://{late.front}"
                fleet.key_file = "{embedded.state_dir / "fleet.key"}"
            """
            with Gateway(home, settings, store=home / "s") as gateway:
                with Stranger(gateway.tcp_port) as first:
                    gateway.fleet.sessions.kick("LAB", first.login().session_name)
                late.stop_at = b"SID-MALLORY-"  # the script is there: this request opens
                with Stranger(gateway.tcp_port) as stranger, pytest.raises(Refused) as refused:
                    stranger.login("mallory")
                assert refused.value.code == ErrorCode.SERVER_CANNOT_ACCEPT
                assert late.is_back.wait(10)
                sessions = gateway.fleet.sessions
                until(lambda: sessions.count("LAB") == 1, "the late record", pause=0.002)
                until(lambda: sessions.count("LAB") == 0, "the late record to go")
                gateway.assert_no_fault()


def test_an_embedded_store_that_was_killed_comes_back_with_everything(
    gateway: Gateway, pair: tuple[Stranger, Stranger]
) -> None:
    time.sleep(1.1)  # `appendfsync everysec`: what is older than a second survives
    before = gateway.text().count("store is back")
    os.kill(gateway.store_pid(), signal.SIGKILL)
    exchange(*pair)
    until(lambda: gateway.text().count("store is back") > before, "revival", 10)
    with Stranger(gateway.tcp_port) as again:
        again.login("mallory")
    exchange(*pair)
    alice, _ = pair
    assert alice.welcome is not None
    assert gateway.fleet.sessions.get("LAB", alice.welcome.session_name) is not None


# -- at start -----------------------------------------------------------------------------------


def start_with(url: str, home: Path) -> tuple[int, str, float]:
    """Start a gateway on the store at `url`; return exit code, standard error and seconds."""
    key = home / "fleet.key"
    key.write_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
    environment = {"ETHERFLEET_STORE_URL": url, "ETHERFLEET_FLEET_KEY_FILE": str(key)}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "gateway", "--listen", "127.0.0.1:0", "--workers", "0"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stderr, time.monotonic() - began


def test_no_store_at_start_is_one_line_and_code_5(tmp_path: Path) -> None:
    code, said, _ = start_with("redis://127.0.0.1:1/0", tmp_path)
    assert code == 5
    assert said.count("\n") == 1
    assert "redis://127.0.0.1:1/0" in said
    assert "store.url" in said


def test_a_store_that_hangs_at_start_is_one_line_and_code_5(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"redis://127.0.0.1:{mute.getsockname()[1]}/0"
        code, said, seconds = start_with(url, tmp_path)
    assert (code, said.count("\n")) == (5, 1)
    assert seconds < 10


def test_a_port_in_use_is_one_line_and_code_2(gateway: Gateway, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "gateway", "gateway", "--workers", "0"),
            *("--listen", f"127.0.0.1:{gateway.tcp_port}", "--state-dir", str(gateway.home / "t")),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "free the port or change gateway.listen" in done.stderr
