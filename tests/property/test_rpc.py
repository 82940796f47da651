"""Whatever an administrator sends is read, or refused by the one error that is declared."""

import json
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ProtocolError
from gateway.wire import rpc
from gateway.wire.jsonrpc import BadRequest, read_request, to_pack
from gateway.wire.pack import Element, Pack
from gateway.wire.reader import Reader
from gateway.wire.rpc_struct import Struct
from gateway.wire.rpc_structs import STRUCTS
from tests.rpc_vectors import exchanges
from tests.strategies import elements

NAMES = st.sampled_from(sorted(STRUCTS))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
FIELDS = st.sampled_from([f.json_name for s in STRUCTS.values() for f in s.fields])


@st.composite
def calls(draw: st.DrawFn) -> tuple[Struct, Pack]:
    """A struct, and a pack with some of its names, of types and values they may not have."""
    made = STRUCTS[draw(NAMES)]
    fields = [*made.fields, *(field for group in made.groups for field in group.fields)]
    names = [name for field in fields for name in (field.name, f"{field.name}@ipv6_bool")]
    chosen = draw(st.lists(st.sampled_from(names), unique_by=str.lower, max_size=8))
    drawn = [(name, draw(elements())) for name in chosen]
    return made, Pack(Element(name, one.type, one.values) for name, one in drawn)


@given(calls())
def test_any_pack_is_read_by_any_struct_and_what_was_read_is_written(call) -> None:
    made, pack = call
    values = made.read(pack)
    json.dumps(made.to_json(values), allow_nan=False)
    again = made.read(Pack(made.elements(values, whole=False)))
    plain = {field.name for field in made.fields}
    assert {n: v for n, v in again.items() if n in plain} == {
        n: v for n, v in values.items() if n in plain
    }


@given(st.sampled_from(exchanges()), st.data())
def test_a_captured_call_with_a_bit_flipped_is_read_or_refused(exchange, data) -> None:
    wire = bytearray(exchange.request)
    wire[data.draw(st.integers(0, len(wire) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    reader: Reader[Pack] = Reader(1 << 20)
    reader.receive(len(wire).to_bytes(4, "big") + wire)
    reader.begin(rpc.read_call())
    try:
        pack = reader.advance()
    except ProtocolError:
        return
    assert pack is not None
    STRUCTS[exchange.function].read(pack)
    rpc.function_of(pack)


@given(st.binary(max_size=200) | JSON.map(lambda said: json.dumps(said).encode()))
def test_any_body_is_a_request_or_a_bad_one(body: bytes) -> None:
    with suppress(BadRequest):
        read_request(body)


@settings(max_examples=300)
@given(st.dictionaries(FIELDS | st.text(), JSON, max_size=6), NAMES)
def test_any_parameters_become_a_pack_or_a_value_error(
    params: dict[str, object], name: str
) -> None:
    try:
        pack = to_pack(params)
    except ValueError:
        return
    assert Pack.from_bytes(pack.to_bytes()) == pack
    STRUCTS[name].read(pack)
