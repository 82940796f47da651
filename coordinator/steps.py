"""Steps: the files of `lua/`, each one atomic change, by name.

A file that begins with `-- needs <name> ...` has the functions of those files put before it, each
once and after what it needs itself: Redis knows no other way to share them.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

_LUA = Path(__file__).with_name("lua")


class Step(NamedTuple):
    """A script and the name Redis caches it under."""

    source: str
    sha1: str


@cache
def load_step(name: str) -> Step:
    """Return `lua/<name>.lua` ready to run."""
    source = "\n".join(_with_needs(name, []).values())
    return Step(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


def load_all() -> None:
    """Read every step now: later there may be no file left to open."""
    for path in _LUA.glob("*.lua"):
        load_step(path.stem)


def _with_needs(name: str, inside: list[str]) -> dict[str, str]:
    """Return a file after all those it needs; `inside` are the files that asked for it."""
    assert name not in inside, f"{name} needs itself"
    source = (_LUA / f"{name}.lua").read_text(encoding="utf-8")
    first, _, _ = source.partition("\n")
    parts: dict[str, str] = {}
    if first.startswith("-- needs "):
        for needed in first.removeprefix("-- needs ").split():
            parts |= _with_needs(needed, [*inside, name])
    return {**parts, name: source}
