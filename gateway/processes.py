"""Child processes that end when we do."""

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with(parent: int) -> Callable[[], None]:
    """Return what a child runs before its program: the kernel sends it SIGTERM when we end.

    It follows the *thread* that starts the child: start it from the main one. Its files are for
    nobody else, whatever the directory allows.
    """

    def prepare() -> None:
        os.umask(0o077)
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # died before the kernel was told to watch
            os._exit(1)

    return prepare
