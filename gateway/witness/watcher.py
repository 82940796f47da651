"""The side that watches: who has pinged, who fell silent, and to whom it has promised to wait.

Its one rule: between a promise and `PROMISE_S` later it accuses nobody it was given to, and from
the beginning of an accusation to its end it promises nothing.
"""

from dataclasses import dataclass

from gateway.witness import PROMISE_S, SILENT_S
from gateway.witness.message import Kind, Message

FORGET_S = 10.0
"""A node silent for so long is left to its lease."""
MAX_WATCHED = 10_000


@dataclass(slots=True)
class Watch:
    """One node that is watched. Times are seconds on the monotonic clock of the caller."""

    node: str
    inc: int
    heard_at: float
    bound_until: float
    """A promise was given: no accusation before."""
    is_accused: bool = False
    spoke: bool = False
    """Since it was accused."""
    is_over: bool = False
    """It was declared dead, or had ended before: remembered so that it is promised nothing."""


class Watcher:
    """For the node `node` as its incarnation `inc`; both change with each registration."""

    def __init__(self) -> None:
        self.node = ""
        self.inc = 0
        self._watches: dict[str, Watch] = {}

    def __len__(self) -> int:
        return len(self._watches)

    def become(self, node: str, inc: int) -> None:
        """Begin an incarnation. Promises of the one before go on binding."""
        self.node, self.inc = node, inc

    def hear(self, message: Message, now: float) -> bool:
        """Take a ping; say whether it may be answered with a promise."""
        if message.kind is not Kind.PING:
            return False
        if (message.witness, message.witness_inc) != (self.node, self.inc):
            return False
        watch = self._watches.get(message.node)
        if watch is None or watch.inc < message.inc:
            if len(self._watches) >= MAX_WATCHED and watch is None:
                return False
            watch = self._watches[message.node] = Watch(message.node, message.inc, now, 0.0)
        if watch.inc != message.inc:
            return False
        watch.heard_at, watch.spoke = now, True
        if watch.is_accused:
            return False
        watch.bound_until = now + PROMISE_S
        return True

    def silent(self, now: float) -> list[Watch]:
        """Return whom nothing was heard of, and who may be accused; forget the long silent."""
        for node, watch in list(self._watches.items()):
            if now - watch.heard_at > FORGET_S and (watch.is_over or not watch.is_accused):
                del self._watches[node]
        return [
            watch
            for watch in self._watches.values()
            if now - watch.heard_at > SILENT_S and now >= watch.bound_until and not watch.is_accused
        ]

    def accuse(self, watch: Watch) -> None:
        """Begin an accusation: no promise until `acquit`."""
        watch.is_accused, watch.spoke = True, False

    def acquit(self, watch: Watch) -> None:
        """End it without a verdict."""
        watch.is_accused = False

    def condemn(self, watch: Watch) -> None:
        """End it for good: that incarnation is over."""
        watch.is_over = True
