"""A gateway as operators run it, which also answers `census` on its standard input.

The census counts what a leak would show in: memory after all garbage is gone, open files, live
greenlets, watchers of the loop, and our own objects. What allocators hold (`rss_kib`) depends on
the worst crowd so far; what is in use, by C (`heap_kib`) and by Python (`blocks`), does not.
`stall_s` is the longest time since the last census in which the loop turned no round: while it
stalls, everybody waits.

Usage: python -m tests.hostile.inside gateway --config FILE ...
"""

# ruff: noqa: E402  # nothing may import sockets before the patch

from gevent import monkey

monkey.patch_all()

import ctypes
import gc
import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import gevent
from gevent.fileobject import FileObject

from gateway.cli.main import cli
from gateway.node.session import Session
from gateway.transport.connection import Connection
from gateway.transport.opening import Opening
from gateway.transport.tls import TlsEngine

LOOK_S = 0.02  # seconds between two looks at the loop's pace
_longest = [0.0]
_libc = ctypes.CDLL(None)
_libc.mallinfo2.restype = type(
    "mallinfo2", (ctypes.Structure,), {"_fields_": [("n", ctypes.c_size_t * 10)]}
)


def census() -> dict[str, float]:
    """Count everything; see the head of this file."""
    gc.collect()
    _libc.malloc_trim(0)
    kinds = Counter(type(one) for one in gc.get_objects())
    greenlets = [one for one in gc.get_objects() if isinstance(one, gevent.Greenlet)]
    status = Path("/proc/self/status").read_text()
    stall, _longest[0] = _longest[0], 0.0
    return {
        "rss_kib": int(status.split("VmRSS:")[1].split()[0]),
        "heap_kib": _heap_in_use() // 1024,
        "blocks": sys.getallocatedblocks(),
        "files": len(os.listdir("/proc/self/fd")),
        "greenlets": sum(not one.dead for one in greenlets),
        "active": gevent.get_hub().loop.activecnt,
        "connections": kinds[Connection],
        "sessions": kinds[Session],
        "openings": kinds[Opening],
        "engines": kinds[TlsEngine],
        "cpu_s": round(time.process_time(), 3),
        "stall_s": round(stall, 3),
    }


def _heap_in_use() -> int:
    """Return the bytes malloc has given out, mapped ones too. Source: mallinfo(3)."""
    facts = _libc.mallinfo2().n
    return int(facts[4] + facts[7])


def _watch_pace() -> None:
    before = time.monotonic()
    while True:
        gevent.sleep(LOOK_S)
        now = time.monotonic()
        _longest[0] = max(_longest[0], now - before - LOOK_S)
        before = now


def _answer() -> None:
    for line in FileObject(sys.stdin.buffer, "rb"):
        assert line == b"census\n", line
        print(json.dumps(census()), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)  # the test is gone, and nobody else would stop us


if __name__ == "__main__":
    gevent.spawn(_watch_pace)
    gevent.spawn(_answer)
    cli(sys.argv[1:], prog_name="etherfleet")
