"""The table, ours next to the reference's."""

from collections.abc import Sequence

from scripts.fault_table.rows import Row
from scripts.fault_table.scene import Measured

PAIRS = ("stock", "ours", "stock static", "ours static", "stock on LAN", "ours on LAN")


def print_table(
    rows: Sequence[Row], found: Sequence[Measured], pairs: Sequence[str], *, shortest: bool
) -> None:
    """Print a line per fault: the range over its runs, and sessions that had to log in anew."""
    settings = "time-out 5 s, retry 5 s" if shortest else "default settings, retry 15 s"
    print(f"\nLongest gap in seconds ({settings}); in brackets: new logins of its clients\n")
    last = tuple(name for name in ("found", "elsewhere", "login") if _has(found, name))
    heads = ("fault", "reference", *pairs, *last, "demanded")
    lines = [heads]
    for row in rows:
        runs = [m for m in found if m.fault == row.name]
        reference = row.shortest if shortest else row.default
        gaps = [_cell(runs, pair) for pair in pairs]
        seconds = [_range(_seconds(runs, name)) for name in last]
        lines.append((row.title, reference or "-", *gaps, *seconds, row.demanded))
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    for number, line in enumerate(lines):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
        if number == 0:
            print("  ".join("-" * width for width in widths))
    for measured in found:
        for note in measured.notes:
            print(f"{measured.fault}: {note}")


def _seconds(runs: Sequence[Measured], name: str) -> list[float]:
    """Return what was measured beside gaps: how long until a silent client was found after it was
    let in again, until the hub was elsewhere, and the slowest login meanwhile."""
    match name:
        case "found":
            return [s for m in runs for s in m.found.values()]
        case "elsewhere":
            return [m.elsewhere_s for m in runs if m.elsewhere_s is not None]
        case _:
            return [m.slowest_login_s for m in runs if m.slowest_login_s is not None]


def _has(found: Sequence[Measured], name: str) -> bool:
    return bool(_seconds(found, name))


def _cell(runs: Sequence[Measured], pair: str) -> str:
    gaps = [m.gaps[pair] for m in runs if pair in m.gaps]
    logins = max((m.new_logins[pair] for m in runs if pair in m.new_logins), default=0)
    return f"{_range(gaps)} ({logins})" if gaps else "failed"


def _range(seconds: Sequence[float]) -> str:
    if not seconds:
        return "-"
    low, high = min(seconds), max(seconds)
    return f"{low:.2f}" if high - low < 0.01 else f"{low:.2f}-{high:.2f}"
