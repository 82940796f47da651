"""tests/tools/ssl_clear.c, compiled when a test first asks for it."""

import functools
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "tests/tools/ssl_clear.c"
BUILD = ROOT / "build"


@functools.cache
def ssl_clear() -> Path:
    """Return the library to preload, made anew when its source is the newer one."""
    library = BUILD / "ssl_clear.so"
    if not library.exists() or library.stat().st_mtime < SOURCE.stat().st_mtime:
        BUILD.mkdir(exist_ok=True)
        fresh = BUILD / f"ssl_clear.{os.getpid()}.so"  # two runs may compile at once
        command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(fresh), str(SOURCE), "-ldl"]
        subprocess.run(command, check=True)
        fresh.rename(library)
    return library
