"""What is cast from a mould is what the pack says in wire form."""

from dataclasses import replace

import pytest
from hypothesis import given

from gateway.wire.hello import Hello, encode_hello, hello_to_bytes
from gateway.wire.mould import Mould
from gateway.wire.pack import Pack, data, integer, text
from gateway.wire.welcome import Welcome, encode_welcome, welcome_to_bytes
from tests import strategies as wire


def test_holes_are_filled_in_the_order_they_were_named():
    pack = Pack([text("a", "anything"), integer("n", 1, 2), data("b", b"")])
    mould = Mould(pack, ("b", "a"))
    for b, a in ((b"", ""), (bytes(300), "straße")):
        cast = mould.cast(b, a.encode())
        assert cast == Pack([text("a", a), integer("n", 1, 2), data("b", b)]).to_bytes()


def test_a_hole_has_to_be_an_element():
    with pytest.raises(AssertionError):
        Mould(Pack([text("a", "x")]), ("b",))


@given(wire.welcomes)
def test_a_welcome_is_the_same_either_way(welcome: Welcome):
    other = replace(welcome, session_name="SID-X-2", session_key=bytes(range(20)))
    for one in (welcome, other):
        assert welcome_to_bytes(one) == encode_welcome(one).to_bytes()
        assert welcome_to_bytes(one, b"pad") == encode_welcome(one, b"pad").to_bytes()


def test_a_hello_is_the_same_either_way():
    for hello in (Hello("x"), Hello("x", random=bytes(range(20))), Hello("y", 444, 9807)):
        assert hello_to_bytes(hello) == encode_hello(hello).to_bytes()
        assert hello_to_bytes(hello, b"pad") == encode_hello(hello, b"pad").to_bytes()
