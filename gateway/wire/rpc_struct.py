"""Structs of administration calls: fields and groups of rows, to and from Packs, and to JSON.

The same struct is asked with and answered with: a reply is normally the request, filled in. In a
Pack every field is an element, and a group of rows is a set of elements that all have as many
values as there are rows; in JSON it is an array of objects under a name that only the schema knows.
JSON to Pack needs no schema at all (`gateway.wire.jsonrpc`). Source: spec 3.2, 5.2.

A struct is written down as in the specification:

    HubName_str Online_bool                 fields, by their JSON names
    Key_bin/20                              a field whose default is 20 zero bytes
    UsePolicy_bool?                         left out of an answer without a value for it
    ClientPort_u32~                         byte-reversed
    Ports_u32[]                             an array of its own
    HubList[HubName_str Online_bool]        rows
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import LimitExceeded
from gateway.wire.pack import Element, Pack
from gateway.wire.rpc_fields import KINDS, SWAPPED, Field

Values = dict[str, Any]
"""Values by field name; rows, a list of such, by the name of their group."""

MAX_ROWS = 16_384  # of a group in a request

_FIELD = re.compile(
    r"(?P<name>\S+)_(?P<kind>[a-z0-9]+)(?:/(?P<size>\d+))?(?P<marks>(?:\[\]|[~?])*)"
)
_PARTS = re.compile(r"(?P<group>\w+)\[(?P<rows>[^\]]+)\]|(?P<field>\S+)")


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of the same fields."""

    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Struct:
    """What a call is asked with, or answered with."""

    fields: tuple[Field, ...]
    groups: tuple[Group, ...] = ()

    def elements(self, values: Mapping[str, Any], *, whole: bool = True) -> list[Element]:
        """Return the elements of `values`; fields without one get their default if `whole`.

        Optional fields are left out without a value, and so is a group without rows.
        """
        return [*self._plain(values, whole), *self._rows(values, whole)]

    def read(self, pack: Pack) -> Values:
        """Return what of this struct is in a Pack; what is not there has no key.

        Raises LimitExceeded for more rows than anybody needs.
        """
        found: Values = {}
        for field in self.fields:
            values = field.values(pack)
            if values:
                found[field.name] = values if field.many else values[0]
        for group in self.groups:
            columns = {field.name: field.values(pack) for field in group.fields}
            count = max(map(len, columns.values()), default=0)
            if count > MAX_ROWS:
                raise LimitExceeded(f"{count} rows of {group.name}, {MAX_ROWS} allowed")
            if count:
                found[group.name] = [
                    {name: column[i] for name, column in columns.items() if i < len(column)}
                    for i in range(count)
                ]
        return found

    def to_json(self, values: Mapping[str, Any]) -> dict[str, object]:
        """Return an answer as JSON clients get it, sorted by name as they are used to."""
        shown: dict[str, object] = {}
        for field in self.fields:
            if field.name in values or not (field.optional or field.many):
                value = values.get(field.name, field.default)
                show = field.kind.show
                shown[field.json_name] = [show(v) for v in value] if field.many else show(value)
        shown = dict(sorted(shown.items(), key=lambda item: item[0].upper()))
        for group in self.groups:
            shown[group.name] = [
                {
                    field.json_name: field.kind.show(row.get(field.name, field.default))
                    for field in sorted(group.fields, key=lambda field: field.json_name.upper())
                }
                for row in values.get(group.name, ())
            ]
        return shown

    def _plain(self, values: Mapping[str, Any], whole: bool) -> Iterator[Element]:
        for field in self.fields:
            if field.name in values:
                value = values[field.name]
                yield from field.elements(value if field.many else [value])
            elif whole and not field.optional and not field.many:
                yield from field.elements([field.default])

    def _rows(self, values: Mapping[str, Any], whole: bool) -> Iterator[Element]:
        for group in self.groups:
            rows: Sequence[Mapping[str, Any]] = values.get(group.name, ())
            for field in group.fields if rows else ():
                if whole or field.name in rows[0]:
                    yield from field.elements([r.get(field.name, field.default) for r in rows])


def struct(text: str) -> Struct:
    """Return the struct that `text` writes down; see the head of this file."""
    fields: list[Field] = []
    groups: list[Group] = []
    for part in _PARTS.finditer(text):
        if part["group"]:
            groups.append(Group(part["group"], tuple(map(_field, part["rows"].split()))))
        else:
            fields.append(_field(part["field"]))
    return Struct(tuple(fields), tuple(groups))


def _field(text: str) -> Field:
    match = _FIELD.fullmatch(text)
    assert match is not None, text
    marks = match["marks"]
    return Field(
        name=match["name"],
        kind=SWAPPED if "~" in marks else KINDS[match["kind"]],
        many="[]" in marks,
        optional="?" in marks,
        size=int(match["size"] or 0),
    )
