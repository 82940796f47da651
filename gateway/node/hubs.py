"""The hubs alive on this node: raised by the first who joins one, dropped with the last.

Who joins is a session, or an outlet (`outlet.py`): a host interface, a cascade.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter

from coordinator.access import AccessList
from coordinator.model import Hub, HubKind
from gateway.hub.port import Port
from gateway.hub.switch import MacRow, Switch, SwitchSettings
from gateway.node.inspect import place_sink
from gateway.node.late_frames import LateFrames
from gateway.node.ledger import Ledger
from gateway.node.outlet import Outlet
from gateway.node.session import Session
from gateway.node.tally import Tally
from gateway.node.terms import unread_access_list
from gateway.transport.gate import ALWAYS_OPEN, Gate
from gateway.transport.peer import address_of
from gateway.transport.timer import Timer
from gateway.wire.ethernet import parse_macs


class LiveHub:
    """One hub's switch, sessions and outlets on this node."""

    def __init__(self, hub: Hub, gate: Gate, access: AccessList) -> None:
        """Frames pass while `gate` is open, and `access` lets them."""
        self.hub = hub
        self.gate = gate
        self.is_current = False
        """The directory was asked since it was raised: it may have gone offline just before."""
        self.switch = Switch(switch_settings(hub))
        self.switch.rules.on_exit_changed = place_sink(self.switch)
        self._late = LateFrames(gate, self._lose)
        self.switch.rules.impair = self._late.impair
        self.switch.rules.visitor_of = _visitor_of
        self.take_rules(access, hub.options)
        self.sessions: dict[str, Session] = {}
        self.outlets: dict[str, Outlet] = {}
        """By a name that says what it is and where to: `bridge eth1`, `cascade SITE`."""
        self._dropped: Counter[str] = Counter()
        self._learned = 0
        self._ageing = Timer(self._expire)
        self._ageing.set(1.0)

    def change(self, hub: Hub) -> None:
        """Take over changed settings. The size of the address table holds until the hub is idle."""
        self.hub = hub
        self.is_current = True

    @property
    def uses(self) -> int:
        """Return how many need the hub to be here: sessions, and outlets that keep it."""
        return len(self.sessions) + sum(outlet.keeps_hub for outlet in self.outlets.values())

    def announce(self, macs: Sequence[bytes]) -> None:
        """Tell the other sides of all outlets that stations are here now, which were elsewhere."""
        self.switch.unlearn(macs)
        for outlet in self.outlets.values() if macs else ():
            outlet.announce(macs)

    def withdraw(self, macs: Sequence[bytes]) -> None:
        """Announce stations no more that have gone, perhaps to a node of the same machine."""
        for outlet in self.outlets.values() if macs else ():
            outlet.withdraw(macs)

    def take_rules(self, access: AccessList, options: Mapping[str, int]) -> None:
        """Judge frames by other rules from now on."""
        self.access = access
        self.options = options
        self.switch.rules.change(access.rules, options)

    def take_drops(self) -> Counter[str]:
        """Return the frames dropped by reason since the last call."""
        fresh = self.switch.dropped - self._dropped
        self._dropped = self.switch.dropped.copy()
        return fresh

    def has_learned(self) -> bool:
        """Say whether stations were learned, or moved, since the last call."""
        before, self._learned = self._learned, self.switch.table.learned + self.switch.table.moved
        return before != self._learned

    def macs_by_port(self) -> dict[Port, tuple[str, ...]]:
        """Return the addresses learned, by port, each port's latest last."""
        found: dict[Port, list[MacRow]] = defaultdict(list)
        for row in self.switch.macs():
            found[row.port].append(row)
        return {
            port: tuple(row.mac.hex(":") for row in sorted(rows, key=attrgetter("seen")))
            for port, rows in found.items()
        }

    def drop(self) -> None:
        """Let go of the loop."""
        self._ageing.cancel()
        self._late.stop()

    def _lose(self, frames: int) -> None:
        self.switch.dropped["gate-closed"] += frames

    def _expire(self) -> None:
        self._ageing.set(self.switch.expire(time.monotonic()))


