"""Changing a record that others may change, too: read, change, write; again if it moved meanwhile.

The store refuses a write under a version that is no longer there (Conflict), so nothing is lost
unseen. Each attempt reads anew: what is written is always the wanted change of what was there.
"""

from collections.abc import Callable
from typing import TypeVar

from coordinator.errors import Conflict

T = TypeVar("T")

ATTEMPTS = 5  # somebody else must win every one of them in a row, each a few milliseconds long


def until_agreed(attempt: Callable[[], T]) -> T:
    """Return what `attempt` returns; it is repeated when it raises Conflict, the last one goes."""
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt()
        except Conflict:
            continue
    return attempt()
