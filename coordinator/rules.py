"""A hub's lists in the store: access rules, source rules, whose certificates are believed. Each is
one hash, changed by one step.

Lists change rule by rule, or whole; a change of one rule is for the version it was read with.
Whatever changes one raises the directory's version, and the hub's record says which list it was.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from coordinator import access, sources, trust
from coordinator.access import MAX_ACCESS_RULES, AccessList, AccessRule
from coordinator.errors import Conflict, NotFound, TooMany
from coordinator.keys import Keys
from coordinator.sources import MAX_SOURCE_RULES, SourceList, SourceRule
from coordinator.store import Answer, Store
from coordinator.times import Timestamp
from coordinator.trust import (
    MAX_AUTHORITIES,
    MAX_REVOCATIONS,
    Authority,
    Revocation,
    Trust,
)

RULE = "rule:"
Rule = TypeVar("Rule", AccessRule, SourceRule, Authority, Revocation)


class _Kind(NamedTuple):
    """What makes one list different from the other."""

    name: str
    key: Callable[[Keys, str], str]
    version_field: str
    """Of the hub's record."""
    most: int
    check: Callable[[Any], Any]
    to_line: Callable[[Any], str]


_ACCESS = _Kind(
    "access rule",
    Keys.access,
    "access_version",
    MAX_ACCESS_RULES,
    access.check_access_rule,
    access.access_rule_to_line,
)
_SOURCE = _Kind(
    "source rule",
    Keys.sources,
    "source_version",
    MAX_SOURCE_RULES,
    sources.check_source_rule,
    sources.source_rule_to_line,
)
_AUTHORITY = _Kind(
    "trusted certificate",
    Keys.authorities,
    "trust_version",
    MAX_AUTHORITIES,
    trust.check_authority,
    trust.authority_to_line,
)
_REVOCATION = _Kind(
    "revoked certificate",
    Keys.revocations,
    "trust_version",
    MAX_REVOCATIONS,
    trust.check_revocation,
    trust.revocation_to_line,
)


