"""Watching: what whoever has a page open asks for every two seconds, read seldom and shared.

A gateway reads for all who watch through it, and keeps what it read for a moment: everybody who
asks meanwhile is shown the same. Three things bound what that costs the sessions it carries:

1. Nothing is read from the store again before ten times as long as reading it took.
2. Of sessions the first MOST_SESSIONS are read, by hub and name. Where there are more, rates of
   what was not read whole are unknown rather than wrong.
3. When nobody asks nothing is read at all.

Times are monotonic seconds of one clock.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from coordinator.fleet import Fleet
from coordinator.history import Event
from coordinator.model import SessionRecord
from coordinator.times import Timestamp
from gateway.admin import fleet_status, hubs, nodes
from gateway.admin.fleet_status import Snapshot
from gateway.admin.live import Live
from gateway.admin.rates import Look, Meter, Rates

MOST_SESSIONS = 500
AT_ONCE = 50  # sessions: frames have their turn between two readings
MOST_EVENTS = 2000  # the newest, of the whole fleet
EVENTS_AT_ONCE = 500
KEEP_S = 1.5
SHARE = 10.0
FORGET_S = 60.0  # what nobody asked for since is read afresh
MOST_VIEWS = 64  # whole fleet and single hubs

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class View:
    """What is carried now, of the whole fleet or of one hub."""

    rates: Rates
    sessions: int
    """That there are; `rates` may have fewer."""

    @property
    def is_whole(self) -> bool:
        """Say whether every session was read: only then are sums over them right."""
        return len(self.rates.sessions) >= self.sessions


@dataclass(slots=True)
class Kept(Generic[T]):
    """A value that costs time to make, made again when it is due."""

    value: T | None = None
    made_s: float = 0.0
    due_s: float = 0.0
    asked_s: float = 0.0
    is_making: bool = False

    def get(self, make: Callable[[], T], clock: Callable[[], float], share: float = SHARE) -> T:
        """Return the value, made anew by `make` if it is old and nobody is at it; not before
        `share` times as long as making it took."""
        began = self.asked_s = clock()
        if self.value is not None and (self.is_making or began < self.due_s):
            return self.value
        self.is_making = True
        try:
            self.value = made = make()
        finally:
            self.is_making = False
        self.made_s = clock()
        self.due_s = began + max(KEEP_S, share * (self.made_s - began))
        return made


@dataclass(slots=True)
class _Scope:
    """The views of the fleet, or of a hub, one after the other."""

    meter: Meter = field(default_factory=Meter)
    kept: Kept[View] = field(default_factory=Kept)


class Watch:
    """What is kept for those who watch through this gateway. Raises StoreError from every
    method."""

    def __init__(self) -> None:
        self._scopes: OrderedDict[tuple[str, Timestamp], _Scope] = OrderedDict()
        self._status: Kept[Snapshot] = Kept()
        self._events: Kept[Sequence[Event]] = Kept()
        self._known: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._silent: Kept[Sequence[str]] = Kept()

    def view(self, fleet: Fleet, clock: Callable[[], float], hub: str = "") -> View:
        """Return what is carried now, by one hub or by all. Raises NotFound."""
        # A hub made anew under its name has nothing to do with the former one.
        place = (hub, hubs.find(fleet, hub).created) if hub else ("", Timestamp(""))
        scope = self._scopes.get(place)
        if scope is None or clock() - scope.kept.asked_s > FORGET_S:
            scope = self._scopes[place] = _Scope()
        self._scopes.move_to_end(place)
        while len(self._scopes) > MOST_VIEWS:
            self._scopes.popitem(last=False)
        found = scope
        return found.kept.get(lambda: _view(fleet, clock, hub, found.meter), clock)

    def status(
        self, fleet: Fleet, clock: Callable[[], float], now: Timestamp, days: int | None
    ) -> Snapshot:
        """Return the whole fleet as it is; `days`: until its certificate ends."""
        return self._status.get(lambda: fleet_status.read(fleet, now, clock, days), clock)

    def events(self, fleet: Fleet, clock: Callable[[], float]) -> Sequence[Event]:
        """Return the newest events of the whole fleet, oldest first."""
        is_old = clock() - self._events.asked_s > FORGET_S
        return self._events.get(lambda: self._read_events(fleet, is_old), clock)

    def silent(self, live: Live, clock: Callable[[], float], up: Sequence[str]) -> Sequence[str]:
        """Return which of the nodes that are up by their leases do not answer."""
        # Asking is waiting, no work: a node that answers again is soon seen to.
        return self._silent.get(lambda: tuple(live.silent(up)), clock, share=1.0)

    def _read_events(self, fleet: Fleet, is_old: bool) -> Sequence[Event]:
        if is_old or not self._known:
            newest = fleet.history.latest(MOST_EVENTS)
            self._known.clear()
        else:
            newest = fleet.history.after(self._known[-1].id, EVENTS_AT_ONCE)
        self._known.extend(newest)
        return tuple(self._known)


def _view(fleet: Fleet, clock: Callable[[], float], hub: str, meter: Meter) -> View:
    found = [hubs.report(fleet, hub)] if hub else hubs.reports(fleet)
    sessions: list[SessionRecord] = []
    for report in found:
        if report.sessions and len(sessions) < MOST_SESSIONS:
            left = MOST_SESSIONS - len(sessions)
            sessions += fleet.sessions.of_hub(report.hub.name, left, at_once=AT_ONCE)
    seen = Look(clock(), nodes.reports(fleet), found, sessions)
    return View(meter.take(seen), sum(report.sessions for report in found))
