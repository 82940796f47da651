"""Work that is done in another thread, because here all frames would wait for it.

What goes wrong there is raised here like anything else. gevent's pool would print it to standard
error as well, as if it were nobody's: a file that is gone, a body that is no JSON.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import gevent

P = ParamSpec("P")
T = TypeVar("T")


def in_thread(work: Callable[P, T], *args: P.args, **words: P.kwargs) -> T:
    """Return what `work` returns, or raise what it raises. It touches nothing that others touch
    meanwhile."""

    def attempt() -> tuple[T, None] | tuple[None, Exception]:
        try:
            return work(*args, **words), None
        except Exception as error:
            return None, error

    done: tuple[T, None] | tuple[None, Exception] = gevent.get_hub().threadpool.apply(attempt)
    if done[1] is not None:
        raise done[1]
    return done[0]
