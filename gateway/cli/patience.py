"""Waiting for the fleet: look, say how it stands, look again, until it is so or time is up."""

import signal
import sys
import time
from collections.abc import Callable
from typing import Self, TypeVar

import click

from coordinator.errors import StoreUnavailable
from gateway.cli.output import clean

T = TypeVar("T")

PAUSE_S = 0.25  # between two looks, or more where looking takes long
SHARE = 5  # looking takes one part of so many, at most
CLEAR = "\r\x1b[K"  # back to the start of the line, and wipe it


def until(
    look: Callable[[], T],
    is_done: Callable[[T], bool],
    timeout_s: float,
    show: Callable[[T], None] = lambda _: None,
) -> tuple[T, bool]:
    """Look until `is_done`; return what was seen last, and whether it was so in time.

    A store that is away for a while is waited for. Raises StoreUnavailable if it never answered.
    """
    deadline = time.monotonic() + timeout_s
    seen: list[T] = []
    with Patience() as patience:
        while True:
            began = time.monotonic()
            try:
                seen = [look()]
                show(seen[0])
                if is_done(seen[0]):
                    return seen[0], True
            except StoreUnavailable:
                if time.monotonic() >= deadline and not seen:
                    raise
            now = time.monotonic()
            if now >= deadline and seen:
                return seen[0], False
            if patience.ends_within(max(0.0, min(pause_after(now - began), deadline - now))):
                raise KeyboardInterrupt


def pause_after(cost_s: float) -> float:
    """Return how long to wait after a look that took `cost_s`."""
    return max(PAUSE_S, cost_s * SHARE)


class Patience:
    """A context in which Ctrl-C and SIGTERM end a pause. Left to Python they would break into
    gevent's loop, which prints them as a fault of ours."""

    def __enter__(self) -> Self:
        import gevent
        from gevent.event import Event

        ended = self._ended = Event()
        self._handlers = [
            gevent.signal_handler(number, ended.set) for number in (signal.SIGINT, signal.SIGTERM)
        ]
        return self

    def __exit__(self, *error: object) -> None:
        for handler in self._handlers:
            handler.cancel()

    def ends_within(self, seconds: float) -> bool:
        """Wait; return early, and true, once somebody wants us to end."""
        return bool(self._ended.wait(seconds))


class Progress:
    """A line on stderr that is rewritten on a terminal; elsewhere a line for each change."""

    def __init__(self) -> None:
        self._is_live = sys.stderr.isatty()
        self._shown = ""

    def show(self, text: str) -> None:
        """Say how it stands."""
        text = clean(text)
        if text == self._shown:
            return
        self._shown = text
        if self._is_live:
            click.echo(f"{CLEAR}{text}", nl=False, err=True)
        else:
            click.echo(text, err=True)

    def close(self) -> None:
        """Take the line away."""
        if self._is_live and self._shown:
            click.echo(CLEAR, nl=False, err=True)
