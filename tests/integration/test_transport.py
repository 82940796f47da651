"""Connections in their data phase: two of them, joined by TLS over loopback, in this process.

near (gateway's side of TLS) ◄── loopback ──► far (client's side)
"""

import datetime
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import gevent
import gevent.socket
import pytest

from coordinator.model import SessionRecord
from gateway.hub.switch import Switch, SwitchSettings
from gateway.node.certificate import make
from gateway.node.session import Session
from gateway.transport.connection import Connection
from gateway.transport.contexts import client_context, server_context
from gateway.transport.gate import ALWAYS_OPEN
from gateway.transport.linger import wait_lingering
from gateway.transport.opening import Opening, PeerGone, TooSlow
from gateway.transport.tls import TlsEngine
from gateway.wire.blocks import encode_blocks, iterate_frames

SERVER = server_context(*make("test", datetime.datetime.now(datetime.UTC)))
CLIENT = client_context()
standing: list[Connection] = []
Sockets = tuple[gevent.socket.socket, gevent.socket.socket]


@dataclass
class Recorder:
    """An owner that takes down what it is told; `then` is called with each received run."""

    frames: list[bytes] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    then: Callable[[Connection], object] = lambda _: None

    def received(self, connection, runs, now):
        for *_, message in runs:
            self.frames += iterate_frames(message)
        self.then(connection)

    def lost(self, connection, reason):
        self.ends.append(reason)


def sockets() -> Sockets:
    with gevent.socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        far = gevent.socket.create_connection(listening.getsockname())
        near, _ = listening.accept()
    for end in (near, far):
        end.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
    return near, far


def shaken_hands() -> tuple[Opening, Opening]:
    near, far = sockets()
    server = Opening(near, TlsEngine(SERVER, server_side=True))
    client = Opening(far, TlsEngine(CLIENT, server_side=False, server_name="test"))
    gevent.joinall([gevent.spawn(server.handshake), gevent.spawn(client.handshake)], timeout=5)
    return server, client


@pytest.fixture
def several() -> Iterator[list[tuple[Opening, Opening]]]:
    """Four times both ends after the TLS handshake."""
    pairs = [shaken_hands() for _ in range(4)]
    yield pairs
    while standing:  # or they would watch file numbers that belong to somebody else by then
        standing.pop().close("the test is over")
    wait_lingering()
    for near, far in pairs:
        near.sock.close()
        far.sock.close()


@pytest.fixture
def openings(several) -> tuple[Opening, Opening]:
    """Both ends after the TLS handshake."""
    return several[0]


def connect(opening: Opening, owner: Recorder, *, timeout=20.0, budget=1 << 20, **options):
    connection = Connection(opening, owner, timeout=timeout, budget=budget, **options)
    standing.append(connection)
    connection.start(b"")
    return connection


def until(condition: Callable[[], object]) -> None:
    with gevent.Timeout(5):
        while not condition():
            gevent.sleep(0.005)


def numbered(count: int, size: int = 40) -> list[bytes]:
    return [bytes(range(12)) + struct.pack(">I", n) + bytes(size) for n in range(count)]


def test_frames_pass_both_ways_in_order(openings):
    near_owner, far_owner = Recorder(), Recorder()
    near, far = connect(openings[0], near_owner), connect(openings[1], far_owner)
    for n in range(50):
        assert near.send(encode_blocks(numbered(n)), n)
        assert far.send(encode_blocks(numbered(n)), n)
        near.flush()
        far.flush()
    expected = [frame for n in range(50) for frame in numbered(n)]
    until(lambda: near_owner.frames == far_owner.frames == expected)
    near.close("done")
    until(lambda: far_owner.ends)
    assert (near_owner.ends, far_owner.ends) == (["done"], ["peer-closed"])


