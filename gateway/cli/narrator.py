"""What `connect` says: one line for each thing that happened, and on a terminal live counters.

Events of the client's modules (structlog) and its own sentences take the same way. A line that
repeats itself, as each attempt to reach a gateway that is down would, is said once until something
good happens.
"""

import sys
from collections.abc import MutableMapping
from datetime import datetime
from typing import Any

import click
import structlog

from gateway.cli.output import clean

CLEAR = "\r\x1b[K"  # back to the start of the line, and wipe it


class Narrator:
    """Says lines on stdout, with the time of day; below them, on a terminal, a status line."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._said: set[str] = set()
        self._status = ""

    @property
    def is_live(self) -> bool:
        """Say whether somebody watches a status line."""
        return self._is_terminal

    def say(self, text: str) -> None:
        """Say a sentence."""
        text = clean(text)
        self._wipe()
        click.echo(f"{datetime.now():%H:%M:%S}  {text}")
        self._draw()

    def say_once(self, text: str) -> None:
        """Say a sentence unless it was said since the last `refresh`."""
        if text not in self._said:
            self._said.add(text)
            self.say(text)

    def refresh(self) -> None:
        """Forget what was said: should be called when things are well again."""
        self._said.clear()

    def show(self, status: str) -> None:
        """Replace the status line."""
        if self._is_terminal:
            self._wipe()
            self._status = clean(status)[: _width() - 1]
            self._draw()

    def close(self) -> None:
        """Take the status line away."""
        self._wipe()
        self._status = ""

    def listen(self) -> None:
        """Take what the client's modules log from now on."""
        structlog.configure(
            processors=[structlog.processors.format_exc_info, self._take],
            wrapper_class=structlog.make_filtering_bound_logger("info"),
        )

    def _take(self, logger: object, method: str, event: MutableMapping[str, Any]) -> str:
        trace = event.pop("exception", None)
        self.say_once(sentence(event))
        if trace is not None:  # a fault of ours
            click.echo(trace, err=True)
        raise structlog.DropEvent

    def _wipe(self) -> None:
        if self._status:
            click.echo(CLEAR, nl=False)

    def _draw(self) -> None:
        if self._status:
            click.echo(self._status, nl=False)


def sentence(event: MutableMapping[str, Any]) -> str:
    """Return an event as a sentence: what, where, why, and what else it says."""
    words = dict(event)
    what, why = str(words.pop("event", "")), str(words.pop("why", ""))
    where = str(words.pop("server", words.pop("peer", "")))
    why = why.removeprefix(f"{where}: ")  # some reasons begin with the address
    words.pop("reason", None)  # a counter's label; `why` says the same in words
    rest = ", ".join(f"{name.removesuffix('_s')} {_value(name, v)}" for name, v in words.items())
    return "".join(
        [
            what,
            f" {where}" if where else "",
            f": {why.replace('-', ' ') if ' ' not in why else why}" if why else "",
            f" ({rest})" if rest else "",
        ]
    )


def _value(name: str, value: object) -> str:
    return f"{value} s" if name.endswith("_s") else str(value)


def _width() -> int:
    import shutil

    return shutil.get_terminal_size().columns
