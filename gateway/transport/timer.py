"""A one-shot timer that can be set again: libev's own keeps the rest of its time when stopped.

Timers that need not be exact share. An idle gateway does little but keep-alives, and to wake up
for each costs more than to send it; so those due in the same stretch of time are done together.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import gevent


class Timer:
    """Calls back from the loop once `after` seconds have passed since it was last set."""

    __slots__ = ("_callback", "_stretch", "_watcher")

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback = callback
        self._watcher: Any = None  # a watcher of whichever loop gevent runs on
        self._stretch: _Stretch | None = None

    def set(self, after: float, within: float = 0.0) -> None:
        """Call back in `after` seconds; an earlier setting is forgotten.

        With `within` it may be that many seconds later, together with others.
        """
        self.cancel()
        if within:
            self._stretch = _stretch(after, within)
            self._stretch.callbacks[self] = self._callback
        else:
            self._watcher = gevent.get_hub().loop.timer(max(0.0, after))
            self._watcher.start(self._callback)

    def cancel(self) -> None:
        """Do not call back; may be repeated."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()
            watcher.close()
        stretch, self._stretch = self._stretch, None
        if stretch is not None:
            stretch.callbacks.pop(self, None)


class _Stretch:
    """The callbacks due at the end of one stretch of time, in the order they were set."""

    def __init__(self, key: tuple[float, int], after: float) -> None:
        self.callbacks: dict[Timer, Callable[[], object]] = {}
        self._key = key
        self._watcher = gevent.get_hub().loop.timer(after)
        self._watcher.start(self._end)

    def _end(self) -> None:
        del _stretches[self._key]
        self._watcher.close()
        self._call()

    def _call(self) -> None:
        try:
            while self.callbacks:
                # One at a time: a callback may cancel any other.
                timer = next(iter(self.callbacks))
                self.callbacks.pop(timer)()
        finally:
            if self.callbacks:  # one raised, which is the loop's to report; the others go on
                gevent.get_hub().loop.run_callback(self._call)


_stretches: dict[tuple[float, int], _Stretch] = {}


def _stretch(after: float, within: float) -> _Stretch:
    """Return the stretch of `within` seconds that holds the moment in `after` seconds."""
    now = time.monotonic()
    number = math.ceil((now + max(0.0, after)) / within)
    found = _stretches.get((within, number))
    if found is None:
        found = _stretches[within, number] = _Stretch((within, number), number * within - now)
    return found
