"""The prologue: how every step of coordination begins, on the caller's side (theirs: `clock.lua`).

A step is told which fleet it is meant for, the time for people, and the highest epoch the caller
has seen. So a Redis that was emptied or replaced is noticed by whatever asks next and never filled
anew by a node, and one that lost its last writes learns from the survivors which epochs are used.
"""

from collections.abc import Sequence

from coordinator.errors import ForeignStore, LeaseLost
from coordinator.keys import Keys
from coordinator.store import Answer, Call, Store
from coordinator.times import Timestamp


class Prologue:
    """Runs steps of coordination over one connection. Remembers the highest epoch it heard of."""

    def __init__(self, store: Store, cluster: str) -> None:
        """`cluster` is the id of the fleet every step is meant for."""
        self.store = store
        self.cluster = cluster
        self.highest_epoch = 0

    @property
    def keys(self) -> Keys:
        """The fleet's keys."""
        return self.store.keys

    def over(self, store: Store) -> "Prologue":
        """Return the same over another connection: a lease has one of its own."""
        other = Prologue(store, self.cluster)
        other.highest_epoch = self.highest_epoch
        return other

    def heard(self, epoch: int) -> int:
        """Remember an epoch; return it."""
        self.highest_epoch = max(self.highest_epoch, epoch)
        return epoch

    def run(
        self, step: str, now: Timestamp, keys: Sequence[str], args: Sequence[str | int]
    ) -> Answer:
        """Run one step. Raises StoreUnavailable, ForeignStore (our fleet is not there any more),
        LeaseLost (the step asks for a living caller and this one is none)."""
        return self.run_all(step, now, [Call(keys, args)])[0]

    def run_all(self, step: str, now: Timestamp, calls: Sequence[Call]) -> list[Answer]:
        """Run one step several times in one round trip. Raises as `run`."""
        ours = (self.keys.meta(), self.keys.settings(), self.keys.log())
        said = (self.keys.prefix, self.cluster, now, self.highest_epoch)
        full = [Call([*ours, *call.keys], [*said, *call.args]) for call in calls]
        answers = self.store.steps(step, full)
        for answer in answers:
            if answer[0] == "no-fleet":
                raise ForeignStore(
                    f"fleet {self.keys.fleet!r} ({self.cluster}) is not in {self.store.where} any "
                    "more: it was emptied or is another; nodes never make a fleet again by "
                    "themselves: restore a backup, or restart the gateways to begin a new one"
                )
            if answer[0] == "not-live":
                raise LeaseLost(str(answer[1]))
        return answers
