"""Compressed blocks: each is a complete zlib stream of one frame. Source: spec, 6.3 "Compression".

There is no flag per block: once negotiated, every block is compressed, both ways. Counts, sizes and
keep-alives never are. What does not inflate costs its sender that block, not the connection.
"""

import zlib

MAX_FRAME = 1600  # bytes of a frame, inflated or never compressed; longer ones are dropped


def compress_block(frame: bytes) -> bytes:
    """Return one frame as a complete zlib stream at the default level."""
    return zlib.compress(frame)


def inflate_block(block: bytes | bytearray) -> bytes | None:
    """Return the frame in `block`, or None when it is not exactly one whole zlib stream.

    At most `MAX_FRAME` + 1 bytes are inflated: a longer result shows that the frame is too long
    without paying for the rest.
    """
    stream = zlib.decompressobj()
    try:
        frame = stream.decompress(block, MAX_FRAME + 1)
    except zlib.error:
        return None
    if len(frame) > MAX_FRAME:
        return frame
    return frame if stream.eof and not stream.unused_data else None
