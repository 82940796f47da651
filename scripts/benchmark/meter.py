"""What a server costs: processor time and memory of its process tree, from /proc.

The embedded store is a child of our gateway and a program of its own: it is metered apart.
Processor time has the resolution of the kernel's tick, 10 ms.
"""

import os
from dataclasses import dataclass
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
STORES = ("valkey-server", "redis-server")


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds since the processes began, and memory in bytes (shared pages divided)."""

    cpu_s: float = 0.0
    memory: int = 0
    store_cpu_s: float = 0.0
    store_memory: int = 0


def cost(root: int, *, memory: bool = False) -> Cost:
    """Return what the tree under process `root` has cost; reading `memory` takes a while."""
    cpu = {False: 0.0, True: 0.0}
    held = {False: 0, True: 0}
    for pid in tree(root):
        is_store = _name(pid) in STORES
        cpu[is_store] += cpu_s(pid)
        held[is_store] += _memory(pid) if memory else 0
    return Cost(cpu[False], held[False], cpu[True], held[True])


def tree(root: int) -> list[int]:
    """Return `root` and every process below it that still runs."""
    found = [root]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            found += [int(child) for child in _read(task).split()]
    return found


def cpu_s(pid: int) -> float:
    """Return user and system seconds of all threads of `pid`, 0 when it is gone."""
    text = _read(Path(f"/proc/{pid}/stat"))
    if not text:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def _name(pid: int) -> str:
    return _read(Path(f"/proc/{pid}/comm")).strip()


def _memory(pid: int) -> int:
    for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return ""
