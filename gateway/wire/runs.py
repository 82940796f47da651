r"""Patterns that measure a run: how far blocks of one size between one pair of stations reach.

A block is its size, then a frame that begins with its two addresses. Blocks of one flow that have
equal sizes are therefore periodic, and a regular expression walks them without a step of Python:

    size (12 address bytes) rest ( size \1 rest )*

Every `.` repetition has a fixed length and every repetition is possessive, so nothing is ever
tried twice: the time is one comparison of sixteen bytes per block. A pattern is compiled (about
50 µs) when a size first repeats and kept; there are no more sizes than bytes in a frame.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import TypeAlias, cast

from gateway.wire.reader import to_u32

Measure: TypeAlias = Callable[[bytearray, int, int], "re.Match[bytes]"]
"""(buffer, position, end) -> match. Its caller has seen that one whole unit stands at `position`
before `end`, so there always is a match."""

_ONE = to_u32(1)


def _periodic(head: bytes, size: int) -> Measure:
    unit = b"%b%b.{%d}+"
    first = unit % (re.escape(head), b"(.{12})", size - 12)
    again = unit % (re.escape(head), rb"\1", size - 12)
    return cast(Measure, re.compile(b"(?s)%b(?:%b)*+" % (first, again)).match)


@cache
def equal_blocks(size: int) -> Measure:
    """Match one block of `size` bytes and all that follow with the same size and addresses."""
    return _periodic(to_u32(size), size)


@cache
def equal_messages(size: int) -> Measure:
    """Match messages of one block each, all with the same size and addresses."""
    return _periodic(_ONE + to_u32(size), size)
