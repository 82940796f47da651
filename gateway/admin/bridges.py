"""Local bridges, as an operator sees and changes them: rules for the fleet, states by node.

The calls of the admin tools act on the fleet as a whole, as every setting does: AddLocalBridge is
`add` for every gateway, DeleteLocalBridge `remove`, EnumLocalBridge `reports`, and EnumEthernet
`interfaces`, which are of all gateways' hosts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from coordinator import bridges as rules
from coordinator.errors import NotFound
from coordinator.fleet import Fleet
from coordinator.model import (
    NO_DEVICE,
    Bridge,
    BridgeState,
    BridgeStatus,
    Hub,
    Node,
    NodeState,
)
from coordinator.names import fold
from gateway.admin import audit


@dataclass(frozen=True, slots=True)
class BridgeReport:
    """A rule, and what became of it on the nodes it is for."""

    rule: Bridge
    hub: Hub | None
    """None only for a moment, while it is being deleted."""
    nodes: Mapping[str, BridgeStatus | None]
    """Living nodes by name. None: nothing is wrong, and it is not open there (a dynamic hub is
    bridged by its owner), or the node has not got to it yet."""

    @property
    def name(self) -> str:
        """Return the hub's name as it was made."""
        return self.hub.name if self.hub is not None else self.rule.hub

    @property
    def up(self) -> int:
        """Return on how many nodes it is up."""
        return sum(s is not None and s.state is BridgeState.UP for s in self.nodes.values())


def add(
    fleet: Fleet, hub: str, device: str, *, node: str = "", label: str = "", is_tap: bool = False
) -> Bridge:
    """Join a hub to an interface on every gateway, or on those of that name or label.

    Gateways act on it within a second or so. Raises AlreadyExists, NotFound (of the hub),
    InvalidValue.
    """
    made = fleet.bridges.add(Bridge(hub, device, node, label, is_tap))
    audit.record(fleet, "bridge add", hub=made.hub, about=rules.describe(made))
    return made


def remove(fleet: Fleet, hub: str, device: str, *, node: str = "", label: str = "") -> Bridge:
    """Remove a rule and return it as it was. Raises NotFound, InvalidValue."""
    rule = find(fleet, hub, device, node=node, label=label)
    fleet.bridges.remove(rule)
    audit.record(fleet, "bridge delete", hub=rule.hub, about=rules.describe(rule))
    return rule


def find(fleet: Fleet, hub: str, device: str, *, node: str = "", label: str = "") -> Bridge:
    """Return a rule. Raises NotFound, InvalidValue."""
    wanted = replace(Bridge(hub, device), node=node.lower(), label=label)
    for rule in fleet.bridges.all():
        if (rule.hub, rule.device, rule.node, rule.label) == (
            fold(hub), wanted.device, wanted.node, wanted.label
        ):  # fmt: skip
            return rule
    raise NotFound("bridge", rules.describe(wanted))


def reports(fleet: Fleet) -> Sequence[BridgeReport]:
    """Return every rule with its states, by hub."""
    nodes = living(fleet)
    hubs = {fold(hub.name): hub for hub in fleet.directory.hubs()}
    found = fleet.bridges.all()
    return [BridgeReport(rule, hubs.get(rule.hub), _states(found, rule, nodes)) for rule in found]


def interfaces(fleet: Fleet) -> Mapping[str, Sequence[str]]:
    """Return the Ethernet interfaces of each living node's host, by node."""
    return {node.id: node.ethernet for node in living(fleet)}


def without(fleet: Fleet, rule: Bridge) -> Sequence[str]:
    """Return the living nodes a new rule is for and whose hosts lack its interface."""
    if rule.is_tap or rule.device == NO_DEVICE:
        return ()
    held = fleet.bridges.all()
    concerned = [n for n in living(fleet) if rule in rules.bridges_of(held, n).get(rule.hub, ())]
    return [node.id for node in concerned if rule.device not in node.ethernet]


def living(fleet: Fleet) -> Sequence[Node]:
    """Return the nodes that are up, by name."""
    return [node for node in fleet.nodes.nodes() if node.state is NodeState.UP]


def _states(
    found: Sequence[Bridge], rule: Bridge, nodes: Sequence[Node]
) -> dict[str, BridgeStatus | None]:
    """Return what became of `rule` on each node it holds for. Pure."""
    return {
        node.id: next(
            (s for s in node.bridges if (s.hub, s.device) == (rule.hub, rule.device)), None
        )
        for node in nodes
        if rule in rules.bridges_of(found, node).get(rule.hub, ())
    }
