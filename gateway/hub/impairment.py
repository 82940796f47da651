"""What a bad line does, on purpose: rules that let frames pass late, or lose some of them.

An access rule that passes may say a delay, by how much of it the delay varies, and which part of
the frames is lost. Each frame has a fate of its own. Until it arrives it waits in a `DelayLine`,
which holds no more than so many bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_HELD_BYTES = 4 * 1024 * 1024  # of one hub; 34 Mbit/s for a second
LOST = "access-list-loss"
FULL = "delay-full"


@dataclass(frozen=True, slots=True)
class Impairment:
    """What becomes of the frames a rule lets pass. Jitter and loss are parts of one."""

    delay_s: float
    jitter: float
    loss: float

    def fate(self, dice: Callable[[], float]) -> float | None:
        """Return in how many seconds a frame arrives; None: never. `dice` throws 0 to 1."""
        if dice() < self.loss:
            return None
        return self.delay_s * (1 + self.jitter * (2 * dice() - 1))

    def __str__(self) -> str:
        """Return it as the verdict on a frame; two are equal if they say the same."""
        return f"late by {self.delay_s} s, {self.jitter} of it; {self.loss} lost"


class DelayLine(Generic[T]):
    """What arrives later, soonest first and in order; the time is passed in."""

    def __init__(self, most_bytes: int = MAX_HELD_BYTES) -> None:
        self._waiting: list[tuple[float, int, int, T]] = []
        self._added = 0
        self._room = most_bytes

    @property
    def next_due(self) -> float | None:
        """Return when something arrives; None: nothing is under way."""
        return self._waiting[0][0] if self._waiting else None

    def add(self, due: float, size: int, item: T) -> bool:
        """Let `item` of `size` bytes arrive at `due`; false if there is no room for it."""
        if size > self._room:
            return False
        self._room -= size
        self._added += 1
        heappush(self._waiting, (due, self._added, size, item))
        return True

    def take(self, now: float) -> list[T]:
        """Return what has arrived."""
        arrived: list[T] = []
        while self._waiting and self._waiting[0][0] <= now:
            _, _, size, item = heappop(self._waiting)
            self._room += size
            arrived.append(item)
        return arrived
