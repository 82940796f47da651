"""Rules as one readable line: `action=discard priority=10 note="no web"`.

A value without spaces, quotes or backslashes stands as it is; any other stands in double quotes
with a backslash before quotes and backslashes.
"""

import re
from collections.abc import Mapping

from coordinator.errors import InvalidValue

_WORD = re.compile(r'([a-z][a-z0-9_]*)=("(?:[^"\\]|\\.)*"|[^\s"\\]*)(?:\s+|$)', re.DOTALL)
_BARE = re.compile(r'[^\s"\\]+')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def to_line(words: Mapping[str, str]) -> str:
    """Return `words` as one line, in their order."""
    return " ".join(f"{name}={_quoted(value)}" for name, value in words.items())


def from_line(line: str) -> dict[str, str]:
    """Return the words of a line. Raises InvalidValue."""
    words: dict[str, str] = {}
    position = 0
    while position < len(line):
        found = _WORD.match(line, position)
        if found is None:
            raise InvalidValue(f"name=value is wanted at character {position}")
        name, value = found.groups()
        words[name] = _ESCAPED.sub(r"\1", value[1:-1]) if value[:1] == '"' else value
        position = found.end()
    return words


def _quoted(value: str) -> str:
    if _BARE.fullmatch(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
