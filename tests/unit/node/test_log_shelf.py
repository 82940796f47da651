"""Log files of several gateways: each found once, read where it is."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.log_files import ANYBODY, Reader
from gateway.node.calls import Heard
from gateway.node.log_shelf import PIECE, LogShelf

TEXT = bytes(range(256)) * 300  # longer than one piece


class Post:
    """Carries questions between shelves in one process; who is not there is silent."""

    def __init__(self) -> None:
        self.answerers: dict[str, dict[str, Callable[[Any], Any]]] = {}

    def of(self, node: str) -> "Office":
        return Office(self, node)


class Office:
    """One node's part of it."""

    def __init__(self, post: Post, node: str) -> None:
        self._post, self._node = post, node

    def answer(self, method: str, answerer: Callable[[Any], Any]) -> None:
        self._post.answerers.setdefault(self._node, {})[method] = answerer

    def ask(self, nodes: Sequence[str], method: str, body: Any) -> Heard:
        there = [node for node in nodes if node in self._post.answerers]
        said = json.loads(json.dumps(body))
        answers = {node: self._post.answerers[node][method](said) for node in there}
        carried = json.loads(json.dumps(answers))
        return Heard(carried, [node for node in nodes if node not in there])


def write(directory: Path, path: str, text: bytes) -> None:
    (directory / path).parent.mkdir(parents=True, exist_ok=True)
    (directory / path).write_bytes(text)


@pytest.fixture
def shelves(tmp_path: Path) -> dict[str, LogShelf]:
    """Nodes a-1 and a-2 write to one directory, b-1 to another, c-1 has written nothing yet."""
    post = Post()
    places = {"a-1": "a", "a-2": "a", "b-1": "b", "c-1": "c"}
    write(tmp_path / "a", "security_log/LAB/sec.log", b"of a")
    write(tmp_path / "a", "security_log/ST/sec.log", b"of st")
    write(tmp_path / "b", "security_log/LAB/sec.log", TEXT)
    write(tmp_path / "b", "secret", b"secret")
    return {
        node: LogShelf(node, tmp_path / place, post.of(node))  # type: ignore[arg-type]  # a twin
        for node, place in places.items()
    }


NODES = ["a-1", "a-2", "b-1", "c-1", "gone"]


def test_what_workers_share_is_listed_once_and_of_who_is_asked(shelves):
    found = shelves["a-2"].list_files(ANYBODY, NODES)
    assert [(row.path, row.node, row.size) for row in found.rows] == [
        ("security_log/LAB/sec.log", "a-2", 4),
        ("security_log/LAB/sec.log", "b-1", len(TEXT)),
        ("security_log/ST/sec.log", "a-2", 5),
    ]
    assert found.silent == ["gone"]
    assert {row.node for row in shelves["c-1"].list_files(ANYBODY, NODES).rows} == {"a-1", "b-1"}


def test_a_file_elsewhere_is_read_in_pieces(shelves):
    read, path = b"", "security_log/LAB/sec.log"
    while piece := shelves["a-1"].read_file("b-1", ANYBODY, path, len(read)):
        assert len(piece) <= PIECE
        read += piece
    assert read == TEXT


def test_a_hub_s_files_are_all_that_is_read_for_it(shelves):
    shelf = shelves["b-1"]
    assert [row.path for row in shelf.list_files(Reader("st"), NODES).rows] == [
        "security_log/ST/sec.log"
    ]
    assert shelf.read_file("a-1", Reader("ST"), "security_log/ST/sec.log", 0) == b"of st"
    assert shelf.read_file("a-1", Reader("ST"), "security_log/LAB/sec.log", 0) is None
    for path in ("secret", "../b/secret", "security_log/LAB/../../secret", "/etc/passwd"):
        assert shelf.read_file("b-1", ANYBODY, path, 0) is None
    assert shelf.read_file("gone", ANYBODY, "security_log/LAB/sec.log", 0) is None
