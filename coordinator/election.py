"""The election: who is controller. A record bound to a node's lease; it dies with the node.

Nothing a user does waits for a leader: it does optional work only (`controller`). Who hears in a
renewal that nobody leads calls `lead`; so does the leader, each cycle, to show progress.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.prologue import Prologue
from coordinator.records import unflat
from coordinator.times import Timestamp

if TYPE_CHECKING:
    from coordinator.lease import Lease


@dataclass(frozen=True, slots=True)
class Leader:
    """Who leads, since when, and how many cycles it has begun."""

    node: str
    inc: int
    epoch: int
    since: Timestamp
    progress: int

    def is_held_by(self, lease: "Lease") -> bool:
        """Say whether it is this very incarnation."""
        return (self.node, self.inc) == (lease.node, lease.inc)


class Election:
    """The one leader of a fleet. Raises StoreUnavailable and ForeignStore from every method."""

    def __init__(self, prologue: Prologue) -> None:
        self._prologue = prologue
        self._keys = prologue.keys

    def lead(self, lease: "Lease", now: Timestamp) -> Leader | None:
        """Become leader, or show progress as one; return who leads afterwards.

        None: nobody may just now. Raises LeaseLost.
        """
        args: list[str | int] = [lease.node, lease.inc]
        answer = self._prologue.run("lead", now, [self._keys.leader()], args)
        leader = read_leader(unflat(answer[1:]))
        if leader is not None:
            self._prologue.heard(leader.epoch)
        return leader

    def leader(self) -> Leader | None:
        """Return who leads by the record; its lease may have ended."""
        return read_leader(self._prologue.store.fields(self._keys.leader()))

    def step_down(self, now: Timestamp, why: str = "asked to") -> str:
        """End the leadership, and keep the same node from it for one lease; return who it was.

        Empty: nobody led.
        """
        answer = self._prologue.run("step_down", now, [self._keys.leader()], [why])
        return str(answer[1]) if answer[0] == "ok" else ""


def read_leader(fields: Mapping[str, str]) -> Leader | None:
    """Return the leader as the store holds it; None if nobody leads."""
    if not fields.get("node"):
        return None
    return Leader(
        node=fields["node"],
        inc=int(fields["inc"]),
        epoch=int(fields["epoch"]),
        since=Timestamp(fields["since"]),
        progress=int(fields["progress"]),
    )
