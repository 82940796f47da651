"""Which cascades run here: those that are online, of the hubs this node serves, and no others.

What is wanted is looked up whenever the directory has changed or hubs came or went, and brought
about by starting and stopping; a cascade whose configuration changed is stopped and started anew.
How each is doing is written to the store every few seconds, and at once when it has news.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

import gevent
import structlog
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from coordinator.cascade import Cascade, CascadeStatus
from coordinator.errors import CoordinatorError, SealBroken
from coordinator.fleet import Fleet
from coordinator.model import NEVER, Hub, HubKind
from coordinator.names import fold
from coordinator.placement import Grant
from coordinator.times import utc_now
from gateway.node.cascade import Place, RunningCascade
from gateway.node.hubs import Hubs, LiveHub
from gateway.node.ledger import Ledger
from gateway.transport.gate import Gate

log = structlog.get_logger()

NEWS_PAUSE_S = 0.2  # between two reports of news: a cascade that flaps does not fill the store

Key: TypeAlias = tuple[str, str]
"""Hub and cascade, folded."""


class NodeCascades:
    """The cascades of one node."""

    def __init__(
        self,
        fleet: Fleet,
        hubs: Hubs,
        gate: Gate,
        ledger: Ledger,
        served: Callable[[], Mapping[str, Grant]],
    ) -> None:
        """`served()`: the hubs this node owns and is not just handing over."""
        self._fleet = fleet
        self._hubs = hubs
        self._gate = gate
        self._ledger = ledger
        self._served = served
        self._running: dict[Key, RunningCascade] = {}
        self._followed: tuple[int, Mapping[str, Grant]] = (-1, {})
        self._told: dict[Key, CascadeStatus] = {}
        self._news = Event()
        self._telling = BoundedSemaphore()

    # -- what runs -----------------------------------------------------------------------------

    def follow(self, version: int) -> None:
        """Run what is to be run as of this version of the directory. Raises StoreError.

        Costs nothing while neither it nor what is served here has changed.
        """
        served = self._served()
        is_whole = not any(running.is_over for running in self._running.values())
        if is_whole and self._followed == (version, served):
            return
        wanted = self._look_up(served) if served else {}
        now_served = self._served()  # asking the store has taken its time
        wanted = {
            key: (hub, cascade)
            for key, (hub, cascade) in wanted.items()
            if now_served.get(key[0]) == served[key[0]]
        }
        for key, running in list(self._running.items()):
            found = wanted.get(key)
            if found is None or not _is_same(running, found[1], served[key[0]]):
                self._stop(key, "not wanted here any more" if found is None else "changed")
        for key, (hub, cascade) in wanted.items():
            if key not in self._running:
                self._start(key, hub, cascade, served[key[0]])
        self._followed = (version, now_served)

    def stop_hub(self, hub: str, reason: str) -> None:
        """Stop those of a hub, at once; if it stays after all, they begin anew."""
        self._followed = (-1, {})
        for key in [key for key in self._running if key[0] == fold(hub)]:
            self._stop(key, reason)

    def stop_all(self, reason: str) -> None:
        """Stop every one, at once."""
        for key in list(self._running):
            self._stop(key, reason)

    def count_of(self, hub: str) -> int:
        """Return how many of a hub run here."""
        return sum(key[0] == fold(hub) for key in self._running)

    def uses_of(self, hub: str) -> int:
        """Return how many need this node to own a hub: of a static one, its cascades alone."""
        live = self._hubs.alive.get(fold(hub))
        if live is None or live.hub.kind is HubKind.STATIC:
            return self.count_of(hub)
        return self._hubs.uses_of(hub)

    def end_owned(self, hub: str, reason: str) -> None:
        """End what only the owner of a hub may do: everything of a dynamic one."""
        live = self._hubs.alive.get(fold(hub))
        if live is not None and live.hub.kind is HubKind.DYNAMIC:
            self._hubs.end(hub, reason)
        self.stop_hub(hub, reason)

    def _look_up(self, served: Mapping[str, Grant]) -> dict[Key, tuple[Hub, Cascade]]:
        """Return what is online of the hubs served. Raises StoreError."""
        found: dict[Key, tuple[Hub, Cascade]] = {}
        for name in self._fleet.cascades.cascading():
            hub = self._fleet.directory.hub(name) if name in served else None
            if hub is None or not hub.online:
                continue
            try:
                cascades = self._fleet.cascades.of_hub(name)
            except SealBroken as error:
                log.error("cascades cannot run", hub=name, why=str(error))
                continue
            for cascade in cascades:
                if cascade.online:
                    found[name, fold(cascade.name)] = hub, cascade
        return found

    def _start(self, key: Key, hub: Hub, cascade: Cascade, grant: Grant) -> None:
        place = Place(grant.node, grant.inc, grant.epoch)

        def make(live: LiveHub) -> RunningCascade:
            self._running[key] = running = RunningCascade(
                cascade, place, live, self._gate, self._fleet.cluster, changed=self._news.set
            )
            return running

        log.info("cascade started", hub=hub.name, cascade=cascade.name, epoch=grant.epoch)
        self._hubs.attach(hub, _outlet(key), make)

    def _stop(self, key: Key, reason: str) -> None:
        running = self._running.pop(key)
        self._told.pop(key, None)
        if not running.is_over:
            self._hubs.detach(key[0], _outlet(key), reason)
        self._ledger.hubs[running.cascade.hub] += running.take_traffic()

    # -- what is told --------------------------------------------------------------------------

    def tell_news(self) -> None:
        """Report whenever there is news, until killed."""
        while True:
            self._news.wait()
            self._news.clear()
            try:
                self.report()
            except CoordinatorError as error:
                log.debug("news of cascades not told yet", why=str(error))
            gevent.sleep(NEWS_PAUSE_S)

    def report(self) -> None:
        """Write down how those are doing of which it has changed. Raises StoreError."""
        with self._telling:  # an older status must not come after a newer one
            now = utc_now()
            fresh = {}
            for key, running in self._running.items():
                status = running.status(now)
                if not running.is_over and not _is_told(self._told.get(key), status):
                    fresh[key] = status
            unwritten = self._fleet.cascades.report(list(fresh.values()))
            for key, status in fresh.items():
                if status not in unwritten and key in self._running:
                    self._told[key] = status

    def settle(self) -> None:
        """Enter what was carried into the ledger of the hubs."""
        for running in self._running.values():
            self._ledger.hubs[running.cascade.hub] += running.take_traffic()


def _is_same(running: RunningCascade, cascade: Cascade, grant: Grant) -> bool:
    is_there = not running.is_over and running.cascade.version == cascade.version
    return is_there and running.place == Place(grant.node, grant.inc, grant.epoch)


def _is_told(told: CascadeStatus | None, status: CascadeStatus) -> bool:
    """Say whether there is nothing new but the time of day."""
    return told is not None and replace(told, updated=NEVER) == replace(status, updated=NEVER)


def _outlet(key: Key) -> str:
    return f"cascade {key[1]}"
