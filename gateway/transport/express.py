"""Express: who says little does not wait until the work for who says much is done.

A full receive of a busy connection is half a millisecond of work, and a request that comes in
meanwhile would wait for all of it. So that work pauses between its pieces: `visit` looks whether a
*light* connection, one that sent frames and whose last receive was small, has said something, and
serves it there and then. One that only keeps alive is none: it can wait, and costs nothing here.

1. *Four fifths at most*: after a visit a quarter as long as it took is worked before the next. A
   crowd of light connections cannot keep the heavy ones from going on.
2. *Never inside itself*: what a visit serves is not paused, so it may use one set of buffers.
3. *Small turns in company*: while visits find somebody, heavy connections receive less at once and
   pause more often, which costs about a tenth of their throughput. What they send wakes its
   receiver in smaller portions then, which matters where both share processors.
4. *Awake in company*: before the loop sleeps it looks around for a moment. Between two bursts of a
   heavy connection the processor would doze off, and to wake it takes as long as to serve many.

The light ones are in an epoll set of our own beside the loop's, which still serves them whenever
nobody is at work; whoever of the two comes second finds nothing to read.
"""

import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent.monkey import get_original

MOST = 8  # connections served in one visit
COMPANY_S = 0.01  # since somebody was served
AWAKE_S = 0.0001  # of looking around instead of sleeping

_EPOLLIN = 1
_LAST = -2  # priority among what is called before the loop sleeps


class Express:
    """The light connections of a process, by descriptor."""

    __slots__ = (
        "_anybody",
        "_before_sleep",
        "_due",
        "_is_awake",
        "_is_visiting",
        "_ready",
        "_served",
        "light",
    )

    def __init__(self) -> None:
        # gevent hides what could wait; asked with a time-out of 0 it does not.
        self._ready = get_original("select", "epoll")()
        self.light: dict[int, Callable[[], object]] = {}
        """What serves each of them."""
        self._anybody: Any = None  # an epoll set whose only member is the loop's
        self._before_sleep: Any = None
        self._is_awake = False
        self._is_visiting = False
        self._due = 0.0  # no visit before
        self._served = 0.0  # when a visit last found somebody

    def join(self, descriptor: int, serve: Callable[[], object]) -> None:
        """Let visits call `serve` when `descriptor` is readable; it must not wait."""
        self.light[descriptor] = serve
        self._ready.register(descriptor, _EPOLLIN)

    def leave(self, descriptor: int) -> None:
        """Forget a descriptor that joined, before it is closed."""
        del self.light[descriptor]
        self._ready.unregister(descriptor)

    def visit(self) -> None:
        """Serve the light connections that are readable, unless it is too early again."""
        if self._is_visiting or not self.light:
            return
        began = time.monotonic()
        if began < self._due:
            return
        ready = self._ready.poll(0, MOST)
        if not ready:
            return
        self._is_visiting = True
        try:
            for descriptor, _ in ready:
                serve = self.light.get(descriptor)
                if serve is not None:  # one served before it may have closed it
                    serve()
        finally:
            self._is_visiting = False
        self._served = ended = time.monotonic()
        self._due = ended + (ended - began) / 4
        if not self._is_awake:
            self._stay_awake()

    def is_in_company(self) -> bool:
        """Say whether a visit served somebody a moment ago."""
        return time.monotonic() - self._served < COMPANY_S

    def _stay_awake(self) -> None:
        if self._before_sleep is None:
            loop = gevent.get_hub().loop
            self._anybody = get_original("select", "epoll")()
            self._anybody.register(loop.fileno(), _EPOLLIN)
            self._before_sleep = loop.prepare(ref=False, priority=_LAST)
        self._is_awake = True
        self._before_sleep.start(self._look_around)

    def _look_around(self) -> None:
        if not self.is_in_company():
            self._is_awake = False
            self._before_sleep.stop()
            return
        enough = time.monotonic() + AWAKE_S
        while not self._anybody.poll(0) and time.monotonic() < enough:
            pass


EXPRESS = Express()
