"""The fields of administration calls: one kind per suffix of their JSON names. Source: spec 3, 5.2.

A value is plain Python inside (a `bool`, an address, milliseconds since 1970 or None for a time), a
few bytes in a Pack, a word in JSON. Which of the eight kinds a field is cannot be seen in a Pack,
so each struct says it (`gateway.wire.rpc_structs`).

1. A time travels nine hours behind, in milliseconds; 0 is "none", which JSON clients see as
   1970-01-01T09:00:00.000Z.
2. An address is four elements in a Pack, of which only the first is read unless the second says
   IPv6; its IPv4 number is the little-endian reading of its bytes.
3. The numbers of node information travel with their bytes reversed, in JSON as well.
"""

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from gateway.wire.codes import ValueType
from gateway.wire.fields import Address, swapped
from gateway.wire.pack import Element, Pack, data, integer

TIME_SHIFT_MS = 9 * 3600 * 1000
FILLER = IPv4Address("192.0.2.254")  # what stands in the IPv4 number of an IPv6 address
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = int((datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) / timedelta(milliseconds=1))


@dataclass(frozen=True, slots=True)
class Kind:
    """How values of one kind look: inside, as an element's bytes, in JSON."""

    suffix: str
    type: ValueType
    default: object
    write: Callable[[Any], bytes]
    read: Callable[[bytes], Any]
    show: Callable[[Any], object]


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "replace")


def _number(size: int) -> Callable[[int], bytes]:
    return lambda value: (value & ((1 << 8 * size) - 1)).to_bytes(size, "big")


def _from_number(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _write_time(ms: int | None) -> bytes:
    return (0 if ms is None else max(0, ms - TIME_SHIFT_MS)).to_bytes(8, "big")


def _read_time(raw: bytes) -> int | None:
    number = _from_number(raw)
    return number + TIME_SHIFT_MS if number else None


def show_time(ms: int | None) -> str:
    """Return a time as JSON clients see it; one beyond our calendar is its last day."""
    shown = TIME_SHIFT_MS if ms is None else min(ms, _LAST_MS)
    moment = _EPOCH + timedelta(milliseconds=shown)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


STR = Kind("str", ValueType.STR, "", lambda v: v.encode("utf-8", "replace"), _text, str)
UTF = Kind("utf", ValueType.UNISTR, "", lambda v: v.encode("utf-8", "replace") + b"\0", _text, str)
U32 = Kind("u32", ValueType.INT, 0, _number(4), _from_number, int)
U64 = Kind("u64", ValueType.INT64, 0, _number(8), _from_number, int)
BOOL = Kind("bool", ValueType.INT, False, _number(4), lambda raw: any(raw), bool)
BIN = Kind("bin", ValueType.DATA, b"", bytes, bytes, lambda v: base64.b64encode(v).decode())
TIME = Kind("dt", ValueType.INT64, None, _write_time, _read_time, show_time)
ADDRESS = Kind("ip", ValueType.INT, IPv4Address(0), bytes, bytes, str)  # see Field, below
SWAPPED = Kind(
    "u32",
    ValueType.INT,
    0,
    lambda v: swapped(v).to_bytes(4, "big"),
    lambda raw: swapped(_from_number(raw)),
    swapped,
)

KINDS = {kind.suffix: kind for kind in (STR, UTF, U32, U64, BOOL, BIN, TIME, ADDRESS)}
"""By the suffix of the JSON name."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: in a Pack an element named `name`, in JSON a member `name_suffix`."""

    name: str
    kind: Kind
    many: bool = False
    """Values of its own number, not one: an array outside of any group."""
    optional: bool = False
    """Left out of an answer that has no value for it; the others are answered empty."""
    size: int = 0
    """Of `bin` fields that have one: their default is as many zeros."""

    @property
    def json_name(self) -> str:
        """Return its name in JSON."""
        return f"{self.name}_{self.kind.suffix}"

    @property
    def default(self) -> Any:
        """Return the value of a field that is not there."""
        return bytes(self.size) if self.kind is BIN else self.kind.default

    def elements(self, values: Sequence[Any]) -> Iterator[Element]:
        """Return the elements that carry `values`."""
        if self.kind is ADDRESS:
            yield from _address_elements(self.name, values)
        else:
            write = self.kind.write
            yield Element(self.name, self.kind.type, tuple(write(value) for value in values))

    def values(self, pack: Pack) -> list[Any]:
        """Return what a Pack has under this name and of this type; nothing for another type."""
        raw = pack.values(self.name, self.kind.type)
        if self.kind is ADDRESS:
            return _read_addresses(pack, self.name, raw)
        return [self.kind.read(value) for value in raw]


def _address_elements(name: str, values: Sequence[Address]) -> Iterator[Element]:
    v6 = [isinstance(value, IPv6Address) for value in values]
    numbers = [FILLER if is_v6 else value for is_v6, value in zip(v6, values, strict=True)]
    wide = [value.packed if is_v6 else bytes(16) for is_v6, value in zip(v6, values, strict=True)]
    yield integer(name, *(int.from_bytes(one.packed, "little") for one in numbers))
    yield integer(f"{name}@ipv6_bool", *v6)
    yield data(f"{name}@ipv6_array", *wide)
    yield integer(f"{name}@ipv6_scope_id", *(_scope(value) for value in values))


def _scope(value: Address) -> int:
    scope = value.scope_id if isinstance(value, IPv6Address) else None
    return int(scope) if scope is not None and scope.isdigit() else 0


def _read_addresses(pack: Pack, name: str, raw: Sequence[bytes]) -> list[Address]:
    v6 = pack.integers(f"{name}@ipv6_bool")
    # Nearly always there is none that is IPv6: then nothing is looked for.
    return [
        _read_wide(pack, name, i, number) if i < len(v6) and v6[i] else IPv4Address(number[::-1])
        for i, number in enumerate(raw)
    ]


def _read_wide(pack: Pack, name: str, index: int, number: bytes) -> Address:
    wide = pack.data(f"{name}@ipv6_array", 16, index)
    if wide is None:
        return IPv4Address(number[::-1])
    scope = pack.integer(f"{name}@ipv6_scope_id", index)
    plain = IPv6Address(wide)
    return IPv6Address(f"{plain}%{scope}") if scope else plain
