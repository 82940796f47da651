"""The frames of a hub that access rules let pass late: when they are due they are sent on."""

import random
import time
from collections.abc import Callable

from gateway.hub.impairment import FULL, LOST, DelayLine, Impairment
from gateway.hub.judge import PASSES
from gateway.transport.gate import Gate
from gateway.transport.timer import Timer

Arrival = Callable[[float], None]
"""Sends a frame on; told the time."""


class LateFrames:
    """Those of one hub. While its gate is closed what arrives is lost: the hub may be another's."""

    def __init__(self, gate: Gate, lose: Callable[[int], None]) -> None:
        """`lose(frames)` counts those that came to a closed gate."""
        self._gate = gate
        self._lose = lose
        self._line: DelayLine[Arrival] = DelayLine()
        self._timer = Timer(self._arrive)

    def impair(self, impairment: Impairment, size: int, arrive: Arrival) -> str:
        """Have `arrive` called when a frame of `size` bytes arrives; else return why it does not.
        The answer is PASSES or a reason to drop it."""
        after_s = impairment.fate(random.random)
        if after_s is None:
            return LOST
        due = time.monotonic() + after_s
        if not self._line.add(due, size, arrive):
            return FULL
        if self._line.next_due == due:
            self._timer.set(after_s)
        return PASSES

    def stop(self) -> None:
        """Let go of the loop; what is under way is lost."""
        self._timer.cancel()

    def _arrive(self) -> None:
        now = time.monotonic()
        arrived = self._line.take(now)
        if now < self._gate.deadline or self._gate.look(now):
            for arrive in arrived:
                arrive(now)
        else:
            self._lose(len(arrived))
        if self._line.next_due is not None:
            self._timer.set(self._line.next_due - now)
