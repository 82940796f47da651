"""Waiting for a condition with a deadline: the only kind of sleep in these tests."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(
    condition: Callable[[], T],
    what: str,
    timeout: float = 10,
    explain: Callable[[], object] = str,
    *,
    pause: float = 0.05,
) -> T:
    """Return the first true value of `condition`, asked every `pause` seconds.

    Raises AssertionError after `timeout` seconds, saying `what` was awaited and
    what `explain` knows about it, such as the end of a log.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s for {what}\n{explain()}")
        time.sleep(pause)
