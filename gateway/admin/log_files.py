"""Log files of hubs on this machine: what they are called, which there are, what is in them.

    security_log/<HUB>/sec_20260131.log      packet_log/<HUB>/pkt_20260131_09.log

The names are the reference's, so that its tools find what they expect. A path from outside is only
ever compared with those there are, never opened as it comes.

A hub that was made anew has the name of the former one, and its directory: whoever administers it
reads files that begin after it was made, by their first line.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from coordinator.errors import NotFound
from coordinator.hub_log import LogSwitch
from coordinator.names import fold
from coordinator.times import Timestamp, from_timestamp, to_timestamp

SECURITY, PACKET = "security_log", "packet_log"
PREFIXES = {SECURITY: "sec", PACKET: "pkt"}
_PERIODS = {
    LogSwitch.NONE: "",
    LogSwitch.SECOND: "_%Y%m%d_%H%M%S",
    LogSwitch.MINUTE: "_%Y%m%d_%H%M",
    LogSwitch.HOUR: "_%Y%m%d_%H",
    LogSwitch.DAY: "_%Y%m%d",
    LogSwitch.MONTH: "_%Y%m",
}


_MOMENT = len("2026-01-31 09:15:30")  # how lines begin, local time; in packet logs with a comma
_SKEW = timedelta(seconds=5)  # between the clocks of who made the hub and who writes


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks: for the files of all hubs, or of one since it was made."""

    hub: str = ""
    since: Timestamp | None = None

    def may_read(self, directory: Path, file: "LogFile") -> bool:
        """Say whether a file is his to read."""
        if self.hub and fold(file.hub) != fold(_directory(self.hub)):
            return False
        if self.since is None:
            return True
        begun = _begun(directory / file.path)
        return begun is not None and begun >= from_timestamp(self.since) - _SKEW


ANYBODY = Reader()


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file."""

    path: str
    """Below the directory of logs: what it is asked for by."""
    hub: str
    """As in the path."""
    size: int
    changed: Timestamp


def path_of(kind: str, hub: str, switch: LogSwitch, moment: datetime) -> str:
    """Return which file a line of `moment` (local time) belongs to, below the directory of logs."""
    return f"{kind}/{_directory(hub)}/{PREFIXES[kind]}{moment.strftime(_PERIODS[switch])}.log"


def list_files(directory: Path, reader: Reader = ANYBODY) -> list[LogFile]:
    """Return the files that `reader` may read, by path."""
    found = (one for one in _walk(directory) if reader.may_read(directory, one))
    return sorted(found, key=lambda one: one.path)


def read_file(
    directory: Path, path: str, offset: int, most: int, reader: Reader = ANYBODY
) -> bytes:
    """Return up to `most` bytes of a file behind `offset`; empty at its end.

    Raises NotFound for what is no log file, or none that `reader` may read.
    """
    if not any(one.path == path and reader.may_read(directory, one) for one in _walk(directory)):
        raise NotFound("log file", path)
    with (directory / path).open("rb") as file:
        file.seek(max(0, offset))
        return file.read(most)


def remove_older(directory: Path, days: int, now: datetime) -> list[str]:
    """Remove files that were not written to for `days`; return which."""
    old = [
        one.path
        for one in _walk(directory)
        if (now - datetime.fromisoformat(one.changed)).days >= days
    ]
    for path in old:
        (directory / path).unlink(missing_ok=True)
    return old


def _walk(directory: Path) -> Iterator[LogFile]:
    for kind, prefix in PREFIXES.items():
        for file in (directory / kind).glob(f"*/{prefix}*.log"):
            try:
                facts = file.stat(follow_symlinks=False)
            except FileNotFoundError:  # just removed as too old
                continue
            if not os.path.isfile(file) or file.is_symlink():
                continue
            changed = to_timestamp(datetime.fromtimestamp(facts.st_mtime, UTC))
            path = f"{kind}/{file.parent.name}/{file.name}"
            yield LogFile(path, file.parent.name, facts.st_size, changed)


def _begun(path: Path) -> datetime | None:
    """Return the moment of a file's first line; None if it does not begin like one of ours."""
    with contextlib.suppress(OSError, ValueError), path.open("rb") as file:
        return datetime.fromisoformat(
            file.read(_MOMENT).decode("ascii").replace(",", " ")
        ).astimezone()
    return None


def _directory(hub: str) -> str:
    """Return the directory of a hub: its name, unless that is one of the two that lead away."""
    return hub if hub.strip(".") else hub.replace(".", "_")
