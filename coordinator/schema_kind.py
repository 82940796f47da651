"""One kind of key of the store, and how it is matched. `schema.KEYS` has them all."""

import re
from dataclasses import dataclass

from coordinator.model import TRAFFIC_FIELDS

WITH_HUB = "until the hub is deleted"
WITH_USER = "until the user or its hub is deleted"
CLOCKED = """
    register renew reconcile leave declare suspect place admit activate free transfer hub_move
    node_mode node_remove event ticket_find ticket_void ticket_expire lead step_down session_collect
"""
TRAFFIC = " ".join(f"{name}?" for name in TRAFFIC_FIELDS)


@dataclass(frozen=True, slots=True)
class Key:
    """One kind of key. In `pattern` and `fields`, `<…>` stands for a name."""

    pattern: str
    type: str
    holds: str
    fields: tuple[str, ...]
    """Of a hash or of each stream entry; a `?` at the end: only while it has a value."""
    writer: str
    lifetime: str
    steps: tuple[str, ...]
    """Files of `lua/` that change it."""

    def matches(self, name: str) -> bool:
        """Say whether `name`, without the fleet's prefix, is a key of this kind."""
        return _as_regex(self.pattern).fullmatch(name) is not None

    def knows(self, field: str) -> bool:
        """Say whether `field` may occur in a key of this kind."""
        return any(_as_regex(f.removesuffix("?")).fullmatch(field) for f in self.fields)


def _as_regex(pattern: str) -> re.Pattern[str]:
    """Turn `user:<hub>:<user>` into a matcher: only the last name may contain a colon."""
    parts = re.split(r"(<[^>]+>)", pattern)
    last = max((i for i, p in enumerate(parts) if p.startswith("<")), default=-1)
    names = (".+" if i == last else "[^:]+" for i in range(len(parts)))
    joined = zip(parts, names, strict=True)
    return re.compile("".join(n if p.startswith("<") else re.escape(p) for p, n in joined))


def key(
    pattern: str, type: str, holds: str, *, writer: str, lifetime: str, steps: str, fields: str = ""
) -> Key:
    """Return a kind of key; `fields` and `steps` are words in one text."""
    return Key(pattern, type, holds, tuple(fields.split()), writer, lifetime, tuple(steps.split()))
