"""A mould: packs that differ in a few values only, such as one welcome from the next.

What they share is brought into wire form once; each further one is cast from it.
"""

from collections.abc import Sequence

from gateway.wire.pack import Pack, encode_element
from gateway.wire.reader import to_u32


class Mould:
    """The wire form of a pack without some of its values."""

    __slots__ = ("_holes", "_pieces")

    def __init__(self, pack: Pack, holes: Sequence[str]) -> None:
        """`holes` names those elements whose value is left out: one value each, of bytes or text.

        The value that `pack` has there does not matter.
        """
        self._pieces = [to_u32(len(pack))]
        self._holes: list[int] = []  # what fills the hole behind each piece, by place in `holes`
        for element in pack:
            wire = encode_element(element)
            if element.name in holes:
                (value,) = element.values
                self._pieces[-1] += wire[: len(wire) - len(value) - 4]
                self._holes.append(holes.index(element.name))
                self._pieces.append(b"")
            else:
                self._pieces[-1] += wire
        assert len(self._holes) == len(holes), "a hole that is no element"

    def cast(self, *values: bytes) -> bytes:
        """Return the pack in wire form with `values` in its holes, in the order they were named."""
        parts = [self._pieces[0]]
        for hole, piece in zip(self._holes, self._pieces[1:], strict=True):
            value = values[hole]
            parts += (to_u32(len(value)), value, piece)
        return b"".join(parts)
