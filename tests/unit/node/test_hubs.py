"""Hubs on a node: who raises one, who keeps it, what its end takes along."""

import pytest

from coordinator.model import Hub, HubKind
from gateway.client.port import PortError
from gateway.hub.port import Port
from gateway.node.hubs import Hubs, LiveHub
from gateway.node.ledger import Ledger
from gateway.node.outlet import carry
from gateway.transport.gate import ALWAYS_OPEN, Gate
from gateway.wire.blocks import encode_blocks

LAN = Hub("LAN", HubKind.STATIC)
A, B = b"\x02\0\0\0\0\x0a", b"\x02\0\0\0\0\x0b"
FRAME = B + A + b"\x08\0" + bytes(46)
RUN = (B + A, 1, len(FRAME), encode_blocks([FRAME]))


class Wire:
    """An outlet that writes down what happens to it."""

    def __init__(self, live: LiveHub, keeps_hub: bool = False, joins: bool = False) -> None:
        self.live = live
        self.keeps_hub = keeps_hub
        self.port: Port = live.switch.attach(self, joins=joins)
        self.told: list[object] = []

    def deliver(self, message: bytes, frames: int) -> bool:
        self.told.append((message, frames))
        return True

    def flush(self) -> None:
        self.told.append("flush")

    def announce(self, macs) -> None:
        self.told.append(tuple(macs))

    def withdraw(self, macs) -> None:
        self.told.append(("withdrawn", *macs))

    def end(self, reason: str) -> None:
        self.live.switch.detach(self.port)
        self.told.append(reason)


def fail(live):
    raise PortError("no interface eth9")


@pytest.fixture
def hubs() -> Hubs:
    return Hubs(Ledger(), Gate())


def test_a_hub_stands_as_long_as_an_outlet(hubs):
    hubs.attach(LAN, "bridge eth1", Wire)
    wire = hubs.alive["lan"].outlets["bridge eth1"]
    hubs.attach(LAN, "bridge eth1", Wire)
    assert hubs.alive["lan"].outlets["bridge eth1"] is wire
    hubs.detach("Lan", "bridge eth1", "removed")
    assert wire.told == ["removed"]
    assert not hubs.alive


def test_an_outlet_that_cannot_be_made_raises_no_hub(hubs):
    with pytest.raises(PortError):
        hubs.attach(LAN, "bridge eth9", fail)
    assert not hubs.alive


def test_one_that_fails_while_somebody_joins_leaves_the_hub(hubs):
    def give(live):
        with pytest.raises(PortError):
            hubs.attach(LAN, "bridge eth9", fail)

    hubs.on_raised.append(give)
    live = hubs.raise_hub(LAN)
    assert hubs.alive["lan"] is live


def test_whoever_gives_outlets_hears_of_each_hub_that_comes_up(hubs):
    raised = []
    hubs.on_raised.append(raised.append)
    first = hubs.raise_hub(LAN)
    assert hubs.raise_hub(LAN) is first
    assert raised == [first]


def test_only_an_outlet_that_keeps_its_hub_is_a_use(hubs):
    hubs.attach(LAN, "bridge eth1", Wire)
    assert hubs.uses_of("lan") == 0
    hubs.attach(LAN, "cascade SITE", lambda live: Wire(live, keeps_hub=True))
    assert hubs.uses_of("LAN") == 1
    assert hubs.uses_of("other") == 0


def test_the_end_of_a_hub_ends_its_outlets(hubs):
    hubs.attach(LAN, "bridge eth1", Wire)
    hubs.attach(LAN, "cascade SITE", Wire)
    wires = list(hubs.alive["lan"].outlets.values())
    hubs.end("LAN", "hub-offline")
    assert [wire.told for wire in wires] == [["hub-offline"]] * 2
    assert not hubs.alive


def test_what_comes_in_by_one_outlet_leaves_by_the_other_and_is_flushed_once(hubs):
    hubs.attach(LAN, "one", Wire)
    hubs.attach(LAN, "two", Wire)
    live = hubs.alive["lan"]
    one, two = live.outlets.values()
    carry(live.switch, ALWAYS_OPEN, one.port, [RUN], 1.0)
    assert two.told == [(RUN[3], 1), "flush"]
    assert one.told == []


def test_behind_a_closed_gate_frames_are_dropped_and_counted(hubs):
    hubs.attach(LAN, "one", Wire)
    hubs.attach(LAN, "two", Wire)
    live = hubs.alive["lan"]
    one, two = live.outlets.values()
    carry(live.switch, Gate(), one.port, [RUN], 1.0)
    assert two.told == []
    assert live.switch.dropped["gate-closed"] == 1


def test_announcements_reach_every_outlet(hubs):
    hubs.attach(LAN, "one", Wire)
    live = hubs.alive["lan"]
    live.announce([A])
    live.announce([])
    assert live.outlets["one"].told == [(A,)]


def test_news_of_a_hub_that_is_joined_are_told_once(hubs):
    hubs.attach(LAN, "one", Wire)
    live = hubs.alive["lan"]
    assert not hubs.has_moved()
    live.switch.forward(live.outlets["one"].port, B + A, 1, 60, 0.0)
    assert hubs.has_moved()
    assert not hubs.has_moved()
    alone = hubs.raise_hub(Hub("LAB"))
    alone.switch.forward(alone.switch.attach("a session"), B + A, 1, 60, 0.0)
    assert not hubs.has_moved(), "its owner alone has it, and nobody outside has to know"


def test_a_station_that_came_over_is_not_sought_where_it_was(hubs):
    """Its frames came in by the LAN until now; what is for it would be sent back there."""
    hubs.attach(LAN, "one", lambda live: Wire(live, joins=True))
    live = hubs.alive["lan"]
    one = live.outlets["one"]
    session = live.switch.attach("a session")
    live.switch.forward(one.port, B + A, 1, 60, 0.0)
    assert live.switch.forward(one.port, A + B, 1, 60, 0.0) == ()
    live.announce([A])
    assert list(live.switch.forward(one.port, A + B, 1, 60, 0.0)) == [session]
