"""Network namespaces on one bridge: several machines inside this one.

    Lan("alpha", "beta", "gateway")

      alpha          beta           gateway        a namespace each
      eth0           eth0           eth0           10.99.0.1, 10.99.0.2, 10.99.0.3 /24
        │              │              │            veth pairs
      alpha          beta           gateway        ports, named after the other end
    ──┴──────────────┴──────────────┴──  bridge    in a namespace of its own

Nothing is made in the host's namespace, so its firewall and routes do not matter and
stay as they are. Names are `eft-<pid>-<number>-<label>`: whoever finds one whose process
is gone may remove it, and the first Lan of a run does.
"""

import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.stock.process import Process

PREFIX = "eft"
SWITCH = "switch"  # label of the namespace that holds the bridge

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address, and the namespace in which it is at home."""

    namespace: "Namespace"
    ip: str


@dataclass(frozen=True, slots=True)
class Namespace:
    """One namespace: run commands and start processes in it."""

    name: str
    label: str
    ip: str
    "its address on the bridge"

    def inside(self, *argv: str) -> list[str]:
        """The command line that runs `argv` in here; it becomes `argv` by exec, same pid."""
        return ["ip", "netns", "exec", self.name, *argv]

    def run(self, *argv: str, timeout: float = 30, check: bool = True) -> str:
        """Run `argv` to its end and return what it printed. Raises AssertionError if it failed."""
        return _run(*self.inside(*argv), timeout=timeout, check=check)

    def start(self, *argv: str, log: Path, env: Mapping[str, str] | None = None) -> Process:
        """Start `argv` as a process that stays, `log` taking its output."""
        return Process(self.inside(*argv), log, env=env)

    def at(self, ip: str) -> Endpoint:
        return Endpoint(self, ip)

    def pids(self) -> list[int]:
        """Processes that live in here."""
        return _pids(self.name)


class Lan:
    """The namespaces of a test, `lan["alpha"]` one of them; gone when the `with` block ends."""

    def __init__(self, *labels: str, subnet: str = "10.99.0") -> None:
        number = next(_numbers)
        self._switch = f"{PREFIX}-{os.getpid()}-{number}-{SWITCH}"
        self._members = {
            label: Namespace(f"{PREFIX}-{os.getpid()}-{number}-{label}", label, f"{subnet}.{host}")
            for host, label in enumerate(labels, start=1)
        }

    def __getitem__(self, label: str) -> Namespace:
        return self._members[label]

    def __enter__(self) -> "Lan":
        sweep()
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        for name in [member.name for member in self._members.values()] + [self._switch]:
            _remove(name)

    def cut(self, label: str) -> None:
        """Pull the plug of one namespace: frames vanish in silence, both ways."""
        _ip(self._switch, f"link set {label} nomaster")

    def join(self, label: str) -> None:
        """Put the plug back."""
        _ip(self._switch, f"link set {label} master bridge")

    def _build(self) -> None:
        members = self._members.values()
        for name in [self._switch, *(member.name for member in members)]:
            _run("ip", "netns", "add", name)
        _ip(self._switch, "link set lo up", "link add bridge type bridge", "link set bridge up")
        for member in members:
            _ip(
                self._switch,
                f"link add {member.label} type veth peer name eth0 netns {member.name}",
                f"link set {member.label} master bridge up",
            )
            _ip(
                member.name,
                "link set lo up",
                "link set eth0 up",
                f"address add {member.ip}/24 dev eth0",
            )


def sweep() -> None:
    """Remove what runs that crashed left behind: namespaces and directories whose pid is gone."""
    for line in _run("ip", "netns", "list").splitlines():
        name = line.partition(" ")[0]
        if _is_orphan(name):
            _remove(name)
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}-*"):
        if _is_orphan(directory.name):
            shutil.rmtree(directory, ignore_errors=True)


def _is_orphan(name: str) -> bool:
    found = re.match(rf"{PREFIX}-(\d+)-\d+-", name)
    return found is not None and not Path("/proc", found[1]).exists()


def _remove(name: str) -> None:
    """Delete the namespace `name` if it is there, after killing what still lives in it."""
    if not Path("/run/netns", name).exists():
        return
    for pid in _pids(name):
        print(f"{name}: process {pid} was left running; killed", file=sys.stderr)
        with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
            os.kill(pid, signal.SIGKILL)
    _run("ip", "netns", "delete", name)


def _pids(name: str) -> list[int]:
    return [int(pid) for pid in _run("ip", "netns", "pids", name).split()]


def _ip(name: str, *commands: str) -> None:
    """Run `ip` commands in the namespace `name`, one batch."""
    _run("ip", "-n", name, "-batch", "-", stdin="\n".join(commands))


def _run(*argv: str, stdin: str = "", timeout: float = 30, check: bool = True) -> str:
    done = subprocess.run(
        argv,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0 or not check, (
        f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}{stdin}"
    )
    return done.stdout
