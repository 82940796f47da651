"""Changing a record that others may change, too: read, change, write; again if it moved meanwhile.

The store refuses a write under a version that is no longer there (Conflict), so nothing is lost
unseen. Each attempt reads anew: what is written is always the wanted change of what was there.
"""

from collections.abc import Callable
from typing import TypeVar

from coordinator.errors import Conflict

T = TypeVar("T")

# Somebody else must win every one of them in a row, each a few milliseconds long. Each is won by
# somebody, so all writers are done at last; with 5, one call in ten of twelve writers was not.
ATTEMPTS = 100


def until_agreed(attempt: Callable[[], T]) -> T:
    """Return what `attempt` returns; it is repeated when it raises Conflict, the last one goes."""
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt()
        except Conflict:
            continue
    return attempt()
