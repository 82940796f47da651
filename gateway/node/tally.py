"""What this node has carried since it started, hub by hub: hubs alive now, and those that went.

The switch counts at each port; a port that leaves hands its numbers to its switch, a hub that goes
to the tally. So nothing is counted twice, and reading it all costs the frame path nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gateway.hub.port import Traffic
from gateway.hub.switch import Switch


@dataclass(slots=True)
class Carried:
    """Frames and bytes of one hub, by direction: `received` from its ports, `sent` to them."""

    received: Traffic = field(default_factory=Traffic)
    sent: Traffic = field(default_factory=Traffic)

    def add(self, received: Traffic, sent: Traffic) -> None:
        """Add what a switch or another hub has carried."""
        self.received.merge(received)
        self.sent.merge(sent)


@dataclass(slots=True)
class Tally:
    """Of hubs that are not here any more. Hubs by name."""

    carried: dict[str, Carried] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)

    def close(self, hub: str, switch: Switch) -> None:
        """Take over the numbers of a hub that goes."""
        self.carried.setdefault(hub, Carried()).add(*switch.carried())
        self.dropped.update(switch.dropped)

    def sum_with(self, alive: Iterable[tuple[str, Switch]]) -> dict[str, Carried]:
        """Return each hub's numbers since the node started, those of living ones included."""
        total = {hub: Carried() for hub in self.carried}
        for hub, carried in self.carried.items():
            total[hub].add(carried.received, carried.sent)
        for hub, switch in alive:
            total.setdefault(hub, Carried()).add(*switch.carried())
        return total


class HubLabels:
    """Which hubs have a line of their own: the first so many seen, for as long as the node lives.

    A counter must not lose its name once it has one, so no later, busier hub takes a place.
    """

    OTHERS = "(others)"

    def __init__(self, most: int) -> None:
        self._most = most
        self._named: set[str] = set()

    def label(self, hub: str) -> str:
        """Return the label of a hub."""
        if hub not in self._named and len(self._named) < self._most:
            self._named.add(hub)
        return hub if hub in self._named else self.OTHERS

    def gather(self, carried: dict[str, Carried]) -> Iterator[tuple[str, Carried]]:
        """Return the numbers by label."""
        by_label: dict[str, Carried] = {}
        for hub, numbers in carried.items():
            by_label.setdefault(self.label(hub), Carried()).add(numbers.received, numbers.sent)
        yield from by_label.items()
