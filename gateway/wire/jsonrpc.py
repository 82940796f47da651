"""JSON-RPC 2.0 as administration clients speak it: requests to Packs, answers to text.

The suffix of a name alone says what becomes of its value, so a request needs no schema: `Name_str`
is a text `Name`. What has no known suffix is left alone. An array of objects becomes parallel
elements, and the name it stood under is forgotten: clients use several. Source: spec 5.1, 5.2.

Where the reference has holes we keep to the standard: an `id` comes back as it was, number or text,
and null where there was none to be read.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from math import inf
from typing import Any

from gateway.errors import LimitExceeded, Refused
from gateway.wire.codes import MAX_ELEMENT_NAME, ErrorCode, describe
from gateway.wire.pack import Element, Pack
from gateway.wire.reader import at_most
from gateway.wire.rpc_fields import ADDRESS, BIN, KINDS, STR, TIME, UTF, Field, Kind

MAX_ID = 255  # characters
MAX_VALUES = 65_536  # in an array
MAX_COLUMNS = 100  # names in the rows of one; rules, the widest there are, have some forty

Id = str | int | float | None


class BadRequest(Refused):
    """No request that JSON-RPC knows; `id` is the one to answer under."""

    def __init__(self, text: str, id: Id = None) -> None:
        super().__init__(ErrorCode.INVALID_PARAMETER, text, "bad-json-rpc")
        self.id = id


@dataclass(frozen=True, slots=True)
class Request:
    """One call."""

    method: str
    params: Pack
    id: Id


def read_request(body: bytes) -> Request:
    """Return the call in a body. Raises BadRequest."""
    try:
        said = json.loads(
            body.decode("utf-8-sig"),
            parse_constant=_refuse_constant,
            object_pairs_hook=_object_of,
        )
    # Text that is no UTF-8 or JSON, a name that occurs twice, too long a number, depth.
    except (ValueError, RecursionError):
        raise BadRequest("JSON-RPC parse error") from None
    if not isinstance(said, dict):
        raise BadRequest("a JSON-RPC request is one object; batches are not served")
    id = said.get("id")
    if isinstance(id, bool | dict | list) or len(str(id)) > MAX_ID or id in (inf, -inf):
        raise BadRequest("JSON-RPC id is neither a short text nor a number")
    if said.get("jsonrpc") != "2.0":
        raise BadRequest("JSON-RPC version is not 2.0", id)
    method, params = said.get("method"), said.get("params")
    if not isinstance(method, str) or not method:
        raise BadRequest("JSON-RPC method name is empty", id)
    if not isinstance(params, dict):
        raise BadRequest("JSON-RPC parameter is empty; it must be an object, {} at least", id)
    try:
        return Request(method, to_pack(params), id)
    except ValueError as error:
        raise BadRequest(str(error), id) from None


def to_pack(params: Mapping[str, Any]) -> Pack:
    """Return the Pack that says the same. Raises ValueError: a value that its name does not fit.

    Of a name that says no kind only rows are taken, null and an empty array are none: a table that
    was meant and is not one would pass for an empty table, and wipe what is there.
    """
    elements: list[Element] = []
    for name, value in params.items():
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            elements += _rows(value)
        else:
            elements += _elements(name, value if isinstance(value, list) else [value])
    names = [element.name.lower() for element in elements]
    if len(set(names)) < len(names):
        raise ValueError("a parameter occurs twice")
    return Pack(elements)


def encode_result(id: Id, result: Mapping[str, object]) -> bytes:
    """Return the answer to a call that was carried out."""
    return _encode({"result": result, "jsonrpc": "2.0", "id": id})


def encode_error(id: Id, code: int, text: str = "") -> bytes:
    """Return the answer to a call that was not; `text` says more than the code does."""
    said = f"Error code {code}: {text or describe(code)}"
    return _encode({"error": {"code": code, "message": said}, "jsonrpc": "2.0", "id": id})


def _encode(answer: Mapping[str, object]) -> bytes:
    # As the real one: two spaces, and a slash never ends an HTML script around it.
    return (
        json.dumps(answer, indent=2, ensure_ascii=False)
        .replace("/", "\\/")
        .encode("utf-8", "replace")
    )


def _rows(rows: Sequence[Mapping[str, Any]]) -> list[Element]:
    """Return one element per member that occurs in any row; what a row lacks is empty there."""
    if len(rows) > MAX_VALUES:
        raise ValueError(f"{len(rows)} rows, {MAX_VALUES} allowed")
    names = dict.fromkeys(name for row in rows for name in row)
    if len(names) > MAX_COLUMNS:  # each has a value for every row, there or not
        raise ValueError(f"{len(names)} names in rows, {MAX_COLUMNS} allowed")
    return [element for name in names for element in _elements(name, [r.get(name) for r in rows])]


def _elements(name: str, values: Sequence[Any]) -> list[Element]:
    bare, _, suffix = name.rpartition("_")
    kind = KINDS.get(suffix) if bare else None
    if kind is None and any(value is not None for value in values):
        raise ValueError(
            f"{name[:80]}: no rows, and its name ends in no kind, such as _str or _u32"
        )
    if kind is None or not values:
        return []
    if len(values) > MAX_VALUES:
        raise ValueError(f"{len(values)} values, {MAX_VALUES} allowed")
    try:
        at_most(MAX_ELEMENT_NAME, len(bare.encode("latin-1")))
        field = Field(bare, kind)
        made = [field.default if value is None else _value(kind, value) for value in values]
        return list(field.elements(made))
    except (ValueError, OverflowError, LimitExceeded) as error:
        raise ValueError(f"{name[:80]}: {error}") from None


def _value(kind: Kind, value: object) -> object:
    if isinstance(value, dict | list):
        raise ValueError("a single value is wanted")
    if kind in (STR, UTF):
        return str(value) if not isinstance(value, bool) else str(value).lower()
    if kind is BIN:
        return _bytes(value)
    if kind is TIME:
        return _time(value)
    if kind is ADDRESS:
        return _address(value)
    number = _number(value)
    if kind.suffix == "bool":
        return bool(number)
    most = (1 << 64 if kind.suffix == "u64" else 1 << 32) - 1
    if not 0 <= number <= most:  # cut to its last bits, too many would be none: no limit
        raise ValueError(f"{number} is not 0 to {most}")
    return number


def _number(value: object) -> int:
    if isinstance(value, str):
        word = value.strip().lower()
        return {"true": 1, "false": 0, "": 0}[word] if word in ("true", "false", "") else int(word)
    if isinstance(value, bool | int | float):
        return int(value)
    raise ValueError("a number is wanted")


def _bytes(value: object) -> bytes:
    try:
        return base64.b64decode(str(value), validate=True)
    except binascii.Error:
        raise ValueError("not Base64") from None


def _time(value: object) -> int | None:
    """Return a time; a number is taken as it travels in a Pack."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return TIME.read((int(value) & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "big"))  # type: ignore[no-any-return]  # int or None
    if not value:
        return None
    moment = datetime.fromisoformat(str(value))
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(milliseconds=1)


def _address(value: object) -> IPv4Address | IPv6Address:
    if value in ("", None):
        return IPv4Address(0)
    try:
        return ip_address(str(value))
    except ValueError:
        raise ValueError("not an address") from None


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object whose names occur once each: of two, readers disagree which counts."""
    said = dict(pairs)
    if len(said) < len(pairs):
        raise ValueError("a name occurs twice")
    return said


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
