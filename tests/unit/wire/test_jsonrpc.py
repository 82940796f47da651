"""JSON-RPC as its documentation has it, and where we keep to the standard instead."""

import json

import pytest

from gateway.wire.jsonrpc import BadRequest, encode_error, encode_result, read_request, to_pack
from tests.rpc_vectors import json_exchanges


def body(**members: object) -> bytes:
    asked = {"jsonrpc": "2.0", "id": "1", "method": "Test", "params": {}, **members}
    return json.dumps({name: value for name, value in asked.items() if value is not ...}).encode()


def test_every_captured_request_is_read():
    for label, exchange in json_exchanges().items():
        said = exchange["request"]
        if isinstance(exchange["response"], dict) and "result" in exchange["response"] and said:
            assert read_request(json.dumps(said).encode()).method == said["method"], label


@pytest.mark.parametrize("id", ["1", "", 7, -1, 1.5, None])
def test_an_id_comes_back_as_it_was(id):
    assert read_request(body(id=id)).id == id
    assert json.loads(encode_result(id, {}))["id"] == id
    with pytest.raises(BadRequest) as refused:
        read_request(body(id=id, params=...))
    assert refused.value.id == id


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"{not json",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[{}]",
        b'"text"',
        b"NaN",
        body(jsonrpc=...),
        body(jsonrpc="1.0"),
        body(method=...),
        body(method=7),
        body(params=...),
        body(params=[1]),
        body(params={"A_u32": []}, id=[1]),
        body(id="x" * 256),
        b'{"jsonrpc":"2.0","id":1e999,"method":"Test","params":{}}',
        b'{"jsonrpc":"2.0","id":1,"method":"Test","params":{"A_u32":' + b"9" * 5000 + b"}}",
        body(params={"A_u32": "seven"}),
        body(params={"A_u32": {}}),
        body(params={"A_bin": "no base64"}),
        body(params={"A_dt": "yesterday"}),
        body(params={"A_ip": "10.0.0.256"}),
        body(params={"A_u32": 1, "a_str": "twice"}),
        body(params={"\u20ac_u32": 1}),
        body(params={"Rows": [{"A_u32": [1]}]}),
    ],
)
def test_what_is_no_request_is_38(wire):
    with pytest.raises(BadRequest) as refused:
        read_request(wire)
    assert refused.value.code == 38


def test_values_are_taken_as_their_names_say():
    pack = to_pack(
        {
            "A_u32": "7",
            "B_bool": True,
            "C_str": 5,
            "D_utf": True,
            "E_bin": "AAEC",
            "F_ip": "127.0.0.1",
            "G_u64": 2**63,
            "H_dt": "2030-01-02T03:04:05.678Z",
            "I_dt": 0,
            "J": [],
            "O": None,
            "K_u32": [1, 2],
            "AnyName": [{"L_str": "x", "M_u32": 1}, {"L_str": "y"}],
            "N_u32": None,
        }
    )
    assert (pack.integer("A"), pack.integer("B"), pack.text("C")) == (7, 1, "5")
    assert (pack.wide_text("D"), pack.data("E")) == ("true", b"\0\1\2")
    assert (pack.integer("F"), pack.big_integer("G")) == (16777343, 2**63)
    assert pack.big_integer("H") == 1893553445678 - 32_400_000
    assert pack.big_integer("I") == 0
    assert "J" not in pack
    assert "O" not in pack
    assert pack.integers("K") == (1, 2)
    assert pack.texts("L") == ("x", "y")
    assert pack.integers("M") == (1, 0)
    assert pack.integer("N") == 0


def test_an_answer_looks_like_the_reference_s():
    said = encode_result("1", {"Name_str": "a/b\u20ac"}).decode()
    assert said.startswith('{\n  "result": {\n    "Name_str": "a\\/b\u20ac"\n  },')
    error = json.loads(encode_error(7, 29))
    assert error == {
        "error": {"code": 29, "message": "Error code 29: object not found"},
        "jsonrpc": "2.0",
        "id": 7,
    }


def test_rows_of_ever_other_names_are_refused_before_anything_is_made_of_them():
    """60,000 rows of one name each became 60,000 columns of 60,000 values: a hub's administrator
    stopped a gateway with one request of 1 MB."""
    rows = [{f"x{i}_u32": 1} for i in range(60_000)]
    with pytest.raises(ValueError, match="60000 names in rows, 100 allowed"):
        to_pack({"AccessList": rows})


@pytest.mark.parametrize("table", ["x", {"Priority_u32": 1}, [{"Priority_u32": 1}, "x"], ["x"], 0])
def test_a_table_that_is_none_is_refused(table):
    """SetAccessList with an AccessList that was no array of rules wiped the list."""
    with pytest.raises(ValueError, match="no rows"):
        to_pack({"HubName_str": "LAB", "AccessList": table})


@pytest.mark.parametrize(
    "params",
    [{"A_u32": 1 << 32}, {"A_u32": -1}, {"A_u64": 1 << 64}, {"A_u32": [1, -1]}, {"A_u32": 1e20}],
)
def test_a_number_that_does_not_fit_is_refused_and_not_cut(params):
    """MaxSession_u32 4294967296 became 0: no limit."""
    with pytest.raises(ValueError, match="is not 0 to"):
        to_pack(params)


def test_a_name_that_occurs_twice_is_38():
    body = (
        b'{"jsonrpc":"2.0","id":1,"method":"Test","params":{"HubName_str":"A","HubName_str":"B"}}'
    )
    with pytest.raises(BadRequest):
        read_request(body)
