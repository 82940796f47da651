"""A virtual Ethernet switch: a run of frames in by one port, the ports it leaves by out.

It owns no sockets and no clock, never looks at a port's owner, and acts on nothing: the caller
carries the run to the ports that come back. VLAN tags are payload here: addresses are one space.

*Two ways to a decision.* Each port remembers, for the twelve address bytes of a run, the two table
entries that settled it. While the source is still on this port and the destination on another, that
is the answer, for the price of one dictionary look-up. Everything else goes to the port's own
`decide`, chosen when it is attached: a plain port switches, a monitor port is refused. Nothing has
to be told when the table changes, because entries carry their changes themselves (`table.py`).
A port remembers at most `MAX_PATHS` pairs and then starts afresh, so addresses made up by a sender
cost it nothing more than that.

*What is limited.* The storm guard of a port counts frames to group addresses, broadcast and
multicast alike: a loop multiplies both. The flood guard counts copies, frames times the ports they
leave by, of groups and of unicast to unknown stations alike: what one port costs all others. In a
small hub it is never felt, and a one-way stream to a station that never answers, which is
legitimate, passes; among a thousand ports it would be the same work as a thousand streams.
A run passes a guard whole or not at all.

*Probes.* Frames to the group `PROBES` look for loops. Only a port that may join one segment to
another can be part of a loop, so only such ports send and get them: no plain session learns what is
in a probe or can make one. The storm guard lets them pass: they are wanted most in a storm.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.hub.limit import TokenBucket
from gateway.hub.port import Port, Traffic
from gateway.hub.rules import NO_TERMS, HubRules, Terms
from gateway.hub.table import MacTable
from gateway.wire.ethernet import PROBES, is_group, is_station

MAX_PATHS = 1024
MAC_EXCLUSIVE_S = 13.0  # how long an address is its last user's, the reference's number


@dataclass(frozen=True, slots=True)
class SwitchSettings:
    """The limits of one switch; the defaults suit a hub of some hundred sessions."""

    max_macs: int = 16_384  # about 6 MB when full
    ageing_s: float = 300.0  # IEEE 802.1D's recommended value
    storm_frames_s: float = 1000.0  # frames to group addresses per second and port
    storm_burst: float = 2000.0
    flood_copies_s: float = 200_000.0  # about a tenth of one core, per port
    flood_burst: float = 400_000.0


class MacRow(NamedTuple):
    """One address as an operator sees it; times are seconds on the switch's own clock."""

    mac: bytes
    port: Port
    learned: float
    seen: float


