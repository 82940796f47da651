"""The page's files: all of them are packed, none of them needs anything from elsewhere."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from gateway.admin import page
from gateway.wire.http import Request
from gateway.wire.http_page import BARE_TARGET, PAGE_TARGET, POLICY, is_look

HERE = Path(page.__file__).parent
FILES = sorted(path.name for path in HERE.iterdir() if path.suffix not in (".py", ""))
ROOT = Path(__file__).parents[3]


def test_what_is_served_is_what_is_there_and_all_of_it_is_packed() -> None:
    served = {target.removeprefix(PAGE_TARGET) for target in page.load()} - {"", BARE_TARGET}
    assert served | {"index.html"} == set(FILES)
    packed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = packed["package-data"]["gateway"]
    for name in FILES:
        assert any(fnmatch(f"admin/page/{name}", pattern) for pattern in patterns), name


def test_every_file_goes_with_the_policy_and_is_small() -> None:
    for target, found in page.load().items():
        head = found.head.decode()
        assert f"Content-Security-Policy: {POLICY}\r\n" in head, target
        assert f"Content-Length: {len(found.body)}\r\n" in head
        assert "Cache-Control: no-store\r\n" in head
        assert len(found.body) < 32_000
        assert found.answer(Request("HEAD", target, {})) == found.head


@pytest.mark.parametrize("name", FILES)
def test_nothing_comes_from_elsewhere_and_nothing_is_read_as_html(name: str) -> None:
    text = (HERE / name).read_text().replace("http://www.w3.org/2000/svg", "")
    banned = r"https?:|//cdn|innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\("
    assert not re.search(rf"{banned}|localStorage|sessionStorage|document\.cookie|indexedDB", text)
    if name.endswith(("html", "svg")):
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
        assert not re.search(r"<script(?![^>]*\ssrc=)", text)


@pytest.mark.parametrize(("method", "size", "is_one"), [
    ("GET", 0, True), ("HEAD", 0, True), ("GET", 1, False), ("POST", 0, False), ("PUT", 0, False)
])  # fmt: skip
def test_only_looks_are_for_the_page(method: str, size: int, is_one: bool) -> None:
    assert is_look(Request(method, PAGE_TARGET, {}, size)) is is_one