class Rules:
    """The lists of a fleet's hubs.

    Raises StoreUnavailable from every method, InvalidValue for rules nobody may store, and NotFound
    for a hub or a rule that is not.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys = store.keys

    # -- access lists ----------------------------------------------------------------------------

    def access_list(self, hub: str) -> AccessList:
        """Return a hub's access list; an empty one for a hub that is not."""
        fields = self._store.fields(self._keys.access(hub))
        rules = (access.access_rule_from_line(*rule) for rule in _lines(fields))
        return AccessList(hub, access.in_order(rules), int(fields.get("version", 0)))

    def add_access_rules(
        self, hub: str, rules: Sequence[AccessRule], now: Timestamp, *, most: int = 0
    ) -> tuple[AccessRule, ...]:
        """Add rules and return them with the ids they were given; one that is there already, word
        for word, is not added again. `most` may be there then (0: as many as ever).

        Raises TooMany.
        """
        return self._add(_ACCESS, hub, rules, now, most=most)

    def set_access_rule(
        self, hub: str, rule: AccessRule, version: int, now: Timestamp
    ) -> AccessRule:
        """Replace the rule of `rule.id`; `version` is that of the list it was read from.

        Raises Conflict.
        """
        return self._set(_ACCESS, hub, rule, version, now)

    def delete_access_rules(self, hub: str, ids: Sequence[int], now: Timestamp) -> None:
        """Delete rules by their ids: all of them, or none and NotFound."""
        self._change(_ACCESS, hub, now, removed=ids)

    def replace_access_list(
        self, hub: str, rules: Sequence[AccessRule], now: Timestamp, version: int | None = None
    ) -> tuple[AccessRule, ...]:
        """Make `rules` the whole list, in one step; return them with their ids.

        A rule with an id is that of a rule in the list of `version` and keeps it; others have 0.
        Raises TooMany, NotFound (the rule of an id), Conflict.
        """
        checked = [_ACCESS.check(rule) for rule in rules]
        lines = [(str(rule.id or ""), _ACCESS.to_line(rule)) for rule in checked]
        ids = self._change(_ACCESS, hub, now, lines=lines, replaces=True, version=version)
        return tuple(replace(rule, id=i) for rule, i in zip(checked, ids, strict=True))

    # -- source rules ----------------------------------------------------------------------------

    def source_list(self, hub: str) -> SourceList:
        """Return a hub's source rules; none for a hub that is not."""
        fields = self._store.fields(self._keys.sources(hub))
        rules = (sources.source_rule_from_line(*rule) for rule in _lines(fields))
        return SourceList(hub, sources.in_order(rules), int(fields.get("version", 0)))

    def add_source_rules(
        self, hub: str, rules: Sequence[SourceRule], now: Timestamp
    ) -> tuple[SourceRule, ...]:
        """Add rules and return them with the ids they were given, as `add_access_rules`.

        Raises TooMany.
        """
        return self._add(_SOURCE, hub, rules, now)

    def delete_source_rules(self, hub: str, ids: Sequence[int], now: Timestamp) -> None:
        """Delete rules by their ids: all of them, or none and NotFound."""
        self._change(_SOURCE, hub, now, removed=ids)

    def replace_source_list(
        self, hub: str, rules: Sequence[SourceRule], now: Timestamp
    ) -> tuple[SourceRule, ...]:
        """Make `rules` all there are, in one step; return them with their new ids.

        Raises TooMany.
        """
        return self._add(_SOURCE, hub, rules, now, replaces=True)

    # -- whose certificates are believed ---------------------------------------------------------

    def trust(self, hub: str) -> Trust:
        """Return a hub's authorities and revocations, each by number; none of a hub that is not."""
        keys = (self._keys.authorities(hub), self._keys.revocations(hub))
        authorities, revocations = (_lines(fields) for fields in self._store.fields_of(keys))
        return Trust(
            tuple(trust.authority_from_line(*line) for line in sorted(authorities)),
            tuple(trust.revocation_from_line(*line) for line in sorted(revocations)),
        )

    def add_authority(self, hub: str, authority: Authority, now: Timestamp) -> Authority:
        """Believe what `authority` signs; return it with its number. Raises TooMany."""
        return self._add(_AUTHORITY, hub, [authority], now)[0]

    def delete_authority(self, hub: str, number: int, now: Timestamp) -> None:
        """Believe it no longer."""
        self._change(_AUTHORITY, hub, now, removed=[number])

    def add_revocation(self, hub: str, revocation: Revocation, now: Timestamp) -> Revocation:
        """Refuse certificates that fit; return it with its number. Raises TooMany."""
        return self._add(_REVOCATION, hub, [revocation], now)[0]

    def set_revocation(self, hub: str, revocation: Revocation, now: Timestamp) -> Revocation:
        """Replace the revocation of `revocation.id`, whatever it is now."""
        return self._set(_REVOCATION, hub, revocation, None, now)

    def delete_revocation(self, hub: str, number: int, now: Timestamp) -> None:
        """Refuse them no longer."""
        self._change(_REVOCATION, hub, now, removed=[number])

    # -- all -------------------------------------------------------------------------------------

    def _add(
        self,
        kind: _Kind,
        hub: str,
        rules: Sequence[Rule],
        now: Timestamp,
        *,
        replaces: bool = False,
        most: int = 0,
    ) -> tuple[Rule, ...]:
        checked = [kind.check(rule) for rule in rules]
        lines = [("", kind.to_line(rule)) for rule in checked]
        ids = self._change(kind, hub, now, lines=lines, replaces=replaces, most=most)
        return tuple(replace(rule, id=i) for rule, i in zip(checked, ids, strict=True))

    def _set(self, kind: _Kind, hub: str, rule: Rule, version: int | None, now: Timestamp) -> Rule:
        checked: Rule = kind.check(rule)
        line = (str(rule.id), kind.to_line(checked))
        self._change(kind, hub, now, lines=[line], version=version)
        return checked

    def _change(
        self,
        kind: _Kind,
        hub: str,
        now: Timestamp,
        *,
        removed: Sequence[int] = (),
        lines: Sequence[tuple[str, str]] = (),
        replaces: bool = False,
        version: int | None = None,
        most: int = 0,
    ) -> list[int]:
        """Run the step; return the ids of `lines`."""
        allowed = min(most or kind.most, kind.most)
        ids = dict.fromkeys(removed)
        args: list[str | int] = [
            kind.version_field,
            "" if version is None else version,
            allowed,
            now,
            int(replaces),
            len(ids),
            *ids,
            *(item for line in lines for item in line),
        ]
        keys = (kind.key(self._keys, hub), self._keys.hub(hub), self._keys.directory_version())
        answer = self._store.step("rules_change", keys, args)
        _raise_if_refused(answer, kind, hub, version, allowed)
        return [int(str(item)) for item in answer[2:]]


def _raise_if_refused(
    answer: Answer, kind: _Kind, hub: str, version: int | None, most: int
) -> None:
    match answer[0]:
        case "no-hub":
            raise NotFound("hub", hub)
        case "no-rule":
            raise NotFound(kind.name, str(answer[1]))
        case "full":
            raise TooMany(kind.name, most)
        case "conflict":
            raise Conflict(
                f"{kind.name}s of hub {hub!r} were changed meanwhile: "
                f"version {answer[1]} is there, {version} was read"
            )


def _lines(fields: dict[str, str]) -> list[tuple[int, str]]:
    return [
        (int(name.removeprefix(RULE)), line)
        for name, line in fields.items()
        if name.startswith(RULE)
    ]
