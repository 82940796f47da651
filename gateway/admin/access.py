"""A hub's access list and source rules, as an operator sees and changes them."""

from collections.abc import Sequence
from dataclasses import replace

from coordinator.access import AccessList, AccessRule, access_rule_to_line, split_secret
from coordinator.errors import NotFound
from coordinator.fleet import Fleet
from coordinator.sources import SourceList, SourceRule, source_rule_to_line
from coordinator.times import Timestamp
from gateway.admin import audit
from gateway.admin.agreement import until_agreed
from gateway.admin.hubs import find as find_hub


def rules(fleet: Fleet, hub: str) -> AccessList:
    """Return a hub's access list. Raises NotFound."""
    return fleet.rules.access_list(find_hub(fleet, hub).name)


def rule(fleet: Fleet, hub: str, number: int) -> AccessRule:
    """Return one rule. Raises NotFound: the hub or the rule."""
    found = rules(fleet, hub).find(number)
    if found is None:
        raise NotFound("access rule", str(number))
    return found


def add(fleet: Fleet, hub: str, wanted: AccessRule, now: Timestamp, *, most: int = 0) -> AccessRule:
    """Add a rule and return it with its number; one that is there already is not added again.

    `most` rules may be there then; 0: as many as ever. Raises NotFound, TooMany, InvalidValue.
    """
    name = find_hub(fleet, hub).name
    made = fleet.rules.add_access_rules(name, [wanted], now, most=most)
    audit.record(fleet, "access add", hub=name, after=_lines(made))
    return made[0]


def replace_all(
    fleet: Fleet, hub: str, wanted: Sequence[AccessRule], now: Timestamp
) -> Sequence[AccessRule]:
    """Make these the whole list; return them with their numbers. One with the number of a rule
    that is there keeps it. Raises NotFound, TooMany, InvalidValue, Conflict."""

    def attempt() -> Sequence[AccessRule]:
        was = rules(fleet, hub)
        numbered = _numbered(wanted, {rule.id for rule in was.rules})
        made = fleet.rules.replace_access_list(was.hub, numbered, now, was.version)
        audit.record(fleet, "access set", hub=was.hub, before=_lines(was.rules), after=_lines(made))
        return made

    return until_agreed(attempt)


def set_active(fleet: Fleet, hub: str, number: int, active: bool, now: Timestamp) -> AccessRule:
    """Put a rule in force, or out of it. Raises NotFound, Conflict."""

    def attempt() -> AccessRule:
        found = rules(fleet, hub)
        one = found.find(number)
        if one is None:
            raise NotFound("access rule", str(number))
        changed = replace(one, active=active)
        made = fleet.rules.set_access_rule(found.hub, changed, found.version, now)
        audit.record(fleet, "access set", hub=found.hub, before=_lines([one]), after=_lines([made]))
        return made

    return until_agreed(attempt)


def delete(fleet: Fleet, hub: str, numbers: Sequence[int], now: Timestamp) -> None:
    """Delete rules: all of them, or none. Raises NotFound."""
    was = rules(fleet, hub)
    fleet.rules.delete_access_rules(was.hub, numbers, now)
    gone = [rule for rule in was.rules if rule.id in numbers]
    audit.record(fleet, "access delete", hub=was.hub, before=_lines(gone))


def unknown_names(fleet: Fleet, hub: str, wanted: AccessRule) -> Sequence[str]:
    """Return the names in a rule that are neither a user nor a group of the hub: it may be meant
    for later, but it matches nobody now."""
    names = [name for name in (wanted.source_user, wanted.destination_user) if name]
    users = fleet.directory.accounts(hub, names)
    groups = fleet.directory.groups_named(hub, names)
    found = zip(names, users, groups, strict=True)
    return [name for name, user, group in found if user is None and group is None]


def sources(fleet: Fleet, hub: str) -> SourceList:
    """Return from where clients may log in. Raises NotFound."""
    return fleet.rules.source_list(find_hub(fleet, hub).name)


def add_source(fleet: Fleet, hub: str, wanted: SourceRule, now: Timestamp) -> SourceRule:
    """Add a source rule. Raises NotFound, TooMany, InvalidValue."""
    name = find_hub(fleet, hub).name
    made = fleet.rules.add_source_rules(name, [wanted], now)
    audit.record(fleet, "source add", hub=name, after=_source_lines(made))
    return made[0]


def replace_sources(
    fleet: Fleet, hub: str, wanted: Sequence[SourceRule], now: Timestamp
) -> Sequence[SourceRule]:
    """Make these all source rules there are. Raises NotFound, TooMany, InvalidValue."""
    was = sources(fleet, hub)
    made = fleet.rules.replace_source_list(was.hub, wanted, now)
    before, after = _source_lines(was.rules), _source_lines(made)
    audit.record(fleet, "source set", hub=was.hub, before=before, after=after)
    return made


def delete_sources(fleet: Fleet, hub: str, numbers: Sequence[int], now: Timestamp) -> None:
    """Delete source rules: all of them, or none. Raises NotFound."""
    was = sources(fleet, hub)
    fleet.rules.delete_source_rules(was.hub, numbers, now)
    gone = [rule for rule in was.rules if rule.id in numbers]
    audit.record(fleet, "source delete", hub=was.hub, before=_source_lines(gone))


def _numbered(wanted: Sequence[AccessRule], free: set[int]) -> list[AccessRule]:
    """Return the rules, each with its number if that is free and it is the first with it; else 0.
    Pure but for `free`, which it uses up."""
    numbered = []
    for rule in wanted:
        numbered.append(rule if rule.id in free else replace(rule, id=0))
        free.discard(rule.id)
    return numbered


def _lines(rules: Sequence[AccessRule]) -> dict[str, str]:
    """Return rules as the audit tells them: that a URL's secret is another, and not what it is."""
    lines: dict[str, str] = {}
    for rule in rules:
        url, secret = split_secret(rule.redirect_url)
        lines[f"rule {rule.id}"] = access_rule_to_line(replace(rule, redirect_url=url))
        lines |= {f"rule {rule.id} secret": secret} if secret else {}
    return lines


def _source_lines(rules: Sequence[SourceRule]) -> dict[str, str]:
    return {f"rule {rule.id}": source_rule_to_line(rule) for rule in rules}
