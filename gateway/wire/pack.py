"""Packs: the typed, named values in which everything but frames is said. Source: spec 2.

    PACK    := u32 count, ELEMENT*count
    ELEMENT := u32 (name size + 1), name, u32 type, u32 nvalues, VALUE*nvalues

1. An element keeps its values as the bytes that travelled, so a pack that was read is written
   again byte for byte, whatever the texts in it were encoded in.
2. Look-up ignores case and respects type: an int where a text is expected counts as absent.
3. Every count is held against the bytes that are left before anything is made of it.
4. A login is a pack of seventy elements, read before its sender is known to be anybody: it is read
   in one loop, without a call per field, and names are decoded when somebody wants to see them.
"""

import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from gateway.errors import LimitExceeded, Malformed
from gateway.wire.codes import (
    MAX_ELEMENT_NAME,
    MAX_ELEMENTS,
    MAX_PENCORE,
    MAX_VALUES,
    ValueType,
)
from gateway.wire.reader import at_most, from_u32, to_u32

PENCORE = "pencore"

_SMALLEST_ELEMENT = 12  # bytes: an empty name, a type, no values
_TYPES = tuple(ValueType)
_FIXED_SIZES = tuple({ValueType.INT: 4, ValueType.INT64: 8}.get(type, 0) for type in ValueType)
_INT = ValueType.INT
_LAST_TYPE = int(ValueType.INT64)
_MOST_NAME = MAX_ELEMENT_NAME + 1  # as it is announced
_U32 = struct.Struct(">I")
_TWO_U32 = struct.Struct(">II")
# By the announced size of the name: name, type, number of values.
_NAMED = tuple(struct.Struct(f">{max(0, n - 1)}sII").unpack_from for n in range(_MOST_NAME + 1))


class Element(NamedTuple):
    """One named array of values of one type.

    `values` holds each value's bytes without its size: big-endian for numbers, with the
    trailing NUL for a UNISTR. `name` is one character per byte (Latin-1).
    """

    name: str
    type: ValueType
    values: tuple[bytes, ...]


_Read: TypeAlias = tuple[bytes, ValueType, tuple[bytes, ...]]
"""An element as it was read: name, type, values."""


def integer(name: str, *values: int) -> Element:
    """Return an element of 32-bit numbers; negative ones as two's complement."""
    return Element(name, ValueType.INT, tuple(to_u32(v & 0xFFFF_FFFF) for v in values))


def big_integer(name: str, *values: int) -> Element:
    """Return an element of 64-bit numbers; times are milliseconds since 1970 in UTC, 0 never."""
    masked = (v & 0xFFFF_FFFF_FFFF_FFFF for v in values)
    return Element(name, ValueType.INT64, tuple(v.to_bytes(8, "big") for v in masked))


def data(name: str, *values: bytes) -> Element:
    """Return an element of bytes."""
    return Element(name, ValueType.DATA, values)


def text(name: str, *values: str) -> Element:
    """Return an element of 8-bit texts, sent as UTF-8."""
    return Element(name, ValueType.STR, tuple(v.encode("utf-8", "replace") for v in values))


def wide_text(name: str, *values: str) -> Element:
    """Return an element of Unicode texts: UTF-8 and one NUL that counts."""
    encoded = (v.encode("utf-8", "replace") + b"\0" for v in values)
    return Element(name, ValueType.UNISTR, tuple(encoded))


