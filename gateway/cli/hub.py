"""`etherfleet hub`: virtual Ethernet switches that clients join."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coordinator.model import Hub, HubKind
from gateway.cli import complete
from gateway.cli.common import (
    Invocation,
    ask,
    ask_for_name,
    fleet_options,
    format_option,
    hint,
    now,
    options_of,
    pass_invocation,
    plural,
    timeout_option,
    yes_option,
)
from gateway.cli.exits import NotInTime, UsageProblem
from gateway.cli.hub_options import OPTION_HELP, OptionSetting, options_as_text
from gateway.cli.logs import log
from gateway.cli.output import Column, print_json, print_record, print_table
from gateway.cli.source import source
from gateway.cli.totals import (
    logins_as_text,
    received_bytes,
    sent_bytes,
    totals_as_json,
    traffic_as_text,
)
from gateway.cli.units import NONE, age, limit, size, yes
from gateway.errors import EtherFleetError

if TYPE_CHECKING:
    from coordinator.fleet import Fleet
    from gateway.admin.hubs import HubChanges, HubReport

COUNT = click.IntRange(0, 0xFFFF_FFFF)
NAME = click.argument("hub", metavar="HUB", shell_complete=complete.hubs)
COLUMNS = (
    Column("HUB"),
    Column("KIND"),
    Column("ONLINE"),
    Column("USERS", right=True),
    Column("SESSIONS", right=True),
    Column("RECEIVED", right=True),
    Column("SENT", right=True),
    Column("NODE", loose=True),
)
MOVE_S = 10.0


@click.group()
def hub() -> None:
    """Virtual Ethernet switches that clients join.

    RECEIVED is what clients sent into a hub, SENT what it sent to them.
    """


hub.add_command(log)
hub.add_command(source)

_settings_options = options_of(
    click.option(
        "--max-sessions", metavar="N", type=COUNT, help="Sessions over all nodes. [0: no limit]"
    ),
    click.option(
        "--max-macs",
        metavar="N",
        type=COUNT,
        help="MAC addresses it learns; holds once it is empty. [0: 16384]",
    ),
    click.option("--message", metavar="TEXT", help="Shown to each client that joins."),
    click.option(
        "--message-file",
        metavar="FILE",
        type=click.Path(allow_dash=True),
        help="The same from FILE, or from standard input with `-`.",
    ),
    click.option("--online/--offline", default=None, help="Admit clients, or nobody."),
    click.option("--no-enum/--enum", default=None, help="Not named to clients that ask, or named."),
    click.option(
        "--option",
        "options",
        metavar="NAME=VALUE",
        type=OptionSetting(),
        multiple=True,
        help="An extended option by its SoftEther name, yes or no. May be repeated.",
    ),
)
"""The options of `create` and `set`."""


@hub.command(epilog=OPTION_HELP)
@click.argument("hub", metavar="HUB")
@click.option(
    "--dynamic",
    "kind",
    flag_value="dynamic",
    default="dynamic",
    help="One instance, on one node at a time. [default]",
)
@click.option("--static", "kind", flag_value="static", help="An instance on every node.")
@_settings_options
@format_option
@fleet_options()
@pass_invocation
def create(invocation: Invocation, /, hub: str, kind: str, **options: Any) -> None:
    """Make the hub HUB."""
    from gateway.admin import hubs

    with invocation.fleet(create=True) as fleet:
        made = hubs.create(fleet, hub, HubKind(kind), now(), **_changes(options))
    _print_hub(invocation, made, f"Hub {made.name} is made, {made.kind.value}, {_state(made)}.")
    hint(f"Next: etherfleet user add {made.name} NAME")


@hub.command("list")
@format_option
@fleet_options()
@pass_invocation
def list_(invocation: Invocation) -> None:
    """List all hubs."""
    from gateway.admin import hubs

    with invocation.fleet() as fleet:
        reports = hubs.reports(fleet)
        where = fleet.store.where
    if invocation.is_json:
        print_json([_report_as_json(report) for report in reports])
        return
    empty = f"No hubs yet in {where}. Make one: etherfleet hub create OFFICE"
    print_table(COLUMNS, map(_row, reports), empty)


@hub.command()
@NAME
@format_option
@fleet_options()
@pass_invocation
def show(invocation: Invocation, hub: str) -> None:
    """Show one hub: settings, where it is, numbers, what was dropped and why."""
    from gateway.admin import hubs

    with invocation.fleet() as fleet:
        report = hubs.report(fleet, hub)
    if invocation.is_json:
        print_json(_report_as_json(report))
    else:
        print_record(_report_as_text(report))


@hub.command("set", epilog=OPTION_HELP)
@NAME
@_settings_options
@format_option
@fleet_options()
@pass_invocation
def set_(invocation: Invocation, /, hub: str, **options: Any) -> None:
    """Change settings of HUB; what is not named stays.

    Nodes follow within a second or two. A hub that goes offline ends its sessions. Whether a hub
    is static or dynamic cannot be changed.
    """
    from gateway.admin import hubs

    changes = _changes(options)
    if not changes:
        raise UsageProblem("nothing to change was named; see: etherfleet hub set --help")
    with invocation.fleet() as fleet:
        made = hubs.change(fleet, hub, now(), **changes)
        sessions = fleet.sessions.count(made.name)
    ending = "" if made.online or not sessions else f"; {plural(sessions, 'session')} end now"
    _print_hub(invocation, made, f"Hub {made.name} is changed, {_state(made)}{ending}.")


@hub.command()
@NAME
@yes_option
@format_option
@fleet_options()
@pass_invocation
def delete(invocation: Invocation, hub: str, yes: bool) -> None:
    """Delete HUB with its users, and end its sessions."""
    from gateway.admin import hubs

    with invocation.fleet() as fleet:
        report = hubs.report(fleet, hub)
        name, users = report.hub.name, plural(report.users, "user")
        ask_for_name(
            f"Hub {name} goes for good, with {users} and "
            f"{plural(report.sessions, 'session')} that end now.",
            name,
            assume_yes=yes,
        )
        ended = hubs.delete(fleet, name)
    if invocation.is_json:
        print_json({"deleted": name, "users": report.users, "sessions": ended})
    else:
        click.echo(f"Hub {name} is deleted, with {users}; {plural(ended, 'session')} ended.")


@hub.command()
@NAME
@click.option(
    "--to",
    default="",
    metavar="NODE",
    shell_complete=complete.nodes,
    help="[default: the best other one]",
)
@yes_option
@timeout_option(MOVE_S)
@click.option("--no-wait", is_flag=True, help="Order it and leave it to the nodes.")
@format_option
@fleet_options()
@pass_invocation
def move(
    invocation: Invocation, hub: str, to: str, yes: bool, timeout_s: float, no_wait: bool
) -> None:
    """Hand HUB, a dynamic one, over to another node.

    Its sessions are closed in order, so that their clients come back at once, to the new node: in
    the same session to a worker of the same gateway, which is preferred; elsewhere stock clients
    log in anew after their retry interval.
    """
    from gateway.admin import hubs

    with invocation.fleet() as fleet:
        before = hubs.check_move(fleet, hub, to)
        name, target = before.hub.name, to.lower()
        after = before
        if target != before.node:
            where = f"from {before.node} to {target or 'another node'}"
            sessions = plural(before.sessions, "session")
            ask(f"Move hub {name} with {sessions} {where}?", assume_yes=yes)
            hubs.move(fleet, name, target, now())
            after = before if no_wait else _watch_move(fleet, before, timeout_s)
    if invocation.is_json:
        print_json(_move_as_json(before, after))
    elif target == before.node:
        click.echo(f"Hub {name} is on {before.node} already.")
    elif no_wait:
        click.echo(f"{before.node} is told to hand hub {name} over.")
    else:
        sessions = plural(before.sessions, "session")
        click.echo(f"Hub {name} with {sessions} is on {after.node}; it was on {before.node}.")


def _watch_move(fleet: "Fleet", before: "HubReport", timeout_s: float) -> "HubReport":
    """Wait until another node serves a hub. Raises NotInTime, NotPossible: its owner could not."""
    from gateway.admin import hubs
    from gateway.admin.nodes import NotPossible
    from gateway.cli.patience import until

    name = before.hub.name

    def is_over(seen: "HubReport") -> bool:
        has_moved = seen.state is hubs.HubState.ACTIVE and _epoch(seen) != _epoch(before)
        return has_moved or bool(hubs.why_stays(before, seen))

    seen, is_done = until(lambda: hubs.report(fleet, name), is_over, timeout_s)
    if why := hubs.why_stays(before, seen):
        raise NotPossible(f"hub {name} stays on {before.node}: {why}")
    if not is_done:
        raise NotInTime(
            f"hub {name} is not moved after {timeout_s:g} s, it is {seen.state} on "
            f"{seen.node or 'no node'}; the log of {before.node} says why"
        )
    return seen


def _changes(options: dict[str, Any]) -> "HubChanges":
    """Return what was named; raises UsageProblem for two messages at once."""
    file = options.pop("message_file")
    if file is not None:
        if options["message"] is not None:
            raise UsageProblem("--message and --message-file are two messages; give one")
        options["message"] = _read_message(file)
    named: HubChanges = {}
    if extended := dict(options.pop("options")):
        named["options"] = extended
    for name, value in options.items():
        if value is not None:
            named[name] = value  # type: ignore[literal-required]  # the options bear the names
    return named


def _read_message(file: str) -> str:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EtherFleetError(f"cannot read the message in {file}: {error}") from error
    return text.rstrip("\n")


def _print_hub(invocation: Invocation, hub: Hub, sentence: str) -> None:
    if invocation.is_json:
        print_json(_as_json(hub))
    else:
        click.echo(sentence)


def _state(hub: Hub) -> str:
    return "online" if hub.online else "offline"


def _row(report: "HubReport") -> tuple[object, ...]:
    hub, traffic = report.hub, report.totals.traffic
    sessions = f"{report.sessions}/{hub.max_sessions}" if hub.max_sessions else report.sessions
    return (
        hub.name,
        hub.kind.value,
        yes(hub.online),
        report.users,
        sessions,
        size(received_bytes(traffic)),
        size(sent_bytes(traffic)),
        report.node or NONE,
    )


def _as_json(hub: Hub) -> dict[str, object]:
    return {
        "name": hub.name,
        "kind": hub.kind.value,
        "online": hub.online,
        "max_sessions": hub.max_sessions,
        "max_macs": hub.max_macs,
        "message": hub.message,
        "no_enum": hub.no_enum,
        "options": dict(hub.options),
        "created": hub.created,
        "changed": hub.changed,
    }


def _report_as_json(report: "HubReport") -> dict[str, object]:
    return {
        **_as_json(report.hub),
        "state": report.state.value,
        "node": report.node or None,
        "epoch": _epoch(report),
        "users": report.users,
        "sessions": report.sessions,
        **totals_as_json(report.totals),
        "dropped_frames": dict(report.totals.drops),
    }


def _move_as_json(before: "HubReport", after: "HubReport") -> dict[str, object]:
    return {
        "name": before.hub.name,
        "was": before.node,
        "node": after.node or None,
        "epoch": _epoch(after),
        "sessions": before.sessions,
    }


def _epoch(report: "HubReport") -> int | None:
    """Return the epoch of a dynamic hub's owner, the last one if it has none now."""
    return report.owner.epoch if report.owner is not None else None


