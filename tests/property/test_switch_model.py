"""The switch agrees with a dictionary, whatever comes and goes, in whatever order."""

from collections import Counter
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from gateway.hub.port import Port
from gateway.hub.switch import Switch, SwitchSettings

STATIONS = [b"\x5e\0\0\0\0" + bytes([n]) for n in range(12)]
GROUPS = [b"\xff" * 6, b"\x01\0\x5e\0\0\1"]
CAPACITY, AGEING, RATE, BURST = 6, 30, 1, 4


@dataclass
class Station:
    """What the model knows of an address."""

    port: Port
    learned: float
    seen: float


class Model:
    """The whole switch as one dictionary, in the order its stations were last refreshed."""

    def __init__(self) -> None:
        self.ports: dict[Port, tuple[float, float]] = {}  # tokens, and when they were counted
        self.stations: dict[bytes, Station] = {}

    def oldest(self, port):
        return next(mac for mac, station in self.stations.items() if station.port is port)

    def victims(self, learner):
        """Return whom a full table may lose: any fullest port's oldest, first the learner's own."""
        held = Counter(station.port for station in self.stations.values())
        most = max(held.values())
        if held[learner] == most:
            return {self.oldest(learner)}
        return {self.oldest(port) for port in held if held[port] == most}

    def refresh(self, mac, station):
        self.stations.pop(mac, None)
        self.stations[mac] = station

    def pays(self, port, frames, now):
        tokens, since = self.ports[port]
        tokens = min(BURST, tokens + (now - since) * RATE)
        paid = not port.guard or frames <= tokens
        self.ports[port] = (tokens - frames if paid else tokens, now)
        return paid

    def forward(self, port, destination, source, frames, now, gone):
        """Return the ports a run must leave by; `gone` says which of the victims was evicted."""
        if port not in self.ports or port.monitor or source not in STATIONS:
            return set()
        known = self.stations.get(source)
        if known and known.port is port:
            if now - known.seen >= 1:
                self.refresh(source, Station(port, known.learned, now))
        else:
            held = sum(station.port is port for station in self.stations.values())
            if port.max_macs and held >= port.max_macs:
                return set()
            if not known and len(self.stations) == CAPACITY:
                (victim,) = (mac for mac in self.victims(port) if gone(mac))
                del self.stations[victim]
            self.refresh(source, Station(port, now, now))
        if destination in GROUPS and not self.pays(port, frames, now):
            return set()
        target = self.stations.get(destination)
        if target is None:
            return set(self.ports) - {port}
        if target.port is port:
            return set()
        return {target.port} | {other for other in self.ports if other.monitor}


class SwitchAgainstModel(RuleBasedStateMachine):
    """Each rule does one thing to both."""

    ports = Bundle("ports")
    leavers = Bundle("leavers")

    def __init__(self) -> None:
        super().__init__()
        self.switch = Switch(
            SwitchSettings(
                max_macs=CAPACITY, ageing_s=AGEING, storm_frames_s=RATE, storm_burst=BURST
            )
        )
        self.model = Model()
        self.now = 1000.0

    @rule(
        target=ports,
        max_macs=st.sampled_from([0, 0, 1, 3]),
        storm_guard=st.booleans(),
        monitor=st.sampled_from([False, False, False, True]),
    )
    def attach(self, max_macs, storm_guard, monitor):
        port = self.switch.attach(
            len(self.model.ports), max_macs=max_macs, storm_guard=storm_guard, monitor=monitor
        )
        self.model.ports[port] = (BURST, self.now)
        return port

    @rule(target=leavers, port=consumes(ports))
    def detach(self, port):
        self.switch.detach(port)
        del self.model.ports[port]
        for mac in [m for m, s in self.model.stations.items() if s.port is port]:
            del self.model.stations[mac]
        return port

    @rule(
        port=st.one_of(ports, ports, ports, leavers),
        destination=st.sampled_from(STATIONS + GROUPS),
        source=st.sampled_from(STATIONS + STATIONS + GROUPS + [bytes(6)]),
        frames=st.integers(1, 5),
    )
    def forward(self, port, destination, source, frames):
        dropped = port.dropped.total()
        leave = self.switch.forward(port, destination + source, frames, 60 * frames, self.now)
        wanted = self.model.forward(
            port, destination, source, frames, self.now, lambda m: not self.switch.table.lookup(m)
        )
        assert set(leave) == wanted
        assert len(leave) == len(wanted)
        alone = not set(self.model.ports) - {port}  # a flood to nobody is no drop
        lost = port.dropped.total() - dropped
        assert lost == (0 if wanted else frames) or (alone and lost == 0)

    @rule(seconds=st.sampled_from([0.25, 1, 1, 7, 40]))
    def pass_time(self, seconds):
        self.now += seconds

    @rule()
    def expire(self):
        rest = self.switch.expire(self.now)
        stations = self.model.stations
        for mac in [m for m, s in stations.items() if self.now - s.seen >= AGEING]:
            del stations[mac]
        assert rest >= 1
        assert all(station.seen + AGEING >= self.now + rest - 1 for station in stations.values())

    @invariant()
    def both_know_the_same_stations(self):
        assert {(mac, *row) for mac, *row in self.switch.macs()} == {
            (mac, s.port, s.learned, s.seen) for mac, s in self.model.stations.items()
        }

    @invariant()
    def counters_add_up(self):
        table = self.switch.table
        assert table.learned - table.expired - table.evicted >= len(table)
        for port in self.model.ports:
            assert not port.max_macs or table.held(port) <= port.max_macs


TestSwitchAgainstModel = SwitchAgainstModel.TestCase
TestSwitchAgainstModel.settings = settings(max_examples=80, stateful_step_count=60)
