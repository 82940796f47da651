"""The history, as an operator asks for it: of the fleet, of one hub, of one node."""

from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.fleet import Fleet
from coordinator.history import Event
from coordinator.names import fold

FIRST_PAGE = 1000  # events looked through before reaching further back
PAGE = 500  # events read at once by who follows


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are asked for; empty: all."""

    hub: str = ""
    node: str = ""

    def lets(self, event: Event) -> bool:
        """Say whether an event is about this hub, and about or by this node."""
        is_hub = not self.hub or event.hub == fold(self.hub)
        return is_hub and (not self.node or self.node.lower() in (event.node, event.by))


def latest(fleet: Fleet, wanted: Filter, last: int) -> Sequence[Event]:
    """Return the newest `last` events that are asked for, oldest first."""
    count = max(FIRST_PAGE, last) if wanted != Filter() else last
    while True:
        events = fleet.history.latest(count)
        found = [event for event in events if wanted.lets(event)]
        if len(found) >= last or len(events) < count:
            return found[-last:]
        count *= 10


def newest_id(fleet: Fleet) -> str:
    """Return the id of the newest event; empty if there is none."""
    events = fleet.history.latest(1)
    return events[-1].id if events else ""


def after(fleet: Fleet, event_id: str) -> Sequence[Event]:
    """Return what happened since the event of that id, at most so much at once; unfiltered."""
    return fleet.history.after(event_id, PAGE)
