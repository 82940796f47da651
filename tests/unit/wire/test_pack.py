"""Packs against captured ones, and the rules that no capture shows."""

import tracemalloc
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from gateway.errors import LimitExceeded, Malformed, ProtocolError
from gateway.wire.codes import ValueType
from gateway.wire.fields import encode_address, read_address, swapped
from gateway.wire.pack import (
    Element,
    Pack,
    big_integer,
    data,
    integer,
    text,
    wide_text,
)
from gateway.wire.reader import to_u32
from tests.golden import FRAMED_PACKS, PACKS, captured, listed, meaning


def elements_of(name: str) -> Any:
    return meaning(name)["elements"]


@pytest.mark.parametrize("name", PACKS)
def test_captured_pack_reads_as_its_json_says_and_leaves_byte_for_byte(name):
    wire = captured(f"{name}.pack")
    pack = Pack.from_bytes(wire)
    assert listed(pack) == elements_of(name)
    assert pack.to_bytes() == wire


@pytest.mark.parametrize("name", PACKS)
def test_real_senders_order_is_ours(name):
    pack = Pack.from_bytes(captured(f"{name}.pack"))
    padding = pack.data("pencore") or b""
    others = [element for element in reversed(list(pack)) if element.name != "pencore"]
    assert Pack.sorted(others, padding) == pack


@pytest.mark.parametrize("name", FRAMED_PACKS)
def test_captured_call_leaves_byte_for_byte(name):
    wire = captured(f"{name}.bin")[4:]
    assert Pack.from_bytes(wire).to_bytes() == wire


@pytest.mark.parametrize("name", PACKS)
def test_captured_pack_cut_anywhere_or_with_a_tail_is_malformed(name):
    wire = captured(f"{name}.pack")
    for end in (*range(0, len(wire), 13), len(wire) - 1):
        with pytest.raises(Malformed):
            Pack.from_bytes(wire[:end])
    with pytest.raises(Malformed, match="4 bytes behind the last element"):
        Pack.from_bytes(wire + b"tail")


def test_look_up_ignores_case_and_respects_type():
    pack = Pack([integer("Port", 5555, 443), text("hello", "x"), data("random", bytes(20))])
    assert pack.integer("pORT") == 5555
    assert pack.integer("port", 1) == 443
    assert pack.integer("port", 2) == 0
    assert pack.integers("PORT") == (5555, 443)
    assert pack.text("port") is None
    assert pack.integer("hello") == 0
    assert pack.data("hello") is None
    assert pack.data("random", 20) == bytes(20)
    assert pack.data("random", 16) is None
    assert "HELLO" in pack
    assert "nothing" not in pack
    assert (pack.data("nothing"), pack.big_integer("nothing")) == (None, 0)


def test_all_five_types_travel():
    pack = Pack(
        [
            integer("int", 1, 0xFFFF_FFFF),
            data("data", b"", b"\0\1"),
            text("str", "straße"),
            wide_text("unistr", "東京"),
            big_integer("int64", 2**63, -1),
        ]
    )
    wire = pack.to_bytes()
    assert to_u32(7) + "straße".encode() in wire  # no NUL in a str
    assert to_u32(7) + "東京\0".encode() in wire  # one that counts in a unistr
    back = Pack.from_bytes(wire)
    assert back == pack
    assert back.text("str") == "straße"
    assert back.texts("str") == ("straße",)
    assert back.wide_text("unistr") == "東京"
    assert back.big_integer("int64") == 2**63
    assert back.big_integer("int64", 1) == 2**64 - 1


def test_text_ends_at_its_first_nul_and_need_not_be_utf_8():
    raw = (b"u1\0junk", b"\x83\x65")
    pack = Pack.from_bytes(Pack([Element("name", ValueType.STR, raw)]).to_bytes())
    assert pack.text("name") == "u1"
    assert pack.text("name", 1) == "\ufffde"
    assert pack.values("name", ValueType.STR) == raw


def test_duplicate_name_refuses_the_pack():
    one, other = integer("HubName", 1), text("hubname", "x")
    with pytest.raises(Malformed, match="twice"):
        Pack([one, other])
    wire = to_u32(2) + Pack([one]).to_bytes()[4:] + Pack([other]).to_bytes()[4:]
    with pytest.raises(Malformed, match="'hubname' occurs twice"):
        Pack.from_bytes(wire)


def element(name_size: int, type: int, count: int, rest: bytes = b"") -> bytes:
    return to_u32(1) + to_u32(name_size) + b"x" + to_u32(type) + to_u32(count) + rest


@pytest.mark.parametrize(
    ("wire", "error", "says"),
    [
        (b"", Malformed, "4 bytes announced, 0 left"),
        (to_u32(262_145), LimitExceeded, "262145 entries announced, 262144 allowed"),
        (to_u32(0xFFFF_FFFF), LimitExceeded, "262144 allowed"),
        (to_u32(262_144), Malformed, "262144 entries announced, 0 bytes left"),
        (to_u32(1) + to_u32(0) + bytes(12), Malformed, "without its size"),
        (to_u32(1) + to_u32(65) + bytes(90), LimitExceeded, "64 bytes announced, 63 allowed"),
        (element(2, 5, 0), Malformed, "type 5"),
        (element(2, 0, 262_145), LimitExceeded, "262145 entries announced"),
        (element(2, 0, 262_144), Malformed, "262144 entries announced, 0 bytes left"),
        (element(2, 1, 1, to_u32(0xFFFF_FFFF)), Malformed, "4294967295 bytes announced, 0 left"),
    ],
)
def test_sizes_are_held_against_limits_and_what_is_there(wire, error, says):
    with pytest.raises(error, match=says):
        Pack.from_bytes(wire)


def test_a_hostile_pack_of_a_login_s_size_costs_little():
    # As many elements with different names as fit into 64 KiB: the most objects per byte.
    names = [f"{number:04x}" for number in range(4096)]
    body = b"".join(Pack([integer(name)]).to_bytes()[4:] for name in names)
    wires = [to_u32(4095) + body[:65_520], element(2, 1, 16_000, bytes(64_000))]
    for wire in wires:
        tracemalloc.start()
        pack = Pack.from_bytes(wire)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(pack) > 0
        assert peak < 4_000_000


def test_announced_counts_cost_nothing():
    hostile = [to_u32(0xFFFF_FFFF), element(2, 1, 0xFFFF_FFFF), element(2, 4, 262_144)]
    tracemalloc.start()
    for wire in hostile:
        with pytest.raises(ProtocolError):
            Pack.from_bytes(wire)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


def test_addresses_travel_reversed():
    address = IPv4Address("10.99.0.2")
    pack = Pack(encode_address("Ip", address))
    assert pack.integer("Ip") == 33_579_786
    assert bytes.fromhex("0200630a") in pack.to_bytes()
    assert read_address(pack, "ip") == address
    assert read_address(Pack([integer("Ip", 33_579_786)]), "Ip") == address
    v6 = IPv6Address("2001:db8::7")
    assert read_address(Pack(encode_address("Ip", v6)), "Ip") == v6
    assert read_address(Pack(), "Ip") == IPv4Address("0.0.0.0")


def test_node_information_is_swapped_once_more():
    assert swapped(501) == 0xF501_0000
    assert swapped(swapped(5555)) == 5555
