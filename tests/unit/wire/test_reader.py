"""The loop that feeds grammars."""

from collections.abc import Generator

import pytest

from gateway.errors import LimitExceeded
from gateway.wire.reader import Reader, at_most, from_u32, line, to_u32
from tests.dialogues import one_by_one


def sized() -> Generator[int, bytes, bytes]:
    return (yield from_u32((yield 4)))


def greeting() -> Generator[int, bytes, bytes]:
    return (yield line(6))


def fed(reader: Reader[bytes], pieces: list[bytes]) -> list[bytes]:
    values = []
    for piece in pieces:
        reader.receive(piece)
        if (value := reader.advance()) is not None:
            values.append(value)
    return values


WIRE = to_u32(5) + b"hello"


@pytest.mark.parametrize("pieces", [[WIRE], list(one_by_one(WIRE)), [WIRE + b"tail"]])
def test_a_grammar_gets_exactly_what_it_wants_however_it_arrives(pieces):
    reader: Reader[bytes] = Reader(100)
    reader.begin(sized())
    assert fed(reader, pieces) == [b"hello"]
    assert reader.rest == b"".join(pieces)[len(WIRE) :]


def test_what_arrives_before_a_grammar_waits_for_it():
    reader: Reader[bytes] = Reader(100)
    assert fed(reader, [WIRE]) == []
    reader.begin(sized())
    assert reader.advance() == b"hello"


@pytest.mark.parametrize("pieces", [[b"one\ntwo"], list(one_by_one(b"one\ntwo"))])
def test_a_line_ends_with_its_line_feed(pieces):
    reader: Reader[bytes] = Reader(100)
    reader.begin(greeting())
    assert fed(reader, pieces) == [b"one\n"]
    assert reader.rest == b"two"


def test_a_line_of_just_the_limit_is_taken():
    reader: Reader[bytes] = Reader(100)
    reader.begin(greeting())
    assert fed(reader, [b"fives", b"\nmore"]) == [b"fives\n"]


@pytest.mark.parametrize("pieces", [[b"sixsix"], list(one_by_one(b"sixsix\n"))])
def test_a_line_over_the_limit_is_refused_before_it_ends(pieces):
    reader: Reader[bytes] = Reader(100)
    reader.begin(greeting())
    with pytest.raises(LimitExceeded):
        fed(reader, pieces)


def test_no_more_is_held_than_allowed():
    reader: Reader[bytes] = Reader(10)
    reader.receive(b"12345678")
    with pytest.raises(LimitExceeded, match="11 bytes announced, 10 allowed"):
        reader.receive(b"123")
    assert reader.rest == b"12345678"


def test_after_an_error_nothing_more_is_read():
    def picky() -> Generator[int, bytes, bytes]:
        at_most(1, from_u32((yield 4)))
        return b""

    reader: Reader[bytes] = Reader(100)
    reader.begin(picky())
    reader.receive(WIRE)
    with pytest.raises(LimitExceeded, match="5 bytes announced, 1 allowed"):
        reader.advance()
    assert reader.advance() is None
