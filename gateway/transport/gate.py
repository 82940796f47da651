"""The gate: until when frames of a hub may pass here.

A dynamic hub has one owner, and the owner may act as such only while it can prove that nobody else
became owner: until a deadline on its own monotonic clock, pushed on by each renewal of its lease.
The check is one comparison in the frame path, not a timer: a process that was frozen finds the gate
closed by the very first frame it looks at, before any task of its loop has run.
"""

import math


class Gate:
    """`now < deadline`: frames may pass. All dynamic hubs of a node share one."""

    __slots__ = ("deadline",)

    def __init__(self, deadline: float = 0.0) -> None:
        """`deadline` in seconds of `time.monotonic`; 0: closed."""
        self.deadline = deadline

    def close(self) -> None:
        """Let nothing pass from now on."""
        self.deadline = 0.0


ALWAYS_OPEN = Gate(math.inf)
"""Of static hubs, which need no owner, and of clients."""
