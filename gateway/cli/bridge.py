"""`etherfleet bridge`: hubs joined to network interfaces of gateways."""

from typing import TYPE_CHECKING

import click

from gateway.cli import complete
from gateway.cli.arguments import HUB
from gateway.cli.common import (
    Invocation,
    ask,
    fleet_options,
    format_option,
    note,
    options_of,
    pass_invocation,
    plural,
    yes_option,
)
from gateway.cli.output import Column, print_json, print_table

if TYPE_CHECKING:
    from coordinator.model import Bridge
    from gateway.admin.bridges import BridgeReport

INTERFACE = click.argument("interface", metavar="INTERFACE")
COLUMNS = (
    Column("HUB"),
    Column("INTERFACE"),
    Column("KIND"),
    Column("WHERE", loose=True),
    Column("UP", right=True),
    Column("TROUBLE", wrap=True),
)


@click.group()
def bridge() -> None:
    """Hubs joined to network interfaces of gateways.

    Set once for the fleet: "hub LAN to eth1 on every gateway". A rule for a node or a label is an
    exception: there it holds in place of the hub's other rules.
    """


_place_options = options_of(
    click.option(
        "--node",
        default="",
        metavar="NODE",
        shell_complete=complete.nodes,
        help="Only on this node, or on all workers of the gateway of this name.",
    ),
    click.option(
        "--label",
        default="",
        metavar="LABEL",
        help="Only on gateways with this label (`gateway.labels` of their settings).",
    ),
)
"""The options that say for which gateways a rule is."""


@bridge.command()
@HUB
@INTERFACE
@_place_options
@click.option("--tap", is_flag=True, help="Let the gateway make INTERFACE, a TAP device.")
@format_option
@fleet_options()
@pass_invocation
def add(invocation: Invocation, hub: str, interface: str, node: str, label: str, tap: bool) -> None:
    """Join HUB to the network interface INTERFACE of every gateway.

    A static hub is joined on all of them, a dynamic one where it is served. A gateway that lacks
    the interface says so in `status` and carries no sessions of the hub. `none` as INTERFACE, with
    --node or --label: no bridge there, and no sessions of a hub that has one elsewhere.
    """
    from coordinator.bridges import describe
    from gateway.admin import bridges

    with invocation.fleet() as fleet:
        made = bridges.add(fleet, hub, interface, node=node, label=label, is_tap=tap)
        lacking = bridges.without(fleet, made)
    if lacking:
        note(f"no interface {interface} now on {', '.join(lacking)}")
    if invocation.is_json:
        print_json(_rule_as_json(made))
    else:
        click.echo(f"Hub {hub} is joined: {describe(made)}.")


@bridge.command("list")
@format_option
@fleet_options()
@pass_invocation
def list_(invocation: Invocation) -> None:
    """List all bridges, and what became of them on living nodes."""
    from gateway.admin import bridges

    with invocation.fleet() as fleet:
        reports = bridges.reports(fleet)
    if invocation.is_json:
        print_json([report_as_json(report) for report in reports])
    else:
        empty = "No bridges yet. Make one: etherfleet bridge add HUB eth1"
        print_table(COLUMNS, map(_row, reports), empty)


@bridge.command()
@HUB
@INTERFACE
@_place_options
@yes_option
@format_option
@fleet_options()
@pass_invocation
def remove(
    invocation: Invocation, hub: str, interface: str, node: str, label: str, yes: bool
) -> None:
    """Remove the bridge of HUB to INTERFACE, as it was added."""
    from coordinator.bridges import where
    from gateway.admin import bridges

    with invocation.fleet() as fleet:
        rule = bridges.find(fleet, hub, interface, node=node, label=label)
        sessions = plural(fleet.sessions.count(hub), "session")
        place = where(rule)
        ask(
            f"Cut hub {hub} with {sessions} off {interface} on {place}?",
            assume_yes=yes,
        )
        bridges.remove(fleet, hub, interface, node=node, label=label)
    if invocation.is_json:
        print_json(_rule_as_json(rule))
    else:
        click.echo(f"Hub {hub} is not joined to {interface} on {place} any more.")


def report_as_json(report: "BridgeReport") -> dict[str, object]:
    """Return what a program is told of a bridge."""
    return {
        **_rule_as_json(report.rule),
        "hub": report.name,
        "nodes": [
            {
                "node": node,
                "state": status.state.value if status is not None else None,
                "why": status.why if status is not None else "",
            }
            for node, status in report.nodes.items()
        ],
    }


def _rule_as_json(rule: "Bridge") -> dict[str, object]:
    return {
        "hub": rule.hub,
        "interface": rule.device,
        "kind": _kind(rule),
        "node": rule.node or None,
        "label": rule.label or None,
    }


def _kind(rule: "Bridge") -> str:
    from coordinator.model import NO_DEVICE

    if rule.device == NO_DEVICE:
        return "none"
    return "tap" if rule.is_tap else "nic"


def _row(report: "BridgeReport") -> tuple[object, ...]:
    from coordinator.bridges import where

    rule = report.rule
    trouble = [
        f"{node}: {status.state.value}" + (f" ({status.why})" if status.why else "")
        for node, status in report.nodes.items()
        if status is not None and (status.state.value != "up" or status.why)
    ]
    return report.name, rule.device, _kind(rule), where(rule), report.up, "; ".join(trouble) or "-"