class Pack:
    """Elements in the order they travel, each name once; raises Malformed on a second one."""

    __slots__ = ("_elements",)

    def __init__(self, elements: Iterable[Element] = ()) -> None:
        # Whole elements, and those that were read: their names still bytes.
        self._elements: dict[bytes, Element | _Read] = {}
        for element in elements:
            key = _key(element.name)
            if key in self._elements:
                raise Malformed(f"element {element.name!r} occurs twice")
            self._elements[key] = element

    @classmethod
    def sorted(cls, elements: Iterable[Element], padding: bytes = b"") -> "Pack":
        """Return `elements` in the order real senders use, and `padding` as `pencore` last."""
        ordered = sorted(elements, key=lambda element: element.name.upper())
        return cls([*ordered, data(PENCORE, padding[:MAX_PENCORE])] if padding else ordered)

    def __iter__(self) -> Iterator[Element]:
        for name, type, values in self._elements.values():
            yield Element(name if isinstance(name, str) else name.decode("latin-1"), type, values)

    def __len__(self) -> int:
        return len(self._elements)

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._elements

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pack) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # compared by content, so never a key

    def __repr__(self) -> str:
        return f"Pack({', '.join(element.name for element in self)})"

    def values(self, name: str, type: ValueType) -> tuple[bytes, ...]:
        """Return the raw values under `name` if they are of that type, else none at all."""
        element = self._elements.get(_key(name))
        return element[2] if element is not None and element[1] is type else ()

    def integer(self, name: str, index: int = 0) -> int:
        """Return a 32-bit number, 0 when absent."""
        values = self.values(name, _INT)
        return from_u32(values[index]) if index < len(values) else 0

    def integers(self, name: str) -> tuple[int, ...]:
        """Return all 32-bit numbers under `name`."""
        return tuple(from_u32(value) for value in self.values(name, ValueType.INT))

    def flag(self, name: str) -> bool:
        """Return whether the number under `name` is there and not 0."""
        return self.integer(name) != 0

    def big_integer(self, name: str, index: int = 0) -> int:
        """Return a 64-bit number, 0 when absent."""
        return int.from_bytes(_pick(self.values(name, ValueType.INT64), index) or b"", "big")

    def data(self, name: str, size: int | None = None, index: int = 0) -> bytes | None:
        """Return bytes, None when absent or of another size than the one asked for."""
        value = _pick(self.values(name, ValueType.DATA), index)
        return value if value is not None and size in (None, len(value)) else None

    def text(self, name: str, index: int = 0) -> str | None:
        """Return an 8-bit text up to its first NUL, None when absent.

        What is not UTF-8 (an old client's local code page) becomes U+FFFD.
        """
        return _decode(_pick(self.values(name, ValueType.STR), index))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return all 8-bit texts under `name`."""
        return tuple(_decode(value) or "" for value in self.values(name, ValueType.STR))

    def wide_text(self, name: str, index: int = 0) -> str | None:
        """Return a Unicode text up to its first NUL, None when absent."""
        return _decode(_pick(self.values(name, ValueType.UNISTR), index))

    def to_bytes(self) -> bytes:
        """Return the pack in wire form."""
        return to_u32(len(self)) + b"".join(map(encode_element, self))

    @classmethod
    def from_bytes(cls, wire: bytes) -> "Pack":
        """Read a whole pack; raises Malformed or LimitExceeded."""
        pack = cls()
        end = _read_elements(wire, pack._elements)
        if end != len(wire):
            raise Malformed(f"{len(wire) - end} bytes behind the last element")
        return pack


def encode_element(element: Element) -> bytes:
    """Return one element in wire form."""
    name = element.name.encode("latin-1")
    values = element.values
    head = (to_u32(len(name) + 1), name, _TWO_U32.pack(element.type, len(values)))
    if _FIXED_SIZES[element.type]:
        return b"".join((*head, *values))
    return b"".join([*head, *(part for value in values for part in (to_u32(len(value)), value))])


def _read_elements(wire: bytes, elements: "dict[bytes, Element | _Read]") -> int:
    """Fill `elements` from a complete pack; return where it ends. Never reads beyond `wire`."""
    u32 = _U32.unpack_from
    at = 0
    try:
        (count,) = u32(wire)
        at = 4
        _check_count(count, MAX_ELEMENTS, _SMALLEST_ELEMENT, len(wire) - at)
        for _ in range(count):
            (size,) = u32(wire, at)
            if not 0 < size <= _MOST_NAME:
                _refuse_name_size(size)
            name, type, many = _NAMED[size](wire, at + 4)
            at += 11 + size
            if type > _LAST_TYPE:
                raise Malformed(f"element {name.decode('latin-1')!r} has type {type}")
            fixed = _FIXED_SIZES[type]
            if many * (fixed or 4) > len(wire) - at or many > MAX_VALUES:
                _check_count(many, MAX_VALUES, fixed or 4, len(wire) - at)
            values: tuple[bytes, ...]
            if fixed:
                start, at = at, at + many * fixed
                values = (
                    (wire[start:at],)
                    if many == 1
                    else tuple([wire[i : i + fixed] for i in range(start, at, fixed)])
                )
            else:
                sized = []
                for _ in range(many):
                    (size,) = u32(wire, at)
                    start, at = at + 4, at + 4 + size
                    if at > len(wire):
                        raise _short(size, len(wire) - start)
                    sized.append(wire[start:at])
                values = tuple(sized)
            key = name.lower()  # ASCII letters only, as `_key`
            if key in elements:
                raise Malformed(f"element {name.decode('latin-1')!r} occurs twice")
            elements[key] = (name, _TYPES[type], values)
    except struct.error:
        raise _short(4, max(0, len(wire) - at)) from None
    return at


def _short(size: int, left: int) -> Malformed:
    return Malformed(f"{size} bytes announced, {left} left in the pack")


def _refuse_name_size(size: int) -> None:
    if size == 0:
        raise Malformed("an element name without its size")
    at_most(MAX_ELEMENT_NAME, size - 1)


def _check_count(number: int, limit: int, smallest: int, left: int) -> None:
    """Hold a number of things to come against `limit` and the bytes left, `smallest` for each."""
    if number > limit:
        raise LimitExceeded(f"{number} entries announced, {limit} allowed")
    if number * smallest > left:
        raise Malformed(f"{number} entries announced, {left} bytes left in the pack")


@lru_cache(maxsize=1024)  # the names we look up ourselves; what peers send never comes here
def _key(name: str) -> bytes:
    # Peers fold ASCII only; str.lower() would also make one of a Latin-1 letter and its capital.
    return name.encode("latin-1", "replace").lower()


def _pick(values: tuple[bytes, ...], index: int) -> bytes | None:
    return values[index] if index < len(values) else None


def _decode(value: bytes | None) -> str | None:
    return None if value is None else value.partition(b"\0")[0].decode("utf-8", "replace")
