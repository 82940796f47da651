"""Alarms: what an operator should learn of strangers, as events of the fleet's history.

Strangers decide how often there is something to tell, and must not push out of the history what
else happened: so only so many are told, and the log has them all.
"""

import time
from collections.abc import Callable

import gevent
import structlog

from coordinator.errors import CoordinatorError
from coordinator.fleet import Fleet
from coordinator.times import utc_now

log = structlog.get_logger()

AT_ONCE = 10
EVERY_S = 10.0  # then
MAX_TEXT = 200  # characters; names in it are chosen by strangers


class Alarms:
    """The alarms of one node."""

    def __init__(
        self, fleet: Fleet, node: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fleet = fleet
        self._node = node
        self._clock = clock
        self._left = float(AT_ONCE)
        self._at = clock()

    def tell(self, what: str, why: str) -> None:
        """Tell of `what` and `why`. Never waits."""
        text = "".join(c if c.isprintable() else "?" for c in why)[:MAX_TEXT]
        log.warning(what, why=text)
        if self._may_tell():
            gevent.spawn(self._note, what, text)

    def _may_tell(self) -> bool:
        now = self._clock()
        self._left = min(AT_ONCE, self._left + (now - self._at) / EVERY_S)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def _note(self, what: str, why: str) -> None:
        try:
            self._fleet.history.note(what, why, utc_now(), node=self._node, hub="")
        except CoordinatorError as error:
            log.debug("alarm is in the log only", why=str(error))
