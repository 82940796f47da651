"""Our gateway in a namespace, run and asked as an operator would: by its command line.

    with Gateway(lan["gateway"]) as gateway:
        gateway.create_hub("LAB", alice="not a secret", carol=None)
        ...
        gateway.kill()
        gateway.start()

Its store is the embedded one; state, settings and logs lie in a directory that goes with it.
Nothing but the gateway and its store may live in its namespace. Leaving the `with` block stops it
in order, and fails if it had a fault: a traceback, an error in its log or a bad exit code.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.stock.namespaces import Namespace
from tests.stock.process import Process
from tests.stock.waiting import until

TCP_PORT = 5555
PROGRAM = (sys.executable, "-m", "gateway")
# What a developer has set for a fleet of their own must not lead a test there.
UNSET = {name: "" for name in os.environ if name.startswith("ETHERFLEET_")}

Event = dict[str, Any]


class Gateway:
    """One node with an embedded store; `settings` is the text of its etherfleet.toml."""

    def __init__(self, namespace: Namespace, *, settings: str = "") -> None:
        self.namespace = namespace
        self.ip = namespace.ip
        self.directory = Path(tempfile.mkdtemp(prefix=f"{namespace.name}-node-"))
        self._settings = self.directory / "etherfleet.toml"
        self._settings.write_text(settings)
        self._logs: list[Path] = []
        self._process: Process | None = None

    def __enter__(self) -> "Gateway":
        self.start()
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        exit_code = self.stop()
        # The store of a killed gateway writes its last bytes into the directory.
        until(lambda: not self.namespace.pids(), "the embedded store to be gone", 20)
        faults = self.faults()
        log = self.log()
        shutil.rmtree(self.directory)
        if kind is None:  # else the test has failed already, and says why
            assert not faults, "\n".join(faults)
            assert exit_code in (None, 0), f"the gateway ended with {exit_code}\n{log[-2000:]}"

    # -- the process ---------------------------------------------------------------------------

    def start(self) -> None:
        """Start it and wait until it listens."""
        assert self._process is None, "it runs already"
        self._logs.append(self.directory / f"gateway.{len(self._logs)}.log")
        self._process = self.namespace.start(
            *self._argv("gateway", "--workers", "1", "--node", "node-1"),
            *("--listen", f"0.0.0.0:{TCP_PORT}"),
            *("--log-level", "debug"),
            log=self._logs[-1],
            env=UNSET,
        )
        self._process.wait_for('"event": "listening"')

    def stop(self) -> int | None:
        """Ask it to end (SIGTERM) and wait; return its exit code, None if it did not run."""
        process, self._process = self._process, None
        return None if process is None else process.stop()

    def kill(self) -> None:
        """End all of it at once (SIGKILL), as a failing machine would: supervisor, worker, store.

        Stopped first, so that none of them can react to the end of another.
        """
        assert self._process is not None, "it does not run"
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in self.namespace.pids():
                os.kill(pid, number)
        self._process.kill()
        self._process = None

    # -- the command line ------------------------------------------------------------------------

    def command(self, *argv: str, secret: str | None = None, code: int = 0) -> str:
        """Run an `etherfleet` command on the same store and return what it printed.

        `secret` is what it may read from standard input. Raises AssertionError if it does not end
        with `code`.
        """
        done = subprocess.run(
            self._argv(*argv),
            input=secret or "",
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env={**os.environ, **UNSET},
        )
        assert done.returncode == code, f"{argv} ended with {done.returncode}\n{done.stderr}"
        return done.stdout

    def create_hub(self, hub: str, *options: str, **users: str | None) -> None:
        """Create a hub with users, `name="password"` each; a password of None is anonymous."""
        self.command("hub", "create", hub, *options)
        for user, password in users.items():
            self.add_user(hub, user, password)

    def add_user(self, hub: str, user: str, password: str | None, *options: str) -> None:
        """Add a user by `etherfleet user add`, with more of its options."""
        login = ["--anonymous"] if password is None else ["--password-file", "-"]
        self.command("user", "add", hub, user, *login, *options, secret=password)

    def ask(self, *argv: str, code: int = 0) -> Any:
        """Return what a command answers in JSON."""
        return json.loads(self.command(*argv, "--format", "json", code=code))

    def sessions(self, hub: str) -> dict[str, Event]:
        """Return the rows of `etherfleet session list` by name.

        A session whose client has left stays for its time-out; its numbers are 5 s old at most.
        """
        return {row["name"]: row for row in self.ask("session", "list", hub)}

    def _argv(self, *argv: str) -> list[str]:
        where = ("--config", str(self._settings), "--state-dir", str(self.directory))
        return [*PROGRAM, *where, *argv]

    # -- the log -------------------------------------------------------------------------------

    @property
    def starts(self) -> int:
        """How often it was started: the number of the log its next start will write."""
        return len(self._logs)

    def log(self, since: int = 0) -> str:
        """What it wrote, since start number `since` (the first is 0)."""
        return "".join(path.read_text(errors="replace") for path in self._logs[since:])

    def events(self, name: str = "", since: int = 0) -> list[Event]:
        """Return the events of its log, or those of one name, since start number `since`."""
        lines = [line for line in self.log(since).splitlines() if line.startswith("{")]
        events: list[Event] = [json.loads(line) for line in lines if line.endswith("}")]
        return [event for event in events if name in ("", event["event"])]

    def faults(self) -> list[str]:
        """Return lines that are no events, events with a traceback and events called errors."""
        lines = self.log().splitlines()
        odd = [line for line in lines if not line.startswith("{")]
        bad = [e for e in self.events() if "exception" in e or e["level"] in ("error", "critical")]
        return odd + [str(event) for event in bad]
