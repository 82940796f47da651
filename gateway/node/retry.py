"""When a cascade is tried again. Pure: what happened in, seconds to wait out.

Two kinds of trouble. What may be over in a moment (nobody answers, the hub is busy, the session
ended) is tried again soon and then ever more rarely, at random moments, so that the cascades of a
site that comes back do not all knock at once. What somebody has to mend (a wrong password, another
certificate) is tried rarely from the start, but never given up: nobody tells us when it is mended.

A session that stood for less than `STOOD_S` changes nothing: one that is welcomed and thrown out at
once must not be logged in again and again without a pause.
"""

from collections.abc import Callable
from enum import Enum

STOOD_S = 10.0


class Trouble(Enum):
    """Why a cascade does not stand, as the first and the longest wait, in seconds."""

    PASSING = (0.3, 15.0)
    LASTING = (10.0, 60.0)


class Retries:
    """The waits of one cascade; `uniform` is `random.uniform` or a test's stand-in."""

    def __init__(self, uniform: Callable[[float, float], float]) -> None:
        self._uniform = uniform
        self._in_a_row = 0
        self._last: Trouble | None = None

    def wait_after(self, trouble: Trouble) -> float:
        """Return the seconds until the next attempt: half to all of a span that doubles."""
        if trouble is not self._last:
            self._in_a_row = 0
        first, most = trouble.value
        span = min(most, first * 2 ** min(self._in_a_row, 10))
        self._last = trouble
        self._in_a_row += 1
        return self._uniform(span / 2, span)

    def stood(self, seconds: float) -> None:
        """Note that a session stood for so long: should be called when it ended."""
        if seconds >= STOOD_S:
            self._in_a_row = 0
