"""How sessions live and end, seen from their clients and from the store.

alice, bob, mallory ── TLS ──► gateway ── unix socket ──► embedded Valkey
"""

import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.wire.blocks import encode_blocks
from gateway.wire.codes import Direction, ErrorCode
from tests.hostile.gateway import Gateway
from tests.hostile.stranger import ALICE, ANYBODY, BOB, MALLORY, Stranger, frame
from tests.stock.waiting import until

SETTINGS = """
[session]
timeout_s = 2.0
queue_kib = 512
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with (
        tempfile.TemporaryDirectory(prefix="ef-") as home,
        Gateway(Path(home), SETTINGS) as running,
    ):
        yield running
        running.assert_no_fault()


@pytest.fixture(autouse=True)
def _hub_as_made(gateway: Gateway) -> Iterator[None]:
    yield
    gateway.set_hub(online=True)


@pytest.fixture
def alice(gateway: Gateway) -> Iterator[Stranger]:
    with Stranger(gateway.tcp_port) as stranger:
        stranger.login("alice")
        yield stranger


def name_of(stranger: Stranger) -> str:
    assert stranger.welcome is not None
    return stranger.welcome.session_name


def key_of(stranger: Stranger) -> bytes:
    assert stranger.welcome is not None
    return stranger.welcome.session_key


def is_recorded(gateway: Gateway, name: str) -> bool:
    return gateway.fleet.sessions.get("LAB", name) is not None


# -- ends an operator orders ------------------------------------------------------------------


def test_a_kicked_session_is_notified_and_its_key_is_void(
    gateway: Gateway, alice: Stranger
) -> None:
    gateway.fleet.sessions.kick("LAB", name_of(alice))
    assert alice.ended(3) == "notified"
    with Stranger(gateway.tcp_port) as again, pytest.raises(Refused) as refused:
        again.join(key_of(alice))
    assert refused.value.code == ErrorCode.SESSION_TIMEOUT
    assert gateway.wait_count("lost-kicked")


def test_a_deleted_user_is_notified(gateway: Gateway) -> None:
    gateway.add_user("gone")
    with Stranger(gateway.tcp_port) as stranger:
        stranger.login("gone")
        assert gateway.fleet.directory.delete_user("LAB", "gone") == 1
        assert stranger.ended(3) == "notified"
        until(lambda: not is_recorded(gateway, name_of(stranger)), "the record to go")


def test_a_hub_set_offline_notifies_everybody_and_keeps_no_record(
    gateway: Gateway, alice: Stranger
) -> None:
    with Stranger(gateway.tcp_port) as bob:
        bob.login("bob")
        gateway.set_hub(online=False)
        assert (alice.ended(3), bob.ended(3)) == ("notified", "notified")
        until(lambda: gateway.fleet.sessions.count("LAB") == 0, "records to go")
    gateway.set_hub(online=True)
    with Stranger(gateway.tcp_port) as again:
        again.login("alice")


def test_ending_a_hub_costs_the_store_a_step_for_each_session(gateway: Gateway) -> None:
    """Each end started a sweep of all that had ended: a thousand sessions were a million steps."""
    crowd = [Stranger(gateway.tcp_port) for _ in range(40)]
    for stranger in crowd:
        stranger.login("mallory")
    before = int(gateway.fleet.store.facts()["total_commands_processed"])
    gateway.set_hub(online=False)
    until(lambda: gateway.fleet.sessions.count("LAB") == 0, "records to go", pause=0.2)
    assert [stranger.ended(1) for stranger in crowd] == ["notified"] * 40
    assert int(gateway.fleet.store.facts()["total_commands_processed"]) - before < 1500


# -- ends of connections ----------------------------------------------------------------------


def test_a_lost_connection_is_not_a_lost_session(gateway: Gateway, alice: Stranger) -> None:
    alice.send_frames(frame(ANYBODY, ALICE))
    until(lambda: gateway.census()["connections"] >= 1, "the connection")
    alice.reset()
    with Stranger(gateway.tcp_port) as bob, Stranger(gateway.tcp_port) as again:
        bob.login("bob")
        bob.send_frames(frame(ALICE, BOB, b"meanwhile"))
        assert again.join(key_of(alice)).direction == Direction.BOTH
        assert again.receive_frames(1) == [frame(ALICE, BOB, b"meanwhile")]


def test_a_session_without_connection_ends_after_its_time_out(
    gateway: Gateway, alice: Stranger
) -> None:
    alice.sock.close()
    until(lambda: not is_recorded(gateway, name_of(alice)), "the record to go", 6)
    assert gateway.fleet.sessions.count("LAB") == len(gateway.fleet.sessions.of_hub("LAB"))


def test_a_silent_client_is_notified_and_one_that_speaks_stays(
    gateway: Gateway, alice: Stranger
) -> None:
    with Stranger(gateway.tcp_port) as bob:
        bob.login("bob")
        for _ in range(12):
            time.sleep(0.25)
            bob.keep_alive()
        assert alice.ended(1) == "notified"
        assert bob.ended(0.2) == "open"
    assert gateway.wait_count("lost-timed-out")


def test_a_half_duplex_client_that_vanished_is_forgotten(gateway: Gateway) -> None:
    """The connection towards it says nothing by design, and kept its session for a quarter of an
    hour: until TCP itself gave up."""
    with Stranger(gateway.tcp_port) as up, Stranger(gateway.tcp_port) as down:
        up.login("mallory", half_connection=True, max_connection=2)
        assert down.join(key_of(up)).direction == Direction.TO_CLIENT
        assert down.ended(6) == "notified"
        until(lambda: not is_recorded(gateway, name_of(up)), "the record to go")


def test_a_gateway_that_slept_hears_first_what_was_said_meanwhile(
    gateway: Gateway, alice: Stranger
) -> None:
    alice.send_frames(frame(ANYBODY, ALICE))
    gateway.signal(signal.SIGSTOP)
    try:
        time.sleep(2.4)
        alice.keep_alive()
        time.sleep(0.2)
    finally:
        gateway.signal(signal.SIGCONT)
    assert alice.ended(0.5) == "open"


# -- what a bad client gets -------------------------------------------------------------------

HOSTILE = {
    "a block of 3201 bytes": b"\0\0\0\1\0\0\x0c\x81" + bytes(20),
    "a block of 4 GiB": b"\0\0\0\1\xff\xff\xff\xff",
    "padding of 513 bytes": b"\xff\xff\xff\xff\0\0\x02\x01" + bytes(520),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_size_nobody_may_announce_ends_the_connection(
    gateway: Gateway, alice: Stranger, what: str
) -> None:
    before = gateway.counts().get("lost-over-limit", 0)
    alice.send(HOSTILE[what])
    assert alice.ended(1) == "notified"
    assert gateway.wait_count("lost-over-limit", before + 1)


def test_frames_that_are_none_are_dropped_and_counted(gateway: Gateway, alice: Stranger) -> None:
    before = gateway.fleet.traffic.hub("LAB").drops
    with Stranger(gateway.tcp_port) as bob:
        bob.login("bob")
        alice.send(encode_blocks([b"x" * 13, b"", b"y" * 1601, frame(BOB, ANYBODY)]))
        alice.send_frames(frame(ANYBODY, ALICE, b"fine"))
        assert bob.receive_frames(1) == [frame(ANYBODY, ALICE, b"fine")]
    alice.sock.close()

    def grown() -> dict[str, int]:
        now = gateway.fleet.traffic.hub("LAB").drops
        return {reason: n - before.get(reason, 0) for reason, n in now.items()}

    expected = {"frame-too-short": 1, "frame-too-long": 1, "bad-source": 1}
    until(lambda: expected.items() <= grown().items(), str(expected), 8, grown)


def test_a_client_that_never_reads_costs_its_budget_and_nobody_else(gateway: Gateway) -> None:
    with (
        Stranger(gateway.tcp_port, receive_buffer=4096) as deaf,
        Stranger(gateway.tcp_port) as sender,
        Stranger(gateway.tcp_port) as bystander,
    ):
        deaf.login("alice")
        sender.login("mallory")
        bystander.login("bob")
        deaf.send_frames(frame(ANYBODY, ALICE))
        bystander.send_frames(frame(ANYBODY, BOB))
        assert len(sender.receive_frames(2)) == 2
        before = gateway.census()
        flood = encode_blocks([frame(ALICE, MALLORY, bytes(1400))] * 100)
        for _ in range(200):  # 28 MB
            sender.send(flood)
            deaf.keep_alive()
        sender.send_frames(frame(BOB, MALLORY, b"and you?"))
        assert bystander.receive_frames(2)[-1] == frame(BOB, MALLORY, b"and you?")
        after = gateway.census()
        assert after["rss_kib"] - before["rss_kib"] < 512 + 4096
        assert deaf.ended(0.1) == "open"
    drops = until(lambda: gateway.fleet.traffic.hub("LAB").drops.get("queue-full"), "drops", 8)
    assert drops > 10_000


# -- adoption ---------------------------------------------------------------------------------


def test_many_connections_of_one_session_adopt_it_once() -> None:
    """Killed and started again: all eight knock in the same moment."""
    with tempfile.TemporaryDirectory(prefix="ef-") as home, Gateway(Path(home)) as gateway:
        with Stranger(gateway.tcp_port) as first:
            first.login("alice", max_connection=8)
            gateway.kill()
        key = key_of(first)
        gateway.start()
        joined: list[Stranger] = []

        def join() -> None:
            stranger = Stranger(gateway.tcp_port)
            stranger.join(key)
            joined.append(stranger)

        threads = [threading.Thread(target=join) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(joined) == 8
        census = gateway.census()
        assert (census["sessions"], census["connections"]) == (1, 8)
        record = gateway.fleet.sessions.get("LAB", name_of(first))
        assert record is not None
        assert record.epoch == 2
        for stranger in joined:
            stranger.sock.close()
        gateway.assert_no_fault()


def test_the_first_logins_of_a_hub_are_not_taken_for_left_over_ones() -> None:
    """They open sessions while the hub's former ones are being looked for.

    Half of the first burst was resumed before it had begun, and ended some seconds later.
    """
    with (
        tempfile.TemporaryDirectory(prefix="ef-") as home,
        Gateway(Path(home)) as gateway,
        ExitStack() as stack,
    ):
        strangers = [stack.enter_context(Stranger(gateway.tcp_port)) for _ in range(24)]
        threads = [threading.Thread(target=s.login, args=("alice",)) for s in strangers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert gateway.census()["sessions"] == len(strangers)
        assert "session resumed" not in gateway.text()
        assert "superseded" not in gateway.text()
        gateway.assert_no_fault()
