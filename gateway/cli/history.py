"""`etherfleet history` and `events`: who came, went, died, led, and which hub went where."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from gateway.cli import complete
from gateway.cli.common import (
    F,
    Invocation,
    fleet_options,
    format_option,
    options_of,
    pass_invocation,
)
from gateway.cli.follow import follow_stream, number_of
from gateway.cli.output import Column, clean, print_json, print_json_line, print_table

if TYPE_CHECKING:
    from coordinator.history import Event

COLUMNS = (
    Column("TIME"),
    Column("WHAT"),
    Column("NODE", loose=True),
    Column("HUB", loose=True),
    Column("WHY", wrap=True),
)


def _filter_options(last: int) -> Callable[[F], F]:
    """Add the options that say which events."""
    options: list[Callable[[F], F]] = [
        click.option(
            "--hub", default="", metavar="HUB", shell_complete=complete.hubs, help="Of this hub."
        ),
        click.option(
            "--node",
            default="",
            metavar="NODE",
            shell_complete=complete.nodes,
            help="Of this node, or done by it.",
        ),
        click.option(
            "--last",
            metavar="N",
            type=click.IntRange(min=0 if last == 10 else 1),
            default=last,
            help=f"The newest N. [default: {last}]",
        ),
    ]

    return options_of(*options)


@click.command()
@_filter_options(20)
@format_option
@fleet_options()
@pass_invocation
def history(invocation: Invocation, hub: str, node: str, last: int) -> None:
    """List what happened in the fleet, the newest last.

    The newest 100000 events are kept. To follow them as they come: etherfleet events -f
    """
    from gateway.admin import history as admin

    with invocation.fleet() as fleet:
        found = admin.latest(fleet, admin.Filter(hub, node), last)
    if invocation.is_json:
        print_json([event_as_json(event) for event in found])
    else:
        print_table(COLUMNS, map(_row, found), "Nothing has happened yet.")


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now, to Ctrl-C.")
@_filter_options(10)
@format_option
@fleet_options()
@pass_invocation
def events(invocation: Invocation, follow: bool, hub: str, node: str, last: int) -> None:
    """Print what happens in the fleet, one line each; as JSON, one document a line."""
    from gateway.admin import history as admin

    wanted = admin.Filter(hub, node)
    with invocation.running_fleet() as fleet:
        position = admin.newest_id(fleet)
        for event in admin.latest(fleet, wanted, last) if last else []:
            _print_event(invocation, event)
            position = max(position, event.id, key=number_of)
    if follow:
        follow_stream(
            invocation,
            position,
            admin.after,
            wanted.lets,
            lambda event: _print_event(invocation, event),
        )


def event_as_json(event: "Event") -> dict[str, object]:
    """Return what a program is told of an event."""
    return {
        "id": event.id,
        "at": event.at,
        "what": event.what,
        "why": event.why,
        "node": event.node or None,
        "hub": event.hub or None,
        "epoch": event.epoch or None,
        "by": event.by or None,
    }


def event_as_line(event: "Event") -> str:
    """Return an event as a line."""
    about = " on ".join(part for part in (event.hub, event.node) if part)
    epoch = f" (epoch {event.epoch})" if event.epoch else ""
    return f"{event.at}  {event.what:<9}  {about}{epoch}: {_why(event)}"


def _print_event(invocation: Invocation, event: "Event") -> None:
    if invocation.is_json:
        print_json_line(event_as_json(event))
    else:
        click.echo(clean(event_as_line(event)))


def _why(event: "Event") -> str:
    is_said = not event.by or event.by == event.node or event.by in event.why
    return event.why if is_said else f"{event.why}, by {event.by}"


def _row(event: "Event") -> tuple[object, ...]:
    return event.at, event.what, event.node or "-", event.hub or "-", _why(event)
