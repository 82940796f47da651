"""Light connections are heard during the work for heavy ones, and nobody's frames suffer by it.

    far ends, all in this process ──► near ends ──► an owner that forwards to other near ends

Every connection of the process takes part in the pauses of every other, the far ones too.
"""

import random
import socket
import struct
from collections import defaultdict
from collections.abc import Callable

import gevent
import pytest

from gateway.transport.connection import Connection
from gateway.transport.express import COMPANY_S, MOST, Express
from gateway.transport.opening import Opening
from gateway.wire.blocks import encode_blocks, iterate_frames
from tests.integration.test_transport import Recorder, connect, numbered, several, until

__all__ = ["several"]  # the fixture


class Readable:
    """A descriptor that can be read from, and what was served."""

    def __init__(self, express: Express, name: str, served: list[str]) -> None:
        self.near, self.far = socket.socketpair()
        self.then: Callable[[], object] = lambda: None
        self._name, self._served = name, served
        express.join(self.near.fileno(), self._serve)
        self.far.send(b"x")

    def _serve(self) -> None:
        self.near.recv(1)
        self._served.append(self._name)
        self.then()


def test_a_visit_serves_whoever_said_something_and_only_once() -> None:
    express, served = Express(), list[str]()
    one, other = Readable(express, "one", served), Readable(express, "other", served)
    visit(express)
    visit(express)
    assert sorted(served) == ["one", "other"]
    other.far.send(b"x")
    visit(express)
    assert served[2:] == ["other"]
    express.leave(one.near.fileno())
    one.far.send(b"x")
    visit(express)
    assert len(served) == 3


def test_a_visit_is_not_paused_itself() -> None:
    express, served = Express(), list[str]()
    readables = [Readable(express, "first", served), Readable(express, "second", served)]
    for readable in readables:
        readable.then = lambda: (served.append("visit"), visit(express))
    visit(express)
    assert [name for name in served if name != "visit"] == served[::2]


def test_one_that_another_has_closed_is_not_served() -> None:
    express, served = Express(), list[str]()
    both = [Readable(express, str(n), served) for n in range(2)]

    def close_the_other() -> None:
        other = both[1 - int(served[-1])]
        express.leave(other.near.fileno())

    for one in both:
        one.then = close_the_other
    visit(express)
    assert len(served) == 1


class Looks:
    """Counts the looks around; during the third somebody speaks."""

    def __init__(self, express: Express, speaker: socket.socket) -> None:
        self.count = 0
        self._anybody, express._anybody = express._anybody, self
        self._speaker = speaker

    def poll(self, timeout: float) -> object:
        self.count += 1
        if self.count == 3:
            self._speaker.send(b"x")
        return self._anybody.poll(timeout)


def test_in_company_the_loop_looks_around_until_somebody_speaks(monkeypatch) -> None:
    express = Express()
    light = Readable(express, "light", [])
    near, far = socket.socketpair()
    hearing = gevent.spawn(gevent.socket.wait_read, near.fileno())
    # Until the loop has it among its descriptors, and those of other tests have gone to sleep: they
    # find out that their company has gone before the loop's next sleep.
    gevent.sleep(2 * COMPANY_S)
    gevent.sleep(0.001)
    monkeypatch.setattr("gateway.transport.express.AWAKE_S", 20.0)
    monkeypatch.setattr("gateway.transport.express.COMPANY_S", 20.0)
    visit(express)
    looks = Looks(express, far)
    hearing.join(timeout=10)
    assert looks.count == 3
    monkeypatch.setattr("gateway.transport.express.COMPANY_S", 0.0)
    gevent.sleep(0.01)
    assert looks.count == 3, "it does not sleep when the company has gone"
    express.leave(light.near.fileno())


def test_a_crowd_takes_turns() -> None:
    express, served = Express(), list[str]()
    crowd = [Readable(express, str(n), served) for n in range(3 * MOST)]
    for _ in range(3):
        visit(express)
        for one in crowd:
            one.far.send(b"x")
    assert sorted(served) == sorted(str(n) for n in range(3 * MOST))


def test_after_a_visit_others_have_their_turn_first() -> None:
    express, served = Express(), list[str]()
    one = Readable(express, "one", served)
    one.then = lambda: gevent.sleep(0.02)  # a visit that took long
    visit(express)
    one.far.send(b"x")
    express.visit()
    assert served == ["one"]
    assert express.is_in_company()
    visit(express)
    assert served == ["one", "one"]


def visit(express: Express) -> None:
    """Visit, as late as it takes to be allowed to."""
    express._due = 0.0
    express.visit()


