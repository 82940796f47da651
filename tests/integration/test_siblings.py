"""Connections passed between workers: two of them in this process, with an inbox each.

client ──loopback──► one ──inbox──► two
"""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import gevent
import gevent.socket
import pytest

from gateway.node.knocks import Knock
from gateway.node.siblings import Sibling, Siblings

HERE = "127.0.0.1"
DEADLINE_S = 10


@dataclass
class Worker:
    """A worker that takes down what it was passed."""

    node: str
    listening: socket.socket
    way_in: socket.socket
    inbox: socket.socket
    siblings: Siblings = field(default_factory=Siblings)
    passed: list[tuple[socket.socket, str]] = field(default_factory=list)

    @property
    def tcp_port(self) -> int:
        return self.listening.getsockname()[1]

    def wait_passed(self, count: int = 1) -> list[tuple[socket.socket, str]]:
        with gevent.Timeout(DEADLINE_S):
            while len(self.passed) < count:
                gevent.sleep(0.001)
        return self.passed

    def accept(self) -> tuple[socket.socket, socket.socket]:
        """Return a client's end of a new connection to our port, and ours."""
        far = gevent.socket.create_connection((HERE, self.tcp_port), DEADLINE_S)
        near, _ = self.listening.accept()
        return far, near

    def knock(self) -> bool:
        """Say whether a new connection is passed on."""
        far, near = self.accept()
        with far, near:
            return self.siblings.pass_on(near, HERE)


@pytest.fixture
def workers() -> Iterator[tuple[Worker, Worker]]:
    made = []
    for node in ("one", "two"):
        listening = gevent.socket.socket()
        listening.bind((HERE, 0))
        listening.listen()
        pair = gevent.socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        made.append(Worker(node, listening, *pair))
    one, two = made
    for worker, other in ((one, two), (two, one)):
        others = [Sibling(other.node, other.tcp_port, other.way_in)]
        worker.siblings = Siblings(worker.node, worker.tcp_port, others, worker.inbox)
    readers = [
        gevent.spawn(worker.siblings.run, lambda *passed, w=worker: w.passed.append(passed))
        for worker in made
    ]
    yield one, two
    gevent.killall(readers)
    for worker in made:
        for sock in (worker.listening, worker.way_in, worker.inbox, *(s for s, _ in worker.passed)):
            sock.close()


def test_a_connection_is_passed_on_and_lives(workers):
    one, two = workers
    with one.siblings.holding([Knock(HERE, one.tcp_port)]) as go_to:
        go_to("two")
    far, near = one.accept()
    with far:
        assert one.siblings.pass_on(near, HERE)
        ((sock, address),) = two.wait_passed()
        assert address == HERE
        assert sock.getsockname() == (HERE, one.tcp_port)
        sock.sendall(b"hello")
        assert far.recv(5) == b"hello"
    assert not one.knock(), "the note was for one connection"


def test_a_client_waits_until_it_is_settled_where_its_hub_goes(workers):
    one, two = workers
    with one.siblings.holding([Knock(HERE, one.tcp_port)]) as go_to:
        knocking = gevent.spawn(one.knock)
        gevent.sleep(0.05)
        assert not knocking.ready()
        go_to("two")
    assert knocking.get(timeout=DEADLINE_S)
    assert two.wait_passed()


@pytest.mark.parametrize("node", ["one", "elsewhere", ""])
def test_a_client_of_nobody_beside_us_is_answered_here(workers, node):
    one, _ = workers
    with one.siblings.holding([Knock(HERE, one.tcp_port)]) as go_to:
        go_to(node)
    assert not one.knock()


def test_who_came_by_a_siblings_port_comes_back_by_it(workers):
    """Its worker restarts, say: it knocks at the sibling, and what is passed on waits."""
    one, two = workers
    two.siblings.announce([Knock(HERE, one.tcp_port), Knock(HERE, two.tcp_port)])
    gevent.sleep(0)
    with gevent.Timeout(DEADLINE_S):
        while not one.knock():
            gevent.sleep(0.001)
    assert len(two.wait_passed()) == 1
    assert not two.knock(), "our own port leads to us"


def test_a_hub_that_goes_on_takes_its_clients_along(workers):
    """Out by one's port, in two's hub, which goes to one: the client ends at one again."""
    one, two = workers
    with two.siblings.holding([Knock(HERE, one.tcp_port)]) as go_to:
        far, near = one.accept()
        with far:
            gevent.sleep(0.05)  # for the note to arrive
            assert one.siblings.pass_on(near, HERE)
            ((sock, address),) = two.wait_passed()
            passing = gevent.spawn(two.siblings.pass_on, sock, address)
            gevent.sleep(0.05)
            assert not passing.ready()
            go_to("one")
    assert passing.get(timeout=DEADLINE_S)
    assert one.wait_passed()


def test_a_wrong_guess_is_put_right_at_the_next_knock(workers):
    one, two = workers
    knock = Knock(HERE, one.tcp_port)
    assert not one.siblings.point(knock, "elsewhere")
    assert one.siblings.point(knock, "two")
    assert one.knock()
    assert two.wait_passed()
    # Somebody else of that address it was: two says whose.
    assert two.siblings.point(knock, "one")
    assert not two.knock()
    assert not one.knock()


def test_an_inbox_that_is_full_loses_no_connection(workers, monkeypatch):
    monkeypatch.setattr("gateway.node.siblings.FULL_FOR_S", 0.05)
    one, two = workers
    two.siblings._inbox = None  # the next turn of its reader is the last: as if it stood still
    with one.siblings.holding([Knock(HERE, one.tcp_port)] * 5000) as go_to:
        go_to("two")
    sent = 0
    far, near = one.accept()
    with far:
        while one.siblings.pass_on(near.dup(), HERE):
            sent += 1
            assert sent < 5000
        near.sendall(b"ours")
        assert far.recv(4) == b"ours"
    near.close()


def test_what_cannot_be_read_ends_nothing(workers):
    one, two = workers
    two.way_in.send(b"{}")
    two.way_in.send(b"\xff")
    two.way_in.send(b'{"knock": "no socket"}')
    one.siblings.point(Knock(HERE, one.tcp_port), "two")
    assert one.knock()
    assert two.wait_passed()


def test_a_worker_alone_passes_nothing_on():
    siblings = Siblings()
    with siblings.holding([Knock(HERE, 1)]) as go_to:
        go_to("two")
    assert not siblings.point(Knock(HERE, 1), "two")
    assert siblings.nodes == ()
    siblings.run(lambda *_: None)
