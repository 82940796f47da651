"""A port of a switch: what came in by it, what left by it, what was dropped and why."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from gateway.hub.limit import TokenBucket
from gateway.hub.table import Entry

if TYPE_CHECKING:
    from gateway.hub import rules


@dataclass(slots=True)
class Traffic:
    """Frames and their bytes; "broadcast" is every group address, as the admin tools count it."""

    unicast_frames: int = 0
    unicast_bytes: int = 0
    broadcast_frames: int = 0
    broadcast_bytes: int = 0

    def add(self, group: bool, frames: int, size: int) -> None:
        """Count `frames` frames of `size` bytes together, to a group or to one station."""
        if group:
            self.broadcast_frames += frames
            self.broadcast_bytes += size
        else:
            self.unicast_frames += frames
            self.unicast_bytes += size

    def merge(self, other: "Traffic") -> None:
        """Add what another counted."""
        self.unicast_frames += other.unicast_frames
        self.unicast_bytes += other.unicast_bytes
        self.broadcast_frames += other.broadcast_frames
        self.broadcast_bytes += other.broadcast_bytes


class Port:
    """One port; made by `Switch.attach` and good until `Switch.detach`.

    `owner` is whatever the caller attached, never looked into. `received` is what came in, dropped
    or not; `sent` is what the switch handed to this port, including what its owner then had no
    room for; `dropped` counts frames by reason. `entry` and `exit` say what is asked about frames
    that come in or leave (`rules.py`); None, and nothing is. Frames that leave go to `sink`: the
    owner, or what stands before him while there is an `exit`.
    """

    __slots__ = (
        "decide",
        "dropped",
        "entry",
        "exit",
        "flood",
        "guard",
        "joins",
        "max_macs",
        "monitor",
        "owner",
        "paths",
        "reach",
        "received",
        "sent",
        "sink",
    )

    def __init__(
        self,
        owner: object,
        decide: "Decide",
        flood: TokenBucket,
        *,
        max_macs: int = 0,
        guard: TokenBucket | None = None,
        monitor: bool = False,
        joins: bool = False,
    ) -> None:
        self.owner = owner
        self.sink = owner
        self.entry: rules.Entry | None = None
        self.exit: rules.Exit | None = None
        self.max_macs = max_macs  # 0: no limit
        self.flood = flood
        self.guard = guard
        self.monitor = monitor
        self.joins = joins
        self.received = Traffic()
        self.sent = Traffic()
        self.dropped: Counter[str] = Counter()
        self.decide = decide
        self.paths: dict[bytes, Path] = {}
        self.reach: tuple[Port, ...] = (self,)

    def __repr__(self) -> str:
        return f"Port({self.owner!r})"


Path: TypeAlias = tuple[Entry[Port], Entry[Port]]
"""Where a pair of addresses led: the source's entry and the destination's. It holds for as long as
the entries say so, see `Switch.forward`."""

Decide: TypeAlias = Callable[[Port, bytes, int, int, float], Sequence[Port]]
"""What a port does with a run that no remembered path settles."""