def test_a_light_connection_is_heard_before_a_heavy_one_that_was_ready_earlier(several):
    order: list[str] = []
    heavy = Recorder(then=lambda _: order.append("heavy"))
    light = Recorder(then=lambda _: order.append("light"))
    (heavy_near, heavy_far), (light_near, light_far) = several[:2]
    near, _ = connect(heavy_near, heavy), connect(light_near, light)
    light_far.write(encode_blocks(numbered(1)))
    heavy_far.write(encode_blocks(numbered(20, 1400)))
    until(lambda: order.count("heavy") and order.count("light"))
    if near._is_light:  # the last part of it was small
        near._be_light(False)
    order.clear()
    heavy_far.sock.sendall(sealed(heavy_far, encode_blocks(numbered(20, 1400))))
    light_far.sock.sendall(sealed(light_far, encode_blocks(numbered(1))))
    near._guard(near._receive)  # as if the loop had seen that one alone
    assert order[:2] == ["light", "heavy"]


def sealed(opening: Opening, data: bytes) -> bytes:
    opening.engine.encrypt(data)
    return opening.engine.take()


@pytest.mark.parametrize("seed", range(3))
def test_heavy_and_light_frames_of_everybody_arrive_whole_and_in_order(several, seed):
    """Each near end forwards to the others, by the destination's last byte, as a hub does."""
    dice = random.Random(seed)
    nears: list[Connection] = []
    got: dict[tuple[int, int], list[int]] = defaultdict(list)

    class Hub(Recorder):
        def received(self, connection, runs, now):
            touched = []
            for addresses, frames, _, message in runs:
                target = nears[addresses[5]]
                assert target.send(message, frames)
                touched.append(target)
            for target in touched:
                target.flush()

    class Sink(Recorder):
        def received(self, connection, runs, now):
            for *_, message in runs:
                for frame in iterate_frames(message):
                    got[frame[11], frame[5]].append(struct.unpack_from(">I", frame, 12)[0])

    hub, sink = Hub(), Sink()
    nears += [connect(near, hub, budget=1 << 24) for near, _ in several]
    fars = [connect(far, sink, budget=1 << 24) for _, far in several]
    sent: dict[tuple[int, int], int] = defaultdict(int)

    def say(source: int, target: int, frames: int, size: int) -> None:
        addresses = bytes((2, 0, 0, 0, 0, target, 2, 0, 0, 0, 0, source))
        first = sent[source, target]
        sent[source, target] += frames
        message = encode_blocks(
            [addresses + struct.pack(">I", n) + bytes(size) for n in range(first, first + frames)]
        )
        assert fars[source].send(message, frames)
        fars[source].flush()

    for _ in range(60):
        for _ in range(8):
            source, target = dice.sample(range(4), 2)
            if dice.random() < 0.5:
                say(source, target, dice.randrange(50, 300), 1400)
            else:
                say(source, target, 1, dice.randrange(100))
        gevent.sleep(0)
    until(lambda: {pair: len(numbers) for pair, numbers in got.items()} == sent)
    assert all(numbers == list(range(sent[pair])) for pair, numbers in got.items())
    assert not hub.ends + sink.ends


def test_frames_for_a_receiver_whose_bytes_are_being_sealed_follow_them(several):
    """A light frame comes in during the pauses of the very send to the one it is for."""
    light, receiver = several[:2]
    nears: list[Connection] = []
    heard: list[int] = []

    class Hub(Recorder):
        def received(self, connection, runs, now):
            heard.append(nears[1].queued)
            for *_, message in runs:
                nears[1].send(message, 1)
            nears[1].flush()

    hub, sink = Hub(), Recorder()
    nears += [connect(near, hub, budget=1 << 24) for near, _ in (light, receiver)]
    connect(receiver[1], sink)
    light[1].write(encode_blocks(numbered(1)))
    until(lambda: sink.frames)
    frames = numbered(200, 1400)
    nears[1].send(encode_blocks(frames), len(frames))
    light[1].sock.sendall(sealed(light[1], encode_blocks(numbered(1))))
    nears[1].flush()
    assert len(heard) == 2, "it was heard before the flush was over"
    assert heard[1] > 0
    until(lambda: len(sink.frames) == 1 + len(frames) + 1)
    assert sink.frames == numbered(1) + frames + numbered(1)
    assert not sink.ends


def test_one_whose_peer_has_gone_is_found_out_during_anothers_work(several):
    """A frame for a heavy sender, forwarded in his own pause, meets a socket that was reset."""
    heavy, light = several[0], several[1]
    nears: list[Connection] = []

    def answer(connection: Connection) -> None:
        if connection is nears[1]:
            nears[0].send(encode_blocks(numbered(1)), 1)
            nears[0].flush()

    heavy_owner, light_owner = Recorder(), Recorder(then=answer)
    nears += [connect(heavy[0], heavy_owner), connect(light[0], light_owner)]
    heavy[1].write(encode_blocks(numbered(20, 1400)))
    light[1].write(encode_blocks(numbered(1)))
    until(lambda: heavy_owner.frames and light_owner.frames)
    heavy[1].sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    heavy[1].sock.close()
    light[1].write(encode_blocks(numbered(1)))
    gevent.sleep(0.02)
    nears[0]._guard(nears[0]._receive)
    until(lambda: heavy_owner.ends)
    assert heavy_owner.ends == ["peer-gone"]
    assert not light_owner.ends
