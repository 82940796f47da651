"""The data phase: recorded streams, and what a run is."""

import json
import random
import zlib
from pathlib import Path

import pytest

from gateway.errors import LimitExceeded
from gateway.wire.blocks import (
    BlockScanner,
    compress_message,
    encode_blocks,
    encode_keep_alive,
    iterate_frames,
)
from gateway.wire.reader import to_u32

VECTORS = Path(__file__).parents[2] / "vectors" / "softether"
PLAIN = ["stream_client_to_server", "stream_server_to_client", "stream_additional_client_to_server"]
A_TO_B = bytes.fromhex("5e0053000b00 5e0053000a00")
A_TO_C = bytes.fromhex("5e0053000c00 5e0053000a00")


def frame(addresses, size, filling=0):
    return addresses + bytes([filling]) * (size - 12)


def scan(scanner, *chunks):
    """Let `chunks` arrive one after the other; return all runs."""
    runs = []
    for chunk in chunks:
        buffer = bytearray(BlockScanner.HEADROOM) + chunk
        runs += scanner.scan(buffer, BlockScanner.HEADROOM, len(buffer))
    return runs


def frames_of(runs):
    return [f for run in runs for f in iterate_frames(run[3])]


ARRIVALS = {
    "whole": lambda data: [data],
    "byte by byte": lambda data: [data[n : n + 1] for n in range(len(data))],
    "with bytes to spare": lambda data: [data + to_u32(1) + to_u32(60) + bytes(7)],
}


@pytest.mark.parametrize("arrival", ARRIVALS)
@pytest.mark.parametrize("name", PLAIN)
def test_recorded_stream_is_read_as_described(name, arrival):
    data = (VECTORS / f"{name}.bin").read_bytes()
    messages = json.loads((VECTORS / f"{name}.json").read_text())["messages"]
    described = [f for message in messages for f in message.get("frames", ())]
    scanner = BlockScanner()
    found = frames_of(scan(scanner, *ARRIVALS[arrival](data)))
    assert [(len(f), f[:6].hex(":"), f[6:12].hex(":"), f[12:14].hex()) for f in found] == [
        (f["size"], f["dst"], f["src"], f["ethertype"]) for f in described
    ]
    assert scanner.messages == len(messages)
    assert not scanner.dropped


@pytest.mark.parametrize("arrival", ARRIVALS)
def test_recorded_compressed_stream_is_inflated(arrival):
    name = "stream_server_to_client_compressed"
    data = (VECTORS / f"{name}.bin").read_bytes()
    messages = json.loads((VECTORS / f"{name}.json").read_text())["messages"]
    scanner = BlockScanner(compressed=True)
    runs = scan(scanner, *ARRIVALS[arrival](data))
    wanted = bytes.fromhex(messages[1]["frames"][0]["frame"])
    assert runs == [(wanted[:12], 1, 42, encode_blocks([wanted]))]


def test_a_whole_message_of_one_flow_is_forwarded_as_it_came():
    message = encode_blocks([frame(A_TO_B, 1514, n) for n in range(16)])
    assert scan(BlockScanner(), message) == [(A_TO_B, 16, 16 * 1514, message)]


def test_messages_of_one_frame_each_are_one_slice():
    data = b"".join(encode_blocks([frame(A_TO_B, 1514, n)]) for n in range(43))
    assert scan(BlockScanner(), data) == [(A_TO_B, 43, 43 * 1514, data)]


def test_a_short_last_segment_belongs_to_the_run():
    message = encode_blocks([frame(A_TO_B, 1514), frame(A_TO_B, 1514), frame(A_TO_B, 300)])
    assert scan(BlockScanner(), message) == [(A_TO_B, 3, 3328, message)]


def test_a_run_ends_where_the_addresses_change():
    blocks = [frame(A_TO_B, 60), frame(A_TO_B, 60), frame(A_TO_C, 60), frame(A_TO_B, 60)]
    assert scan(BlockScanner(), encode_blocks(blocks)) == [
        (A_TO_B, 2, 120, encode_blocks(blocks[:2])),
        (A_TO_C, 1, 60, encode_blocks(blocks[2:3])),
        (A_TO_B, 1, 60, encode_blocks(blocks[3:])),
    ]


def test_a_run_may_end_within_the_next_message():
    first = [frame(A_TO_C, 60), frame(A_TO_B, 60, 1)]
    second = [frame(A_TO_B, 60, 2), frame(A_TO_B, 60, 3), frame(A_TO_C, 60)]
    runs = scan(BlockScanner(), encode_blocks(first) + encode_blocks(second))
    assert runs == [
        (A_TO_C, 1, 60, encode_blocks(first[:1])),
        (A_TO_B, 3, 180, encode_blocks(first[1:]) + encode_blocks(second[:2])),
        (A_TO_C, 1, 60, encode_blocks(second[2:])),
    ]


