"""A bridge between a hub and an interface in memory: frames, announcements, loops, its end."""

import time

import gevent
import pytest

from coordinator.model import Bridge as Rule
from coordinator.model import BridgeState, Hub, HubKind
from gateway.client.port import MemoryPort
from gateway.lan.announce import encode_announcement
from gateway.lan.interface import Interface
from gateway.lan.probe import Probe, decode_probe, encode_probe
from gateway.node.bridge import Bridge, as_runs
from gateway.node.bridges import judge
from gateway.node.hubs import Hubs, LiveHub
from gateway.node.ledger import Ledger
from gateway.node.outlet import carry
from gateway.transport.gate import ALWAYS_OPEN, Gate
from gateway.wire.blocks import encode_blocks, iterate_frames
from gateway.wire.ethernet import BROADCAST

A, B, C = (bytes.fromhex(f"5e000000000{n}") for n in "abc")
RULE = Rule("lan", "eth1")


def frame(destination: bytes, source: bytes, text: bytes = b"") -> bytes:
    return destination + source + b"\x08\0" + text.ljust(46, b"\0")


class Client:
    """Who has a port of the hub: a session's place."""

    def __init__(self, live: LiveHub, *, joins: bool = False) -> None:
        self.live = live
        self.port = live.switch.attach(self, joins=joins)
        self.frames: list[bytes] = []

    def deliver(self, message: bytes, frames: int) -> bool:
        self.frames += iterate_frames(message)
        return False

    def flush(self) -> None:
        pass

    def send(self, *frames: bytes) -> None:
        carry(self.live.switch, ALWAYS_OPEN, self.port, as_runs(frames), time.monotonic())


class Stage:
    """A hub with a client and a bridge; `wire` is the interface, of whose other side this is."""

    def __init__(self) -> None:
        self.hubs = Hubs(Ledger(), Gate())
        self.changes = 0
        self.wires: list[MemoryPort] = []
        self.bridges = [self.add("eth1")]
        self.live = self.hubs.alive["lan"]
        self.client = Client(self.live)

    def add(self, device: str) -> Bridge:
        wire = MemoryPort()
        self.wires.append(wire)

        def make(live: LiveHub) -> Bridge:
            return Bridge("LAN", device, wire, live.switch, live.gate, self._changed)

        self.hubs.attach(Hub("LAN", HubKind.STATIC), f"bridge {device}", make)
        bridge = self.hubs.alive["lan"].outlets[f"bridge {device}"]
        assert isinstance(bridge, Bridge)
        return bridge

    def _changed(self) -> None:
        self.changes += 1

    def sent(self, number: int = 0) -> list[bytes]:
        """Return what went out into the LAN, without probes."""
        return [f for f in self.wires[number].take(1000) if decode_probe(f) is None]

    def until(self, condition) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            gevent.sleep(0.01)


@pytest.fixture
def stage():
    stage = Stage()
    yield stage
    stage.hubs.end("LAN", "over")


def test_frames_pass_both_ways_in_order(stage):
    stage.client.send(frame(BROADCAST, A, b"who?"))
    assert stage.sent() == [frame(BROADCAST, A, b"who?")]
    answers = [frame(A, B, bytes([n])) for n in range(100)]
    stage.wires[0].push([*answers, frame(A, C)])
    stage.until(lambda: len(stage.client.frames) == 101)
    assert stage.client.frames == [*answers, frame(A, C)]


def test_neighbours_with_the_same_addresses_are_one_run():
    frames = [frame(A, B, b"1"), frame(A, B, b"2"), frame(B, A), frame(A, B)]
    runs = as_runs(frames)
    assert [run[:3] for run in runs] == [(A + B, 2, 120), (B + A, 1, 60), (A + B, 1, 60)]
    assert [f for run in runs for f in iterate_frames(run[3])] == frames


def test_what_the_interface_cannot_take_is_dropped_and_counted(stage):
    stage.client.send(frame(BROADCAST, A))
    big = frame(BROADCAST, A, bytes(1400))
    for _ in range(4000):
        stage.bridges[0].deliver(encode_blocks([big]), 1)
    assert stage.live.switch.dropped["inbound"] > 0


def test_a_storm_of_the_lan_is_held_back(stage):
    storm = [frame(BROADCAST, B, bytes([n % 256])) for n in range(5000)]
    stage.wires[0].push(storm)
    stage.until(lambda: stage.live.switch.dropped["broadcast-storm"] >= 1000)
    assert len(stage.client.frames) < 4000


