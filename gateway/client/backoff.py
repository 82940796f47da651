"""How long to wait before trying again: full jitter.

A gateway that dies sends all its clients knocking at once. Waiting a uniformly random part of an
exponentially growing span spreads them best for the least work. Source: M. Brooker, "Exponential
Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from collections.abc import Callable

BASE = 0.15  # seconds: the first wait is 0-150 ms
CAP = 5.0  # seconds


class Backoff:
    """Successive waits of one client; `uniform` is `random.uniform` or a test's stand-in."""

    def __init__(
        self, uniform: Callable[[float, float], float], base: float = BASE, cap: float = CAP
    ) -> None:
        self._uniform = uniform
        self._base = base
        self._cap = cap
        self._span = min(base, cap)

    def next_delay(self) -> float:
        """Return the seconds to wait before the next attempt, and widen the span after it."""
        delay = self._uniform(0.0, self._span)
        self._span = min(self._cap, self._span * 2)
        return delay

    def reset(self) -> None:
        """Begin again with the shortest span: should be called once a session stands."""
        self._span = min(self._base, self._cap)
