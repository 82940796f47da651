"""What is printed: units, tables that fit, nothing from strangers that a terminal obeys."""

from datetime import UTC, datetime

import pytest

from coordinator.times import Timestamp
from gateway.cli import output, units
from gateway.cli.narrator import sentence
from gateway.cli.output import Column

HOSTILE = "a\x1b]0;owned\x07\u202eb\nc\x9b31m"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9949, "9.9 kB"),
        (9951, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (1_234_567_890, "1.2 GB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_sizes_are_short(count, text):
    assert units.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (7200, "2 h"), (864_000, "10 d")],
)
def test_spans_take_their_largest_unit(seconds, text):
    assert units.span(seconds) == text


def test_an_age_is_counted_from_a_timestamp():
    now = datetime(2026, 1, 31, 12, 0, 30, tzinfo=UTC)
    assert units.age(Timestamp("2026-01-31T12:00:00.000Z"), now) == "30 s"
    assert units.age(None) == "-"


def test_a_plain_table_is_aligned_and_nothing_is_cut(capsys):
    columns = [Column("NAME", loose=True), Column("N", right=True)]
    output.print_table(columns, [("x" * 200, 1), ("y", 22)], "none")
    head, first, second = capsys.readouterr().out.splitlines()
    assert first == f"{'x' * 200}   1"
    assert head == f"NAME{' ' * 199}N"
    assert second.endswith("22")


def test_an_empty_table_teaches(capsys):
    output.print_table([Column("NAME")], [], "None yet. Make one: ...")
    assert capsys.readouterr().out == "None yet. Make one: ...\n"


def test_loose_columns_give_way_first_and_then_the_widest():
    columns = [Column("A"), Column("B", loose=True), Column("C", wrap=True)]
    assert output.fit(columns, [10, 10, 10], 80) == [10, 10, 10]
    assert sum(output.fit(columns, [10, 40, 40], 60)) == 60 - 2 * output.GAP
    assert output.fit(columns, [10, 40, 40], 60)[0] == 10
    assert output.fit(columns, [40, 40, 40], 50) == [30, 8, 8]
    assert output.fit(columns, [40, 40, 40], 1) == [8, 8, 8]


@pytest.mark.parametrize(
    "show",
    [
        lambda: output.print_table([Column("X")], [(HOSTILE,)], ""),
        lambda: output.print_record({"x": HOSTILE, "y": [HOSTILE]}),
        lambda: output.print_json({"x": HOSTILE}),
    ],
)
def test_nothing_a_terminal_obeys_comes_through(show, capsys):
    show()
    printed = capsys.readouterr().out.replace("\x1b[2m", "").replace("\x1b[0m", "")
    assert all(c.isprintable() or c == "\n" for c in printed)


def test_json_is_read_back_as_it_was(capsys):
    import json

    value = {"name": HOSTILE, "emoji": "\U000e0001 é", "n": [1, None, True]}
    output.print_json(value)
    assert json.loads(capsys.readouterr().out) == value


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            {"event": "cannot join", "server": "192.0.2.1:5555", "why": "192.0.2.1:5555: refused"},
            "cannot join 192.0.2.1:5555: refused",
        ),
        (
            {"event": "session resumed", "server": "192.0.2.1:5555", "after_s": 0.2},
            "session resumed 192.0.2.1:5555 (after 0.2 s)",
        ),
        (
            {"event": "connection closed", "peer": "x:1", "reason": "malformed", "why": "odd-size"},
            "connection closed x:1: odd size",
        ),
    ],
)
def test_events_become_sentences(event, text):
    assert sentence(event) == text