class Switch:
    """Ports, the table of who is behind which, and what was dropped by reason.

    Reasons: "bad-source" (a group or zero as sender), "mac-limit" (a new address on a port that
    holds its `max_macs`), "mac-conflict" (an address another port uses, policy CheckMac),
    "same-port" (the destination is behind the sender's own port), those of `rules.py`,
    "redirected" (a rule answered its data, `redirection.py`),
    "broadcast-storm", "flood", "monitor-port" (a monitor sent something), "stray-probe" (a probe
    by a port that joins nothing), "detached".
    """

    def __init__(self, settings: SwitchSettings) -> None:
        self.settings = settings
        self.table: MacTable[Port] = MacTable(settings.max_macs, settings.ageing_s)
        self.dropped: Counter[str] = Counter()
        self._ports: dict[Port, None] = {}  # an ordered set
        self._monitors: tuple[Port, ...] = ()
        self._uncounted: set[Port] = set()
        self._departed = (Traffic(), Traffic())  # received and sent by ports that left
        self._refresh_s = self.table.refresh_s
        self.rules = HubRules(self._port_of)

    @property
    def ports(self) -> Sequence[Port]:
        """All attached ports, oldest first."""
        return tuple(self._ports)

    def attach(
        self,
        owner: object,
        *,
        max_macs: int = 0,
        storm_guard: bool = True,
        monitor: bool = False,
        joins: bool = False,
        counted: bool = True,
        terms: Terms = NO_TERMS,
    ) -> Port:
        """Add a port for `owner`.

        `max_macs` bounds the addresses learned on it (0: no limit, policy MaxMac); without
        `storm_guard` it may broadcast freely (policy NoBroadcastLimiter). A `monitor` port gets a
        copy of all that is forwarded and may send nothing. One that `joins` leads to a segment
        beyond this switch, not to a single station. `terms` say what else it may. What a port
        carries that is not `counted` is missing from `carried`: it leads to nobody.
        """
        settings = self.settings
        guard = self._guard() if storm_guard else None
        decide = self._refuse_monitor if monitor else self._switch
        flood = TokenBucket(settings.flood_copies_s, settings.flood_burst)
        port = Port(
            owner, decide, flood, max_macs=max_macs, guard=guard, monitor=monitor, joins=joins
        )
        self._ports[port] = None
        if not counted:
            self._uncounted.add(port)
        if monitor:
            self._renew_reach()
        else:
            port.reach = (port, *self._monitors)
        self.rules.join(port, terms)
        return port

    def change(self, port: Port, *, max_macs: int, storm_guard: bool, terms: Terms) -> None:
        """Put an attached port under other terms: its next frame is judged by them."""
        if port not in self._ports:
            return
        port.max_macs = max_macs
        if storm_guard != (port.guard is not None):
            port.guard = self._guard() if storm_guard else None
        self.rules.join(port, terms)

    def detach(self, port: Port) -> None:
        """Remove `port` and forget what was behind it; what it still sends is dropped."""
        if port not in self._ports:
            return
        del self._ports[port]
        if port not in self._uncounted:
            self._departed[0].merge(port.received)
            self._departed[1].merge(port.sent)
        self._uncounted.discard(port)
        self.table.forget_port(port)
        self.rules.leave(port)
        port.decide = self._refuse_detached
        port.paths.clear()
        port.reach = ()
        if port.monitor:
            self._renew_reach()

    def has(self, port: Port) -> bool:
        """Say whether `port` is attached."""
        return port in self._ports

    def forward(
        self, port: Port, addresses: bytes, frames: int, size: int, now: float
    ) -> Sequence[Port]:
        """Take one run in by `port` and return the ports it leaves by; none when it was dropped.

        `addresses` is destination and source, 12 bytes; `size` the bytes of all `frames` together.
        The run is counted as received here, and as sent on every port returned.
        """
        path = port.paths.get(addresses)
        if path is not None:
            source, target = path
            to = target.port
            if source.port is port and to is not None and to is not port:
                if now - source.seen >= self._refresh_s:
                    self.table.refresh(source, now)
                traffic = port.received
                traffic.unicast_frames += frames
                traffic.unicast_bytes += size
                reach = to.reach
                for other in reach:
                    traffic = other.sent
                    traffic.unicast_frames += frames
                    traffic.unicast_bytes += size
                return reach
        return port.decide(port, addresses, frames, size, now)

    def recall(self, port: Port, macs: Sequence[bytes], now: float) -> None:
        """Take `macs` as learned on `port`: what was known of a session before it came here."""
        for mac in macs:
            entry = self.table.lookup(mac)
            if is_station(mac) and (entry is None or entry.port is None):
                self.table.learn(mac, port, now, port.max_macs)

    def unlearn(self, macs: Sequence[bytes]) -> None:
        """Forget `macs` where they are behind ports that join: they have come over from there, and
        what is for them floods until they speak."""
        for mac in macs:
            entry = self.table.lookup(mac)
            if entry is not None and entry.port is not None and entry.port.joins:
                self.table.forget(mac)

    def expire(self, now: float) -> float:
        """Forget stations that fell silent; return for how many seconds this may be left alone."""
        return max(1.0, self.table.expire(now))

    def macs(self) -> list[MacRow]:
        """List the learned addresses for operators."""
        return [
            MacRow(entry.mac, entry.port, entry.learned, entry.seen)
            for entry in self.table
            if entry.port is not None
        ]

    def carried(self) -> tuple[Traffic, Traffic]:
        """Return what all ports, gone ones included, have received and been sent."""
        received, sent = Traffic(), Traffic()
        received.merge(self._departed[0])
        sent.merge(self._departed[1])
        for port in self._ports.keys() - self._uncounted:
            received.merge(port.received)
            sent.merge(port.sent)
        return received, sent

    def refuse(self, port: Port, addresses: bytes, reason: str, frames: int, size: int) -> None:
        """Count frames that came in by `port` and that rules stopped before they were forwarded."""
        port.received.add(is_group(addresses), frames, size)
        self.drop(port, reason, frames)

    def drop(self, port: Port, reason: str, frames: int) -> Sequence[Port]:
        """Count `frames` lost at `port`, here or by its owner ("queue-full"); return no ports."""
        port.dropped[reason] += frames
        self.dropped[reason] += frames
        return ()

    def _switch(
        self, port: Port, addresses: bytes, frames: int, size: int, now: float
    ) -> Sequence[Port]:
        destination, sender = addresses[:6], addresses[6:]
        group = is_group(destination)
        port.received.add(group, frames, size)
        if not is_station(sender):
            return self.drop(port, "bad-source", frames)
        if destination == PROBES:
            return self._probe(port, frames, size, now)
        if self.rules.checks_mac(port) and self._is_taken(sender, port, now):
            return self.drop(port, "mac-conflict", frames)
        source = self.table.learn(sender, port, now, port.max_macs)
        if source is None:
            return self.drop(port, "mac-limit", frames)
        if group and port.guard is not None and not port.guard.take(frames, now):
            return self.drop(port, "broadcast-storm", frames)
        target = None if group else self.table.lookup(destination)
        if target is None or target.port is None:
            if not port.flood.take(frames * (len(self._ports) - 1), now):
                return self.drop(port, "flood", frames)
            leave: Sequence[Port] = [other for other in self._ports if other is not port]
        elif target.port is port:
            return self.drop(port, "same-port", frames)
        else:
            if len(port.paths) >= MAX_PATHS:
                port.paths.clear()
            port.paths[addresses] = (source, target)
            leave = target.port.reach
        for other in leave:
            other.sent.add(group, frames, size)
        return leave

    def _probe(self, port: Port, frames: int, size: int, now: float) -> Sequence[Port]:
        """Send loop probes to all ports that may be part of a loop. Nothing is learned by them."""
        if not port.joins:
            return self.drop(port, "stray-probe", frames)
        leave = [other for other in self._ports if other.joins and other is not port]
        if not port.flood.take(frames * len(leave), now):
            return self.drop(port, "flood", frames)
        for other in leave:
            other.sent.add(True, frames, size)
        return leave

    def _guard(self) -> TokenBucket:
        return TokenBucket(self.settings.storm_frames_s, self.settings.storm_burst)

    def _port_of(self, mac: bytes) -> Port | None:
        entry = self.table.lookup(mac)
        return entry.port if entry is not None else None

    def _is_taken(self, mac: bytes, port: Port, now: float) -> bool:
        """Say whether a station is behind another port, and spoke lately (policy CheckMac)."""
        entry = self.table.lookup(mac)
        if entry is None or entry.port is None or entry.port is port:
            return False
        return now - entry.seen <= MAC_EXCLUSIVE_S

    def _refuse_monitor(
        self, port: Port, addresses: bytes, frames: int, size: int, _now: float
    ) -> Sequence[Port]:
        port.received.add(is_group(addresses), frames, size)
        return self.drop(port, "monitor-port", frames)

    def _refuse_detached(
        self, port: Port, _addresses: bytes, frames: int, _size: int, _now: float
    ) -> Sequence[Port]:
        return self.drop(port, "detached", frames)

    def _renew_reach(self) -> None:
        """Let a run to any one port reach every monitor too."""
        self._monitors = tuple(port for port in self._ports if port.monitor)
        for port in self._ports:
            port.reach = () if port.monitor else (port, *self._monitors)
