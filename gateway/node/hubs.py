"""The hubs alive on this node: raised by their first session, dropped with the last one."""

import time
from collections import Counter, defaultdict
from operator import attrgetter

from coordinator.model import Hub, HubKind
from gateway.hub.port import Port
from gateway.hub.switch import MacRow, Switch, SwitchSettings
from gateway.node.ledger import Ledger
from gateway.node.session import Session
from gateway.node.tally import Tally
from gateway.transport.gate import ALWAYS_OPEN, Gate
from gateway.transport.timer import Timer


class LiveHub:
    """One hub's switch and sessions on this node."""

    def __init__(self, hub: Hub, gate: Gate) -> None:
        """Frames pass while `gate` is open."""
        self.hub = hub
        self.gate = gate
        self.is_current = False
        """The directory was asked since it was raised: it may have gone offline just before."""
        self.switch = Switch(switch_settings(hub))
        self.sessions: dict[str, Session] = {}
        self._dropped: Counter[str] = Counter()
        self._ageing = Timer(self._expire)
        self._ageing.set(1.0)

    def change(self, hub: Hub) -> None:
        """Take over changed settings. The size of the address table holds until the hub is idle."""
        self.hub = hub
        self.is_current = True

    def take_drops(self) -> Counter[str]:
        """Return the frames dropped by reason since the last call."""
        fresh = self.switch.dropped - self._dropped
        self._dropped = self.switch.dropped.copy()
        return fresh

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

    def _expire(self) -> None:
        self._ageing.set(self.switch.expire(time.monotonic()))


class Hubs:
    """All of them, by folded name."""

    def __init__(self, ledger: Ledger, gate: Gate) -> None:
        """`gate` is the node's, of all dynamic hubs; a static hub has no owner and needs none."""
        self.alive: dict[str, LiveHub] = {}
        self.tally = Tally()
        """Of hubs that were alive here and went."""
        self._gate = gate
        self._ledger = ledger

    def raise_hub(self, hub: Hub) -> LiveHub:
        """Return the live hub, bringing it up if it is not."""
        live = self.alive.get(hub.name.lower())
        if live is None:
            live = self.alive[hub.name.lower()] = LiveHub(
                hub, self._gate if hub.kind is HubKind.DYNAMIC else ALWAYS_OPEN
            )
        return live

    def remove(self, session: Session) -> None:
        """Forget an ended session; the hub goes with its last one."""
        key = session.record.hub.lower()
        live = self.alive.get(key)
        if live is None:
            return
        live.sessions.pop(session.record.name, None)
        if not live.sessions:
            live.drop()
            self._ledger.drops[live.hub.name].update(live.take_drops())
            self.tally.close(live.hub.name, live.switch)
            del self.alive[key]


def switch_settings(hub: Hub) -> SwitchSettings:
    """Return what a hub's record says about its switch."""
    return SwitchSettings(max_macs=hub.max_macs) if hub.max_macs else SwitchSettings()
