"""Captured administration calls, from `tests/vectors/admin-rpc`; their origin is in its README."""

import json
import tarfile
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from gateway.wire.pack import Pack

ARCHIVE = Path(__file__).parent / "vectors" / "admin-rpc" / "calls.tar.xz"


class Exchange(NamedTuple):
    """One call of a stock tool and what the stock server answered."""

    scenario: str
    label: str
    function: str
    request: bytes
    response: bytes

    @property
    def error(self) -> int:
        return Pack.from_bytes(self.response).integer("error")

    def __str__(self) -> str:
        return f"{self.scenario}/{self.label}-{self.function}"


@cache
def files() -> dict[str, bytes]:
    """Return every file of the archive by its path."""
    with tarfile.open(ARCHIVE) as archive:
        members = [member for member in archive if member.isfile()]
        return {m.name: archive.extractfile(m).read() for m in members}  # type: ignore[union-attr]  # a file


@cache
def exchanges() -> list[Exchange]:
    """Return every captured call."""
    found = []
    for path, request in files().items():
        stem, suffix, _ = path.partition(".req.pack")
        if suffix:
            scenario, _, name = stem.partition("/")
            label, _, call = name.rpartition(".")
            function = call.partition("-")[2]
            response = files()[f"{stem}.res.pack"]
            found.append(Exchange(scenario, label, function, request, response))
    return found


@cache
def json_exchanges() -> dict[str, dict[str, Any]]:
    """Return every captured JSON-RPC exchange by its label."""
    said = [json.loads(data) for path, data in files().items() if path.startswith("json-rpc/")]
    return {exchange["label"]: exchange for exchange in said}


@cache
def rights() -> dict[str, dict[str, int]]:
    """Return the error codes a hub administrator gets, by function and by whose hub he names."""
    found: dict[str, dict[str, int]] = json.loads(files()["auth-matrix.json"])
    return found
