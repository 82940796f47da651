"""Local bridges: which hub is joined to which interface, on which gateways. Set once for a fleet.

A rule is for every gateway, for those with a label, or for one by its name. Of a hub's rules the
most particular ones that fit a node hold for it and the others do not: so a rule by name or label
is an exception. `NONE` in place of a device is one too: no bridge there.
"""

import re
from collections.abc import Iterable, Sequence

from coordinator.errors import AlreadyExists, InvalidValue, NotFound
from coordinator.model import NO_DEVICE, Bridge, Node
from coordinator.names import check_hub_name, check_node_name, fold
from coordinator.store import Store

MAX_RULES = 1000  # of a fleet; nodes read them all when one has changed
_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")  # what the kernel takes, and reads well
_LABEL = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_EVERY = "*"


class Bridges:
    """The rules of a fleet. Raises StoreUnavailable from every method."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys = store.keys

    def all(self) -> list[Bridge]:
        """Return every rule: by hub, those for every gateway first."""
        found = [
            _read(name, kind) for name, kind in self._store.fields(self._keys.bridges()).items()
        ]
        return sorted(found, key=lambda b: (b.hub, _rank(b), b.label, b.node, b.device))

    def add(self, bridge: Bridge) -> Bridge:
        """Store a rule and return it as stored. Raises AlreadyExists, NotFound (of the hub),
        InvalidValue, also for one rule too many."""
        made = check(bridge)
        answer = self._step("bridge_add", made, "tap" if made.is_tap else "nic", MAX_RULES)
        match answer[0]:
            case "exists":
                raise AlreadyExists("bridge", describe(made))
            case "no-hub":
                raise NotFound("hub", bridge.hub)
            case "full":
                raise InvalidValue(f"{MAX_RULES} bridges are there, that many are allowed")
        return made

    def remove(self, bridge: Bridge) -> None:
        """Remove a rule. Raises NotFound, InvalidValue."""
        made = check(bridge)
        if self._step("bridge_remove", made)[0] == "gone":
            raise NotFound("bridge", describe(made))

    def _step(self, step: str, bridge: Bridge, *args: str | int) -> "list[object]":
        keys = self._keys
        touched = (keys.bridges(), keys.hub(bridge.hub), keys.directory_version())
        return list(self._store.step(step, touched, [_field(bridge), *args]))


def check(bridge: Bridge) -> Bridge:
    """Return a rule in the form it is stored in. Raises InvalidValue."""
    check_hub_name(bridge.hub)
    if not _DEVICE.fullmatch(bridge.device):
        raise InvalidValue(
            f"interface {bridge.device!r}: 1 to 15 letters, digits and '._-', as in eth1"
        )
    if bridge.device == NO_DEVICE and (bridge.is_tap or not (bridge.node or bridge.label)):
        raise InvalidValue(
            f"{NO_DEVICE!r} is an exception to a rule: it goes with a node or a label"
        )
    if bridge.node and bridge.label:
        raise InvalidValue("a bridge is for one node or for one label, not for both")
    if bridge.label and not _LABEL.fullmatch(bridge.label):
        raise InvalidValue(f"label {bridge.label!r}: a-z, digits and '.-' are allowed")
    node = check_node_name(bridge.node.lower()) if bridge.node else ""
    return Bridge(fold(bridge.hub), bridge.device, node, bridge.label, bridge.is_tap)


def bridges_of(rules: Iterable[Bridge], node: Node) -> dict[str, Sequence[Bridge]]:
    """Return the rules that hold for a node, by folded hub name; [] where it is to have none.

    Hubs without any rule for it are left out. Pure.
    """
    found: dict[str, list[Bridge]] = {}
    for rule in rules:
        if _fits(rule, node):
            found.setdefault(rule.hub, []).append(rule)
    held: dict[str, Sequence[Bridge]] = {}
    for hub, fitting in found.items():
        best = max(map(_rank, fitting))
        held[hub] = [r for r in fitting if _rank(r) == best and r.device != NO_DEVICE]
    return held


def describe(bridge: Bridge) -> str:
    """Return a rule as a few words: `LAN to eth1 on every gateway`."""
    device = "no interface" if bridge.device == NO_DEVICE else bridge.device
    kind = " (TAP)" if bridge.is_tap else ""
    return f"{bridge.hub} to {device}{kind} on {where(bridge)}"


def where(bridge: Bridge) -> str:
    """Return which gateways a rule is for."""
    if bridge.node:
        return bridge.node
    return f"label {bridge.label}" if bridge.label else "every gateway"


def _fits(rule: Bridge, node: Node) -> bool:
    if rule.node:
        # The workers of gateway gw1 are the nodes gw1-1, gw1-2 and so on.
        return re.fullmatch(rf"{re.escape(rule.node)}(-[0-9]+)?", node.id) is not None
    return not rule.label or rule.label in node.labels


def _rank(rule: Bridge) -> int:
    return 2 if rule.node else 1 if rule.label else 0


def _field(bridge: Bridge) -> str:
    place = f"node={bridge.node}" if bridge.node else f"label={bridge.label}"
    place = place if bridge.node or bridge.label else _EVERY
    return f"{fold(bridge.hub)}/{place}/{bridge.device}"


def _read(name: str, kind: str) -> Bridge:
    hub, place, device = name.split("/")
    what, _, value = place.partition("=")
    return Bridge(
        hub=hub,
        device=device,
        node=value if what == "node" else "",
        label=value if what == "label" else "",
        is_tap=kind == "tap",
    )
