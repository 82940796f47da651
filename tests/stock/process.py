"""A long-lived process with a log file, stopped by its own id and nothing else."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.stock.waiting import until


class Process:
    """`argv` running until it is stopped; standard output and error go to the file `log`.

    Leaving the `with` block asks it to end, and kills it when it does not within ten seconds.
    """

    def __init__(
        self, argv: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None
    ) -> None:
        self.argv = list(argv)
        self.log = log
        with log.open("ab") as out:
            self._child = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,  # Ctrl-C in the terminal is for the test run alone
            )
        self.pid = self._child.pid

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number when a signal ended it."""
        return self._child.poll()

    def output(self) -> str:
        """Everything it has printed so far."""
        return self.log.read_text(errors="replace")

    def wait_for(self, text: str, timeout: float = 15) -> str:
        """Wait until it has printed `text`; return the whole output. Raises AssertionError."""

        def printed() -> bool:
            if text in self.output():
                return True
            assert self.exit_code is None, f"it ended with {self.exit_code}"
            return False

        until(printed, f"{self.argv[0]} to print {text!r}", timeout, self.output)
        return self.output()

    def signal(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def wait(self, timeout: float = 10) -> int:
        """Return its exit code. Raises subprocess.TimeoutExpired."""
        return self._child.wait(timeout)

    def stop(self, timeout: float = 10) -> int:
        """Ask it to end (SIGTERM), kill it if it does not; return its exit code."""
        if self.exit_code is None:
            self.signal(signal.SIGTERM)
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.wait()

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would."""
        if self.exit_code is None:
            self.signal(signal.SIGKILL)
        self.wait()


def alive(pid: int) -> bool:
    """Whether `pid` runs; one that ended and that nobody has waited for does not."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return "State:\tZ" not in status and "State:\tX" not in status
