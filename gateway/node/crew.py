"""A crew: greenlets that wait for the next task when theirs is over.

A new greenlet costs about 15 µs, most of it for the stack that Python has the kernel map for it and
unmap after it; to wake one that waits costs 4. A storm of logins pays that once each. Who has
waited for a second leaves: outside of storms nothing stays.
"""

from collections.abc import Callable
from typing import TypeAlias, cast

import gevent
from gevent.event import AsyncResult
from gevent.pool import Group

MOST_IDLE = 32
IDLE_S = 1.0

Task: TypeAlias = Callable[[], None]


class Crew:
    """Carries out tasks, each in a greenlet that is its own for as long as it takes."""

    def __init__(self) -> None:
        self._members: Group = Group()
        self._idle: list[AsyncResult[Task]] = []
        self._is_over = False

    def start(self, task: Task) -> None:
        """Have `task` carried out from the next turn of the loop on. It must not raise."""
        if self._idle:
            self._idle.pop().set(task)
        else:
            self._members.start(gevent.Greenlet(self._work, task))

    def kill(self) -> None:
        """End every member, in the midst of its task or not; wait until they have ended."""
        self._is_over = True
        self._idle.clear()
        self._members.kill()

    def _work(self, task: Task) -> None:
        task()
        while len(self._idle) < MOST_IDLE and not self._is_over:
            turn: AsyncResult[Task] = AsyncResult()
            self._idle.append(turn)
            turn.wait(IDLE_S)
            if not turn.ready():
                self._idle = [other for other in self._idle if other is not turn]
                return
            task = cast(Task, turn.value)  # not None, for it is set
            task()
