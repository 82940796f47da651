"""`etherfleet status`: the whole fleet on one screen, and its state as an exit code."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.common import (
    Invocation,
    fleet_options,
    format_option,
    now,
    pass_invocation,
    plural,
)
from gateway.cli.exits import line_of
from gateway.cli.leader import leader_as_json
from gateway.cli.node import print_nodes, report_as_json
from gateway.cli.output import clean, print_json, print_json_line, print_record
from gateway.cli.units import age, size

if TYPE_CHECKING:
    from coordinator.errors import StoreError
    from coordinator.fleet import Fleet
    from gateway.admin.fleet_status import HubCounts, Judgement, Snapshot
    from gateway.config import Settings

CODES = {"ok": 0, "degraded": 1, "down": 2}
COLOURS = {"ok": "green", "degraded": "yellow", "down": "red"}
WATCH_S = 2.0
HOME_AND_CLEAR = "\x1b[H\x1b[2J"


@click.command()
@click.option("-w", "--watch", is_flag=True, help="Look again every two seconds, to Ctrl-C.")
@format_option
@fleet_options()
@click.pass_context
@pass_invocation
def status(invocation: Invocation, ctx: click.Context, watch: bool) -> None:
    """Show store, leader, nodes, hubs, sessions, and what is wrong.

    Ends with 0 if all is well, 1 if it serves and somebody should look (see the warnings), 2 if
    no node is alive or the store does not answer.
    """
    if not watch:
        ctx.exit(_look(invocation))
    from gateway.cli.patience import Patience, pause_after

    with Patience() as patience:
        while True:
            began = time.monotonic()
            code = _look(invocation, again=True)
            pause_s = max(WATCH_S, pause_after(time.monotonic() - began))
            if patience.ends_within(pause_s):
                ctx.exit(code)


def _look(invocation: Invocation, *, again: bool = False) -> int:
    """Look and print once; return the exit code."""
    from coordinator.errors import StoreError
    from gateway.admin import fleet_status

    try:
        with invocation.running_fleet() as fleet:
            days = certificate_days(fleet, invocation.settings())
            seen = fleet_status.read(fleet, now(), time.monotonic, days)
    except StoreError as error:
        _clear(again)
        _print_away(invocation, error, again)
        return CODES["down"]
    judged = fleet_status.judge(seen)
    _clear(again)
    if invocation.is_json:
        (print_json_line if again else print_json)(status_as_json(seen, judged))
    else:
        _print(seen, judged)
    return CODES[judged.verdict.value]


def certificate_days(fleet: "Fleet", settings: "Settings") -> int | None:
    """Return how long the certificate lasts that gateways show; None if none can be read."""
    from gateway.admin.certificates import days_left

    file = settings.fleet.certificate_file
    try:
        pem = Path(file).read_text(encoding="ascii") if file else ""
    except (OSError, UnicodeDecodeError):  # it lies with the gateways, perhaps not here
        return None
    stored = None if pem else fleet.certificates.get()
    pem = pem or (stored.cert_pem if stored is not None else "")
    return days_left(pem, now()) if pem else None


def status_as_json(seen: "Snapshot", judged: "Judgement") -> dict[str, object]:
    """Return what a program is told of the fleet."""
    from gateway.admin.fleet_status import leads

    store = seen.store
    return {
        "verdict": judged.verdict.value,
        "at": seen.at,
        "fleet": seen.fleet,
        "store": {
            "where": store.where,
            "is_reachable": True,
            "server": store.server,
            "latency_ms": store.latency_ms,
            "memory_bytes": store.memory_bytes,
        },
        "leader": leader_as_json(seen.leader, leads(seen.leader, seen.nodes)),
        "nodes": [report_as_json(report) for report in seen.nodes],
        "hubs": {
            "placed": seen.hubs.placed,
            "idle": seen.hubs.idle,
            "waiting": seen.hubs.waiting,
            "static": seen.hubs.static,
            "offline": seen.hubs.offline,
        },
        "sessions": seen.sessions,
        "waiting_sessions": seen.waiting,
        "certificate_days": seen.certificate_days,
        "warnings": list(judged.warnings),
        "notes": list(judged.notes),
    }


def _print_away(invocation: Invocation, error: "StoreError", again: bool) -> None:
    """Say that nothing can be seen."""
    fleet, line = invocation.settings().fleet.name, line_of(error).removeprefix("etherfleet: ")
    if invocation.is_json:
        away = {
            "verdict": "down",
            "at": now(),
            "fleet": fleet,
            "store": {"is_reachable": False},
            "warnings": [line],
        }
        (print_json_line if again else print_json)(away)
        return
    _print_verdict(fleet, "down")
    click.echo()
    _print_list("!", [line])


def _print(seen: "Snapshot", judged: "Judgement") -> None:
    _print_verdict(seen.fleet, judged.verdict.value)
    print_record(
        {
            "store": [seen.store.where, _store(seen)],
            "leader": _leader(seen),
            "hubs": _hubs(seen.hubs),
            "sessions": _sessions(seen),
        }
    )
    click.echo()
    print_nodes(seen.nodes, "No nodes.")
    if judged.warnings or judged.notes:
        click.echo()
        _print_list("!", judged.warnings)
        _print_list("-", judged.notes)


def _print_verdict(fleet: str, verdict: str) -> None:
    word = click.style(verdict, fg=COLOURS[verdict], bold=True)
    click.echo(f"fleet {fleet}: {word}")


def _print_list(mark: str, texts: "tuple[str, ...] | list[str]") -> None:
    import shutil

    width = min(100, shutil.get_terminal_size().columns) if sys.stdout.isatty() else 10_000
    for text in texts:
        click.echo(click.wrap_text(clean(text), width, f"{mark} ", "  "))


def _store(seen: "Snapshot") -> str:
    store = seen.store
    return f"{store.server}, answers in {store.latency_ms:.1f} ms, uses {size(store.memory_bytes)}"


def _leader(seen: "Snapshot") -> str:
    from gateway.admin.fleet_status import leads

    leader = seen.leader
    if leader is None:
        return "nobody"
    gone = "" if leads(leader, seen.nodes) else ", which is gone"
    return f"{leader.node}{gone}, for {age(leader.since)}, epoch {leader.epoch}"


def _hubs(hubs: "HubCounts") -> str:
    dynamic = {"placed": hubs.placed, "idle": hubs.idle, "waiting": hubs.waiting}
    told = ", ".join(f"{n} {what}" for what, n in dynamic.items() if n)
    count = sum(dynamic.values())
    sorts = {f"dynamic ({told})": count, "static": hubs.static, "offline": hubs.offline}
    parts = [f"{n} {what}" for what, n in sorts.items() if n]
    return f"{hubs.all}: {', '.join(parts)}" if hubs.all else "none"


def _sessions(seen: "Snapshot") -> str:
    if not seen.sessions and not seen.waiting:
        return "none"
    carrying = sum(report.sessions > 0 for report in seen.nodes)
    waiting = f", and {seen.waiting} waiting for their clients" if seen.waiting else ""
    return f"{seen.sessions} on {plural(carrying, 'node')}{waiting}"


def _clear(again: bool) -> None:
    if again and sys.stdout.isatty():
        click.echo(HOME_AND_CLEAR, nl=False)
