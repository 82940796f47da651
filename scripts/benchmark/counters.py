"""Counters of a load process that its parent reads while it works: a file both have mapped."""

import mmap
import struct
from pathlib import Path
from typing import NamedTuple

_format = struct.Struct("=4Q")


class Counts(NamedTuple):
    """Frames and bytes since the beginning."""

    received: int = 0
    octets: int = 0
    sent: int = 0
    lost: int = 0

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


class Counters:
    """One writer, one reader; a number is eight aligned bytes, so it is never read half."""

    def __init__(self, path: Path) -> None:
        path.touch()
        with path.open("r+b") as file:
            if path.stat().st_size < _format.size:
                file.truncate(_format.size)
            self._map = mmap.mmap(file.fileno(), _format.size)
        self._counts = [0] * 4

    def read(self) -> Counts:
        """Return what the other process has counted."""
        return Counts(*_format.unpack_from(self._map))

    def received(self, frames: int, octets: int) -> None:
        """Count frames that arrived."""
        self._counts[0] += frames
        self._counts[1] += octets
        _format.pack_into(self._map, 0, *self._counts)

    def sent(self, frames: int) -> None:
        """Count frames on their way."""
        self._counts[2] += frames
        _format.pack_into(self._map, 0, *self._counts)

    def lost(self, frames: int) -> None:
        """Count frames that will not arrive."""
        self._counts[3] += frames
        _format.pack_into(self._map, 0, *self._counts)
