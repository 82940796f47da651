"""`etherfleet audit`: who changed what, from where, and what it was before."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from coordinator.errors import InvalidValue
from coordinator.times import Timestamp, from_timestamp, read_timestamp, to_timestamp
from gateway.cli import complete
from gateway.cli.common import Invocation, fleet_options, format_option, now, pass_invocation
from gateway.cli.follow import follow_stream, number_of
from gateway.cli.output import clean, print_json_line

if TYPE_CHECKING:
    from coordinator.audit import Change

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Since(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """A moment that was: RFC 3339, a day in UTC, or how long ago, `90s`, `30m`, `12h`, `7d`."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Timestamp:
        text = str(value)
        ago = re.fullmatch(r"(\d{1,6})([smhd])", text)
        if ago:
            span = timedelta(**{UNITS[ago[2]]: int(ago[1])})
            return to_timestamp(from_timestamp(now()) - span)
        try:
            return read_timestamp(f"{text}T00:00:00Z" if len(text) == 10 else text)
        except InvalidValue:
            self.fail(f"{text!r} is none of 2026-12-31, 2026-12-31T18:00:00Z, 12h.", param, ctx)


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what is done from now, to Ctrl-C.")
@click.option(
    "--since",
    type=Since(),
    help="All since then: 30m, 12h, 7d, a date, or a time in RFC 3339. [default: the last ones]",
)
@click.option("--hub", default="", metavar="HUB", shell_complete=complete.hubs, help="Of this hub.")
@click.option("--by", default="", metavar="NAME", help="Done by this account or administrator.")
@click.option(
    "--last",
    metavar="N",
    type=click.IntRange(min=0),
    default=20,
    help="The newest N, unless --since is given. [default: 20]",
)
@format_option
@fleet_options()
@pass_invocation
def audit(
    invocation: Invocation, follow: bool, since: Timestamp | None, hub: str, by: str, last: int
) -> None:
    """Print who changed what, from where, and what it was before; one line each.

    As JSON, one document a line. The newest 50000 changes are kept; no secret is ever among them.
    """
    from gateway.admin import audit as admin

    wanted = admin.Filter(hub, by)
    with invocation.running_fleet() as fleet:
        position = admin.newest_id(fleet)
        if since is not None:
            found = admin.since(fleet, wanted, since)
        else:
            found = admin.latest(fleet, wanted, last)
        for change in found:
            _print(invocation, change)
            position = max(position, change.id, key=number_of)
    if follow:
        follow_stream(
            invocation,
            position,
            admin.after,
            wanted.lets,
            lambda change: _print(invocation, change),
        )


def change_as_json(change: "Change") -> dict[str, object]:
    """Return what a program is told of a change."""
    return {
        "id": change.id,
        "at": change.at,
        "what": change.what,
        "hub": change.hub or None,
        "about": change.about or None,
        "by": change.actor.name,
        "role": change.actor.role or None,
        "way": change.actor.kind,
        "from_address": change.actor.from_address or None,
        "before": dict(change.before),
        "after": dict(change.after),
    }


def change_as_line(change: "Change") -> str:
    """Return a change as a line."""
    about = " ".join(part for part in (change.hub, change.about) if part)
    actor = change.actor
    place = f" from {actor.from_address}" if actor.from_address else ""
    who = f"{actor.name}, {actor.role}" if actor.role else actor.name
    settings = ", ".join(_setting(change, name) for name in {**change.before, **change.after})
    told = f": {settings}" if settings else ""
    return f"{change.at}  {who} ({actor.kind}{place})  {change.what} {about}{told}"


def _setting(change: "Change", name: str) -> str:
    before, after = change.before.get(name), change.after.get(name)
    if not change.before:
        return f"{name}={after}"
    if not change.after:
        return f"{name} was {before}"
    return f"{name} {before or '-'} -> {after or '-'}"


def _print(invocation: Invocation, change: "Change") -> None:
    if invocation.is_json:
        print_json_line(change_as_json(change))
    else:
        click.echo(clean(change_as_line(change)))
