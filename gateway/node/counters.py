"""Counters by reason: what happened to strangers and frames on this node."""

from collections import Counter


class Counters:
    """Events counted by label, handed over in steps to whoever stores the totals."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self._taken: Counter[str] = Counter()

    def count(self, reason: str, by: int = 1) -> None:
        """Count `reason`."""
        self.totals[reason] += by

    def take(self) -> dict[str, int]:
        """Return what was counted since the last call."""
        fresh = self.totals - self._taken
        self._taken = self.totals.copy()
        return dict(fresh)
