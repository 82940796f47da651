"""`etherfleet doctor`: a list of what is well and what is not, with what to do."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from gateway.cli.common import Invocation, fleet_options, format_option, now, pass_invocation
from gateway.cli.exits import line_of
from gateway.cli.output import clean, print_json
from gateway.cli.status import certificate_days

if TYPE_CHECKING:
    from gateway.admin.nodes import NodeReport
    from gateway.doctor.findings import Finding

COLOURS = {"OK": "green", "WARN": "yellow", "ERR": "red"}


@click.command()
@click.option("--name", metavar="NAME", help="A name of the fleet in DNS, held against its nodes.")
@click.option(
    "--dns-server",
    default="",
    metavar="ADDRESS[:PORT]",
    help="Ask this name server. [default: the system's]",
)
@format_option
@fleet_options()
@click.pass_context
@pass_invocation
def doctor(invocation: Invocation, ctx: click.Context, name: str | None, dns_server: str) -> None:
    """Look at store, fleet, network and this machine, and say what to do.

    Changes nothing. Ends with 0 if all is well, 1 with warnings, 2 with errors.
    """
    from gateway.doctor.findings import worst

    findings = list(_examine(invocation, name, dns_server))
    level = worst(findings)
    if invocation.is_json:
        told = [finding_as_json(finding) for finding in findings]
        print_json({"verdict": level.name.lower(), "at": now(), "findings": told})
    else:
        for finding in findings:
            _print(finding)
    ctx.exit(level.value)


def _examine(invocation: Invocation, name: str | None, dns_server: str) -> "Iterator[Finding]":
    from coordinator.errors import StoreError
    from gateway.admin import fleet_status
    from gateway.doctor import look
    from gateway.doctor.findings import Finding, Level
    from gateway.doctor.fleet import judge_fleet, judge_ports
    from gateway.doctor.machine import judge_machine
    from gateway.doctor.names import judge_name
    from gateway.doctor.store import judge_store

    settings = invocation.settings()
    nodes: list[NodeReport] = []
    try:
        with invocation.running_fleet() as fleet:
            yield from judge_store(look.look_at_store(fleet))
            days = certificate_days(fleet, settings)
            seen = fleet_status.read(fleet, now(), time.monotonic, days)
            yield from judge_fleet(seen, fleet.store.clock())
            nodes = list(seen.nodes)
    except StoreError as error:
        line = line_of(error).removeprefix("etherfleet: ")
        yield Finding(Level.ERR, "store", *line.partition("; ")[::2])
    yield from judge_ports(look.look_at_ports(nodes))
    yield from judge_machine(look.look_at_machine(settings))
    if name:
        yield from judge_name(look.look_up(name, dns_server), nodes)


def finding_as_json(finding: "Finding") -> dict[str, object]:
    """Return what a program is told of a finding."""
    return {
        "level": finding.level.name.lower(),
        "check": finding.check,
        "seen": finding.seen,
        "advice": finding.advice or None,
    }


def _print(finding: "Finding") -> None:
    mark = f"[{finding.level.name}]"
    word = click.style(mark, fg=COLOURS[finding.level.name]) + " " * (6 - len(mark))
    click.echo(f"{word} {clean(f'{finding.check}: {finding.seen}')}")
    if finding.advice:
        click.echo(f"       {clean(finding.advice)}")