def test_a_station_is_announced_when_told_and_when_learned(stage):
    stage.live.announce([C])
    assert stage.sent() == [encode_announcement(C)]
    stage.wires[0].push([frame(BROADCAST, B)])
    stage.until(lambda: stage.client.frames)
    stage.client.send(frame(B, A, b"to one station only"))
    seen: list[bytes] = []

    def is_announced() -> bool:
        seen.extend(stage.sent())
        return encode_announcement(A) in seen

    stage.until(is_announced)
    assert encode_announcement(B) not in seen, "it is of the LAN itself"


def test_a_probe_that_is_to_leave_once_more_shuts_the_bridge(stage):
    bridge, site = stage.bridges[0], Client(stage.live, joins=True)
    probes: list[Probe] = []

    def is_probed() -> bool:
        probes.extend(filter(None, map(decode_probe, stage.wires[0].take(100))))
        return bool(probes)

    stage.until(is_probed)
    stage.client.send(frame(BROADCAST, A))
    stage.wires[0].push([frame(BROADCAST, B)])
    stage.until(lambda: stage.client.frames)
    site.send(encode_probe(probes[0]))
    assert bridge.guard.is_shut
    assert stage.changes == 1
    stage.client.send(frame(B, A), frame(BROADCAST, A))
    stage.wires[0].push([frame(BROADCAST, B)])
    stage.until(lambda: stage.live.switch.dropped["loop"] == 3)
    assert stage.client.frames == [frame(BROADCAST, B)]
    status = judge(RULE, interface(), bridge, "")
    assert status is not None
    assert status.state is BridgeState.LOOP


def test_a_shut_bridge_lets_probes_of_others_through_with_its_mark(stage):
    bridge, site = stage.bridges[0], Client(stage.live, joins=True)
    bridge.guard.is_shut = True
    other = Probe(B, b"\0" * 7 + b"\1", b"a nonce!")
    stage.wires[0].push([encode_probe(other)])
    stage.until(lambda: site.frames)
    assert decode_probe(site.frames[0]) == other.cut_by(bridge.guard.port)
    stage.wires[0].take(100)
    site.send(encode_probe(other))
    assert decode_probe(stage.wires[0].take(100)[-1]) == other.cut_by(bridge.guard.port)


def test_a_lan_that_sends_our_own_back_is_no_loop_of_the_hub(stage):
    bridge, _ = stage.bridges[0], Client(stage.live, joins=True)

    def echo() -> bool:
        stage.wires[0].push([f for f in stage.wires[0].take(100) if decode_probe(f)])
        return bridge.guard.reflected > 0

    stage.until(echo)
    assert not bridge.guard.is_shut
    status = judge(RULE, interface(), bridge, "")
    assert status is not None
    assert "sends back" in status.why


def test_two_bridges_of_a_hub_joined_outside_are_cut_to_one(stage):
    stage.bridges.append(stage.add("eth2"))

    def relay() -> bool:
        one, other = stage.wires
        one.push(other.take(100))
        other.push(one.take(100))
        return any(bridge.guard.is_shut for bridge in stage.bridges)

    stage.until(relay)
    for _ in range(50):
        relay()
        gevent.sleep(0.02)
    assert [bridge.guard.is_shut for bridge in stage.bridges].count(True) == 1


def test_an_interface_that_goes_away_ends_nothing_else(stage):
    stage.wires[0].close()
    assert stage.bridges[0].error == "the port is closed"
    stage.client.send(frame(BROADCAST, A))
    assert stage.live.switch.dropped["lan-gone"] == 1
    assert stage.changes == 1


def interface(**changes: object) -> Interface:
    facts = {"name": "eth1", "index": 7, "mac": C, "mtu": 1500, "is_up": True}
    return Interface(**{**facts, "has_carrier": True, "is_ethernet": True, **changes})


@pytest.mark.parametrize(
    ("seen", "state", "why"),
    [
        (interface(), "up", ""),
        (None, "missing", "no interface eth1"),
        (interface(is_up=False), "down", "eth1 is down"),
        (interface(has_carrier=False), "down", "eth1 has no carrier"),
        (interface(is_ethernet=False), "failed", "eth1 is no Ethernet interface"),
        (interface(mtu=1400), "up", "mtu 1400: longer frames are lost"),
    ],
)
def test_how_a_bridge_is_is_said_in_a_word_and_a_line(stage, seen, state, why):
    status = judge(RULE, seen, stage.bridges[0], "")
    assert status is not None
    assert (status.state, status.why) == (state, why)


def test_one_that_could_not_be_opened_says_why_and_one_not_due_says_nothing():
    failed = judge(RULE, interface(), None, "cannot open interface eth1: it is so")
    assert failed is not None
    assert failed.state is BridgeState.FAILED
    assert judge(RULE, interface(), None, "") is None
