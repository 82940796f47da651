"""Nodes: the rows they write with each renewal, read; what an operator wants of them, written."""

from coordinator.errors import Conflict, NotFound
from coordinator.model import Node, NodeMode
from coordinator.prologue import Prologue
from coordinator.records import node_from_fields
from coordinator.times import Timestamp


class Nodes:
    """The nodes of a fleet. Raises StoreUnavailable from every method."""

    def __init__(self, prologue: Prologue) -> None:
        self._prologue = prologue
        self._store = prologue.store
        self._keys = prologue.keys

    def node(self, name: str) -> Node | None:
        """Return a node's row; None if there is none."""
        fields = self._store.fields(self._keys.node(name))
        return node_from_fields(fields) if fields else None

    def nodes(self) -> list[Node]:
        """Return all nodes by name, also those that stopped: see `updated`."""
        names = self._store.members(self._keys.nodes())
        found = self._store.fields_of([self._keys.node(name) for name in names])
        return [node_from_fields(fields) for fields in found if fields]

    def set_mode(self, name: str, mode: NodeMode, now: Timestamp, *, drain_rate: int = 0) -> None:
        """Say what is wanted of a node; it hears so with its next renewal. Raises NotFound.

        `drain_rate`: sessions a second at most that a draining one gives away; 0: as it likes.
        """
        args = [name, mode.value, drain_rate]
        answer = self._prologue.run("node_mode", now, [self._keys.node(name)], args)
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
