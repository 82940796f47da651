"""What the kernel is told about our processes: children end when we do, turns are to be short."""

import ctypes
import os
import platform
import signal
import struct
from collections.abc import Callable

SHORT_TURN_S = 0.0001  # the shortest the kernel grants

_PR_SET_PDEATHSIG = 1
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}  # system calls that the C library has no name for
# struct sched_attr of linux/sched/types.h: size, policy, flags, nice, priority, runtime, ...
_SCHED_ATTR = struct.Struct("=IIQiIQQQ")
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


def take_short_turns() -> bool:
    """Ask the scheduler to let us run soon and briefly, at the priority we have; say if it will.

    Whoever is busy most of the time waits for a whole turn of others whenever he has slept, and
    so do our clients. One who asks for short turns gets as much of the processor, and gets it
    earlier. Only Linux from 6.12 on knows what that is, and who was given another policy keeps it.
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if number is None or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return False
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    runtime_ns = round(SHORT_TURN_S * 1e9)
    attributes = _SCHED_ATTR.pack(_SCHED_ATTR.size, os.SCHED_OTHER, 0, nice, 0, runtime_ns, 0, 0)
    return int(_libc.syscall(number, 0, attributes, 0)) == 0
