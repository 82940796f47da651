"""Loops: pictures of hubs, LANs and cascades, probes travelling through them, and who gives way.

      lan ══ bridge ══ hub ══ cascade ══ hub ══ bridge ══ lan

A segment is a hub or a LAN; whoever joins two of them is a bridge with a guard, or a plain cable (a
cascade, a site's own bridge). The model floods a probe the way switches do, every way once.
"""

from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.lan.loop import EVERY_S, HEAL_S, LONGEST_S, STORM_S, LoopGuard
from gateway.lan.probe import Probe, decode_probe, encode_probe


class Bridge:
    def __init__(self, rank: int, lan: str, hub: str) -> None:
        self.guard = LoopGuard(rank.to_bytes(8, "big"), b"\x02\0\0\0\0\1")
        self.lan, self.hub = lan, hub


class Network:
    """Bridges and cables between segments, and a clock."""

    def __init__(self, *bridges: Bridge) -> None:
        self.bridges = list(bridges)
        self.cables: set[tuple[str, str]] = set()
        self.now = 0.0
        self._nonces = (n.to_bytes(8, "big") for n in count())

    def flood(self, sender: Bridge, probe: Probe) -> Iterator[Probe]:
        """Send a probe into the sender's LAN; yield it as it leaves by the sender once more."""
        ways = [(sender.lan, probe, frozenset([id(sender)]))]
        while ways:
            segment, probe, passed = ways.pop()
            for one, other in self.cables:
                for here, there in ((one, other), (other, one)):
                    if here == segment and (one, other) not in passed:
                        ways.append((there, probe, passed | {(one, other)}))
            for bridge in self.bridges:
                if bridge is sender:
                    if segment == bridge.hub:
                        yield probe
                elif segment in (bridge.lan, bridge.hub) and id(bridge) not in passed:
                    there = bridge.hub if segment == bridge.lan else bridge.lan
                    its = probe.cut_by(bridge.guard.port) if bridge.guard.is_shut else probe
                    ways.append((there, its, passed | {id(bridge)}))

    def probe(self, bridge: Bridge) -> None:
        probe = bridge.guard.make(next(self._nonces), self.now)
        for back in list(self.flood(bridge, probe)):
            assert bridge.guard.is_own(back)
            bridge.guard.returned(back, self.now)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 0.2
            for bridge in self.bridges:
                if bridge.guard.is_due(self.now, is_alone=False, is_storm=False):
                    self.probe(bridge)
            for bridge in self.bridges:
                bridge.guard.heals(self.now)

    def probe_together(self) -> None:
        """All at the same moment: nobody has shut when the others' probes pass."""
        sent = [(b, b.guard.make(next(self._nonces), self.now)) for b in self.bridges]
        backs = [(b, list(self.flood(b, probe))) for b, probe in sent]
        for bridge, found in backs:
            for back in found:
                bridge.guard.returned(back, self.now)

    @property
    def shut(self) -> list[int]:
        """Return the ranks of bridges that are shut."""
        return [int.from_bytes(b.guard.port, "big") for b in self.bridges if b.guard.is_shut]

    def loops(self) -> bool:
        """Say whether a frame could go round: is an edge left that closes a circle?"""
        edges = [(b.lan, b.hub) for b in self.bridges if not b.guard.is_shut]
        parent: dict[str, str] = {}

        def root(name: str) -> str:
            while parent.setdefault(name, name) != name:
                name = parent[name]
            return name

        for one, other in [*edges, *self.cables]:
            if root(one) == root(other):
                return True
            parent[root(one)] = root(other)
        return False


def test_two_instances_of_a_hub_on_one_lan_are_no_loop():
    network = Network(Bridge(1, "lan", "a"), Bridge(2, "lan", "b"), Bridge(3, "lan", "c"))
    network.run(10)
    assert network.shut == []


def test_two_bridges_of_a_hub_to_one_lan_leave_one():
    network = Network(Bridge(1, "lan", "a"), Bridge(2, "lan", "a"))
    network.run(2)
    assert len(network.shut) == 1
    network.run(60)
    assert len(network.shut) == 1
    assert not network.loops()


def test_instances_cascaded_to_each_other_are_cut_and_heal():
    network = Network(Bridge(1, "lan", "a"), Bridge(2, "lan", "b"))
    network.run(3)
    assert network.shut == []
    network.cables.add(("a", "b"))
    network.run(EVERY_S + 0.2)
    assert len(network.shut) == 1
    network.cables.clear()
    network.run(HEAL_S + EVERY_S + 0.4)
    assert network.shut == []


