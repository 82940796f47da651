"""The bridges of this node: rules from the store made true, and what became of each said.

Rules are read when the directory has changed, and held against the host's interfaces every second
and whenever a bridge says that something is amiss. A static hub is bridged as long as a rule says
so; a dynamic one while it is alive here, that is, while this node owns it and somebody uses it.

An interface that is not there, goes down, is renamed or taken away costs its own bridge only: it is
tried again, each time after a longer pause, and one line says what is wrong. Meanwhile the node
refuses the hub: its sessions are placed elsewhere (`Node.refuses`).
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog
from gevent.event import Event

from coordinator.bridges import bridges_of
from coordinator.errors import CoordinatorError
from coordinator.fleet import Fleet
from coordinator.model import Bridge as Rule
from coordinator.model import BridgeState, BridgeStatus, Hub, HubKind, Node
from coordinator.names import fold
from coordinator.times import utc_now
from gateway.client.mac import local_mac
from gateway.client.port import PortError
from gateway.client.tap import Tap
from gateway.lan import interface as interfaces
from gateway.lan.interface import Interface
from gateway.lan.packet import PacketPort
from gateway.node.bridge import Bridge, HostPort
from gateway.node.hubs import Hubs, LiveHub

log = structlog.get_logger()

LOOK_S = 1.0
LONGEST_RETRY_S = 30.0
LEAVE_S = 3.0  # a hub is refused for so long: its sessions here are sent elsewhere
LISTED_S = 30.0  # between two looks at which interfaces there are: hosts of containers have many
MOST_LISTED = 200
HUB_MTU = 1500


@dataclass(slots=True)
class _Trouble:
    """A bridge that could not be opened."""

    why: str
    retry_at: float
    pause_s: float


class Bridges:
    """All of them; `run` keeps them true, `statuses` and `refuses` are for the node's row."""

    def __init__(self, fleet: Fleet, hubs: Hubs, row: Node, wake: Callable[[], None]) -> None:
        """`row` says which rules are ours; `wake()` has what changed told to the fleet at once."""
        self._fleet = fleet
        self._hubs = hubs
        self._row = row
        self._wake = wake
        self._wanted: dict[str, tuple[Hub, Sequence[Rule]]] = {}
        self._version = -1
        self._troubles: dict[tuple[str, str], _Trouble] = {}
        self._statuses: dict[tuple[str, str], BridgeStatus] = {}
        self._refused_at: dict[str, float] = {}
        self._untold: list[BridgeStatus] = []
        self._ethernet: tuple[str, ...] = ()
        self._listed_at = float("-inf")
        self._stirred = Event()
        hubs.on_raised.append(self._raised)

    @property
    def statuses(self) -> tuple[BridgeStatus, ...]:
        """Return what became of every bridge this node is to have."""
        return tuple(self._statuses[key] for key in sorted(self._statuses))

    @property
    def refuses(self) -> tuple[str, ...]:
        """Return the hubs, folded, that this node cannot bridge as it should."""
        return tuple(sorted(self._refused_at))

    @property
    def ethernet(self) -> tuple[str, ...]:
        """Return the Ethernet interfaces of this host."""
        return self._ethernet

    def overdue(self, now: float) -> list[str]:
        """Return the hubs refused for so long that their sessions here are better elsewhere."""
        return [hub for hub, since in self._refused_at.items() if now - since >= LEAVE_S]

    def learn(self, version: int) -> None:
        """Read the rules if the directory has another version. Raises StoreError."""
        if version == self._version:
            return
        held = bridges_of(self._fleet.bridges.all(), self._row)
        hubs = {name: self._fleet.directory.hub(name) for name in held}
        self._wanted = {
            name: (hub, held[name]) for name, hub in hubs.items() if hub is not None and hub.online
        }
        self._version = version
        self._troubles.clear()
        self.act(time.monotonic())

    def run(self) -> None:
        """Look again and again, until killed."""
        while True:
            self._stirred.wait(LOOK_S)
            self._stirred.clear()
            try:
                self.act(time.monotonic())
                self._tell()
            except CoordinatorError as error:
                log.debug("bridges not told of yet", why=str(error))
            except Exception:  # bridges must outlive a fault of ours in one of them
                log.exception("bridges failed")

    def stop(self) -> None:
        """End every bridge."""
        self._wanted = {}
        self.act(time.monotonic())

    def act(self, now: float) -> None:
        """Open and close what has to be, and note how all is. Never waits."""
        if now - self._listed_at >= LISTED_S:
            self._listed_at, self._ethernet = now, tuple(interfaces.names()[:MOST_LISTED])
        for name, outlet in self._unwanted():
            self._hubs.detach(name, outlet, "bridge-removed")
        found = [
            status
            for hub, rules in list(self._wanted.values())
            for rule in rules
            if (status := self._tend(hub, rule, now)) is not None
        ]
        self._note({(status.hub, status.device): status for status in found}, now)

    # -- one bridge -------------------------------------------------------------------------------

    def _tend(self, hub: Hub, rule: Rule, now: float) -> BridgeStatus | None:
        """Open or close one bridge; None if it is well and not open here."""
        interface = interfaces.look(rule.device)
        live = self._hubs.alive.get(fold(hub.name))
        bridge = _find(live, rule)
        if bridge is not None and (why := _why_over(bridge, rule, interface)):
            self._hubs.detach(hub.name, _outlet_name(rule), why)
            bridge = None
        is_due = hub.kind is HubKind.STATIC or live is not None
        if bridge is None and is_due and (rule.is_tap or _is_ready(interface)):
            bridge = self._open(hub, rule, interface, now)
        trouble = self._troubles.get((fold(hub.name), rule.device))
        return judge(rule, interface, bridge, trouble.why if trouble else "")

    def _open(self, hub: Hub, rule: Rule, interface: Interface | None, now: float) -> Bridge | None:
        key = fold(hub.name), rule.device
        trouble = self._troubles.get(key)
        if trouble is not None and now < trouble.retry_at:
            return None

        def make(live: LiveHub) -> Bridge:
            port = self._open_port(rule, interface)
            log.info("bridge up", hub=hub.name, interface=rule.device, tap=rule.is_tap)
            return Bridge(hub.name, rule.device, port, live.switch, live.gate, self._stirred.set)

        try:
            self._hubs.attach(hub, _outlet_name(rule), make)
        except (PortError, OSError) as error:
            pause_s = min(LONGEST_RETRY_S, 2 * trouble.pause_s) if trouble else LOOK_S
            self._troubles[key] = _Trouble(str(error), now + pause_s, pause_s)
            return None
        self._troubles.pop(key, None)
        return _find(self._hubs.alive.get(fold(hub.name)), rule)

    def _open_port(self, rule: Rule, interface: Interface | None) -> HostPort:
        if not rule.is_tap:
            assert interface is not None, "only an interface that is ready is opened"
            return PacketPort.open(interface)
        seed = f"{self._fleet.cluster} {self._row.id} {rule.hub} {rule.device}"
        tap = Tap.open(rule.device, local_mac(seed.encode()), HUB_MTU)
        try:
            interfaces.set_up(tap.name)
        except OSError:
            tap.close()
            raise
        return tap

    def _raised(self, live: LiveHub) -> None:
        """Bridge a hub that came up here before its first frame."""
        hub, rules = self._wanted.get(fold(live.hub.name), (live.hub, ()))
        for rule in rules:
            interface = interfaces.look(rule.device)
            if rule.is_tap or _is_ready(interface):
                self._open(hub, rule, interface, time.monotonic())
        if rules:
            self._stirred.set()

    def _unwanted(self) -> Iterator[tuple[str, str]]:
        """Return the hubs and outlet names of bridges that no rule wants any more."""
        for name, live in list(self._hubs.alive.items()):
            _, rules = self._wanted.get(name, (live.hub, ()))
            wanted = {_outlet_name(rule) for rule in rules}
            for outlet, owner in list(live.outlets.items()):
                if isinstance(owner, Bridge) and outlet not in wanted:
                    yield name, outlet

    # -- how it is --------------------------------------------------------------------------------

    def _note(self, found: Mapping[tuple[str, str], BridgeStatus], now: float) -> None:
        """Take down how all is; have changes told."""
        was, refused = self._statuses, self.refuses
        self._statuses = dict(found)
        unfit = {name for name, (_, rules) in self._wanted.items() if not rules}
        unfit |= {status.hub for status in found.values() if not status.state.is_usable}
        self._refused_at = {name: self._refused_at.get(name, now) for name in unfit}
        for key, status in found.items():
            before = was.get(key)
            if before != status and (before is not None or status.state is not BridgeState.UP):
                self._untold.append(status)
                level = log.info if status.state is BridgeState.UP else log.warning
                level("bridge", hub=status.hub, interface=status.device, state=status.state.value,
                      why=status.why)  # fmt: skip
        if was != self._statuses or refused != self.refuses:
            self._wake()
            if self._untold:
                self._stirred.set()

    def _tell(self) -> None:
        """Write into the history what has changed. Raises StoreError; the rest stays for later."""
        del self._untold[:-100]
        while self._untold:
            status = self._untold[0]
            why = f"{status.device} is {status.state}" + (f": {status.why}" if status.why else "")
            self._fleet.history.note("bridge", why, utc_now(), node=self._row.id, hub=status.hub)
            self._untold.pop(0)


