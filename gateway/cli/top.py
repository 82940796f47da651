"""`etherfleet top`: who carries how much at this moment, the busiest first."""

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from gateway.cli import complete
from gateway.cli.common import (
    Invocation,
    fleet_options,
    format_option,
    note,
    now,
    pass_invocation,
)
from gateway.cli.output import Column, print_json, print_json_line, print_table
from gateway.cli.units import bits, count

if TYPE_CHECKING:
    from gateway.admin.rates import Look, Meter, Rate, Rates

ONCE_S = 6.5  # between the two looks of --once: every session was reported on in between
HOME_AND_CLEAR = "\x1b[H\x1b[2J"
HEADINGS = 11  # lines that are no rows: title, heads and rules of three tables, gaps
SORTS = ("bytes", "received", "sent", "sessions", "name")
RATES = (Column("RECEIVED", right=True), Column("SENT", right=True))
NODES = (Column("NODE", loose=True), Column("STATE"), Column("SESS", right=True), *RATES)
HUBS = (
    *(Column("HUB", loose=True), Column("ON", loose=True), Column("SESS", right=True), *RATES),
    Column("DROPS", right=True),
)
SESSIONS = (
    *(Column("SESSION", loose=True), Column("HUB", loose=True), Column("NODE", loose=True)),
    *RATES,
)


@click.command()
@click.option("--hub", default="", metavar="HUB", shell_complete=complete.hubs, help="Of this hub.")
@click.option("--sort", type=click.Choice(SORTS), default="bytes", help="[default: bytes]")
@click.option(
    "--rows",
    metavar="N",
    type=click.IntRange(min=1),
    help="Of each table at most. [default: what fits on the terminal, else all]",
)
@click.option(
    "--interval",
    "interval_s",
    metavar="SECONDS",
    type=click.FloatRange(min=0.5, max=60),
    default=2.0,
    help="Between two looks. [default: 2]",
)
@click.option("--once", is_flag=True, help="Measure for a few seconds, print, end.")
@format_option
@fleet_options()
@pass_invocation
def top(
    invocation: Invocation, hub: str, sort: str, rows: int | None, interval_s: float, once: bool
) -> None:
    """Show what nodes, hubs and sessions carry now, the busiest first, to Ctrl-C.

    Nodes write their counters every five to six seconds, so that is how old a rate may be. As
    JSON, one document a line; with --once, one.
    """
    from gateway.admin.rates import Meter

    meter = Meter()
    if once:
        meter.take(_look(invocation, hub))
        time.sleep(ONCE_S)
        _show(invocation, meter.take(_look(invocation, hub)), sort, rows, again=False)
        return
    _watch(invocation, meter, hub, sort, rows, interval_s)


def _watch(
    invocation: Invocation, meter: "Meter", hub: str, sort: str, rows: int | None, interval_s: float
) -> None:
    from coordinator.errors import StoreUnavailable
    from gateway.cli.patience import Patience, pause_after

    is_away = False
    with Patience() as patience:
        while True:
            began = time.monotonic()
            try:
                rates = meter.take(_look(invocation, hub))
                is_away = False
                _show(invocation, rates, sort, rows, again=True)
            except StoreUnavailable as error:
                if not is_away:
                    note(f"{error}; waiting for it")
                is_away = True
            if patience.ends_within(max(interval_s, pause_after(time.monotonic() - began))):
                return


def _look(invocation: Invocation, hub: str) -> "Look":
    from gateway.admin import rates

    with invocation.running_fleet() as fleet:
        return rates.look(fleet, time.monotonic, hub)


def _show(
    invocation: Invocation, rates: "Rates", sort: str, rows: int | None, *, again: bool
) -> None:
    if invocation.is_json:
        (print_json_line if again else print_json)(rates_as_json(rates, sort, rows))
        return
    if again and sys.stdout.isatty():
        click.echo(HOME_AND_CLEAR, nl=False)
    _print(rates, sort, rows or _room(rates))


def rates_as_json(rates: "Rates", sort: str, rows: int | None) -> dict[str, object]:
    """Return what a program is told of rates."""
    nodes, hubs, sessions = _sorted(rates, sort)
    return {
        "at": now(),
        "nodes": [
            {"name": n.node.id, "state": n.health.value, "sessions": n.sessions, **_as_json(rate)}
            for n, rate in nodes[:rows]
        ],
        "hubs": [
            {
                "name": h.hub.name,
                "node": h.node or None,
                "sessions": h.sessions,
                **_as_json(rate),
                "dropped_frames_s": round(drops, 1),
            }
            for h, rate, drops in hubs[:rows]
        ],
        "sessions": [
            {"name": s.name, "hub": s.hub, "user": s.user, "node": s.node, **_as_json(rate)}
            for s, rate in sessions[:rows]
        ],
    }


def _as_json(rate: "Rate") -> dict[str, float]:
    return {
        "received_bytes_s": round(rate.received_bytes, 1),
        "received_frames_s": round(rate.received_frames, 1),
        "sent_bytes_s": round(rate.sent_bytes, 1),
        "sent_frames_s": round(rate.sent_frames, 1),
    }


def _print(rates: "Rates", sort: str, rows: int | None) -> None:
    nodes, hubs, sessions = _sorted(rates, sort)
    total = sum((rate.received_bytes for _, rate in nodes), 0.0)
    sent = sum((rate.sent_bytes for _, rate in nodes), 0.0)
    carried = f"received {bits(total)}, sent {bits(sent)}"
    click.echo(f"{now()[11:19]}  {len(sessions)} sessions, {carried}\n")
    print_table(
        NODES,
        [(n.node.id, n.health, n.sessions, *_cells(rate)) for n, rate in nodes[:rows]],
        "No nodes.",
    )
    click.echo()
    print_table(
        HUBS,
        [
            (h.hub.name, h.node or h.state, h.sessions, *_cells(rate), count(drops))
            for h, rate, drops in hubs[:rows]
        ],
        "No hubs.",
    )
    click.echo()
    print_table(
        SESSIONS,
        [(s.name, s.hub, s.node, *_cells(rate)) for s, rate in sessions[:rows]],
        "No sessions.",
    )


def _cells(rate: "Rate") -> tuple[str, str]:
    return bits(rate.received_bytes), bits(rate.sent_bytes)


def _room(rates: "Rates") -> int | None:
    """Return how many rows each table may have to fit on the terminal; None: there is none."""
    if not sys.stdout.isatty():
        return None
    left = max(3, shutil.get_terminal_size().lines - HEADINGS)
    sizes = sorted((len(rates.nodes), len(rates.hubs), len(rates.sessions)))
    for tables, size in zip((3, 2, 1), sizes, strict=True):
        if size * tables > left:
            return max(1, left // tables)
        left -= size
    return None


def _sorted(rates: "Rates", sort: str) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
    """Return nodes, hubs and sessions in order; of equals, by name."""
    keys: dict[str, Callable[[Any], Any]] = {
        "bytes": lambda row: -row[1].bytes,
        "received": lambda row: -row[1].received_bytes,
        "sent": lambda row: -row[1].sent_bytes,
        "sessions": lambda row: -getattr(row[0], "sessions", 0),
        "name": lambda row: 0,
    }
    key = keys[sort]
    return (
        sorted(rates.nodes, key=lambda row: (key(row), row[0].node.id)),
        sorted(rates.hubs, key=lambda row: (key(row), row[0].hub.name)),
        sorted(rates.sessions, key=lambda row: (key(row), row[0].hub, row[0].name)),
    )