def test_of_two_that_shut_at_once_the_elder_opens_again():
    network = Network(Bridge(1, "lan", "a"), Bridge(2, "lan", "b"))
    network.cables.add(("a", "b"))
    network.probe_together()
    assert network.shut == [1, 2]
    network.run(HEAL_S + EVERY_S + 0.4)
    assert network.shut == [2]
    network.run(100)
    assert network.shut == [2]


def test_a_bridge_alone_on_its_loop_shuts_and_stays_shut():
    network = Network(Bridge(1, "lan", "a"))
    network.cables.add(("lan", "a"))  # a site that joined the hub is on the LAN as well
    network.run(30)
    assert network.shut == [1]


def test_who_is_beside_a_loop_stays_open():
    network = Network(Bridge(1, "lan", "a"), Bridge(2, "lan", "b"), Bridge(3, "lan", "c"))
    network.cables.add(("b", "c"))
    network.run(10)
    assert 1 not in network.shut
    assert len(network.shut) == 1


segments = st.sampled_from(["a", "b", "c", "lan", "office"])


@given(
    st.lists(st.tuples(st.sampled_from(["lan", "office"]), st.sampled_from("abc")), max_size=4),
    st.sets(st.tuples(segments, segments).filter(lambda pair: pair[0] < pair[1]), max_size=2),
    st.booleans(),
)
def test_whatever_is_joined_no_loop_stays_that_a_bridge_could_cut(ways, cables, together):
    network = Network(*(Bridge(rank, *way) for rank, way in enumerate(ways, start=1)))
    by_cable = Network()
    by_cable.cables = cables
    network.cables = cables
    if together:
        network.probe_together()
    network.run(40)
    assert not network.loops() or by_cable.loops()
    network.cables = set()
    network.bridges = network.bridges[:1]
    network.run(LONGEST_S + 2 * EVERY_S)
    assert network.shut == []


def test_who_shuts_again_and_again_waits_longer_each_time():
    guard = LoopGuard(b"12345678", b"\x02\0\0\0\0\1")
    now, waited = 0.0, []
    for _ in range(6):
        assert guard.returned(guard.make(b"nonce 00", now), now)
        shut_at = now
        while not guard.heals(now):
            now += 0.5
            guard.make(b"nonce 01", now)
        waited.append(now - shut_at)
    assert waited == sorted(waited)
    assert waited[0] == HEAL_S
    assert waited[-1] == LONGEST_S


def test_probes_are_sent_only_where_another_port_could_close_a_loop_and_sooner_in_a_storm():
    guard = LoopGuard(b"12345678", b"\x02\0\0\0\0\1")
    assert not guard.is_due(0.0, is_alone=True, is_storm=True)
    assert guard.is_due(0.0, is_alone=False, is_storm=False)
    guard.make(b"nonce 00", 0.0)
    assert not guard.is_due(STORM_S, is_alone=False, is_storm=False)
    assert guard.is_due(STORM_S, is_alone=False, is_storm=True)
    guard.hurry()
    assert guard.is_due(STORM_S, is_alone=False, is_storm=False)


def test_an_old_probe_or_a_made_up_one_is_not_ours():
    guard = LoopGuard(b"12345678", b"\x02\0\0\0\0\1")
    first = guard.make(bytes(8), 0.0)
    for n in range(1, 41):
        guard.make(n.to_bytes(8, "big"), float(n))
    assert not guard.is_own(first)
    assert not guard.is_own(Probe(b"\x02\0\0\0\0\1", b"12345678", b"made up!"))


eight = st.binary(min_size=8, max_size=8)


@given(st.builds(Probe, st.binary(min_size=6, max_size=6), eight, eight, eight))
def test_a_probe_is_read_as_it_was_written(probe):
    frame = encode_probe(probe)
    assert len(frame) == 60
    assert decode_probe(frame) == probe
    assert decode_probe(frame + b"padding") == probe


@given(st.binary(max_size=80))
def test_whatever_is_no_probe_is_none(frame):
    assert decode_probe(frame) is None


@pytest.mark.parametrize("size", [0, 11, 42])
def test_a_probe_cut_short_is_none(size):
    probe = Probe(b"\x02\0\0\0\0\1", b"12345678", b"abcdefgh")
    assert decode_probe(encode_probe(probe)[:size]) is None
