"""The heartbeat: renew the lease once a second, whatever else the node is busy with.

While the store is away sessions go on as far as the gate lets them; what could not be written is
written when it is back.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import gevent
import structlog
from gevent.event import Event
from gevent.queue import Queue

from coordinator.errors import StoreError
from coordinator.lease import Renewal
from gateway.errors import ConfigError
from gateway.node.lease import NodeLease

log = structlog.get_logger()


@dataclass(slots=True)
class Beats:
    """How renewing goes, since the node started; times are monotonic seconds."""

    renewed: int = 0
    late: int = 0
    """After more than twice the usual time."""
    failed: int = 0
    took_s: float = 0.0
    """The last that got through."""
    tried_at: float = field(default_factory=time.monotonic)
    renewed_at: float = 0.0


class Heartbeat:
    """The loop that keeps the lease and hands on what its renewals bring."""

    def __init__(
        self, lease: NodeLease, renew_s: float, revive_store: Callable[[], None] | None = None
    ) -> None:
        """`renew_s` between two renewals; `revive_store` is tried while the store is away."""
        self._lease = lease
        self._renew_s = renew_s
        self._revive_store = revive_store
        self._renewals: Queue[Renewal] = Queue()
        self._woken = Event()
        self._is_store_away = False
        self.beats = Beats()
        self._reviver: gevent.Greenlet[..., None] | None = None

    def run(self) -> None:
        """Beat until killed."""
        while True:
            self._woken.wait(self._renew_s * random.uniform(0.9, 1.1))
            self._woken.clear()
            try:
                renewal = self.beat()
            except Exception:  # whatever it is, the next renewal may be in time
                log.exception("heartbeat failed")
                continue
            if renewal is not None:
                self._renewals.put(renewal)

    def wake(self) -> None:
        """Beat now: there is something for this node."""
        self._woken.set()

    def next_renewal(self) -> Renewal:
        """Wait for the next renewal and return it; each comes once, in order."""
        return self._renewals.get()

    def beat(self) -> Renewal | None:
        """Renew once; None when the store is away or a new incarnation has just begun."""
        beats = self.beats
        beats.tried_at = time.monotonic()
        try:
            renewal = self._lease.renew()
        except StoreError as error:
            beats.failed += 1
            if not self._is_store_away:
                log.warning("store away, sessions go on", why=str(error))
            self._is_store_away = True
            if self._revive_store is not None and (self._reviver is None or self._reviver.dead):
                self._reviver = gevent.spawn(self._revive, self._revive_store)
            return None
        if self._is_store_away:
            log.info("store is back")
            self._is_store_away = False
        now = time.monotonic()
        beats.renewed += 1
        beats.late += bool(beats.renewed_at) and now - beats.renewed_at > 2 * self._renew_s
        beats.took_s, beats.renewed_at = now - beats.tried_at, now
        return renewal

    def _revive(self, revive_store: Callable[[], None]) -> None:
        try:
            revive_store()
        except ConfigError as error:
            log.warning("embedded store does not start", why=str(error))
