"""Answers: tables and records for people, JSON for programs.

On a terminal a table is rich's, fitted to its width; elsewhere it is plain text with nothing cut.
Names, notes and what clients say of themselves come from strangers: nothing unprintable in them
reaches a terminal, in any format.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import click

UNPRINTABLE = "\ufffd"
GAP = 2  # spaces between columns
LEAST = 8  # characters a column keeps that gives way


class Column(NamedTuple):
    """A column of a table. Where room is short, `loose` ones are cut and `wrap` ones fold over
    several lines before any other gives way; numbers stand on the `right`."""

    title: str
    right: bool = False
    loose: bool = False
    wrap: bool = False


def print_json(value: object) -> None:
    """Print one JSON document; characters a terminal might obey are escaped."""
    click.echo(_harmless(json.dumps(value, indent=2, ensure_ascii=False)))


def print_json_line(value: object) -> None:
    """Print one JSON document in one line, for programs that read as it comes."""
    click.echo(_harmless(json.dumps(value, ensure_ascii=False)))


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print rows, or what to do when there are none."""
    cells = [[clean(str(cell)) for cell in row] for row in rows]
    if not cells:
        click.echo(empty)
    elif sys.stdout.isatty():
        _print_rich(columns, cells)
    else:
        _print_plain(columns, cells)


def print_record(fields: Mapping[str, object]) -> None:
    """Print one thing, a field a line; a sequence takes a line for each of its items."""
    width = max(len(name) for name in fields)
    for name, value in fields.items():
        items = [str(v) for v in value] if isinstance(value, list | tuple) else _lines(str(value))
        for number, item in enumerate(items or ["-"]):
            label = click.style(f"{name:<{width}}" if number == 0 else " " * width, dim=True)
            click.echo(f"{label}  {clean(item)}")


def clean(text: str) -> str:
    """Return `text` with everything a terminal might obey replaced."""
    return "".join(c if c.isprintable() else UNPRINTABLE for c in text)


def _lines(text: str) -> list[str]:
    return text.splitlines() or ["-"]


def _harmless(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text)


def _escaped(char: str) -> str:
    """Return a character as JSON's escapes: of two halves beyond the first plane."""
    return json.dumps(char).strip('"')


def _natural(columns: Sequence[Column], rows: list[list[str]]) -> list[int]:
    """Return the width each column would like."""
    titles = [column.title for column in columns]
    return [max(map(len, cells)) for cells in zip(titles, *rows, strict=True)]


def fit(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Return widths that fit into `room` as far as they can, by cutting as `Column` says."""
    fitted = list(widths)
    excess = sum(fitted) + GAP * (len(fitted) - 1) - room
    elastic = [i for i, column in enumerate(columns) if column.loose or column.wrap]
    for candidates in (elastic, range(len(fitted))):
        while excess > 0:
            widest = max(candidates, key=lambda i: fitted[i], default=None)
            if widest is None or fitted[widest] <= LEAST:
                break
            fitted[widest] -= 1
            excess -= 1
    return fitted


def _print_plain(columns: Sequence[Column], rows: list[list[str]]) -> None:
    widths = _natural(columns, rows)
    for row in ([column.title for column in columns], *rows):
        cells = (
            f"{cell:>{width}}" if column.right else f"{cell:<{width}}"
            for cell, width, column in zip(row, widths, columns, strict=True)
        )
        click.echo((" " * GAP).join(cells).rstrip())


def _print_rich(columns: Sequence[Column], rows: list[list[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    options: dict[str, Any] = {"box": SIMPLE_HEAD, "show_edge": False, "pad_edge": False}
    table = Table(header_style="bold", padding=(0, GAP - 1, 0, 0), **options)
    widths = fit(columns, _natural(columns, rows), console.width)
    for column, width in zip(columns, widths, strict=True):
        table.add_column(
            column.title,
            width=width,
            justify="right" if column.right else "left",
            no_wrap=not column.wrap,
            overflow="fold" if column.wrap else "ellipsis",
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: names are no markup
    console.print(table)
