"""Blocks: how Ethernet frames travel once a session is open. Source: spec, 6 "Data phase".

    message    := blocks | keep-alive
    blocks     := u32 count, count x (u32 size, one frame)
    keep-alive := u32 0xFFFFFFFF, u32 size, padding

`read_blocks` is that grammar; it is what the tests believe, not what runs. `BlockScanner` is what
runs: it takes a whole decrypted chunk and returns *runs*. A run is neighbouring blocks with the
same destination and source, and it is one slice of the chunk that is itself in wire form, so it is
forwarded without a join and without an object per frame. A few complications:

1. A slice has to begin with a count. The four bytes in front of a block are either the count just
   read or the end of a block that has been copied out already: the count is written over them.
2. Blocks of equal size are walked by a compiled pattern (`runs.py`); only where size or addresses
   change does Python look at a block.
3. A run goes on across messages: the next message's count is part of the slice, corrected in place
   when the run ends within it. Some senders put one frame in each message; these too are one slice.
4. What is no frame to forward (a count of zero, a keep-alive, a frame too long or too short) ends
   the run and is passed over by `_skip`.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import groupby
from struct import Struct
from typing import TypeAlias

from gateway.wire.compression import MAX_FRAME, compress_block, inflate_block
from gateway.wire.reader import at_most, from_u32, to_u32
from gateway.wire.runs import equal_blocks, equal_messages

KEEP_ALIVE = 0xFFFF_FFFF  # a count that announces padding instead of blocks
MAX_BLOCK = 3200  # bytes; more ends the connection
MAX_PADDING = 512  # bytes
MIN_FRAME = 14  # bytes: two addresses and a type

Run: TypeAlias = tuple[bytes, int, int, bytes]
"""(addresses, frames, size, message): destination and source as 12 bytes, how many frames and how
many bytes of frames, and those frames as whole messages in wire form. A plain tuple, because a
named one costs more to make than the rest of a short run."""

_u32 = Struct(">I").unpack_from
_put_u32 = Struct(">I").pack_into
_block_head = Struct(">I12s").unpack_from
_message_head = Struct(">II12s").unpack_from


def encode_blocks(blocks: Sequence[bytes]) -> bytes:
    """Return one message in wire form: a count, then each block behind its size in bytes."""
    return to_u32(len(blocks)) + b"".join([to_u32(len(b)) + b for b in blocks])


def encode_keep_alive(padding: bytes) -> bytes:
    """Return a keep-alive; real senders pad with 0 to 511 random bytes."""
    return to_u32(KEEP_ALIVE) + to_u32(at_most(MAX_PADDING, len(padding))) + padding


def read_blocks(emit: Callable[[bytes], object]) -> Generator[int, bytes, None]:
    """Yield how many bytes are wanted, be sent exactly those, emit each whole block."""
    while True:
        count = from_u32((yield 4))
        if count == KEEP_ALIVE:
            yield at_most(MAX_PADDING, from_u32((yield 4)))
        else:
            for _ in range(count):
                emit((yield at_most(MAX_BLOCK, from_u32((yield 4)))))


def iterate_frames(message: bytes) -> Iterator[bytes]:
    """Yield the frames of a run's `message`, for whoever needs them one by one.

    `message` is one or more whole messages of blocks as the scanner and `encode_blocks` make them.
    """
    position, end = 0, len(message)
    while position < end:
        (count,) = _u32(message, position)
        position += 4
        for _ in range(count):
            (size,) = _u32(message, position)
            position += 4 + size
            yield message[position - size : position]


def compress_message(message: bytes) -> bytes:
    """Return a run's `message` for a peer that negotiated compression."""
    return encode_blocks([compress_block(frame) for frame in iterate_frames(message)])


