"""`etherfleet hub source`: from where clients may log in to a hub."""

import click

from coordinator.masks import Masked, read_network
from coordinator.sources import SourceRule
from gateway.cli.access import NUMBERS, Parsed
from gateway.cli.arguments import HUB
from gateway.cli.common import (
    F,
    Invocation,
    ask,
    fleet_options,
    format_option,
    now,
    pass_invocation,
    plural,
    yes_option,
)
from gateway.cli.output import Column, print_json, print_table

COLUMNS = (
    Column("NUMBER", right=True),
    Column("PRIORITY", right=True),
    Column("ACTION"),
    Column("NETWORK"),
)
NETWORK = click.argument("network", metavar="NETWORK", type=Parsed("network", read_network))


@click.group()
def source() -> None:
    """From where clients may log in to a hub.

    Rules are asked by their priority, 1 first, and those that allow before those that deny; the
    first that covers the client's address decides. Who is covered by none may log in. Sessions that
    stand go on.

    \b
    Only from the office:
      etherfleet hub source allow OFFICE 192.0.2.0/24 --priority 10
      etherfleet hub source deny OFFICE 0.0.0.0/0 --priority 20
      etherfleet hub source deny OFFICE ::/0 --priority 20
    """


def _priority(command: F) -> F:
    return click.option(
        "--priority",
        metavar="N",
        type=click.IntRange(1, 0xFFFF_FFFF),
        default=100,
        help="Asked in this order, 1 first. [default: 100]",
    )(command)


@source.command()
@HUB
@NETWORK
@_priority
@format_option
@fleet_options()
@pass_invocation
def allow(invocation: Invocation, hub: str, network: Masked, priority: int) -> None:
    """Let clients with addresses in NETWORK log in to HUB."""
    _add(invocation, hub, SourceRule(network, False, priority))


@source.command()
@HUB
@NETWORK
@_priority
@format_option
@fleet_options()
@pass_invocation
def deny(invocation: Invocation, hub: str, network: Masked, priority: int) -> None:
    """Let no client with an address in NETWORK log in to HUB."""
    _add(invocation, hub, SourceRule(network, True, priority))


@source.command("list")
@HUB
@format_option
@fleet_options()
@pass_invocation
def list_(invocation: Invocation, hub: str) -> None:
    """List the source rules of HUB in the order they are asked."""
    from gateway.admin import access

    with invocation.fleet() as fleet:
        rules = access.sources(fleet, hub).rules
    if invocation.is_json:
        print_json([source_as_json(rule) for rule in rules])
        return
    empty = f"No source rules in hub {hub}: clients may log in from anywhere."
    rows = ((rule.id, rule.priority, _action(rule), rule.network) for rule in rules)
    print_table(COLUMNS, rows, empty)


@source.command()
@HUB
@NUMBERS
@yes_option
@format_option
@fleet_options()
@pass_invocation
def delete(invocation: Invocation, hub: str, numbers: tuple[int, ...], yes: bool) -> None:
    """Delete source rules of HUB by their numbers: all that are named, or none."""
    from gateway.admin import access

    gone = sorted(set(numbers))
    ask(f"Delete {plural(len(gone), 'source rule')} of {hub}?", assume_yes=yes)
    with invocation.fleet() as fleet:
        access.delete_sources(fleet, hub, gone, now())
    if invocation.is_json:
        print_json({"deleted": gone, "hub": hub})
    else:
        click.echo(f"{plural(len(gone), 'source rule')} of {hub} deleted.")


def _add(invocation: Invocation, hub: str, wanted: SourceRule) -> None:
    from gateway.admin import access

    with invocation.fleet() as fleet:
        made = access.add_source(fleet, hub, wanted, now())
    if invocation.is_json:
        print_json(source_as_json(made))
    else:
        verb = "may not" if made.deny else "may"
        click.echo(f"Source rule {made.id}: clients at {made.network} {verb} log in to {hub}.")


def source_as_json(rule: SourceRule) -> dict[str, object]:
    """Return a source rule for programs."""
    return {
        "number": rule.id,
        "priority": rule.priority,
        "action": _action(rule),
        "network": str(rule.network),
    }


def _action(rule: SourceRule) -> str:
    return "deny" if rule.deny else "allow"
