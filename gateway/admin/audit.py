"""The audit, as an operator asks for it; and the one way an entry gets into it.

Every handler that changes something calls `record` when it is done. Who did it is with the fleet
it was handed (`fleet.acting(Actor(...))`), so no handler is told. Secrets end here: bytes are never
shown, nor is text under a name that sounds like one.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any

from coordinator.audit import Change, id_before
from coordinator.fleet import Fleet
from coordinator.names import fold
from coordinator.times import Timestamp

HIDDEN = "(hidden)"
MAX_VALUE = 300  # characters of one setting that are kept
MAX_SETTINGS = 64  # of one entry
FIRST_PAGE = 1000  # entries looked through before reaching further back
PAGE = 500  # entries read at once by who follows

# Of a record: what it is called by, and what its writing changes by itself.
_NOT_SETTINGS = frozenset({"hub", "name", "created", "changed", "version"})
_SECRET = re.compile(r"secret|passw|private|token|hash|credential|(^|_)key($|_)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which changes are asked for; empty: all."""

    hub: str = ""
    by: str = ""

    def lets(self, change: Change) -> bool:
        """Say whether a change is about this hub and was made by this actor."""
        is_hub = not self.hub or fold(change.hub) == fold(self.hub)
        return is_hub and (not self.by or change.actor.name.lower() == self.by.lower())


def record(
    fleet: Fleet,
    what: str,
    *,
    hub: str = "",
    about: str = "",
    before: object = None,
    after: object = None,
) -> None:
    """Note that `what` (noun and verb, `hub set`) was done to `about`, or to the hub itself.

    `before` and `after` are mappings of settings or stored records (dataclasses): of both given,
    what differs is kept, and nothing is noted when nothing does. Raises StoreUnavailable: then it
    was done and is not in the audit.
    """
    is_change = before is not None and after is not None
    old, new = (settings_of(side, usual=is_change) for side in (before, after))
    if is_change:
        names = [n for n in {**old, **new} if old.get(n) != new.get(n)]
        if not names:
            return
        old, new = ({n: side[n] for n in names if n in side} for side in (old, new))
    fleet.audit.add(what, hub=hub, about=about, before=_shown(old), after=_shown(new))


def settings_of(record: object, *, usual: bool = True) -> dict[str, Any]:
    """Return a record's settings by name, as they are; a mapping or record in it counts as its
    items. Without `usual`, what is as by default is left out."""
    if record is None:
        return {}
    settings: dict[str, Any] = {}
    for name, value in _items(record, usual):
        if isinstance(value, Mapping) or is_dataclass(value):
            inner = settings_of(value, usual=usual)
            settings |= {f"{name}:{key}": item for key, item in inner.items()}
        else:
            settings[name] = value
    return settings


def _items(record: Any, usual: bool) -> list[tuple[str, Any]]:
    if isinstance(record, Mapping):
        return list(record.items())
    # What is not compared is written by steps: a version of something that hangs on it.
    settings = [f for f in fields(record) if f.compare and f.name not in _NOT_SETTINGS]
    found = [(f, getattr(record, f.name)) for f in settings]
    return [(f.name, value) for f, value in found if usual or value != _default(f)]


def _default(field: Field[Any]) -> object:
    """Return a field's default; MISSING if it has none."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def latest(fleet: Fleet, wanted: Filter, last: int) -> Sequence[Change]:
    """Return the newest `last` changes that are asked for, oldest first."""
    count = max(FIRST_PAGE, last) if wanted != Filter() else last
    while True:
        changes = fleet.audit.latest(count)
        found = [change for change in changes if wanted.lets(change)]
        if len(found) >= last or len(changes) < count:
            return found[-last:] if last else []
        count *= 10


def since(fleet: Fleet, wanted: Filter, moment: Timestamp) -> Sequence[Change]:
    """Return all that was done at `moment` or later and is asked for, oldest first."""
    found: list[Change] = []
    position = id_before(moment)
    while changes := after(fleet, position):
        found += [change for change in changes if wanted.lets(change)]
        position = changes[-1].id
    return found


def newest_id(fleet: Fleet) -> str:
    """Return the id of the newest change; empty if there is none."""
    changes = fleet.audit.latest(1)
    return changes[-1].id if changes else ""


def after(fleet: Fleet, change_id: str) -> Sequence[Change]:
    """Return what was done since the change of that id, at most so much at once; unfiltered."""
    return fleet.audit.after(change_id, PAGE)


def _shown(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return settings as the store may keep them: text, without secrets, none of it endless."""
    kept = [(name, _text(name, value)) for name, value in settings.items()]
    return dict([(name, text) for name, text in kept if text][:MAX_SETTINGS])


def _text(name: str, value: object) -> str:
    show: Callable[[object], str] = str
    match value:
        case None | "" | b"":
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return str(value)
        case bytes() | bytearray():
            return HIDDEN
        case list() | tuple() | set() | frozenset():
            show = _listed
    if _SECRET.search(name):
        return HIDDEN
    text = show(value)
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


def _listed(items: Any) -> str:
    return " ".join(_text("", item) for item in items)
