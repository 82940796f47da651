"""Steps: the files of `lua/`, each one atomic change, by name.

A file that begins with `-- needs <name>` has the functions of that file put before it: Redis knows
no other way to share them.
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
    source = _read(name)
    return Step(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


def _read(name: str) -> str:
    source = (_LUA / f"{name}.lua").read_text(encoding="utf-8")
    first, _, _ = source.partition("\n")
    if first.startswith("-- needs "):
        return f"{_read(first.removeprefix('-- needs ').strip())}\n{source}"
    return source