def test_a_block_cut_in_two_arrives_with_the_second_chunk():
    blocks = [frame(A_TO_B, 1514, n) for n in range(3)]
    message = encode_blocks(blocks)
    scanner = BlockScanner()
    assert scan(scanner, message[:2000]) == [(A_TO_B, 1, 1514, encode_blocks(blocks[:1]))]
    assert scan(scanner, message[2000:]) == [(A_TO_B, 2, 3028, encode_blocks(blocks[1:]))]


def test_four_billion_announced_blocks_cost_nothing():
    scanner = BlockScanner()
    assert scan(scanner, to_u32(0xFFFF_FFFE)) == []
    assert scan(scanner, encode_blocks([frame(A_TO_B, 60)])[4:]) == [
        (A_TO_B, 1, 60, encode_blocks([frame(A_TO_B, 60)]))
    ]
    assert scanner.messages == 0


def test_keep_alives_and_empty_messages_and_empty_blocks_are_skipped():
    wanted = frame(A_TO_B, 60)
    scanner = BlockScanner()
    data = encode_keep_alive(b"") + encode_keep_alive(bytes(512)) + encode_blocks([])
    runs = scan(scanner, data + encode_blocks([b"", wanted, b""]))
    assert frames_of(runs) == [wanted]
    assert scanner.messages == 4
    assert not scanner.dropped


def test_a_keep_alive_counts_when_its_last_byte_is_here():
    scanner = BlockScanner()
    scan(scanner, encode_keep_alive(bytes(300))[:-1])
    assert scanner.messages == 0
    scan(scanner, b"\0")
    assert scanner.messages == 1


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (1, "frame-too-short"),
        (13, "frame-too-short"),
        (1601, "frame-too-long"),
        (3200, "frame-too-long"),
    ],
)
def test_a_frame_of_a_wrong_size_is_dropped_alone(size, reason):
    good = frame(A_TO_B, 60)
    scanner = BlockScanner()
    assert frames_of(scan(scanner, encode_blocks([good, bytes(size), good]))) == [good, good]
    assert scanner.dropped == {reason: 1}


@pytest.mark.parametrize("size", [14, 1600])
def test_the_shortest_and_the_longest_frame_pass(size):
    assert frames_of(scan(BlockScanner(), encode_blocks([bytes(size)]))) == [bytes(size)]


@pytest.mark.parametrize("compressed", [False, True])
def test_an_oversized_block_is_refused_before_its_body(compressed):
    scanner = BlockScanner(compressed=compressed)
    with pytest.raises(LimitExceeded, match="3201 bytes announced, 3200 allowed"):
        scan(scanner, to_u32(1) + to_u32(3201))


def test_oversized_padding_is_refused_before_its_body():
    with pytest.raises(LimitExceeded, match="513 bytes announced, 512 allowed"):
        scan(BlockScanner(), to_u32(0xFFFF_FFFF) + to_u32(513))


def test_keep_alive_of_more_than_512_bytes_is_not_sent():
    with pytest.raises(LimitExceeded):
        encode_keep_alive(bytes(513))


def test_a_message_comes_back_from_compression():
    frames = [random.Random(7).randbytes(1514), frame(A_TO_B, 60), frame(A_TO_B, 1600)]
    scanner = BlockScanner(compressed=True)
    runs = scan(scanner, compress_message(encode_blocks(frames[:1]) + encode_blocks(frames[1:])))
    assert [(run[0], run[1]) for run in runs] == [(frames[0][:12], 1), (A_TO_B, 2)]
    assert frames_of(runs) == frames
    assert not scanner.dropped


BAD = {
    "not zlib": bytes(60),
    "cut": zlib.compress(frame(A_TO_B, 60))[:-1],
    "something behind": zlib.compress(frame(A_TO_B, 60)) + b"x",
    "another stream behind": zlib.compress(frame(A_TO_B, 60)) * 2,
    "needs a dictionary": b"\x78\xbb\0\0\0\1" + bytes(20),
}


@pytest.mark.parametrize("name", BAD)
def test_a_block_that_does_not_inflate_is_dropped_alone(name):
    good = zlib.compress(frame(A_TO_B, 60))
    scanner = BlockScanner(compressed=True)
    runs = scan(scanner, encode_blocks([good, BAD[name], good]))
    assert [run[:3] for run in runs] == [(A_TO_B, 2, 120)]
    assert scanner.dropped == {"bad-compression": 1}


def test_a_compression_bomb_is_one_dropped_frame():
    scanner = BlockScanner(compressed=True)
    bomb = zlib.compress(bytes(3_000_000), 9)
    assert len(bomb) < 3200
    assert scan(scanner, encode_blocks([bomb])) == []
    assert scanner.dropped == {"frame-too-long": 1}
