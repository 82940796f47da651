"""The report: a table for people, JSON for programs, and the measured part of the documentation."""

import json
import os
import platform
import re
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.benchmark.figures import Row, median

BEGIN = "<!-- written by scripts/bench: begin -->"
END = "<!-- written by scripts/bench: end -->"


def machine() -> dict[str, str]:
    """Describe what the figures were measured on."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", cpuinfo)
    total = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    return {
        "processor": f"{os.cpu_count()} x {model[1] if model else platform.machine()}",
        "memory": f"{int(total[1]) // 1024 // 1024} GiB" if total else "",
        "virtual": "yes" if "hypervisor" in cpuinfo else "no",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
    }


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| scenario | figure | reference | EtherFleet | ratio | spread | required | aim | |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    return "\n".join([*lines, *map(_line, rows)])


def _line(row: Row) -> str:
    figure, ratio, spread = row.figure, row.ratio, row.spread
    sign = "≥" if figure.at_least else "≤"
    cells = [
        row.title,
        figure.title,
        f"{median(row.reference):,.{figure.digits}f}" if row.reference else "-",
        f"{median(row.ours):,.{figure.digits}f}",
        "-" if ratio is None else _short(ratio),
        "-" if spread is None else f"{_short(spread[0])}-{_short(spread[1])}",
        "" if figure.required is None else f"{sign} {figure.required:g}",
        "" if figure.aim is None else f"{sign} {figure.aim:g}",
        "" if ratio is None else figure.verdict(ratio),
    ]
    return f"| {' | '.join(cells)} |"


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 20 else f"{number:.2f}"


def to_json(rows: Sequence[Row], about: dict[str, Any]) -> str:
    """Return everything, samples included."""
    return json.dumps({**about, "figures": [row.to_json() for row in rows]}, indent=1) + "\n"


def write_page(page: Path, rows: Sequence[Row], about: dict[str, Any]) -> None:
    """Replace the measured part of `page`; the rest is written by people."""
    described = "\n".join(f"- {key}: {value}" for key, value in about["machine"].items())
    part = "\n\n".join(
        [
            BEGIN,
            f"{about['reference']} against {about['etherfleet']}, {about['date']}, on:",
            described,
            table(rows),
            END,
        ]
    )
    text = page.read_text()
    head, _, rest = text.partition(BEGIN)
    page.write_text(head + part + rest.partition(END)[2])
