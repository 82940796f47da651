"""The one loop that feeds a grammar, however its bytes arrive.

A grammar is a generator that yields how many bytes it wants and is sent exactly those: loops are
repetition, `if` is alternation, `yield n` is "n bytes". `yield line(n)` is "one line of at most n
bytes", `yield head(n)` the same, or all lines up to a blank one if they are there already. What the
grammar returns is the value that was read; bytes it did not ask for stay behind.
"""

from collections.abc import Generator
from typing import Generic, TypeVar

from gateway.errors import LimitExceeded

T = TypeVar("T")

_HEAD = 1 << 32  # added to a limit: a whole head is wanted


class Reader(Generic[T]):
    """Bytes that have arrived, and the grammar that eats them.

    `limit` bounds the bytes held: `receive` raises LimitExceeded instead of holding more.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buffer = bytearray()
        self._grammar: Generator[int, bytes, T] | None = None
        self._wanted = 0

    def receive(self, data: bytes) -> None:
        """Keep `data` for the grammar of now or of later."""
        at_most(self.limit, len(self._buffer) + len(data))
        self._buffer += data

    def begin(self, grammar: Generator[int, bytes, T]) -> None:
        """Let `grammar` eat from here on; it must want something before it returns."""
        self._wanted = next(grammar)
        self._grammar = grammar

    def advance(self) -> T | None:
        """Return what the grammar returned, or None while it wants more bytes or none was begun.

        Raises whatever the grammar raises; after that, and after a value, nothing is begun.
        """
        while self._grammar is not None:
            grammar = self._grammar
            try:
                size = self._wanted if self._wanted >= 0 else self._text_size(-self._wanted)
            except LimitExceeded as error:
                self._grammar = None
                grammar.throw(error)  # the grammar may still have something to say to it
                raise
            if size is None or size > len(self._buffer):
                return None
            piece = bytes(self._buffer[:size])
            del self._buffer[:size]
            self._grammar = None
            try:
                self._wanted = grammar.send(piece)
            except StopIteration as end:
                value: T = end.value
                return value
            self._grammar = grammar
        return None

    @property
    def size(self) -> int:
        """How many bytes nothing has read yet."""
        return len(self._buffer)

    @property
    def rest(self) -> bytes:
        """The bytes that nothing has read yet."""
        return bytes(self._buffer)

    def _text_size(self, limit: int) -> int | None:
        if limit > _HEAD:
            limit -= _HEAD
            end = self._buffer.find(b"\n\r\n", 0, limit)
            if end >= 0 and self._buffer.find(b"\n\n", 0, end) < 0:
                return end + 3
        end = self._buffer.find(b"\n", 0, limit)
        if end < 0:
            at_most(limit - 1, len(self._buffer))
            return None
        return end + 1


def line(limit: int) -> int:
    """Want bytes up to and including the next line feed, `limit` at most."""
    return -limit


def head(limit: int) -> int:
    """Want lines up to and including a blank one, if they are there and `limit` bytes at most; else
    one line."""
    return -limit - _HEAD


def at_most(limit: int, size: int) -> int:
    """Return `size`, a number of bytes; raises LimitExceeded when it is over `limit`."""
    if size > limit:
        raise LimitExceeded(f"{size} bytes announced, {limit} allowed")
    return size


def from_u32(data: bytes) -> int:
    """Read four bytes, most significant first."""
    return int.from_bytes(data, "big")


def to_u32(number: int) -> bytes:
    """Return `number` (0 to 2**32 - 1) as four bytes, most significant first."""
    return number.to_bytes(4, "big")
