"""Log files of hubs, wherever they are: how a node asks the others for theirs, and answers.

A file is read in pieces, as the tools ask for them. Workers of one machine write to one directory:
each says which it is, and its files are listed once.
"""

import base64
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from coordinator.errors import NotFound
from coordinator.times import from_timestamp
from gateway.admin import log_files
from gateway.admin.live import GatheredLogs, LogRow
from gateway.admin.log_files import Reader
from gateway.node.aside import in_thread
from gateway.node.calls import NodeCalls

LIST, READ = "log-files", "log-read"
PIECE = 64 * 1024  # bytes of a file in one answer
MAX_FILES = 20_000  # of one gateway in one answer, the newest

Row = tuple[str, int, int]
"""Path, size, changed (ms since 1970)."""


class LogShelf:
    """See `gateway.admin.live.Logs`."""

    def __init__(self, node: str, directory: Path, calls: NodeCalls) -> None:
        self._node = node
        self._directory = directory
        self._calls = calls
        calls.answer(LIST, self._answer_list)
        calls.answer(READ, self._answer_read)

    def list_files(self, reader: Reader, nodes: Sequence[str]) -> GatheredLogs:
        heard = self._calls.ask(nodes, LIST, asdict(reader))
        rows, seen = [], set()
        # What workers share is this node's own, if it is one of them.
        for node, said in sorted(heard.answers.items(), key=lambda a: (a[0] != self._node, a[0])):
            if said["place"] not in seen:
                seen.add(said["place"])
                rows += [LogRow(node, *row) for row in said["files"]]
        return GatheredLogs(sorted(rows, key=lambda row: (row.path, row.node)), heard.silent)

    def read_file(self, node: str, reader: Reader, path: str, offset: int) -> bytes | None:
        asked = {**asdict(reader), "path": path, "offset": offset}
        said = self._calls.ask([node], READ, asked).answers.get(node)
        return base64.b64decode(said) if said is not None else None

    def _answer_list(self, body: Any) -> dict[str, Any]:
        listed: dict[str, Any] = in_thread(_listed, self._directory, _reader(body))
        return listed

    def _answer_read(self, body: Any) -> str | None:
        asked = body["path"], body["offset"], PIECE, _reader(body)
        try:
            data: bytes = in_thread(log_files.read_file, self._directory, *asked)
        except (NotFound, OSError):  # removed as too old meanwhile, for one
            return None
        return base64.b64encode(data).decode()


def _reader(body: Any) -> Reader:
    return Reader(body["hub"], body["since"])


def _listed(directory: Path, reader: Reader) -> dict[str, Any]:
    """Return the files, and what tells their directory from those of other machines."""
    files = log_files.list_files(directory, reader)
    newest = sorted(files, key=lambda file: file.changed)[-MAX_FILES:]
    rows: list[Row] = [
        (file.path, file.size, int(from_timestamp(file.changed).timestamp() * 1000))
        for file in newest
    ]
    return {"place": _place(directory), "files": rows}


def _place(directory: Path) -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    try:
        facts = os.stat(directory)
    except OSError:  # nothing was written yet
        return f"{boot} {directory}"
    return f"{boot} {facts.st_dev} {facts.st_ino}"
