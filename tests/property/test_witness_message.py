"""Datagrams between nodes and witnesses: what is sealed is read back, all else is Malformed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Malformed
from gateway.witness.message import MAX_SIZE, Kind, Message, seal, unseal

KEY, OTHER = bytes(32), bytes(31) + b"\1"
NUMBERS = st.integers(0, 2**64 - 1)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-", max_size=64)
MESSAGES = st.builds(Message, st.sampled_from(Kind), NUMBERS, NAMES, NUMBERS, NAMES, NUMBERS)


@given(MESSAGES)
def test_what_was_sealed_is_read_back(message: Message) -> None:
    datagram = seal(message, KEY)
    assert len(datagram) <= MAX_SIZE
    assert unseal(datagram, KEY) == message
    with pytest.raises(Malformed):
        unseal(datagram, OTHER)


@given(MESSAGES, st.data())
def test_what_was_changed_on_the_way_is_dropped(message: Message, data: st.DataObject) -> None:
    datagram = bytearray(seal(message, KEY))
    cut = data.draw(st.integers(0, len(datagram) - 1))
    datagram[cut] ^= data.draw(st.integers(1, 255))
    for wrong in (bytes(datagram), bytes(datagram[:cut]), bytes(datagram) + b"\0"):
        with pytest.raises(Malformed):
            unseal(wrong, KEY)


@given(st.binary(max_size=2 * MAX_SIZE))
def test_noise_is_dropped(noise: bytes) -> None:
    with pytest.raises(Malformed):
        unseal(noise, KEY)


@given(st.binary(max_size=MAX_SIZE - 16))
def test_noise_of_somebody_with_the_key_is_dropped_or_read(body: bytes) -> None:
    import hmac

    try:
        message = unseal(body + hmac.digest(KEY, body, "sha256")[:16], KEY)
    except Malformed:
        return
    assert seal(message, KEY)[:-16] == body
