"""The history: who came, went, died, led, and which hub was given to whom. Oldest first.

Written by the steps themselves, so it has happened exactly as it says; the newest 100000 or so are
kept. It is for people: nothing decides by it.
"""

from dataclasses import dataclass

from coordinator.prologue import Prologue
from coordinator.times import Timestamp


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    id: str
    """Place in the history: give it to `after`."""
    at: Timestamp
    """By the clock of the node that did it."""
    what: str
    """`register`, `left`, `dead`, `grant`, `active`, `transfer`, `free`, `restore`, `leader`,
    `step-down`, `mode`, `restart`, `removed`, `collect`, `bridge`, `slowed`, `attacked`."""
    why: str
    node: str = ""
    hub: str = ""
    epoch: int = 0
    by: str = ""
    """The node that did it; empty: an operator, or the node itself."""


class History:
    """The history of a fleet. Raises StoreUnavailable from every method."""

    def __init__(self, prologue: Prologue) -> None:
        self._prologue = prologue
        self._store = prologue.store

    def note(self, what: str, why: str, now: Timestamp, *, node: str, hub: str) -> None:
        """Write down what a node has seen of a hub."""
        self._prologue.run("event", now, [], [what, why, node, hub])

    def latest(self, count: int) -> list[Event]:
        """Return the newest `count` events."""
        return [_event(*entry) for entry in self._store.latest(self._store.keys.log(), count)]

    def after(self, event_id: str, count: int) -> list[Event]:
        """Return up to `count` events after the one of that id; of all if it is empty."""
        entries = self._store.entries(self._store.keys.log(), event_id, count)
        return [_event(*entry) for entry in entries]


def _event(entry_id: str, fields: dict[str, str]) -> Event:
    return Event(
        id=entry_id,
        at=Timestamp(fields["at"]),
        what=fields["what"],
        why=fields["why"],
        node=fields.get("node", ""),
        hub=fields.get("hub", ""),
        epoch=int(fields.get("epoch", 0)),
        by=fields.get("by", ""),
    )