def test_a_fault_in_a_callback_ends_that_connection_alone(openings, capsys):
    near_owner, far_owner = Recorder(then=lambda _: 1 // 0), Recorder()
    connect(openings[0], near_owner)
    far = connect(openings[1], far_owner)
    far.send(encode_blocks(numbered(1)), 1)
    far.flush()
    until(lambda: far_owner.ends)
    assert (near_owner.ends, far_owner.ends) == (["internal"], ["peer-closed"])
    said = capsys.readouterr()
    assert "ZeroDivisionError" in said.out + said.err  # wherever an earlier test put the log


def test_a_connection_may_be_closed_from_its_own_callback(openings):
    near_owner, far_owner = Recorder(then=lambda c: c.close("enough")), Recorder()
    connect(openings[0], near_owner)
    far = connect(openings[1], far_owner)
    far.send(encode_blocks(numbered(3)), 3)
    far.flush()
    until(lambda: far_owner.ends)
    assert near_owner.ends == ["enough"]
    assert not far.send(b"", 1)


def test_past_its_budget_a_queue_drops_and_counts_and_what_it_took_arrives_whole(openings):
    near_owner, far_owner = Recorder(), Recorder()
    near = connect(openings[0], near_owner, budget=300_000)
    message = numbered(10, 1400)
    taken = 0
    for _ in range(2000):  # 28 MB towards somebody who does not read
        taken += near.send(encode_blocks(message), 10)
        near.flush()
    assert near.dropped_frames == (2000 - taken) * 10 > 0
    assert near.queued <= 300_000
    connect(openings[1], far_owner)
    until(lambda: len(far_owner.frames) == taken * 10)
    assert far_owner.frames == message * taken


def test_silence_ends_a_connection_and_keep_alives_keep_it(openings):
    near_owner, far_owner = Recorder(), Recorder()
    connect(openings[0], near_owner, timeout=0.4)
    far = connect(openings[1], far_owner, timeout=0.4)
    gevent.sleep(1.0)
    assert (near_owner.ends, far_owner.ends) == ([], [])
    far._timer.cancel()  # it says nothing more, and still listens
    until(lambda: near_owner.ends)
    assert near_owner.ends == ["timed-out"]
    until(lambda: far_owner.ends)
    assert far_owner.ends == ["peer-closed"]


def test_what_waited_while_we_were_suspended_is_not_passed_on_and_what_follows_is(openings):
    """Found with a frozen gateway on a LAN: its last frames of a client that had gone to another
    gateway told the LAN, 30 s late, that it was there."""
    near_owner, far_owner = Recorder(), Recorder()
    near, far = connect(openings[0], near_owner), connect(openings[1], far_owner)
    until(lambda: near.heard_at and far.heard_at)
    near.heard_at -= 2 * near.timeout  # as it looks to who was frozen
    old, new = numbered(3), numbered(2, 50)
    far.send(encode_blocks(old), len(old))
    far.flush()
    until(lambda: near.dropped)
    far.send(encode_blocks(new), len(new))
    far.flush()
    until(lambda: near_owner.frames)
    assert near_owner.frames == new
    assert near.dropped == {"late": 3}
    assert not near_owner.ends


def test_a_connection_that_is_dead_at_its_start_is_lost_once(openings):
    """The keep-alive's error left a watcher behind, on a file number that somebody else got."""
    owner = Recorder()
    openings[1].sock.setsockopt(
        gevent.socket.SOL_SOCKET, gevent.socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    openings[1].sock.close()
    gevent.sleep(0.05)
    connection = connect(openings[0], owner)
    assert connection.closed
    assert owner.ends == ["peer-gone"]
    assert connection.peer.startswith("127.0.0.1:")


def test_last_words_that_come_with_the_notice_are_heard_and_the_end_is_orderly(openings):
    """The TCP stream stays open: nothing but the notice tells of the end."""
    owner = Recorder()
    connect(openings[0], owner)
    far = openings[1]
    far.engine.encrypt(encode_blocks(numbered(3)))
    far.engine.close_notify()
    far.sock.sendall(far.engine.take())
    until(lambda: owner.ends)
    assert (owner.frames, owner.ends) == (numbered(3), ["peer-closed"])


def test_a_ragged_end_is_not_an_orderly_one(openings):
    owner = Recorder()
    connect(openings[0], owner)
    openings[1].sock.shutdown(gevent.socket.SHUT_WR)
    until(lambda: owner.ends)
    assert owner.ends == ["peer-gone"]


def test_a_session_that_ended_while_its_welcome_was_on_the_way_closes_its_connection(openings):
    ends, counts, far_owner = [], [], Recorder()
    session = Session(
        SessionRecord("LAB", "alice", "node-1", "192.0.2.1:5", name="SID-ALICE-1"),
        Switch(SwitchSettings()),
        ALWAYS_OPEN,
        message="",
        ended=lambda _, reason: ends.append(reason),
        count=counts.append,
    )
    session.end("kicked")
    near, far = openings
    session.add(Connection(near, session, timeout=20.0, budget=1 << 20), b"")
    connect(far, far_owner)
    until(lambda: far_owner.ends)
    assert far_owner.ends == ["peer-closed"]
    assert (ends, counts, session.connections) == (["kicked"], ["lost-session-ended"], [])


def test_a_dialogue_that_talks_without_end_ends_at_its_deadline(openings):
    near, far = openings

    def flood() -> None:
        while True:
            far.write(bytes(16384))

    def read_for_ever() -> None:
        with near.deadline(0.2):
            while True:
                near.read()

    talker = gevent.spawn(flood)
    with pytest.raises(TooSlow):
        read_for_ever()
    talker.kill()


def test_whatever_is_no_tls_is_a_peer_gone():
    near, far = sockets()
    opening = Opening(near, TlsEngine(SERVER, server_side=True))
    far.sendall(b"\x16\x03\x01\x00\x05hello")
    with pytest.raises(PeerGone, match="TLS handshake failed"):
        opening.handshake()
    near.close()
    assert far.recv(100).startswith(b"\x15\x03")  # an alert says why
    far.close()
