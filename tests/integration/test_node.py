"""What a gateway answers whom, against one in a process of its own.

stranger ── TLS ──► gateway (one process) ── unix socket ──► embedded Valkey
"""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.wire.codes import ErrorCode
from gateway.wire.handshake import (
    Anonymous,
    CertificateProof,
    ClientHandshake,
    Credential,
    Login,
    PlainPassword,
    TicketProof,
)
from tests.hostile.gateway import Gateway
from tests.hostile.stranger import ALICE, ANYBODY, BOB, Stranger, frame
from tests.stock.waiting import until

SETTINGS = """
[limits]
handshake_s = 1.0
handshakes_per_address = 8
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
    gateway.set_hub(online=True, max_sessions=0)


def refusal(gateway: Gateway, user: str = "alice", hub: str = "LAB", **options: object) -> int:
    """Log in, be refused, and see the connection end with a close_notify; return the code."""
    with Stranger(gateway.tcp_port) as stranger:
        with pytest.raises(Refused) as refused:
            stranger.login(user, hub=hub, **options)
        assert stranger.ended() == "notified"
        return refused.value.code


def ask(gateway: Gateway, credential: Credential, user: str = "alice", hub: str = "LAB") -> int:
    """Log in with any proof; return the code, 0 when let in."""
    with Stranger(gateway.tcp_port) as stranger:
        handshake = ClientHandshake(lambda _: Login(hub, user, credential), host="127.0.0.1")
        try:
            stranger.talk(handshake)
        except Refused as error:
            assert stranger.ended() == "notified"
            return error.code
        return 0


# -- who may in -------------------------------------------------------------------------------


def test_two_clients_of_a_hub_reach_each_other(gateway: Gateway) -> None:
    with Stranger(gateway.tcp_port) as alice, Stranger(gateway.tcp_port) as bob:
        alice.login("alice")
        bob.login("bob")
        alice.send_frames(frame(ANYBODY, ALICE, b"who is there"))
        assert bob.receive_frames(1) == [frame(ANYBODY, ALICE, b"who is there")]
        bob.send_frames(*[frame(ALICE, BOB, bytes([n])) for n in range(9)])
        assert alice.receive_frames(9) == [frame(ALICE, BOB, bytes([n])) for n in range(9)]


def test_an_unknown_hub_is_8(gateway: Gateway) -> None:
    assert refusal(gateway, hub="NOWHERE") == ErrorCode.HUB_NOT_FOUND
    assert gateway.wait_count("unknown-hub")


def test_unknown_user_and_wrong_password_are_one_answer(gateway: Gateway) -> None:
    assert refusal(gateway, "eve") == ErrorCode.AUTH_FAILED
    assert ask(gateway, PlainPassword("wrong")) == ErrorCode.AUTH_FAILED
    assert ask(gateway, Anonymous()) == ErrorCode.AUTH_FAILED
    assert ask(gateway, TicketProof(bytes(20))) == ErrorCode.AUTH_FAILED
    assert gateway.wait_count("auth-failed", 3)


def test_a_plain_password_is_as_good_as_its_proof(gateway: Gateway) -> None:
    assert ask(gateway, PlainPassword("pw-alice"), "ALICE", "lab") == 0


def test_a_certificate_that_is_none_is_9(gateway: Gateway) -> None:
    proof = CertificateProof(b"certificate", b"signature")
    assert ask(gateway, proof) == ErrorCode.AUTH_FAILED
    large = CertificateProof(bytes(8193), b"signature")
    assert ask(gateway, large) == ErrorCode.PROTOCOL_ERROR


def test_an_expired_user_is_9(gateway: Gateway) -> None:
    gateway.add_user("past", expires="2020-01-01T00:00:00.000Z")
    assert refusal(gateway, "past") == ErrorCode.AUTH_FAILED
    assert gateway.wait_count("user-expired")


def test_a_policy_without_access_is_12(gateway: Gateway) -> None:
    gateway.add_user("barred", policy={"Access": 0})
    assert refusal(gateway, "barred") == ErrorCode.ACCESS_DENIED


def test_monitoring_without_leave_is_107(gateway: Gateway) -> None:
    assert refusal(gateway, "alice", monitor=True) == ErrorCode.MONITOR_MODE_DENIED


@pytest.mark.parametrize("name", ["a" * 255, "a:b", "\n", "\x00x", "sp ace ", "ü" * 200, "*"])
def test_names_no_hub_or_user_can_have_are_unknown(gateway: Gateway, name: str) -> None:
    assert ask(gateway, PlainPassword("x"), name) == ErrorCode.AUTH_FAILED
    assert ask(gateway, PlainPassword("x"), hub=name) == ErrorCode.HUB_NOT_FOUND


def test_an_offline_hub_is_10(gateway: Gateway) -> None:
    gateway.set_hub(online=False)
    assert refusal(gateway) == ErrorCode.HUB_STOPPING


def test_a_full_hub_is_16_and_has_room_again_when_one_leaves(gateway: Gateway) -> None:
    gateway.set_hub(max_sessions=1 + gateway.fleet.sessions.count("LAB"))
    with Stranger(gateway.tcp_port) as alice:
        name = alice.login().session_name
        assert refusal(gateway, "bob") == ErrorCode.HUB_BUSY
        assert gateway.wait_count("hub-sessions")
        gateway.fleet.sessions.kick("LAB", name)
    with Stranger(gateway.tcp_port) as bob:
        bob.login("bob")


def test_too_many_logins_of_a_user_are_20(gateway: Gateway) -> None:
    gateway.add_user("single", policy={"MultiLogins": 1})
    with Stranger(gateway.tcp_port) as first, Stranger(gateway.tcp_port) as second:
        login = Login("LAB", "single", PlainPassword("pw-single"), unique_id=bytes([1] * 20))
        first.talk(ClientHandshake(lambda _: login, host="127.0.0.1"))
        with pytest.raises(Refused) as refused:
            second.login("single")
        assert refused.value.code == ErrorCode.TOO_MANY_USER_SESSIONS


# -- what else may be asked -------------------------------------------------------------------


def test_an_unknown_session_key_is_13(gateway: Gateway) -> None:
    with Stranger(gateway.tcp_port) as stranger:
        with pytest.raises(Refused) as refused:
            stranger.join(bytes(20))
        assert refused.value.code == ErrorCode.SESSION_TIMEOUT
        assert stranger.ended() == "notified"


def test_one_connection_more_than_agreed_joins_and_the_next_is_15(gateway: Gateway) -> None:
    strangers = [Stranger(gateway.tcp_port) for _ in range(4)]
    key = strangers[0].login(max_connection=2).session_key
    strangers[1].join(key)
    strangers[2].join(key)
    with pytest.raises(Refused) as refused:
        strangers[3].join(key)
    assert refused.value.code == ErrorCode.TOO_MANY_CONNECTIONS
    for stranger in strangers:
        stranger.sock.close()


# -- strangers that waste time ----------------------------------------------------------------


def test_a_dialogue_that_takes_too_long_ends(gateway: Gateway) -> None:
    before = gateway.counts().get("too-slow", 0)
    silent = Stranger(gateway.tcp_port, tls=False)
    mute = Stranger(gateway.tcp_port)
    trickling = Stranger(gateway.tcp_port)
    with suppress(OSError):
        for one in b"POST /vpnsvc/connect.cgi HTTP/1.1" * 99:
            trickling.send(bytes([one]))
            trickling.sock.settimeout(0.05)
            with suppress(TimeoutError):
                assert not trickling.sock.recv(1), "an answer to half a line"
                break
    assert silent.ended(2) in ("closed", "reset")
    assert mute.ended(2) == "notified"
    assert gateway.wait_count("too-slow", before + 3)


def test_an_address_has_a_share_of_dialogues_and_others_have_theirs(gateway: Gateway) -> None:
    greedy = [Stranger(gateway.tcp_port, source="127.0.0.2", tls=False) for _ in range(8)]
    one_more = Stranger(gateway.tcp_port, source="127.0.0.2", tls=False)
    assert one_more.ended(0.5) in ("closed", "reset")
    assert gateway.wait_count("too-many-from-address")
    with Stranger(gateway.tcp_port, source="127.0.0.3") as other:
        other.login()
    for stranger in greedy:
        assert stranger.ended(2) in ("closed", "reset")
        stranger.sock.close()
    until(lambda: gateway.census()["openings"] == 0, "places to be free again")
    with Stranger(gateway.tcp_port, source="127.0.0.2") as again:
        again.login()


def test_a_place_is_held_until_the_connection_is_closed(gateway: Gateway) -> None:
    """Who breaks the protocol and then stays must not hold more sockets than its share."""
    before = gateway.counts().get("too-many-from-address", 0)
    strangers = []
    for _ in range(40):
        with suppress(OSError):  # over its share: closed before TLS
            stranger = Stranger(gateway.tcp_port, source="127.0.0.4")
            stranger.send(b"\r\n\r\n")
            strangers.append(stranger)
    assert gateway.census()["files"] < 25
    assert gateway.wait_count("too-many-from-address", before + 1)
    for stranger in strangers:
        stranger.sock.close()


def test_a_client_that_reads_nothing_is_closed_in_time(gateway: Gateway) -> None:
    page = b"GET / HTTP/1.1\r\n\r\n"
    with Stranger(gateway.tcp_port, receive_buffer=2048) as deaf:
        deaf.send(page * 19)
        assert gateway.wait_count("too-slow", gateway.counts().get("too-slow", 0) + 1)


def test_a_client_gone_before_its_welcome_leaves_no_connection(gateway: Gateway) -> None:
    """Its reset was met between welcome and keep-alive, counted as nothing and left a session."""
    before = gateway.census()
    for gone in (Stranger.reset, lambda stranger: stranger.sock.close()):
        for _ in range(20):
            stranger = Stranger(gateway.tcp_port, source="127.0.0.5")
            login = Login("LAB", "alice", PlainPassword("pw-alice"))
            handshake = ClientHandshake(lambda _, login=login: login, host="127.0.0.1")
            handshake.next_event()
            stranger.send(handshake.data_to_send())
            handshake.receive_data(stranger.sock.recv(65536))
            handshake.next_event()
            stranger.send(handshake.data_to_send())
            gone(stranger)
    names = ("connections", "openings", "engines")
    until(
        lambda: all(n <= before[name] for name, n in gateway.census().items() if name in names),
        "the gateway to let go of them",
        explain=gateway.census,
    )


def test_a_raw_socket_that_says_nothing_sensible_is_closed(gateway: Gateway) -> None:
    for garbage in (b"\0" * 64, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 600):
        with Stranger(gateway.tcp_port, tls=False) as stranger:
            stranger.send(garbage)
            stranger.sock.shutdown(socket.SHUT_WR)
            assert stranger.ended() in ("closed", "reset")
