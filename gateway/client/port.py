"""The Ethernet edge of a client: where frames come from and where they go.

A session carries frames between a hub and one `EthernetPort`. On a host the port is a TAP device
(`gateway.client.tap.Tap`); in user space it is a `MemoryPort`, whose other side is a program.
Both are non-blocking and neither knows an event loop: a port with a descriptor is waited for like
any other descriptor, a port without one calls `on_readable`.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.errors import EtherFleetError

MIN_FRAME = 14  # bytes: destination, source, type
MAX_FRAME = 1600  # bytes; receivers drop longer frames in silence. Source: protocol notes, §6.1
BUDGET = 4 << 20  # bytes that may wait in one direction of a MemoryPort; our choice


class PortError(EtherFleetError):
    """The port cannot be made, or is gone: closed by us or taken away by the system."""


class EthernetPort(Protocol):
    """What a session needs from an Ethernet interface; frames are whole, without FCS."""

    on_readable: Callable[[], object] | None
    """Called, from whoever brings frames, when frames wait and none did before.
    Only a port whose `fileno()` is None calls it; set it before the first frame is expected."""

    def fileno(self) -> int | None:
        """Return a descriptor that polls readable while frames wait, or None."""

    def read_frames(self, limit: int) -> list[bytes]:
        """Return up to `limit` waiting frames, oldest first; [] when none wait.

        Fewer than `limit` means that the port was empty for a moment. Raises PortError when the
        port is gone.
        """

    def write_frames(self, frames: Sequence[bytes]) -> int:
        """Hand `frames` over and return how many were accepted; the others are dropped, counted.

        Raises PortError when the port is gone.
        """

    def close(self) -> None:
        """Give the port up; may be called again."""


class MemoryPort:
    """An `EthernetPort` whose other side is this program: user-space mode, tests, benchmarks.

    The session's side is the protocol above. The program's side is `push` (frames towards the
    hub), `take` (frames from the hub) and `on_arrival`, the twin of `on_readable`. Each direction
    has a budget in bytes; what does not fit is dropped and counted in `drops`, under "outbound"
    (pushed) or "inbound" (written by the session).
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self.on_readable: Callable[[], object] | None = None
        self.on_arrival: Callable[[], object] | None = None
        self.drops: Counter[str] = Counter()
        self._outbound = _Lane(budget)
        self._inbound = _Lane(budget)
        self._closed = False

    def push(self, frames: Sequence[bytes]) -> int:
        """Offer frames to the session; return how many it took. Raises PortError when closed."""
        return self._add(self._outbound, frames, "outbound", self.on_readable)

    def take(self, limit: int) -> list[bytes]:
        """Return up to `limit` frames the session wrote, also those from before a close."""
        return self._inbound.take(limit)

    @property
    def room(self) -> int:
        """Bytes that `push` accepts now."""
        return self._outbound.room

    def fileno(self) -> int | None:
        return None

    def read_frames(self, limit: int) -> list[bytes]:
        self._insist_open()
        return self._outbound.take(limit)

    def write_frames(self, frames: Sequence[bytes]) -> int:
        return self._add(self._inbound, frames, "inbound", self.on_arrival)

    def close(self) -> None:
        """Close both sides and wake both, so that a waiting reader meets the PortError."""
        if self._closed:
            return
        self._closed = True
        for wake in (self.on_readable, self.on_arrival):
            if wake is not None:
                wake()

    def _add(
        self,
        lane: "_Lane",
        frames: Sequence[bytes],
        reason: str,
        wake: Callable[[], object] | None,
    ) -> int:
        self._insist_open()
        was_empty = not lane.frames
        accepted = lane.add(frames)
        if accepted < len(frames):
            self.drops[reason] += len(frames) - accepted
        if was_empty and accepted and wake is not None:
            wake()
        return accepted

    def _insist_open(self) -> None:
        if self._closed:
            raise PortError("the port is closed")


class _Lane:
    """One direction of a MemoryPort: a queue of frames within a budget in bytes."""

    __slots__ = ("frames", "room")

    def __init__(self, budget: int) -> None:
        self.frames: deque[bytes] = deque()
        self.room = budget

    def add(self, frames: Sequence[bytes]) -> int:
        """Queue frames until one does not fit; return how many were queued.

        The first that does not fit ends the batch: a later, smaller one must not overtake it.
        """
        for accepted, frame in enumerate(frames):
            if len(frame) > self.room:
                return accepted
            self.room -= len(frame)
            self.frames.append(frame)
        return len(frames)

    def take(self, limit: int) -> list[bytes]:
        """Remove and return up to `limit` frames, oldest first."""
        if limit >= len(self.frames):
            batch = list(self.frames)
            self.frames.clear()
        else:
            batch = [self.frames.popleft() for _ in range(limit)]
        self.room += sum(map(len, batch))
        return batch
