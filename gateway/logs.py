"""Logs: one event per line, coloured words on a terminal, JSON elsewhere."""

import logging
import os
import sys

import structlog

LEVELS = ("debug", "info", "warning", "error")


def configure(level: str = "info", *, json: bool | None = None) -> None:
    """Write events of `level` and above to stderr; `json` None: unless it is a terminal."""
    terminal = sys.stderr.isatty()
    renderer: structlog.typing.Processor
    if (not terminal) if json is None else json:
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=terminal and "NO_COLOR" not in os.environ, pad_event_to=28
        )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        # One write a line: supervisor and workers share the stream.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
