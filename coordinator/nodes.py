"""Nodes: each writes one readable row, and learns in the same step what is new for it."""

from dataclasses import replace

from coordinator.errors import NotFound
from coordinator.model import DropSession, Node, Pulse
from coordinator.records import flat, node_from_fields, node_to_fields, unflat
from coordinator.store import Store
from coordinator.times import Timestamp


class Nodes:
    """The nodes of a fleet. Raises StoreUnavailable from every method."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys = store.keys

    def heartbeat(self, node: Node, now: Timestamp, last_order: str = "") -> Pulse:
        """Write a node's row; return the directory's version and what the node is to do.

        `last_order` is that of the pulse whose orders were carried out. Orders come again until
        they are named so; carrying one out twice does nothing.
        """
        keys = self._keys
        touched = (
            keys.node(node.id),
            keys.nodes(),
            keys.orders(node.id),
            keys.directory_version(),
        )
        row = flat(node_to_fields(replace(node, updated=now)))
        args = [node.id, last_order, node.started, *row]
        _, version, *orders = self._store.step("heartbeat", touched, args)
        entries = [order for order in orders if isinstance(order, list)]
        return Pulse(
            directory_version=int(str(version)),
            orders=tuple(_order(entry[1]) for entry in entries),
            last_order=str(entries[-1][0]) if entries else last_order,
        )

    def node(self, name: str) -> Node | None:
        """Return a node's row; None if there is none."""
        fields = self._store.fields(self._keys.node(name))
        return node_from_fields(fields) if fields else None

    def nodes(self) -> list[Node]:
        """Return all nodes by name, also those that stopped: see `updated`."""
        names = self._store.members(self._keys.nodes())
        found = self._store.fields_of([self._keys.node(name) for name in names])
        return [node_from_fields(fields) for fields in found if fields]

    def remove(self, name: str) -> None:
        """Forget a node that stopped in order. Raises NotFound."""
        keys = self._keys
        touched = (keys.node(name), keys.nodes(), keys.orders(name))
        if self._store.step("node_remove", touched, [name])[0] == "gone":
            raise NotFound("node", name)


def _order(entry: object) -> DropSession:
    fields = unflat(entry) if isinstance(entry, list) else {}
    return DropSession(fields["hub"], fields["session"], fields["key_hash"])
