"""The structs of administration calls, against what stock programs said."""

import json
from ipaddress import IPv4Address, IPv6Address

import pytest

from gateway.wire.jsonrpc import to_pack
from gateway.wire.pack import Pack, data, integer, text
from gateway.wire.rpc import FUNCTION
from gateway.wire.rpc_fields import ADDRESS, SWAPPED, TIME, Field, show_time
from gateway.wire.rpc_struct import struct
from gateway.wire.rpc_structs import STRUCTS
from tests.rpc_vectors import exchanges, json_exchanges

NAMELESS = (FUNCTION, "error")


def elements(pack: Pack, function: str) -> dict[str, object]:
    """Return the elements of a call by name, without those that no struct is about."""
    found = {element.name: element for element in pack if element.name not in NAMELESS}
    if function == "GetCaps":
        return {name: e for name, e in found.items() if not name.startswith("caps_")}
    return found


def test_every_captured_call_is_read_and_written_exactly():
    for exchange in exchanges():
        for wire in (exchange.request, exchange.response):
            pack = Pack.from_bytes(wire)
            assert pack.to_bytes() == wire
            made = STRUCTS[exchange.function]
            values = made.read(pack)
            written = {e.name: e for e in made.elements(values, whole=False)}
            assert written == elements(pack, exchange.function), str(exchange)


def test_every_captured_json_answer_is_read_and_written_exactly():
    count = 0
    for label, exchange in json_exchanges().items():
        if not isinstance(exchange["response"], dict) or "result" not in exchange["response"]:
            continue
        result = exchange["response"]["result"]
        request = exchange["request"]
        method = request["method"] if request else "Test"
        made = STRUCTS.get(method) or next(s for n, s in STRUCTS.items() if n.lower() == method)
        written = made.to_json(made.read(to_pack(result)))
        flat = {name: value for name, value in result.items() if name.startswith("caps_")}
        assert json.loads(json.dumps({**written, **flat})) == result, label
        count += 1
    assert count > 60


def test_what_is_absent_has_its_default():
    made = struct("A_u32 B_str C_bin/3 D_dt E_bool? F_u32[] Rows[G_u32]")
    assert {e.name for e in made.elements({})} == {"A", "B", "C", "D"}
    assert made.to_json({}) == {
        "A_u32": 0,
        "B_str": "",
        "C_bin": "AAAA",
        "D_dt": "1970-01-01T09:00:00.000Z",
        "Rows": [],
    }
    assert made.read(Pack()) == {}


def test_a_wrong_type_counts_as_absent():
    made = struct("A_u32 B_str Rows[C_u32 D_str]")
    assert made.read(Pack([text("A", "7"), integer("B", 7), data("C", b"x")])) == {}
    rows = made.read(Pack([integer("C", 1, 2), text("D", "one")]))
    assert rows == {"Rows": [{"C": 1, "D": "one"}, {"C": 2}]}


def test_times_are_nine_hours_behind_and_zero_is_never():
    assert TIME.write(32_400_000 + 1) == (1).to_bytes(8, "big")
    assert TIME.read((1).to_bytes(8, "big")) == 32_400_001
    assert TIME.write(None) == bytes(8)
    assert TIME.read(bytes(8)) is None
    assert show_time(2**64) == "9999-12-31T00:00:00.000Z"


def test_node_information_is_byte_reversed():
    assert SWAPPED.read((80412672).to_bytes(4, "big")) == 51972
    assert SWAPPED.show(51972) == 80412672


@pytest.mark.parametrize("address", ["127.0.0.1", "10.99.0.2", "2001:db8::1", "fe80::1%3", "::"])
def test_an_address_comes_back(address):
    value = IPv6Address(address) if ":" in address else IPv4Address(address)
    field = Field("Ip", ADDRESS)
    pack = Pack(field.elements([value]))
    assert field.values(pack) == [value]
    assert len(pack) == 4


def test_an_ipv4_address_needs_no_more_than_its_number():
    assert Field("Ip", ADDRESS).values(Pack([integer("Ip", 16777343)])) == [
        IPv4Address("127.0.0.1")
    ]
