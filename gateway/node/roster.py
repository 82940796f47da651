"""The TCP connections of this node, as administrators see and end them."""

from collections.abc import Callable, Iterator

from coordinator.times import from_timestamp
from gateway.admin.live import ConnectionRow
from gateway.node.administration import Administration
from gateway.node.session import Session
from gateway.node.table import SessionTable
from gateway.transport.connection import Connection


class Roster:
    """Those of sessions and those of administrators."""

    def __init__(self, table: SessionTable, administration: Callable[[], Administration]) -> None:
        """`administration()` is asked late: it is made after this."""
        self._table = table
        self._administration = administration

    def rows(self) -> list[ConnectionRow]:
        """Return them; a name belongs to one connection for as long as it lasts."""
        rows = [_row(name, session, connection) for name, session, connection in self._carried()]
        return [*rows, *self._administration().places.connections()]

    def end(self, name: str) -> bool:
        """Close one, of a session its client may connect anew; false if there is none."""
        for found, _, connection in self._carried():
            if found.lower() == name.lower():
                connection.close("administrator")
                return True
        return self._administration().places.end(name)

    def _carried(self) -> Iterator[tuple[str, Session, Connection]]:
        for session in self._table.all():
            for connection in list(session.connections):
                port = connection.peer.rpartition(":")[2]
                yield f"CID-{session.record.name.removeprefix('SID-')}-{port}", session, connection


def _row(name: str, session: Session, connection: Connection) -> ConnectionRow:
    record = session.record
    since_ms = int(from_timestamp(record.created).timestamp() * 1000)
    program = record.client_name, record.client_version, record.client_build
    return ConnectionRow(name, connection.peer, since_ms, False, *program)
