"""A worker, seen from the supervisor: start it, hear it, end it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Protocol, Self

import gevent

from gateway.processes import die_with
from gateway.supervisor.control import LAST, READY, WAITING, Assignment, send_assignment
from gateway.supervisor.forked import Forked
from gateway.supervisor.lean import lean_imports

PROCESS = "ETHERFLEET_PROCESS"  # the variable that tells a worker its name

TERMINATE_S = 15.0  # for an orderly stop, then SIGKILL
SECOND_LOOK_S = 0.25  # a supervisor that was frozen itself gives the worker this before it judges


class Child(Protocol):
    """What of a `subprocess.Popen` is asked."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, number: int, /) -> None: ...


class WorkerProcess:
    """One process, waiting for an assignment or carrying it out."""

    def __init__(self, name: str, child: Child, control: socket.socket) -> None:
        """`control` leads to it. Under `name` it registers, so that only who knows it can say that
        it has ended."""
        self.name = name
        self._child = child
        self._control = control

    @classmethod
    def start(cls) -> Self:
        """Start it as a program of its own, as it is on disk now."""
        name = _new_name()
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.set_inheritable(True)
            child = subprocess.Popen(
                [sys.executable, "-m", "gateway.supervisor.fresh", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, PROCESS: name},
                preexec_fn=die_with(os.getpid()),
            )
        return cls(name, child, ours)

    @classmethod
    def fork(cls, main: Callable[[socket.socket], int], *, beside: list[Self]) -> Self:
        """Fork it from us, to call `main` with its end of the control connection."""
        name = _new_name()
        ours, theirs = socket.socketpair()
        parent = os.getpid()

        def run() -> int:
            for sock in (ours, *(process._control for process in beside)):
                sock.close()  # or the others' ends would not be told from silence
            with open(os.devnull) as nothing:
                os.dup2(nothing.fileno(), 0)
            os.environ[PROCESS] = name
            die_with(parent)()
            return main(theirs)

        with theirs:
            return cls(name, Forked(run), ours)

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._child.pid

    def assign(self, assignment: Assignment, sockets: list[socket.socket]) -> bool:
        """Tell it what to be; false when it has ended."""
        try:
            send_assignment(self._control, assignment, sockets)
        except OSError:
            return False
        return True

    def wait_waiting(self, timeout: float) -> bool:
        """Wait until it can take an assignment at once."""
        return self._wait_for(WAITING, timeout)

    def wait_ready(self, timeout: float) -> bool:
        """Wait until it serves; false when it ended or stayed silent instead."""
        return self._wait_for(READY, timeout)

    def _wait_for(self, word: bytes, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            said = self._hear(left)
            if not said:
                return False
            if word in said:
                return True
        return False

    def wait_end(self, silence: float) -> str:
        """Wait until it has ended, ending it if it says nothing for `silence` seconds.

        Return why: "exit 0", "signal 9", or "frozen".
        """
        while True:
            said = self._hear(silence)
            if said is None:
                gevent.sleep(SECOND_LOOK_S)
                if self._hear(0.0) is None:
                    self.kill()
                    self._child.wait()
                    return "frozen"
            elif not said:
                code = self._child.wait()
                return f"signal {-code}" if code < 0 else f"exit {code}"

    def terminate(self, *, for_good: bool = False) -> None:
        """Ask for an orderly stop; unless `for_good`, it keeps what it owns for a successor."""
        if self._child.poll() is not None:
            return
        if for_good:
            with contextlib.suppress(OSError):  # it is ending already
                self._control.sendall(LAST)
        self._child.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, also when it is stopped."""
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGKILL)

    def stop(self) -> None:
        """Stop in order, within a deadline."""
        self.terminate()
        try:
            self._child.wait(TERMINATE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self._child.wait()
        self._control.close()

    def _hear(self, timeout: float) -> bytes | None:
        """Return what it said, b"" at its end, None when it said nothing in time."""
        with gevent.Timeout(max(timeout, 0.001), False):  # type: ignore[arg-type]  # False: silent
            try:
                return self._control.recv(4096)
            except OSError:
                return b""
        return None


@contextlib.contextmanager
def waiting(count: int) -> Iterator[list[WorkerProcess]]:
    """Have `count` workers wait for their assignments; those left in the end are stopped.

    They are forked: what all of them need is imported once, and lies in memory once. Nothing may
    run here yet and no file be open that is not for them.
    """
    with lean_imports():
        from gateway.supervisor import worker

    processes: list[WorkerProcess] = []
    try:
        for _ in range(count):
            processes.append(WorkerProcess.fork(worker.main, beside=processes))
        yield processes
    finally:
        for process in processes:
            process.stop()


def _new_name() -> str:
    return os.urandom(8).hex()
