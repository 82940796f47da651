"""Debian's Chromium, driven over plain WebDriver: a page opened, looked at and clicked.

    with Browser() as browser:
        browser.open("https://127.0.0.1:5555/admin/")
        browser.type("#name", "administrator")
        browser.click("#login button")

One session each, with a profile of its own that is removed with it; nothing of it speaks to anybody
but the page. Certificates are accepted whoever made them. Source: W3C WebDriver.
"""

import base64
import http.client
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

from tests.stock.waiting import until

START_S = 60.0
ANSWER_S = 60.0
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # how WebDriver marks one
ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def missing() -> str:
    """Return why there is no browser here; "" if there is one."""
    absent = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)} (./scripts/debian-tests)" if absent else ""


class WebDriverError(AssertionError):
    """The browser could not do it."""


class Browser:
    """A browser with one tab; ended when the `with` block ends."""

    def __init__(self, *, width: int = 1280, height: int = 900, is_dark: bool = False) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="ef-browser-"))
        scheme = ["--force-dark-mode"] if is_dark else []
        self._arguments = [
            *ARGUMENTS,
            *scheme,
            f"--window-size={width},{height}",
            f"--user-data-dir={self._directory / 'profile'}",
        ]
        self._driver: subprocess.Popen[bytes] | None = None
        self._session = ""

    def __enter__(self) -> Self:
        log = self._directory / "log"
        with log.open("wb") as out:
            self._driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=out, stderr=out)
        try:
            started = until(
                lambda: re.search(r"successfully on port (\d+)", log.read_text()),
                "chromedriver",
                START_S,
            )
            self._port = int(started[1])
            options = {"args": self._arguments, "binary": shutil.which("chromium")}
            wanted = {
                "browserName": "chrome",
                "acceptInsecureCerts": True,
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL"},
            }
            asked = {"capabilities": {"alwaysMatch": wanted}}
            self._session = f"/session/{self._ask('POST', '/session', asked)['sessionId']}"
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            if self._session:
                self._ask("DELETE", self._session)
                self._session = ""
        finally:
            if self._driver is not None:
                self._driver.terminate()
                self._driver.wait(START_S)
            shutil.rmtree(self._directory, ignore_errors=True)

    def open(self, url: str) -> None:
        """Go to a page and wait until it is there."""
        self._ask("POST", f"{self._session}/url", {"url": url})

    def run(self, script: str, *arguments: object) -> Any:
        """Run a script in the page and return what it returns; a promise is waited for."""
        asked = {"script": script, "args": list(arguments)}
        return self._ask("POST", f"{self._session}/execute/sync", asked)

    def texts(self, selector: str) -> list[str]:
        """Return what those elements say that can be seen."""
        found: list[str] = self.run(
            "return [...document.querySelectorAll(arguments[0])]"
            ".filter((e) => e.checkVisibility()).map((e) => e.textContent.trim())",
            selector,
        )
        return found

    def text(self, selector: str) -> str:
        """Return the same as one text."""
        return "\n".join(self.texts(selector))

    def rows(self, selector: str) -> list[dict[str, str]]:
        """Return the rows of a table by its headings."""
        found: list[dict[str, str]] = self.run(
            """const table = document.querySelector(arguments[0]);
            const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
            return [...table.tBodies[0].rows].filter((row) => row.className !== "none").map((row) =>
              Object.fromEntries([...row.cells].flatMap((cell, i) =>
                cell.checkVisibility() ? [[heads[i], cell.textContent.trim()]] : [])));""",
            selector,
        )
        return found

    def type(self, selector: str, text: str) -> None:
        """Empty a field and type into it."""
        element = self._find(selector)
        self._ask("POST", f"{element}/clear", {})
        if text:
            self._ask("POST", f"{element}/value", {"text": text})

    def press(self, key: str) -> None:
        """Press a key, wherever the focus is."""
        active = self._ask("GET", f"{self._session}/element/active")
        element = f"{self._session}/element/{active[ELEMENT]}"
        self._ask("POST", f"{element}/value", {"text": key})

    def click(self, selector: str) -> None:
        """Click an element where it can be clicked."""
        self._ask("POST", f"{self._find(selector)}/click", {})

    def picture(self) -> bytes:
        """Return what is to be seen as a PNG."""
        return base64.b64decode(self._ask("GET", f"{self._session}/screenshot"))

    def complaints(self) -> list[str]:
        """Return what the browser's console said since it was asked last."""
        entries = self._ask("POST", f"{self._session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries]

    def _find(self, selector: str) -> str:
        asked = {"using": "css selector", "value": selector}
        found = self._ask("POST", f"{self._session}/element", asked)
        return f"{self._session}/element/{found[ELEMENT]}"

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_S)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(answer, dict) and "error" in answer:
            raise WebDriverError(f"{path}: {answer['error']}: {answer.get('message', '')[:500]}")
        return answer
