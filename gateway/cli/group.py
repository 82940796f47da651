"""`etherfleet group`: users of a hub that share policies."""

from typing import TYPE_CHECKING, Any

import click

from coordinator.groups import Group
from gateway.cli import complete
from gateway.cli.arguments import HUB
from gateway.cli.common import (
    Invocation,
    ask,
    fleet_options,
    format_option,
    hint,
    now,
    options_of,
    pass_invocation,
    plural,
    yes_option,
)
from gateway.cli.exits import UsageProblem
from gateway.cli.output import Column, print_json, print_record, print_table
from gateway.cli.policy import POLICY_HELP, note_idle, policies_as_text, policy_option
from gateway.cli.units import NONE

if TYPE_CHECKING:
    from gateway.admin.groups import GroupChanges, GroupReport

NAME = click.argument("name", metavar="GROUP", shell_complete=complete.groups)
COLUMNS = (
    Column("GROUP"),
    Column("REAL NAME", loose=True),
    Column("MEMBERS", right=True),
    Column("POLICIES", wrap=True),
)


@click.group()
def group() -> None:
    """Users of a hub that share policies.

    A user is in one group at most: etherfleet user set HUB NAME --group GROUP. His group's policies
    hold as long as he has none of his own.
    """


_settings_options = options_of(
    click.option("--real-name", metavar="TEXT", help="What it is, for people."),
    click.option("--note", metavar="TEXT", help="For the operator."),
    policy_option,
)
"""The options of `create` and `set`."""


@group.command(epilog=POLICY_HELP)
@HUB
@click.argument("name", metavar="GROUP")
@_settings_options
@format_option
@fleet_options()
@pass_invocation
def create(invocation: Invocation, /, hub: str, name: str, **options: Any) -> None:
    """Make the group GROUP in HUB."""
    from gateway.admin import groups

    changes = _changes(options)
    with invocation.fleet() as fleet:
        made = groups.create(fleet, hub, name, now(), **changes)
    _print_group(invocation, made, f"Group {made.name} of {made.hub} is made.")
    hint(f"Next: etherfleet user set {made.hub} NAME --group {made.name}")


@group.command("list")
@HUB
@format_option
@fleet_options()
@pass_invocation
def list_(invocation: Invocation, hub: str) -> None:
    """List the groups of HUB."""
    from gateway.admin import groups

    with invocation.fleet() as fleet:
        reports = groups.reports(fleet, hub)
    if invocation.is_json:
        print_json([_report_as_json(report) for report in reports])
        return
    empty = f"No groups in hub {hub} yet. Make one: etherfleet group create {hub} GROUP"
    print_table(COLUMNS, map(_row, reports), empty)


@group.command()
@HUB
@NAME
@format_option
@fleet_options()
@pass_invocation
def show(invocation: Invocation, hub: str, name: str) -> None:
    """Show one group: policies and members."""
    from gateway.admin import groups

    with invocation.fleet() as fleet:
        report = groups.report(fleet, hub, name)
    if invocation.is_json:
        print_json(_report_as_json(report))
    else:
        print_record(_report_as_text(report))


@group.command("set", epilog=POLICY_HELP)
@HUB
@NAME
@_settings_options
@format_option
@fleet_options()
@pass_invocation
def set_(invocation: Invocation, /, hub: str, name: str, **options: Any) -> None:
    """Change GROUP; what is not named stays. Its members' sessions follow within seconds."""
    from gateway.admin import groups

    changes = _changes(options)
    if not changes:
        raise UsageProblem("nothing to change was named; see: etherfleet group set --help")
    with invocation.fleet() as fleet:
        made = groups.change(fleet, hub, name, now(), **changes)
    _print_group(invocation, made, f"Group {made.name} of {made.hub} is changed.")


@group.command()
@HUB
@NAME
@yes_option
@format_option
@fleet_options()
@pass_invocation
def delete(invocation: Invocation, hub: str, name: str, yes: bool) -> None:
    """Delete GROUP. Its members stay, under the policies of their own or the defaults."""
    from gateway.admin import groups

    with invocation.fleet() as fleet:
        found = groups.report(fleet, hub, name)
        which = found.group
        members = plural(len(found.members), "member")
        ask(f"Delete group {which.name} of {which.hub}, with {members}?", assume_yes=yes)
        count = groups.delete(fleet, which.hub, which.name)
    if invocation.is_json:
        print_json({"deleted": which.name, "hub": which.hub, "members": count})
    else:
        members = plural(count, "member")
        click.echo(f"Group {which.name} of {which.hub} is deleted; it had {members}.")


def _changes(options: dict[str, Any]) -> "GroupChanges":
    """Return what was named."""
    changes: GroupChanges = {}
    if options["real_name"] is not None:
        changes["real_name"] = options["real_name"]
    if options["note"] is not None:
        changes["note"] = options["note"]
    if policy := dict(options["policies"]):
        changes["policy"] = policy
        note_idle(policy)
    return changes


def _print_group(invocation: Invocation, group: Group, sentence: str) -> None:
    if invocation.is_json:
        print_json(_as_json(group))
    else:
        click.echo(sentence)


def _row(report: "GroupReport") -> tuple[object, ...]:
    group = report.group
    policies = ", ".join(f"{name}={number}" for name, number in sorted(group.policy.items()))
    return group.name, group.real_name, len(report.members), policies or NONE


def _as_json(group: Group) -> dict[str, object]:
    return {
        "hub": group.hub,
        "name": group.name,
        "real_name": group.real_name,
        "note": group.note,
        "policy": dict(group.policy),
        "created": group.created,
        "changed": group.changed,
    }


def _report_as_json(report: "GroupReport") -> dict[str, object]:
    return {**_as_json(report.group), "members": list(report.members)}


def _report_as_text(report: "GroupReport") -> dict[str, object]:
    group = report.group
    return {
        "group": group.name,
        "hub": group.hub,
        "real name": group.real_name or NONE,
        "note": group.note or NONE,
        "policies": policies_as_text(group.policy),
        "members": list(report.members) or "none",
        "created": group.created,
        "changed": group.changed,
    }
