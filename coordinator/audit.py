"""The audit: who changed what, from where, and what it was before. Oldest first.

The history tells what happened to the fleet; this tells what people did to it. An entry is written
after its change, so what it says was done. Its time is the store's, read from its place in the
stream: one clock for all, whoever wrote. Whoever hands values in has taken the secrets out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from coordinator.records import flat
from coordinator.store import Store
from coordinator.times import Timestamp, from_timestamp, to_timestamp

KEPT = 50_000  # entries, about
BEFORE, AFTER = "before:", "after:"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = "18446744073709551615"  # sequence number within a millisecond: no higher one exists


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for something."""

    kind: str
    """By which way: `command-line`, `rpc` (binary), `json-rpc`, `client`, `program`."""
    name: str
    """An account of the machine, an administrator, a token's name; never a credential."""
    from_address: str = ""
    """Where from: an address, or the name of the machine."""
    role: str = ""
    """`fleet-admin`, `hub-admin of LAB`, `read-only`; empty for whoever needs none: the machine's
    own."""


PROGRAM = Actor("program", "etherfleet")
"""Who nobody gave a name."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was done. `before` and `after` are by setting, as text, without secrets; one
    that is missing on a side was not there."""

    what: str
    """Noun and verb: `hub set`, `user delete`."""
    actor: Actor
    hub: str = ""
    about: str = ""
    """The user, session or node; empty if it is the hub itself."""
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    id: str = ""
    """Place in the audit: give it to `after`."""

    @property
    def at(self) -> Timestamp:
        """Return when, by the store's clock."""
        return to_timestamp(_EPOCH + timedelta(milliseconds=int(self.id.partition("-")[0])))


class Audit:
    """The audit of a fleet, and who acts. Raises StoreUnavailable from every method."""

    def __init__(self, store: Store, actor: Actor = PROGRAM) -> None:
        self._store = store
        self.actor = actor

    def by(self, actor: Actor) -> "Audit":
        """Return the same audit in the hands of `actor`."""
        return Audit(self._store, actor)

    def add(
        self,
        what: str,
        *,
        hub: str = "",
        about: str = "",
        before: Mapping[str, str] | None = None,
        after: Mapping[str, str] | None = None,
    ) -> None:
        """Note what the actor has done."""
        change = Change(what, self.actor, hub, about, before or {}, after or {})
        args: list[str | int] = [KEPT, *flat(_to_fields(change))]
        self._store.step("audit_add", [self._store.keys.audit()], args)

    def latest(self, count: int) -> list[Change]:
        """Return the newest `count` changes."""
        return [_change(*entry) for entry in self._store.latest(self._store.keys.audit(), count)]

    def after(self, change_id: str, count: int) -> list[Change]:
        """Return up to `count` changes after the one of that id; of all if it is empty."""
        entries = self._store.entries(self._store.keys.audit(), change_id, count)
        return [_change(*entry) for entry in entries]


def id_before(moment: Timestamp) -> str:
    """Return an id such that what comes after it was done at `moment` or later."""
    ms = (from_timestamp(moment) - _EPOCH) // timedelta(milliseconds=1)
    return f"{ms - 1}-{_LAST}" if ms > 0 else ""


def _to_fields(change: Change) -> dict[str, str | int]:
    actor = change.actor
    fields: dict[str, str | int] = {"what": change.what, "kind": actor.kind, "by": actor.name}
    optional = {
        "role": actor.role,
        "from": actor.from_address,
        "hub": change.hub,
        "about": change.about,
    }
    fields |= {name: value for name, value in optional.items() if value}
    fields |= {BEFORE + name: value for name, value in change.before.items()}
    return fields | {AFTER + name: value for name, value in change.after.items()}


def _change(entry_id: str, fields: Mapping[str, str]) -> Change:
    return Change(
        what=fields["what"],
        actor=Actor(fields["kind"], fields["by"], fields.get("from", ""), fields.get("role", "")),
        hub=fields.get("hub", ""),
        about=fields.get("about", ""),
        before=_of_side(BEFORE, fields),
        after=_of_side(AFTER, fields),
        id=entry_id,
    )


def _of_side(side: str, fields: Mapping[str, str]) -> dict[str, str]:
    return {n.removeprefix(side): value for n, value in fields.items() if n.startswith(side)}
