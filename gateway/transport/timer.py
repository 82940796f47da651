"""A one-shot timer that can be set again: libev's own keeps the rest of its time when stopped."""

from collections.abc import Callable
from typing import Any

import gevent


class Timer:
    """Calls back from the loop once `after` seconds have passed since it was last set."""

    __slots__ = ("_callback", "_watcher")

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback = callback
        self._watcher: Any = None  # a watcher of whichever loop gevent runs on

    def set(self, after: float) -> None:
        """Call back in `after` seconds; an earlier setting is forgotten."""
        self.cancel()
        self._watcher = gevent.get_hub().loop.timer(max(0.0, after))
        self._watcher.start(self._callback)

    def cancel(self) -> None:
        """Do not call back; may be repeated."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()
            watcher.close()