def judge(
    rule: Rule, interface: Interface | None, bridge: Bridge | None, trouble: str
) -> BridgeStatus | None:
    """Return how a bridge is; None if all is well and it is not open here. Pure."""

    def status(state: BridgeState, why: str = "") -> BridgeStatus:
        return BridgeStatus(rule.hub, rule.device, state, why)

    device = rule.device
    if not rule.is_tap:
        if interface is None:
            return status(BridgeState.MISSING, f"no interface {device}")
        if not interface.is_ethernet:
            return status(BridgeState.FAILED, f"{device} is no Ethernet interface")
        if not interface.is_up:
            return status(BridgeState.DOWN, f"{device} is down")
    if bridge is None:
        return status(BridgeState.FAILED, trouble) if trouble else None
    if interface is not None and not (interface.is_up and interface.has_carrier):
        why = "has no carrier" if interface.is_up else "is down"
        return status(BridgeState.DOWN, f"{device} {why}")
    if bridge.guard.is_shut:
        return status(BridgeState.LOOP, "its own frames came back through the hub: shut")
    if bridge.guard.reflected:
        return status(BridgeState.UP, "the LAN sends back what is sent into it")
    if interface is not None and interface.mtu < HUB_MTU:
        return status(BridgeState.UP, f"mtu {interface.mtu}: longer frames are lost")
    return status(BridgeState.UP)


def _why_over(bridge: Bridge, rule: Rule, interface: Interface | None) -> str:
    """Return why a bridge that stands must go; empty: it need not."""
    port = bridge.ethernet
    if bridge.error:
        return bridge.error
    if isinstance(port, PacketPort) is rule.is_tap:
        return "bridge-changed"
    if interface is None:
        return "interface-gone"
    if isinstance(port, PacketPort) and (port.index, port.mac) != (interface.index, interface.mac):
        return "interface-replaced"
    return "" if interface.is_up or rule.is_tap else "interface-down"


def _is_ready(interface: Interface | None) -> bool:
    return interface is not None and interface.is_up and interface.is_ethernet


def _find(live: LiveHub | None, rule: Rule) -> Bridge | None:
    outlet = live.outlets.get(_outlet_name(rule)) if live is not None else None
    return outlet if isinstance(outlet, Bridge) else None


def _outlet_name(rule: Rule) -> str:
    return f"bridge {rule.device}"
