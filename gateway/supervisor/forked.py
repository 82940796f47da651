"""A child forked from us: it has what we have imported, at once and in the same memory."""

import os
import subprocess
import sys
from collections.abc import Callable

from gevent.event import Event
from gevent.os import fork_and_watch


class Forked:
    """The child, asked like a `subprocess.Popen`."""

    def __init__(self, run: Callable[[], int]) -> None:
        """The child calls `run` and ends with the code it returns, whatever we were about to do."""
        self._code: int | None = None
        self._has_ended = Event()
        # With a reference, because there may be nothing else left to wait for.
        self.pid = fork_and_watch(lambda watcher: self._ended(watcher.rstatus), ref=True)
        if not self.pid:
            code = 1
            try:
                code = run()
            except BaseException:  # it must not go on as its parent
                sys.excepthook(*sys.exc_info())
            finally:
                sys.stderr.flush()
                os._exit(code)

    def poll(self) -> int | None:
        """Return the exit code, -N after signal N; None while it runs."""
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        self._has_ended.wait(timeout)
        if self._code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        return self._code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _ended(self, status: int) -> None:
        self._code = os.waitstatus_to_exitcode(status)
        self._has_ended.set()
