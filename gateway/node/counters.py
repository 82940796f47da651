"""Counters by reason: what happened to strangers and frames on this node."""

from collections import Counter


class Counters:
    """Events counted by label since the node started; its row in the store shows them."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()

    def count(self, reason: str) -> None:
        """Count `reason`."""
        self.totals[reason] += 1
