"""Attempts: whoever guesses administrators' passwords gets few guesses.

Each source has a handful of wrong ones, which come back one by one. Without any left an attempt
waits for the next, and gives up unseen if that takes too long; a right password costs nothing. The
attempts of one source are looked at one after the other, so guesses made at once are counted, too.
Of IPv6 the first 64 bits are one source, as for the listener.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import gevent
from gevent.lock import BoundedSemaphore

from gateway.errors import Refused
from gateway.node.listener import source_of
from gateway.wire.codes import ErrorCode

FREE = 5  # wrong passwords at once
EVERY_S = 4.0  # one more after so long
MOST_WAIT_S = 4.5
MAX_SOURCES = 10_000  # remembered; the one longest unheard of is forgotten first


@dataclass(slots=True, eq=False)
class _Source:
    turn: BoundedSemaphore = field(default_factory=BoundedSemaphore)
    spent: float = 0.0
    at: float = 0.0

    def settle(self, now: float) -> None:
        """Take off what has come back."""
        self.spent = max(0.0, self.spent - (now - self.at) / EVERY_S)
        self.at = now


class Attempts:
    """The wrong passwords of each source, in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sources: OrderedDict[str, _Source] = OrderedDict()

    @contextmanager
    def attempt(self, address: str) -> Iterator[None]:
        """Look at a password inside, when it is its turn; Refused from there counts as wrong.

        Raises Refused when its turn does not come in time.
        """
        source = self._source(source_of(address))
        too_many = Refused(
            ErrorCode.ACCESS_DENIED,
            f"{address} guesses administrators' passwords",
            "admin-too-many-attempts",
        )
        with gevent.Timeout(MOST_WAIT_S, too_many):
            source.turn.acquire()
            try:
                source.settle(self._clock())
                if source.spent > FREE - 1:
                    gevent.sleep((source.spent - (FREE - 1)) * EVERY_S)
            except BaseException:
                source.turn.release()
                raise
        try:
            yield
        except Refused:
            source.settle(self._clock())
            source.spent += 1
            raise
        finally:
            source.turn.release()

    def _source(self, name: str) -> _Source:
        source = self._sources.setdefault(name, _Source(at=self._clock()))
        self._sources.move_to_end(name)
        if len(self._sources) > MAX_SOURCES:
            self._sources.popitem(last=False)
        return source
