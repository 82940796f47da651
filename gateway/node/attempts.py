"""Attempts: whoever guesses administrators' passwords gets few guesses.

Each source has a handful of wrong ones, which come back one by one. Without any left an attempt
waits for the next, and gives up if that takes too long; a right password costs nothing. Of IPv6 the
first 64 bits are one source, as for the listener.
"""

import time
from collections import OrderedDict

import gevent

from gateway.errors import Refused
from gateway.node.listener import source_of
from gateway.wire.codes import ErrorCode

FREE = 5  # wrong passwords at once
EVERY_S = 4.0  # one more after so long
MOST_WAIT_S = 4.0
MAX_SOURCES = 10_000  # remembered; the one longest unheard of is forgotten first


class Attempts:
    """Counts the wrong passwords of each source, in this process."""

    def __init__(self, clock=time.monotonic) -> None:  # type: ignore[no-untyped-def]  # () -> float
        self._clock = clock
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> None:
        """Spend a guess of `address`, waiting for one if need be. Raises Refused: none in time.

        Runs before the password is looked at, so guesses made at the same time are counted, too.
        """
        source = source_of(address)
        now = self._clock()
        spent = self._left(source, now) + 1
        wait_s = max(0.0, (spent - FREE) * EVERY_S)
        if wait_s > MOST_WAIT_S:
            raise Refused(
                ErrorCode.ACCESS_DENIED,
                f"{source} guesses administrators' passwords",
                "admin-too-many-attempts",
            )
        self._spent[source] = (spent, now)
        self._spent.move_to_end(source)
        if len(self._spent) > MAX_SOURCES:
            self._spent.popitem(last=False)
        if wait_s:
            gevent.sleep(wait_s)

    def give_back(self, address: str) -> None:
        """Return a guess that was right."""
        source = source_of(address)
        now = self._clock()
        left = self._left(source, now) - 1
        if left <= 0:
            self._spent.pop(source, None)
        else:
            self._spent[source] = (left, now)

    def _left(self, source: str, now: float) -> float:
        """Return how many guesses of a source are still spent."""
        spent, since = self._spent.get(source, (0.0, now))
        return max(0.0, spent - (now - since) / EVERY_S)
