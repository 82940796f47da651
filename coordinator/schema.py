"""Every kind of key: its name, type, fields, writer and lifetime.

`KEYS` is the documentation: `etherfleet redis keys` shows it and `docs/keys.md` is made from it.
The keys themselves are made by `keys.Keys`.
"""

from collections.abc import Sequence

from coordinator.schema_kind import Key
from coordinator.schema_running import RUNNING
from coordinator.schema_settings import SETTINGS

KEYS: Sequence[Key] = (*SETTINGS, *RUNNING)


def to_markdown(keys: Sequence[Key] = KEYS) -> str:
    """Return the list of keys as `docs/keys.md` shows it, one section per kind."""
    return "\n".join(_section(key) for key in keys)


def _section(key: Key) -> str:
    lines = [f"### `{key.pattern}`", "", f"- holds: {key.holds}", f"- type: {key.type}"]
    if key.fields:
        lines.append("- fields: " + ", ".join(f"`{field}`" for field in key.fields))
    steps = ", ".join(f"`{step}`" for step in key.steps)
    lines += [f"- written by: {key.writer} ({steps})", f"- lives: {key.lifetime}", ""]
    return "\n".join(lines)
