"""A crowd of our clients in user space: quick to come, and cheap enough to have many.

    with Crowd(fleet["crowd"], ips, {"ann": "LAB", "bob": "LAB"}) as crowd:
        crowd.wait_together()
        ... a fault ...
        crowd.wait_together()

Together are the members of a hub when each of them heard a frame that each other one sent since
it was asked; both have the clock of this machine.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.stock.gateway import UNSET
from tests.stock.host import TCP_PORT
from tests.stock.namespaces import Namespace
from tests.stock.process import Process
from tests.stock.waiting import until

PASSWORD = "not a secret"
TAIL = 64 * 1024  # bytes; a line about all members is much shorter


@dataclass(frozen=True, slots=True)
class Member:
    """What one client knows."""

    session: str
    "name of its session; empty while it has none"
    logins: int
    resumed: int
    heard: Mapping[str, float]
    "when the newest frame was sent that it has of each other member; monotonic seconds"


class Crowd:
    """`members` are users with the hub of each, all with PASSWORD; `ips` lead to the fleet."""

    def __init__(self, namespace: Namespace, ips: Sequence[str], members: Mapping[str, str]):
        self.members = dict(members)
        self._namespace = namespace
        self._ips = ips
        self._directory = Path(tempfile.mkdtemp(prefix=f"{namespace.name}-crowd-"))
        self._log = self._directory / "log"
        self._process: Process | None = None

    def __enter__(self) -> "Crowd":
        rows = [
            {"name": name, "hub": hub, "password": PASSWORD} for name, hub in self.members.items()
        ]
        path = self._directory / "members"
        path.write_text(json.dumps(rows))
        argv = [sys.executable, "-m", "tests.stock.crowd_inside"]
        self._process = self._namespace.start(
            *argv, str(TCP_PORT), str(path), *self._ips, log=self._log, env=UNSET
        )
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        if self._process is not None:
            self._process.kill()
        log = self.log()
        shutil.rmtree(self._directory)
        if kind is None:  # else the test has failed already, and says why
            assert "Traceback" not in log, log[-4000:]

    def state(self) -> dict[str, Member]:
        """Return what each member knew a moment ago."""
        for line in reversed(self._tail().splitlines()):
            if line.startswith('{"at"') and line.endswith("}}}"):
                told = json.loads(line)["members"]
                return {name: Member(**row) for name, row in told.items()}
        return {}

    def wait_together(self, hub: str = "", timeout: float = 30) -> float:
        """Wait until all members of `hub` (all hubs) hear each other; return the seconds."""
        began = time.monotonic()
        until(
            lambda: not self.apart(hub, began),
            "all of the crowd to hear each other",
            timeout,
            lambda: f"{self.apart(hub, began)}\n{self.log()[-3000:]}",
        )
        return time.monotonic() - began

    def apart(self, hub: str, since: float) -> list[str]:
        """Return who has heard nothing of whom that was sent after `since`, monotonic seconds."""
        state = self.state()
        wanted = [name for name, its in self.members.items() if hub in ("", its)]
        return [
            f"{one} of {other}"
            for one in wanted
            for other in wanted
            if one != other and self.members[one] == self.members[other]
            if one not in state or state[one].heard.get(other, 0.0) <= since
        ]

    def sessions(self) -> dict[str, str]:
        """Return the name of each member's session."""
        return {name: member.session for name, member in self.state().items()}

    def logins(self) -> int:
        """Return how many sessions all members were given so far; a resumed one is not new."""
        return sum(member.logins for member in self.state().values())

    def log(self) -> str:
        """Return what happened to them, without what they know."""
        if not self._log.exists():
            return ""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if not line.startswith('{"at"'))

    def _tail(self) -> str:
        if not self._log.exists():
            return ""
        with self._log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL))
            return file.read().decode(errors="replace")