class BlockScanner:
    """What is left over between the chunks of one connection.

    `messages` counts whole messages, keep-alives too; `dropped` counts frames by reason:
    "frame-too-long", "frame-too-short", "bad-compression". With `compressed`, every block is
    inflated and the runs hold plain frames, on a slower path.
    """

    HEADROOM = 4 + 4 + MAX_BLOCK
    """Bytes before a chunk that belong to the scanner: a count, and the longest tail."""

    __slots__ = ("_compressed", "_left", "_longest", "_shortest", "_tail", "dropped", "messages")

    def __init__(self, *, compressed: bool = False) -> None:
        self.messages = 0
        self.dropped: Counter[str] = Counter()
        self._compressed = compressed
        self._shortest, self._longest = (1, MAX_BLOCK) if compressed else (MIN_FRAME, MAX_FRAME)
        self._left = 0  # blocks still to come in the message being read
        self._tail = b""  # the block or keep-alive that is not whole yet

    def scan(self, buffer: bytearray, start: int, end: int) -> list[Run]:
        """Return the runs of all whole blocks in `buffer[start:end]`, which has just arrived.

        `start` is at least `HEADROOM`; the scanner puts what it kept in front of the chunk and
        writes counts into it, so afterwards the buffer's content is of no use to anyone.
        Raises LimitExceeded for a size no sender may announce; runs before it are lost with the
        connection.
        """
        tail = self._tail
        if tail:
            start -= len(tail)
            buffer[start : start + len(tail)] = tail
        runs: list[Run] = []
        take = self._take_compressed if self._compressed else self._take_runs
        position = take(buffer, start, end, runs)
        while position < end:
            passed = self._skip(buffer, position, end)
            if passed == position:
                break
            position = take(buffer, passed, end, runs)
        self._tail = bytes(buffer[position:end]) if position < end else b""
        return runs

    def _take_runs(self, buffer: bytearray, position: int, end: int, runs: list[Run]) -> int:
        """Append the runs from `position` on; return where something else begins.

        The hot loop of the gateway: one round per change of size or addresses, everything local.
        Of the open run, `start` is where its slice begins, `stop` where it ends, `mark` where the
        count of its last message stands and `blocks` what that count must say.
        """
        view = memoryview(buffer)
        left = self._left
        last = end - 4 - MIN_FRAME  # no whole block begins after this
        start = stop = mark = blocks = frames = octets = previous = messages = 0
        current = b""
        while position <= last:
            block = position
            if left:
                size, addresses = _block_head(buffer, block)
            else:
                block += 4
                if block > last:
                    break
                left, size, addresses = _message_head(buffer, position)
                if left == 0 or left == KEEP_ALIVE:
                    left = 0
                    break
            reach = block + 4 + size
            if reach > end or size > MAX_FRAME or size < MIN_FRAME:
                position = block
                break
            if addresses != current:
                if frames:
                    _put_u32(buffer, mark, blocks)
                    runs.append((current, frames, octets, view[start:stop].tobytes()))
                current = addresses
                start = mark = block - 4
                blocks = frames = 1
                octets = size
                left -= 1
            else:
                count = 1
                if block != position:  # the run goes on in the next message
                    _put_u32(buffer, mark, blocks)
                    mark = position
                    blocks = 0
                if size == previous:
                    if left > 1:
                        within = block + left * (size + 4)
                        if within > end:
                            within = end
                        reach = equal_blocks(size)(buffer, block, within).end()
                        count = (reach - block) // (size + 4)
                    elif block != position:  # a message of one block; all these counts say 1
                        reach = equal_messages(size)(buffer, position, end).end()
                        count = (reach - position) // (size + 8)
                        messages += count - 1
                        frames += count - 1
                        octets += (count - 1) * size
                        count = 1
                blocks += count
                frames += count
                octets += count * size
                left -= count
            if not left:
                messages += 1
            previous = size
            position = stop = reach
        if frames:
            _put_u32(buffer, mark, blocks)
            runs.append((current, frames, octets, view[start:stop].tobytes()))
        self._left = left
        self.messages += messages
        return position

    def _take_compressed(self, buffer: bytearray, position: int, end: int, runs: list[Run]) -> int:
        """Append the runs of the message being read, inflated; return where something else begins.

        Blocks that do not yield a frame are counted here.
        """
        frames: list[bytes] = []
        while self._left and position + 4 <= end:
            (size,) = _u32(buffer, position)
            reach = position + 4 + size
            if not self._shortest <= size <= self._longest or reach > end:
                break
            frame = inflate_block(buffer[position + 4 : reach])
            if frame is None:
                self.dropped["bad-compression"] += 1
            elif self._is_fit(len(frame)):
                frames.append(frame)
            self._end_block()
            position = reach
        for addresses, group in groupby(frames, key=_addresses):
            same = list(group)
            runs.append((addresses, len(same), sum(map(len, same)), encode_blocks(same)))
        return position

    def _skip(self, buffer: bytearray, position: int, end: int) -> int:
        """Return where the next frame begins, past counts, keep-alives and blocks without one.

        What is not whole yet is not passed. Loops by itself, so that a chunk of nothing but empty
        messages costs a fraction of what as many frames would.
        """
        while end - position >= 4:
            (number,) = _u32(buffer, position)
            if self._left:
                if self._shortest <= number <= self._longest:
                    break
                reach = position + 4 + at_most(MAX_BLOCK, number)
                if reach > end:
                    break
                self._is_fit(number)
                self._end_block()
                position = reach
            elif number != KEEP_ALIVE:
                self._left = number
                self.messages += number == 0
                position += 4
            else:
                if end - position < 8:
                    break
                reach = position + 8 + at_most(MAX_PADDING, _u32(buffer, position + 4)[0])
                if reach > end:
                    break
                self.messages += 1
                position = reach
        return position

    def _is_fit(self, size: int) -> bool:
        """Tell whether a frame of `size` bytes may be forwarded, and count it if not.

        An empty block is not counted: it is legal and holds no frame.
        """
        if MIN_FRAME <= size <= MAX_FRAME:
            return True
        if size:
            self.dropped["frame-too-short" if size < MIN_FRAME else "frame-too-long"] += 1
        return False

    def _end_block(self) -> None:
        self._left -= 1
        self.messages += self._left == 0


def _addresses(frame: bytes) -> bytes:
    return frame[:12]
