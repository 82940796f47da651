"""The ledger: what hubs and users carried and what was dropped, until the store has it."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from coordinator.model import Traffic


@dataclass(slots=True)
class Ledger:
    """Sums since the last `take`. Hubs by name, users by (hub, user), drops by hub and reason."""

    hubs: defaultdict[str, Traffic] = field(default_factory=lambda: defaultdict(Traffic))
    users: defaultdict[tuple[str, str], Traffic] = field(
        default_factory=lambda: defaultdict(Traffic)
    )
    drops: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, hub: str, user: str, traffic: Traffic) -> None:
        """Enter what a session carried."""
        if traffic:
            self.hubs[hub] += traffic
            self.users[hub, user] += traffic

    def take(self) -> "Ledger":
        """Return what has been entered and begin anew."""
        taken = Ledger(self.hubs, self.users, self.drops)
        fresh = Ledger()
        self.hubs, self.users, self.drops = fresh.hubs, fresh.users, fresh.drops
        return taken

    def put_back(self, other: "Ledger") -> None:
        """Enter again what the store did not take."""
        for hub, traffic in other.hubs.items():
            self.hubs[hub] += traffic
        for user, traffic in other.users.items():
            self.users[user] += traffic
        for hub, reasons in other.drops.items():
            self.drops[hub].update(reasons)
