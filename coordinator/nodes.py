"""Nodes: each writes one readable row, and learns in the same step what is new for it."""

from dataclasses import replace

from coordinator.errors import Conflict, NotFound
from coordinator.model import DropSession, Node, NodeMode, Pulse
from coordinator.prologue import Prologue
from coordinator.records import flat, node_from_fields, node_to_fields, unflat
from coordinator.times import Timestamp


class Nodes:
    """The nodes of a fleet. Raises StoreUnavailable from every method."""

    def __init__(self, prologue: Prologue) -> None:
        self._prologue = prologue
        self._store = prologue.store
        self._keys = prologue.keys

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

    def set_mode(self, name: str, mode: NodeMode, now: Timestamp) -> None:
        """Say what is wanted of a node; it hears so with its next renewal. Raises NotFound."""
        answer = self._prologue.run("node_mode", now, [self._keys.node(name)], [name, mode.value])
        if answer[0] == "gone":
            raise NotFound("node", name)

    def remove(self, name: str, now: Timestamp) -> None:
        """Forget a node that left or is dead. Raises NotFound, Conflict while it is alive."""
        answer = self._prologue.run("node_remove", now, [self._keys.node(name)], [name])
        if answer[0] == "gone":
            raise NotFound("node", name)
        if answer[0] == "alive":
            raise Conflict(
                f"node {name!r} is alive for at least {answer[1]} ms: stop it first, "
                "or wait until it is declared dead"
            )


def _order(entry: object) -> DropSession:
    fields = unflat(entry) if isinstance(entry, list) else {}
    return DropSession(fields["hub"], fields["session"], fields["key_hash"])
