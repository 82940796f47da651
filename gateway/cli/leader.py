"""`etherfleet leader`: the node that does optional work for all."""

from typing import TYPE_CHECKING

import click

from gateway.cli.common import Invocation, fleet_options, format_option, now, pass_invocation
from gateway.cli.output import print_json, print_record
from gateway.cli.units import age, yes

if TYPE_CHECKING:
    from coordinator.election import Leader


@click.group()
def leader() -> None:
    """The node that does optional work for all.

    It gives hubs of dead nodes to others before clients ask, and removes what nobody comes back
    for. No login and no frame ever waits for it.
    """


@leader.command()
@format_option
@fleet_options()
@pass_invocation
def show(invocation: Invocation) -> None:
    """Show who leads, since when, and whether it is alive."""
    from gateway.admin import fleet_status, nodes

    with invocation.fleet() as fleet:
        found = fleet.election.leader()
        is_alive = fleet_status.leads(found, nodes.reports(fleet))
    if invocation.is_json:
        print_json(leader_as_json(found, is_alive))
    elif found is None:
        click.echo("Nobody leads; a living node takes that over within a second or two.")
    else:
        print_record(
            {
                "leader": found.node,
                "alive": yes(is_alive),
                "since": f"{age(found.since)} ({found.since})",
                "epoch": found.epoch,
                "cycles": found.progress,
            }
        )


@leader.command("step-down")
@format_option
@fleet_options()
@pass_invocation
def step_down(invocation: Invocation) -> None:
    """Let another node lead. Where there is no other, the same one leads again in a few seconds."""
    from gateway.admin import audit

    with invocation.fleet() as fleet:
        was = fleet.election.step_down(now())
        if was:
            audit.record(fleet, "leader step-down", about=was)
    if invocation.is_json:
        print_json({"was": was or None})
    elif was:
        click.echo(f"{was} leads no more; another node takes over with its next renewal.")
    else:
        click.echo("Nobody leads just now; a living node takes that over within a second or two.")


def leader_as_json(found: "Leader | None", is_alive: bool) -> dict[str, object] | None:
    """Return what a program is told of the leader."""
    if found is None:
        return None
    return {
        "node": found.node,
        "is_alive": is_alive,
        "incarnation": found.inc,
        "epoch": found.epoch,
        "since": found.since,
        "cycles": found.progress,
    }
