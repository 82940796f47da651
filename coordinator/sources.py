"""Source rules: from which addresses clients may log in to a hub.

Rules are asked by priority, the lowest number first and, of equal ones, those that allow before
those that deny; the first that covers the client's address decides. Who is covered by none may.
They are asked at login: sessions that stand go on, and so do those that are resumed.

Source: the reference's `IsIpDeniedByAcList`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from coordinator.bounds import check_number
from coordinator.errors import InvalidValue
from coordinator.masks import IPV4, IPV6, Masked, check_masked, read_network
from coordinator.words import from_line, to_line

MAX_SOURCE_RULES = 4096  # of one hub, the reference's


@dataclass(frozen=True, slots=True)
class SourceRule:
    """Addresses that may, or may not, log in."""

    network: Masked
    deny: bool = True
    priority: int = 100
    """Asked in this order, 1 first."""
    id: int = 0
    """Given by the store. 0: new."""


@dataclass(frozen=True, slots=True)
class SourceList:
    """A hub's source rules in the order they are asked."""

    hub: str
    rules: tuple[SourceRule, ...] = ()
    version: int = 0
    """The directory's version at its last change; 0: there never was one."""

    def verdict(self, address: bytes) -> SourceRule | None:
        """Return the rule that decides about an address of 4 or 16 bytes; None: it may."""
        return next((rule for rule in self.rules if rule.network.covers(address)), None)


def in_order(rules: Iterable[SourceRule]) -> tuple[SourceRule, ...]:
    """Return rules in the order they are asked."""
    return tuple(sorted(rules, key=lambda rule: (rule.priority, rule.deny, rule.id)))


def check_source_rule(rule: SourceRule) -> SourceRule:
    """Return `rule`; raises InvalidValue."""
    check_masked("network", rule.network, IPV4, IPV6)
    check_number("priority", rule.priority, 1)
    return rule


def source_rule_to_line(rule: SourceRule) -> str:
    """The id is the field's."""
    words = {"action": "deny" if rule.deny else "allow", "priority": str(rule.priority)}
    return to_line({**words, "network": str(rule.network)})


def source_rule_from_line(rule_id: int, line: str) -> SourceRule:
    """Return the rule. Raises InvalidValue."""
    try:
        words = from_line(line)
        network, priority = read_network(words["network"]), int(words["priority"])
        return SourceRule(network, words["action"] == "deny", priority, rule_id)
    except (KeyError, ValueError, InvalidValue) as error:
        raise InvalidValue(f"source rule {rule_id} {line!r}: {error}") from None
