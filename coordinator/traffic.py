"""What hubs and users have carried. Nodes add what they counted since they last did."""

from collections.abc import Mapping, Sequence

from coordinator.model import Totals, Traffic
from coordinator.names import check_counter_name
from coordinator.records import DROP, flat, totals_from_fields, traffic_to_increments
from coordinator.store import Call, Store

NO_DROPS: Mapping[str, Mapping[str, int]] = {}


class TrafficTotals:
    """The counters of a fleet. Raises StoreUnavailable from every method."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys = store.keys

    def add(
        self,
        hubs: Mapping[str, Traffic],
        users: Mapping[tuple[str, str], Traffic],
        drops: Mapping[str, Mapping[str, int]] = NO_DROPS,
    ) -> None:
        """Add to the totals of hubs, of (hub, user) pairs, and to hubs' drops by reason.

        What was deleted meanwhile is not counted. Raises StoreUnavailable: then some may be
        counted, and repeating counts them twice.
        """
        calls: list[Call] = []
        for hub in hubs.keys() | drops.keys():
            added = traffic_to_increments(hubs.get(hub, Traffic()))
            for reason, frames in drops.get(hub, {}).items():
                added[DROP + check_counter_name(reason)] = frames
            calls.append(Call([self._keys.hub(hub), self._keys.hub_traffic(hub)], flat(added)))
        for (hub, user), traffic in users.items():
            keys = [self._keys.user(hub, user), self._keys.user_traffic(hub, user)]
            calls.append(Call(keys, flat(traffic_to_increments(traffic))))
        if moved := [call for call in calls if call.args]:
            self._store.steps("traffic_add", moved)

    def hub(self, name: str) -> Totals:
        """Return what a hub has carried; all zero for one that carried nothing or is not."""
        return totals_from_fields(self._store.fields(self._keys.hub_traffic(name)))

    def hubs(self, names: Sequence[str]) -> list[Totals]:
        """Return what several hubs have carried, in one round trip."""
        keys = [self._keys.hub_traffic(name) for name in names]
        return [totals_from_fields(fields) for fields in self._store.fields_of(keys)]

    def user(self, hub: str, name: str) -> Totals:
        """Return what a user has sent and received; drops are counted for hubs only."""
        return totals_from_fields(self._store.fields(self._keys.user_traffic(hub, name)))
