"""`etherfleet node`: the gateways that share the load."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from coordinator.model import NodeMode
from gateway.cli import complete
from gateway.cli.common import (
    Invocation,
    ask,
    fleet_options,
    format_option,
    note,
    now,
    pass_invocation,
    plural,
    timeout_option,
    yes_option,
)
from gateway.cli.exits import NotInTime
from gateway.cli.output import Column, print_json, print_record, print_table
from gateway.cli.units import NONE, age

if TYPE_CHECKING:
    from coordinator.fleet import Fleet
    from coordinator.placement import Ownership
    from gateway.admin.nodes import NodeReport

NAME = click.argument("node", metavar="NODE", shell_complete=complete.nodes)
DRAIN_S = 60.0
COLUMNS = (
    Column("NODE", loose=True),
    Column("STATE"),
    Column("MODE"),
    Column("SESSIONS", right=True),
    Column("HUBS", right=True),
    Column("SEEN", right=True),
    Column("UP FOR", right=True),
    Column("VERSION"),
)


@click.group()
def node() -> None:
    """The gateways that share the load.

    A process of a gateway is a node; a gateway with several workers is several.
    """


@node.command("list")
@format_option
@fleet_options()
@pass_invocation
def list_(invocation: Invocation) -> None:
    """List all nodes, and those that ended within the last hour."""
    from gateway.admin import nodes

    with invocation.fleet() as fleet:
        reports = nodes.reports(fleet)
        where = fleet.store.where
    if invocation.is_json:
        print_json([report_as_json(report) for report in reports])
    else:
        print_nodes(reports, f"No nodes in {where}. Start one: etherfleet gateway")


@node.command()
@NAME
@format_option
@fleet_options()
@pass_invocation
def show(invocation: Invocation, node: str) -> None:
    """Show one node: state, addresses, what it carries, what it counted."""
    from gateway.admin import nodes

    with invocation.fleet() as fleet:
        report = nodes.report(fleet, node)
        hubs = nodes.hubs_of(fleet, report.node.id)
    if invocation.is_json:
        print_json({**report_as_json(report), "owned": [_owned_as_json(hub) for hub in hubs]})
    else:
        print_record(_report_as_text(report, hubs))


@node.command()
@NAME
@yes_option
@timeout_option(DRAIN_S)
@click.option("--no-wait", is_flag=True, help="Say so to the node and leave it to it.")
@click.option(
    "--rate",
    metavar="N",
    type=click.IntRange(1, 100_000),
    help="Sessions a second at most; a hub goes at once and counts as all of its. [default: 100]",
)
@format_option
@fleet_options()
@pass_invocation
def drain(
    invocation: Invocation, node: str, yes: bool, timeout_s: float, no_wait: bool, rate: int | None
) -> None:
    """Place nothing more on NODE and hand over what it carries.

    Hubs go to other nodes one by one; sessions are closed in order, so that their clients come
    back at once, to where their hub is then. Workers of the same gateway are preferred: clients
    keep their sessions there. Elsewhere stock clients log in anew after their retry interval. The
    node stays drained, over restarts too, until: etherfleet node undrain
    """
    from gateway.admin import nodes

    with invocation.fleet() as fleet:
        before = nodes.report(fleet, node)
        name = before.node.id
        nodes.check_drain(fleet, before)
        if before.is_up and not before.is_drained:
            ask(f"Move {_load(before)} off {name}?", assume_yes=yes)
        nodes.set_mode(fleet, name, NodeMode.DRAINING, now(), drain_rate=rate or 0)
        after, took_ms = before, 0
        if not no_wait:
            after, took_ms = _watch_drain(fleet, before, timeout_s)
    if invocation.is_json:
        print_json(_drain_as_json(before, after, took_ms))
    elif no_wait:
        click.echo(f"{name} is draining; see: etherfleet wait --for drained={name}")
    elif not after.is_up:
        click.echo(f"{name} is {after.health}: it carries nothing, and is given nothing.")
    else:
        click.echo(f"{name} is drained of {_load(before)} in {took_ms / 1000:.1f} s.")


@node.command()
@NAME
@format_option
@fleet_options()
@pass_invocation
def undrain(invocation: Invocation, node: str) -> None:
    """Let NODE take hubs and sessions again; this also lifts a cordon."""
    _set_mode(invocation, node, NodeMode.SERVING, "takes hubs and sessions again")


@node.command()
@NAME
@format_option
@fleet_options()
@pass_invocation
def cordon(invocation: Invocation, node: str) -> None:
    """Place nothing more on NODE; what it carries stays. Lift it with: etherfleet node undrain"""
    _set_mode(invocation, node, NodeMode.CORDONED, "keeps what it carries and takes nothing more")


@node.command()
@NAME
@format_option
@fleet_options()
@pass_invocation
def remove(invocation: Invocation, node: str) -> None:
    """Forget NODE, which has left or is dead. Starting it again makes it a node again.

    Nodes that ended are forgotten by themselves after an hour.
    """
    from gateway.admin import nodes

    with invocation.fleet() as fleet:
        found = nodes.remove(fleet, node, now())
    name = found.node.id
    if invocation.is_json:
        print_json({"removed": name, "state": found.health.value})
    else:
        click.echo(f"{name}, which {_ended(found)}, is forgotten.")


def print_nodes(reports: Sequence["NodeReport"], empty: str) -> None:
    """Print nodes, one a line."""
    print_table(COLUMNS, map(_row, reports), empty)


def report_as_json(report: "NodeReport") -> dict[str, object]:
    """Return what a program is told of a node."""
    node = report.node
    return {
        "name": node.id,
        "state": report.health.value,
        "mode": node.mode.value,
        "why": node.why,
        "ended": node.ended or None,
        "host": node.host,
        "pid": node.pid,
        "address": node.address,
        "direct_address": node.direct_address or None,
        "direct_tcp_ports": list(node.direct_tcp_ports),
        "is_host": node.is_host,
        "weight": node.weight,
        "max_sessions": node.max_sessions,
        "incarnation": node.inc,
        "version": node.version,
        "started": node.started or None,
        "updated": node.updated or None,
        "renewed_ms": report.renewed_ms if report.health.value in ("up", "silent") else None,
        "hubs": report.hubs,
        "sessions": report.sessions,
        "recorded_sessions": report.recorded,
        "waiting_sessions": len(report.waiting),
        "connections": node.connections if report.is_up else 0,
        "counts": dict(node.counts),
        "labels": list(node.labels),
        "ethernet": list(node.ethernet),
        "refuses": list(node.refuses),
    }


def _set_mode(invocation: Invocation, name: str, mode: NodeMode, means: str) -> None:
    from gateway.admin import nodes

    with invocation.fleet() as fleet:
        found = nodes.set_mode(fleet, name, mode, now())
        if mode is not NodeMode.SERVING and not nodes.takers(fleet, ""):
            note("no node takes new sessions now: logins are refused until one does")
    if invocation.is_json:
        print_json({"name": found.id, "mode": mode.value, "was": found.mode.value})
    elif found.mode is mode:
        click.echo(f"{found.id} was {mode.value} already: it {means}.")
    else:
        click.echo(f"{found.id} {means}.")


def _watch_drain(
    fleet: "Fleet", before: "NodeReport", timeout_s: float
) -> tuple["NodeReport", int]:
    """Show how a drain goes on; return how it ended and what it took. Raises NotInTime."""
    import time

    from gateway.admin import nodes
    from gateway.cli.patience import Progress, until

    name, began = before.node.id, time.monotonic()
    progress = Progress()

    def is_over(seen: "NodeReport") -> bool:
        # What it says of its sessions is from its last renewal: wait for one that knows.
        has_renewed = seen.node.updated != before.node.updated
        return seen.is_drained and (has_renewed or not seen.is_up)

    def show(seen: "NodeReport") -> None:
        progress.show(_progress(before, seen))

    try:
        seen, is_done = until(lambda: nodes.report(fleet, name), is_over, timeout_s, show)
    finally:
        progress.close()
    if not is_done:
        stays = (f"; hub {o.hub} stays: {o.stays}" for o in nodes.hubs_of(fleet, name) if o.stays)
        raise NotInTime(
            f"{name} is not drained after {timeout_s:g} s, {_load(seen)} left{next(stays, '')}; "
            f"it goes on: etherfleet wait --for drained={name}"
        )
    return seen, round((time.monotonic() - began) * 1000)


def _progress(before: "NodeReport", seen: "NodeReport") -> str:
    hubs = f"{max(0, before.hubs - seen.hubs)} of {plural(before.hubs, 'hub')}"
    sessions = plural(seen.sessions, "session")
    return f"{seen.node.id}: {hubs} handed over, {sessions} left (Ctrl-C stops the display only)"


def _load(report: "NodeReport") -> str:
    return f"{plural(report.hubs, 'hub')} and {plural(report.sessions, 'session')}"


def _drain_as_json(before: "NodeReport", after: "NodeReport", took_ms: int) -> dict[str, object]:
    return {
        "name": before.node.id,
        "mode": NodeMode.DRAINING.value,
        "is_drained": after.is_drained,
        "hubs": before.hubs,
        "sessions": before.sessions,
        "hubs_left": after.hubs,
        "sessions_left": after.sessions,
        "took_ms": took_ms,
    }


def _row(report: "NodeReport") -> tuple[object, ...]:
    node = report.node
    return (
        node.id,
        report.health.value,
        _mode(report),
        report.sessions if report.is_up else len(report.waiting),
        report.hubs,
        _seen(report),
        age(node.started) if report.is_up else NONE,
        node.version,
    )


def _mode(report: "NodeReport") -> str:
    node = report.node
    is_plain = node.mode is NodeMode.SERVING and not node.is_host
    return "entry" if is_plain else node.mode.value


def _seen(report: "NodeReport") -> str:
    if report.health.value in ("up", "silent"):
        seconds = report.renewed_ms / 1000
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return age(report.node.ended or report.node.updated)


def _ended(report: "NodeReport") -> str:
    what = "left" if report.health.value == "left" else "died"
    return f"{what} {age(report.node.ended)} ago"


def _owned_as_json(hub: "Ownership") -> dict[str, object]:
    return {"hub": hub.hub, "epoch": hub.epoch, "state": hub.state, "since": hub.since}


def _report_as_text(report: "NodeReport", hubs: Sequence["Ownership"]) -> dict[str, object]:
    node = report.node
    ports = " ".join(map(str, node.direct_tcp_ports))
    carries = "hubs and sessions" if node.is_host else "nothing: it admits and redirects"
    most = f"at most {node.max_sessions or 100_000}, weight {node.weight} %"
    ended = "" if report.is_up or not node.ended else f" {age(node.ended)} ago ({node.ended})"
    owned = [f"{hub.hub}, {hub.state}, epoch {hub.epoch}" for hub in hubs]
    bridges = [
        f"{b.hub} to {b.device}, {b.state}" + (f": {b.why}" if b.why else "") for b in node.bridges
    ]
    counts = [f"{number} {reason}" for reason, number in sorted(node.counts.items())]
    return {
        "node": node.id,
        "state": f"{report.health}{ended}: {node.why}",
        "mode": node.mode.value,
        "seen": f"{_seen(report)} ago",
        "process": f"{node.pid} on {node.host}, version {node.version}",
        "started": f"{age(node.started)} ago ({node.started})",
        "listens at": node.address,
        "redirects": f"{node.direct_address}, TCP port {ports}" if node.direct_address else NONE,
        "carries": carries,
        "sessions": f"{report.sessions} in {node.connections} connections; {most}"
        if report.is_up
        else f"{len(report.waiting)} wait for their clients",
        "hubs": owned or "none",
        "bridges": bridges or "none",
        "labels": " ".join(node.labels) or NONE,
        "counted": counts or "nothing",
        "incarnation": node.inc,
    }
