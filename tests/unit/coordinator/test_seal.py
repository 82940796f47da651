"""Sealing: what was sealed opens in its place only, and changed nowhere."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.errors import InvalidValue, SealBroken
from coordinator.seal import PREFIX, Sealer, context_of, new_fleet_key, read_fleet_key

SEALER = Sealer(bytes(32))


@given(st.binary(max_size=4096), st.text(max_size=300))
def test_opening_returns_what_was_sealed(plain: bytes, context: str) -> None:
    text = SEALER.seal(plain, context)
    assert text.startswith("sealed:v1:")
    assert SEALER.open(text, context) == plain


@given(st.binary(min_size=8, max_size=64))
def test_sealed_text_does_not_contain_the_value_nor_repeat(plain: bytes) -> None:
    first, second = SEALER.seal(plain, "c"), SEALER.seal(plain, "c")
    assert first != second
    assert plain not in base64.b64decode(first.removeprefix(PREFIX))


@given(st.text(max_size=30), st.text(max_size=30))
def test_value_opens_in_its_own_place_only(here: str, there: str) -> None:
    text = SEALER.seal(b"secret", here)
    if here != there:
        with pytest.raises(SealBroken, match="changed or moved here"):
            SEALER.open(text, there)


@given(st.data())
def test_value_changed_anywhere_does_not_open(data: st.DataObject) -> None:
    sealed = bytearray(base64.b64decode(SEALER.seal(b"secret", "c").removeprefix(PREFIX)))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealBroken):
        SEALER.open(PREFIX + base64.b64encode(sealed).decode(), "c")


@given(st.one_of(st.text(), st.text().map(PREFIX.__add__), st.binary().map(base64.b64encode)))
def test_anything_else_is_a_broken_seal(text: str | bytes) -> None:
    shown = text if isinstance(text, str) else PREFIX + text.decode()
    with pytest.raises(SealBroken):
        SEALER.open(shown, "c")


def test_another_fleet_key_opens_nothing() -> None:
    with pytest.raises(SealBroken, match="does not open with this fleet key"):
        Sealer(bytes([1]) * 32).open(SEALER.seal(b"secret", "c"), "c")


def test_context_names_key_and_field() -> None:
    assert context_of("ef:{f}:user:a:b", "secret") == "ef:{f}:user:a:b secret"


def test_a_sealed_value_of_version_one_still_opens() -> None:
    """Made by the first version: fails when the derivation or the form changes unnoticed."""
    text = "sealed:v1:tev+z34jl2s1aP7y4ESGnyCmElAhtEArXePGPyOE5+9byY65wZxOUD5XOyKxt2+E"
    assert SEALER.open(text, "ef:{f}:user:a:b secret") == bytes(range(20))


def test_new_fleet_keys_are_read_back_and_differ() -> None:
    texts = {new_fleet_key() for _ in range(10)}
    assert {len(read_fleet_key(f" {text}\n")) for text in texts} == {32}
    assert len(texts) == 10


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "0 bytes, 32 expected"),
        ("AAAA", "3 bytes, 32 expected"),
        ("not base64!", "not base64 text"),
        ("ü" * 44, "not base64 text"),
    ],
)
def test_what_is_no_fleet_key_is_refused_without_showing_it(text: str, complaint: str) -> None:
    with pytest.raises(InvalidValue, match=complaint):
        read_fleet_key(text)


def test_a_sealer_wants_32_bytes() -> None:
    with pytest.raises(InvalidValue, match="31 bytes, 32 expected"):
        Sealer(bytes(31))
