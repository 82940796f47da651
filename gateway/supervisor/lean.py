"""Importing a whole node takes half a second: without what only costs time there."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lean_imports() -> Iterator[None]:
    """Import without a collector, which finds nothing in modules, and without rich, which structlog
    loads if it can, for tracebacks on a terminal. What was imported is never looked through again.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(0)
    hidden = "rich" not in sys.modules
    if hidden:
        sys.modules["rich"] = None  # type: ignore[assignment]  # how an import is made to fail
    try:
        yield
    finally:
        if hidden:
            del sys.modules["rich"]
        gc.freeze()
        gc.set_threshold(*thresholds)
