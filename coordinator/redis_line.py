"""A line: one connection to the store that all callers of a process share.

Whoever has his turn on the line sends what all who wait have to ask, in one write, and reads the
answers in their order until he has his own: in a storm of logins a round trip carries the questions
of many.

1. A question is sent once. When the connection breaks, whoever waits for an answer learns that.
2. A caller that is interrupted (its deadline, its end) while it reads for others leaves the line as
   it is: the next one reads on, and the answer nobody wants is dropped.
3. A connection that the server closed while it lay idle is noticed before use and replaced.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import hiredis
import redis

Word: TypeAlias = str | int | float | bytes | memoryview

# A server needs longer than this to be there again: what was used a moment ago is not looked at.
FRESH_S = 0.02


class Question:
    """Commands on their way, and their answers: replies, or the errors the server answered with."""

    __slots__ = ("answers", "broken", "count", "wire")

    def __init__(self, wire: bytes, count: int) -> None:
        self.wire = wire
        self.count = count
        self.answers: list[object] = []
        self.broken: Exception | None = None

    @property
    def is_done(self) -> bool:
        """Say whether there is nothing more to wait for."""
        return len(self.answers) == self.count or self.broken is not None


class Line:
    """The connection and who waits on it. Raises redis-py's own errors, and OSError."""

    def __init__(self, connection: Any) -> None:
        """`connection` is one of redis-py's, in its own keeping; connected when first needed."""
        self._connection = connection
        self._turn = threading.Lock()
        self._waiting: deque[Question] = deque()
        self._owed: deque[Question] = deque()
        self._used_at = 0.0

    def ask(self, commands: Sequence[Sequence[Word]]) -> list[object]:
        """Send commands together; return a reply or a `redis.ResponseError` for each."""
        pack: Callable[[tuple[Word, ...]], bytes] = hiredis.pack_command  # type: ignore[assignment]  # its stub says: one word
        wire = b"".join([pack(tuple(command)) for command in commands])
        question = Question(wire, len(commands))
        self._waiting.append(question)
        try:
            with self._turn:
                while not question.is_done:
                    if self._waiting:
                        self._send()
                    if not question.is_done:
                        self._read()
        except BaseException:
            with suppress(ValueError):  # never sent, and nobody wants it any more
                self._waiting.remove(question)
            raise
        if question.broken is not None:
            raise question.broken
        return question.answers

    def close(self) -> None:
        """Close the connection; the next question would open it again."""
        self._connection.disconnect()

    def _send(self) -> None:
        """Send all that is waiting, in one write."""
        try:
            self._make_ready()
        except Exception as error:
            self._break([self._waiting.popleft() for _ in range(len(self._waiting))], error)
            return
        batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            self._connection.send_packed_command([b"".join([q.wire for q in batch])])
        except BaseException as error:
            self._break(batch, error)
            if not isinstance(error, Exception):
                raise
            return
        self._owed += batch

    def _make_ready(self) -> None:
        if not self._connection.is_connected:
            self._connection.connect()
        elif not self._owed and time.monotonic() - self._used_at > FRESH_S:
            try:
                is_fresh = not self._connection.can_read(0)
            except (redis.ConnectionError, OSError):
                is_fresh = False
            if not is_fresh:
                self._connection.disconnect()
                self._connection.connect()

    def _read(self) -> None:
        """Read what the first question is owed; none in a state that another cannot go on from."""
        question = self._owed[0]
        try:
            while len(question.answers) < question.count:
                try:
                    answer = self._connection.read_response(disconnect_on_error=False)
                except redis.ResponseError as error:
                    answer = error
                question.answers.append(answer)
        except Exception as error:
            self._break([], error)
            return
        self._owed.popleft()
        self._used_at = time.monotonic()

    def _break(self, batch: Sequence[Question], error: BaseException) -> None:
        """Drop the connection; tell all who wait for an answer."""
        self._connection.disconnect()
        why = error if isinstance(error, Exception) else redis.ConnectionError("interrupted")
        for question in (*self._owed, *batch):
            question.broken = why
        self._owed.clear()
