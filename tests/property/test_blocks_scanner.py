"""The scanner and the grammar say the same, whatever arrives and however it is cut."""

import zlib
from itertools import groupby

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import ProtocolError
from gateway.wire.blocks import (
    BlockScanner,
    Run,
    encode_blocks,
    encode_keep_alive,
    iterate_frames,
    read_blocks,
)
from gateway.wire.reader import Reader, to_u32

ADDRESSES = [bytes(12), b"\0\0\0\1" * 3, b"\0\0\0\x0e" * 3, bytes(range(12)), b"\xff" * 12]
SIZES = st.sampled_from([0, 2, 13, 14, 14, 15, 18, 18, 60, 60, 60, 1599, 1600, 1601, 3200])
FILLINGS = st.sampled_from([b"\0", b"\1", b"\0\0\0\1", b"\0\0\0\x0e", b"\xff"])

HEADROOM = BlockScanner.HEADROOM


@st.composite
def frame(draw):
    """A block from few addresses, sizes and contents, so that neighbours often agree."""
    size = draw(SIZES)
    filling = draw(FILLINGS)
    return (draw(st.sampled_from(ADDRESSES)) + filling * size)[:size]


frames_of_a_message = st.one_of(
    st.lists(frame(), max_size=6),
    st.builds(lambda f, n: [f] * n, frame(), st.integers(1, 40)),
)
message = st.one_of(
    frames_of_a_message.map(encode_blocks),
    st.builds(lambda f, n: encode_blocks([f]) * n, frame(), st.integers(1, 10)),
    st.integers(0, 512).map(lambda n: encode_keep_alive(b"\1" * n)),
)
stream = st.lists(message, max_size=12).map(b"".join)
cuts = st.one_of(
    st.just([1 << 20]),
    st.lists(st.sampled_from([1, 2, 3, 4, 7, 8, 17, 22, 64, 1000, 5000]), min_size=1, max_size=9),
)


def pieces(data, sizes):
    """Cut `data` into pieces of `sizes`, over and over; many small ones grow towards the end."""
    position = turn = 0
    while position < len(data):
        size = sizes[turn % len(sizes)] * (1 + turn // 64)
        yield data[position : position + size]
        position += size
        turn += 1


def scan(scanner: BlockScanner, chunk: bytes) -> list[Run]:
    """Give the scanner one chunk in a buffer whose every other byte is marked, and check those."""
    mark = b"\xa5"
    buffer = bytearray(mark * (HEADROOM + 64) + chunk + mark * 64)
    start = HEADROOM + 64
    runs = scanner.scan(buffer, start, start + len(chunk))
    assert buffer[:64] == mark * 64
    assert buffer[start + len(chunk) :] == mark * 64
    return runs


def read_by_grammar(chunks) -> tuple[list[bytes], bool]:
    """Return the blocks the grammar finds, and whether it refused the stream."""
    blocks: list[bytes] = []
    reader = Reader[None](1 << 20)
    reader.begin(read_blocks(blocks.append))
    for chunk in chunks:
        try:
            reader.receive(chunk)
            reader.advance()
        except ProtocolError:
            return blocks, True
    return blocks, False


def is_forwarded(block):
    return 14 <= len(block) <= 1600


@given(stream, cuts)
@example(encode_blocks([bytes(60)] * 20_000), [1 << 18])
def test_scanner_and_grammar_find_the_same_frames(data, sizes):
    scanner = BlockScanner()
    runs = [run for piece in pieces(data, sizes) for run in scan(scanner, piece)]
    blocks, refused = read_by_grammar(pieces(data, sizes))
    assert not refused
    found = list(iterate_frames(b"".join(message for _, _, _, message in runs)))
    assert found == [block for block in blocks if is_forwarded(block)]
    assert scanner.dropped.total() == sum(
        1 for block in blocks if block and not is_forwarded(block)
    )


@given(stream, cuts)
def test_each_run_is_messages_of_the_frames_it_claims(data, sizes):
    scanner = BlockScanner()
    for piece in pieces(data, sizes):
        for addresses, frames, size, message in scan(scanner, piece):
            inside, refused = read_by_grammar([message])
            assert not refused
            assert {f[:12] for f in inside} == {addresses}
            assert (len(inside), sum(map(len, inside))) == (frames, size)
            assert inside == list(iterate_frames(message))
            assert b"".join(inside) != b""


@given(st.lists(message, max_size=12), cuts)
def test_every_whole_message_is_counted_once(messages, sizes):
    data = b"".join(messages)
    scanner = BlockScanner()
    for piece in pieces(data, sizes):
        scan(scanner, piece)
    alone = BlockScanner()
    for one in messages:
        scan(alone, one)
    assert scanner.messages == alone.messages >= len(messages)


@given(st.lists(st.one_of(message, st.binary(max_size=64)), max_size=8).map(b"".join), cuts)
@example(to_u32(0xFFFF_FFFE) + to_u32(3201), [1])
@example(to_u32(0xFFFF_FFFF) + to_u32(513), [1])
@example(to_u32(2) + to_u32(14) + bytes(14) + to_u32(0xFFFF_FFFF), [1 << 20])
def test_hostile_bytes_are_refused_by_both_or_by_none(data, sizes):
    scanner = BlockScanner()
    found: list[bytes] = []
    refused = False
    for piece in pieces(data, sizes):
        try:
            runs = scan(scanner, piece)
        except ProtocolError:
            refused = True
            break
        found += [f for run in runs for f in iterate_frames(run[3])]
    blocks, refused_by_grammar = read_by_grammar(pieces(data, sizes))
    wanted = [block for block in blocks if is_forwarded(block)]
    assert refused == refused_by_grammar
    assert found == wanted[: len(found)]
    assert refused or len(found) == len(wanted)


@given(st.lists(st.lists(frame(), max_size=6), max_size=6), cuts)
def test_a_compressed_stream_yields_the_same_frames_as_a_plain_one(messages, sizes):
    compressed = [encode_blocks([zlib.compress(block) for block in m]) for m in messages]
    scanner = BlockScanner(compressed=True)
    runs = [run for piece in pieces(b"".join(compressed), sizes) for run in scan(scanner, piece)]
    wanted = [block for m in messages for block in m if is_forwarded(block)]
    assert [f for run in runs for f in iterate_frames(run[3])] == wanted
    assert scanner.messages == len(messages)


@given(st.lists(st.one_of(message, st.binary(max_size=64)), max_size=8).map(b"".join), cuts)
def test_a_compressed_scanner_survives_any_bytes(data, sizes):
    scanner = BlockScanner(compressed=True)
    for piece in pieces(data, sizes):
        try:
            scan(scanner, piece)
        except ProtocolError:
            return


@pytest.mark.parametrize("batch", [1, 2, 16, 128])
def test_one_flow_is_one_run_however_it_is_batched(batch):
    frames = [ADDRESSES[3] + bytes([n]) * 1502 for n in range(128)]
    frames += [ADDRESSES[4] + bytes(60)] * 4
    groups = [frames[n : n + batch] for n in range(0, len(frames), batch)]
    runs = scan(BlockScanner(), b"".join(map(encode_blocks, groups)))
    assert [(run[0], run[1]) for run in runs] == [
        (addresses, len(list(same))) for addresses, same in groupby(f[:12] for f in frames)
    ]
