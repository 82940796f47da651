"""Logs: one event per line, coloured words on a terminal, JSON elsewhere.

JSON leaves in one write a line, because supervisor and workers share the stream; and what a line
costs is what a storm of logins pays several times each, so nothing is asked that nobody sets.
"""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from json import JSONEncoder
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

LEVELS = ("debug", "info", "warning", "error")

_encode = JSONEncoder(default=repr).encode
_listeners: list[Callable[[Mapping[str, Any]], None]] = []


def configure(level: str = "info", *, json: bool | None = None, node: str = "") -> None:
    """Write events of `level` and above to stderr; `json` None: unless it is a terminal.

    `node` is on every event, as `hub`, `session`, `user` and `epoch` (of the hub's owner) are on
    those that are about one.
    """
    terminal = sys.stderr.isatty()
    renderer: structlog.typing.Processor = _to_json
    factory: structlog.BytesLoggerFactory | structlog.WriteLoggerFactory
    factory = structlog.BytesLoggerFactory(sys.stderr.buffer)
    if terminal if json is None else not json:
        renderer = structlog.dev.ConsoleRenderer(
            colors=terminal and "NO_COLOR" not in os.environ, pad_event_to=28
        )
        factory = structlog.WriteLoggerFactory(sys.stderr)
    structlog.configure(
        processors=[
            *([partial(_name_node, node)] if node else []),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _tell,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )


def listen(listener: Callable[[Mapping[str, Any]], None]) -> None:
    """Hand every event to `listener` as well. It must neither wait nor log."""
    _listeners.append(listener)


def to_text(event: Mapping[str, Any]) -> str:
    """Return an event as a line of JSON."""
    return _encode(event)


def _tell(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for listener in _listeners:
        listener(event)
    return event


def _name_node(node: str, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event.setdefault("node", node)
    return event


def _to_json(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    return _encode(event).encode()
