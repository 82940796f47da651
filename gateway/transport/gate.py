"""The gate: until when frames of a hub may pass here.

A dynamic hub has one owner, and the owner may act as such only while it can prove that nobody else
became owner: until a deadline on its own monotonic clock, pushed on by each renewal of its lease.
The check is one comparison in the frame path, not a timer: a process that was frozen finds the gate
closed by the very first frame it looks at, before any task of its loop has run.

A node that others may declare dead sooner must also see, again and again, that they have no reason
to. So the deadline in the frame path is the nearer of two, and whoever finds it passed looks again:

    if now >= gate.deadline and not gate.look(now): drop
"""

import math
from collections.abc import Callable


class Gate:
    """`now < deadline`: frames may pass. All dynamic hubs of a node share one."""

    __slots__ = ("_lease_deadline", "_safe_until", "deadline")

    def __init__(self, lease_deadline: float = 0.0) -> None:
        """`lease_deadline` in seconds of `time.monotonic`; 0: closed."""
        self._lease_deadline = lease_deadline
        self._safe_until: Callable[[float], float] = lambda _now: math.inf
        self.deadline = lease_deadline

    def obey(self, safe_until: Callable[[float], float]) -> None:
        """Stay open only up to `safe_until(now)`: until then nobody can take over, lease or not."""
        self._safe_until = safe_until

    def extend(self, lease_deadline: float, now: float) -> None:
        """The lease was renewed."""
        self._lease_deadline = lease_deadline
        self.look(now)

    def look(self, now: float) -> bool:
        """Say whether frames may pass, and set how long that may be relied on."""
        self.deadline = min(self._lease_deadline, self._safe_until(now))
        return now < self.deadline

    def close(self) -> None:
        """Let nothing pass from now on."""
        self._lease_deadline = self.deadline = 0.0


ALWAYS_OPEN = Gate(math.inf)
"""Of static hubs, which need no owner, and of clients."""
