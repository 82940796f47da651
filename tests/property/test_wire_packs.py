"""Packs and values: what is written is read again, and nothing else comes out of other bytes."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ProtocolError
from gateway.wire.auth import secure_password, sha0
from gateway.wire.hello import encode_hello, read_hello
from gateway.wire.login import encode_login, read_login
from gateway.wire.nodeinfo import read_node_info
from gateway.wire.pack import Pack
from gateway.wire.redirect import encode_redirect, read_redirect
from gateway.wire.requests import (
    encode_additional_connect,
    read_additional_connect,
    read_admin_login,
    read_hub_names,
    read_joined,
    read_password_change,
)
from gateway.wire.welcome import encode_welcome, read_welcome
from tests import strategies as wire

READERS = (
    read_hello,
    read_login,
    read_node_info,
    read_welcome,
    read_redirect,
    read_additional_connect,
    read_admin_login,
    read_hub_names,
    read_joined,
    read_password_change,
)


@given(wire.packs)
def test_a_pack_comes_back_and_leaves_byte_for_byte(pack):
    data = pack.to_bytes()
    back = Pack.from_bytes(data)
    assert back == pack
    assert back.to_bytes() == data


@given(wire.packs, wire.padding)
def test_order_and_padding_change_nothing_that_is_said(pack, padding):
    elements = [element for element in pack if element.name.lower() != "pencore"]
    ordered = Pack.sorted(elements, padding)
    assert sorted(elements, key=repr) == sorted(
        (e for e in ordered if e.name != "pencore"), key=repr
    )
    assert (ordered.data("pencore") or b"") == padding


@given(wire.hellos, wire.padding)
def test_hello_comes_back(hello, padding):
    assert read_hello(encode_hello(hello, padding)) == hello


@given(wire.logins, wire.padding)
def test_login_comes_back(login, padding):
    pack = Pack.from_bytes(encode_login(login, padding).to_bytes())
    assert replace(read_login(pack), node_info=read_node_info(pack)) == login


@given(wire.welcomes, wire.padding)
def test_welcome_comes_back(welcome, padding):
    assert read_welcome(Pack.from_bytes(encode_welcome(welcome, padding).to_bytes())) == welcome


@given(wire.redirects, wire.padding)
def test_redirect_comes_back(redirect, padding):
    assert read_redirect(Pack.from_bytes(encode_redirect(redirect, padding).to_bytes())) == redirect


@given(wire.additional_connects, wire.padding)
def test_additional_connect_comes_back(request, padding):
    assert read_additional_connect(encode_additional_connect(request, padding)) == request


REAL = st.one_of(
    wire.logins.map(encode_login),
    wire.welcomes.map(encode_welcome),
    wire.redirects.map(encode_redirect),
    wire.hellos.map(encode_hello),
    wire.packs,
).map(Pack.to_bytes)


@given(st.one_of(st.binary(max_size=300), wire.mangled(REAL)))
def test_any_bytes_are_a_pack_or_a_declared_error(data):
    try:
        pack = Pack.from_bytes(data)
    except ProtocolError:
        return
    assert pack.to_bytes() == data


@given(st.one_of(wire.packs, wire.mangled(REAL)))
def test_any_pack_is_a_value_or_a_declared_error(candidate):
    try:
        pack = candidate if isinstance(candidate, Pack) else Pack.from_bytes(candidate)
    except ProtocolError:
        return
    for read in READERS:
        try:
            value = read(pack)
        except ProtocolError:
            continue
        assert repr(value)
        repr(value).encode()  # nothing that a log or the store could not take


@given(st.binary(max_size=300), wire.hashes)
def test_hashes_have_twenty_bytes_and_depend_on_all_of_them(message, random):
    digest = sha0(message)
    assert len(digest) == 20
    assert secure_password(digest, random) == sha0(digest + random)