def _where(report: "HubReport") -> str:
    """Return where a hub is, in a sentence."""
    owner = report.owner
    if report.hub.kind is HubKind.STATIC:
        return "static: an instance on every node that has sessions of it"
    if owner is None or not owner.node:
        return "idle: the first client brings it to a node"
    if not report.node:
        return f"{report.state}: {owner.node}, which had it last, is gone"
    return f"{report.state} on {owner.node} for {age(owner.since)}"


def _report_as_text(report: "HubReport") -> dict[str, object]:
    hub, totals = report.hub, report.totals
    drops = [f"{frames} frames: {reason}" for reason, frames in sorted(totals.drops.items())]
    return {
        "hub": hub.name,
        "kind": hub.kind.value,
        "online": yes(hub.online),
        "state": _where(report),
        "epoch": _epoch(report) or NONE,
        "users": report.users,
        "sessions": f"{report.sessions} of {limit(hub.max_sessions)}",
        "MAC addresses": hub.max_macs or "16384 (default)",
        "message": hub.message,
        "named to clients": yes(not hub.no_enum),
        "options": options_as_text(hub) or "defaults",
        "logins": logins_as_text(totals),
        **traffic_as_text(totals.traffic),
        "dropped": drops or "nothing",
        "created": hub.created,
        "changed": hub.changed,
    }