class Hubs:
    """All of them, by folded name."""

    def __init__(
        self,
        ledger: Ledger,
        gate: Gate,
        read_access: Callable[[Hub], AccessList] = unread_access_list,
    ) -> None:
        """`gate` is the node's, of all dynamic hubs; a static hub has no owner and needs none.

        `read_access(hub)` reads its access list and may wait.
        """
        self.alive: dict[str, LiveHub] = {}
        self.tally = Tally()
        """Of hubs that were alive here and went."""
        self._read_access = read_access
        self._gate = gate
        self._ledger = ledger
        self.on_raised: list[Callable[[LiveHub], None]] = []
        """Called when a hub came up, before anyone joins it: for those who give it outlets."""

    def access_list(self, hub: Hub) -> AccessList:
        """Return a hub's access list. Waits for the store if it is not alive here and has one.

        Raises StoreError.
        """
        live = self.alive.get(hub.name.lower())
        return live.access if live is not None else self._read_access(hub)

    def raise_hub(self, hub: Hub, access: AccessList | None = None) -> LiveHub:
        """Return the live hub, bringing it up under `access` if it is not. Does not wait.

        Whoever has not read a hub's access list raises it with one that stops all but ARP, until
        the next renewal of the lease has it read.
        """
        live = self.alive.get(hub.name.lower())
        if live is None:
            gate = self._gate if hub.kind is HubKind.DYNAMIC else ALWAYS_OPEN
            live = LiveHub(hub, gate, access or unread_access_list(hub))
            self.alive[hub.name.lower()] = live
            for raised in self.on_raised:
                raised(live)
        return live

    def remove(self, session: Session) -> None:
        """Forget an ended session; the hub goes with the last who joined it."""
        live = self.alive.get(session.record.hub.lower())
        if live is not None:
            live.sessions.pop(session.record.name, None)
            live.withdraw(parse_macs(session.behind))
            self._drop_unused(live)

    def attach(self, hub: Hub, name: str, make: Callable[[LiveHub], Outlet]) -> None:
        """Give a hub the outlet `name`, made by `make`, unless it has it; raises the hub for it.

        What `make` raises passes, and the hub is as it was.
        """
        is_fresh = hub.name.lower() not in self.alive
        live = self.raise_hub(hub)
        try:
            if name not in live.outlets:
                live.outlets[name] = make(live)
        finally:
            if is_fresh:  # else somebody joins it at this moment, or has
                self._drop_unused(live)

    def detach(self, hub: str, name: str, reason: str) -> None:
        """End one outlet of a hub, if it is there; the hub goes with the last who joined it."""
        live = self.alive.get(hub.lower())
        outlet = live.outlets.pop(name, None) if live is not None else None
        if live is not None and outlet is not None:
            outlet.end(reason)
            self._drop_unused(live)

    def end(self, hub: str, reason: str) -> None:
        """End every session and outlet of a hub here, and so the hub."""
        live = self.alive.get(hub.lower())
        if live is None:
            return
        for session in list(live.sessions.values()):
            session.end(reason)
        for name in list(live.outlets):
            self.detach(hub, name, reason)

    def has_moved(self) -> bool:
        """Say whether a hub that is joined to elsewhere has learned stations since the last call:
        whoever takes its sessions over has to know them."""
        return sum(live.has_learned() for live in self.alive.values() if live.outlets) > 0

    def uses_of(self, hub: str) -> int:
        """Return how many need a hub to be here; 0 for one that is not."""
        live = self.alive.get(hub.lower())
        return live.uses if live is not None else 0

    def _drop_unused(self, live: LiveHub) -> None:
        key = live.hub.name.lower()
        if self.alive.get(key) is live and not live.sessions and not live.outlets:
            live.drop()
            self._ledger.drops[live.hub.name].update(live.take_drops())
            self.tally.close(live.hub.name, live.switch)
            del self.alive[key]


def _visitor_of(port: Port) -> str | None:
    """Return what a URL is told of a client, as the reference writes it; None: no client's port.

    Who is behind a host interface or at the other end of a cascade is not answered: he may be
    anybody, and so may be the way there.
    """
    if not isinstance(port.owner, Session):
        return None
    record = port.owner.record
    moment = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    return f"{record.user}|{record.name}|{address_of(record.address)}|{moment}"


def switch_settings(hub: Hub) -> SwitchSettings:
    """Return what a hub's record says about its switch."""
    return SwitchSettings(max_macs=hub.max_macs) if hub.max_macs else SwitchSettings()
