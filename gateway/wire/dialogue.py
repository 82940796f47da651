"""What both roles of the handshake share: bytes in, events and bytes out.

A role is written as stretches: grammars (see `gateway.wire.reader`) that read a part of the
dialogue, say what must be said on the way, and return the event at its end. Between two stretches
the driver answers; nothing is read meanwhile, so what arrives early waits, within a stated bound.
"""

from collections.abc import Generator

from gateway.wire.events import Event, Finished
from gateway.wire.reader import Reader

Stretch = Generator[int, bytes, Event]


class Dialogue:
    """One connection's handshake in one role, driven by three verbs.

    `backlog` bounds the bytes held that nothing has read yet.
    """

    def __init__(self, backlog: int) -> None:
        self._reader: Reader[Event] = Reader(backlog)
        self._outgoing = bytearray()
        self._is_over = False
        self._last: Finished | None = None

    def receive_data(self, data: bytes) -> None:
        """Take bytes of the peer; raises LimitExceeded instead of holding too many."""
        self._reader.receive(data)

    def next_event(self) -> Event | None:
        """Return what happened, or None: the peer must speak, or the driver must answer.

        Raises ProtocolError (or, in the client's role, Refused): send what there is to send and
        close. The peer has been told the code where the dialogue allows it. After that, as after
        a refusal, the next event is Finished.
        """
        try:
            event = self._reader.advance()
        except Exception:
            self._finish()
            raise
        if event is None:
            event, self._last = self._last, None
        return event

    def data_to_send(self) -> bytes:
        """Take what must leave now; there may be some before any event."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    @property
    def trailing(self) -> bytes:
        """The bytes that arrived behind the handshake: the beginning of the blocks."""
        return self._reader.rest

    def _begin(self, stretch: Stretch) -> None:
        self._reader.begin(stretch)

    def _send(self, data: bytes) -> None:
        self._outgoing += data

    def _finish(self) -> None:
        """Let Finished be the next and last event."""
        self._is_over = True
        self._last = Finished()
