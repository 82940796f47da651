"""The packet log's end of a hub: a monitor port that keeps what is forwarded until it is written.

A hub without a packet log has no such port and pays nothing. With one, a forwarded message is put
aside, for the price of an append; frames are read and written by somebody who has time. What is
too much for him is not kept, and counted.
"""

import time
from collections import deque
from collections.abc import Iterator

from gateway.hub.port import Port
from gateway.hub.switch import Switch
from gateway.wire.blocks import iterate_frames

MAX_BYTES = 4 * 1024 * 1024  # waiting to be written, of one hub


class PacketTap:
    """Owner of a monitor port."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self._waiting: deque[tuple[float, bytes, int]] = deque()
        self._bytes = 0
        self.lost = 0
        """Frames not kept since somebody asked."""
        self._port: Port = switch.attach(self, monitor=True, counted=False)

    def deliver(self, message: bytes, frames: int) -> bool:
        """Keep a message of `frames` frames; false: there is nothing to flush."""
        if self._bytes + len(message) > MAX_BYTES:
            self.lost += frames
        else:
            self._bytes += len(message)
            self._waiting.append((time.clock_gettime(time.CLOCK_REALTIME), message, frames))
        return False

    def flush(self) -> None:
        """Do nothing: what was delivered waits."""

    def take(self) -> Iterator[tuple[float, bytes]]:
        """Return the frames that wait with their times, in seconds since 1970."""
        while self._waiting:
            at_s, message, _ = self._waiting.popleft()
            self._bytes -= len(message)
            for frame in iterate_frames(message):
                yield at_s, frame

    def take_lost(self) -> int:
        """Return how many frames were not kept since the last call."""
        lost, self.lost = self.lost, 0
        return lost

    def detach(self) -> None:
        """Leave the hub."""
        self.switch.detach(self._port)
