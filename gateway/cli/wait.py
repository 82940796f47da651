"""`etherfleet wait`: until the fleet is as wanted. For scripts."""

import time
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from gateway.cli.common import (
    Invocation,
    fleet_options,
    format_option,
    now,
    pass_invocation,
    timeout_option,
)
from gateway.cli.exits import NotInTime
from gateway.cli.output import print_json

if TYPE_CHECKING:
    from gateway.admin.conditions import Condition, Finding

WAIT_S = 60.0
WORDS = ("ok", "nodes=", "leader", "drained=", "owner=", "sessions=")


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in WORDS if word.startswith(incomplete)]


@click.command()
@click.option(
    "--for",
    "wanted",
    metavar="CONDITION",
    multiple=True,
    required=True,
    shell_complete=_complete,
    help="What to wait for; may be repeated, then all have to hold at once.",
)
@timeout_option(WAIT_S)
@format_option
@fleet_options()
@pass_invocation
def wait(invocation: Invocation, wanted: tuple[str, ...], timeout_s: float) -> None:
    """Wait until the fleet is as wanted; for scripts. With --timeout 0, look once.

    \b
    ok                  status says ok
    nodes=NUMBER        so many nodes are up
    leader[=NODE]       somebody, or NODE, leads
    drained=NODE        NODE carries nothing and is given nothing, or is gone
    owner=HUB[:NODE]    HUB is served by a node, or by NODE
    sessions=HUB:NUMBER HUB has so many sessions

    Ends with 0 when all hold and with 8 at the time-out. A store that is away is waited for.
    """
    from gateway.admin.conditions import parse
    from gateway.cli.patience import until

    conditions = [parse(text) for text in wanted]
    began = time.monotonic()
    findings, are_met = until(lambda: _look(invocation, conditions), _all_hold, timeout_s)
    waited_s = time.monotonic() - began
    seen = list(zip(wanted, findings, strict=True))
    if not are_met:
        missing = ", ".join(f"{text} ({found.seen})" for text, found in seen if not found.holds)
        raise NotInTime(f"not so after {timeout_s:g} s: {missing}")
    if invocation.is_json:
        met = [{"condition": text, "seen": found.seen} for text, found in seen]
        print_json({"met": met, "waited_ms": round(waited_s * 1000)})
        return
    for text, found in seen:
        click.echo(f"{text}: {found.seen}, after {waited_s:.1f} s")


def _all_hold(findings: "list[Finding]") -> bool:
    return all(finding.holds for finding in findings)


def _look(invocation: Invocation, conditions: "list[Condition]") -> "list[Finding]":
    from coordinator.errors import ForeignStore, StoreUnavailable
    from gateway.admin.conditions import Finding, Look

    try:
        with invocation.running_fleet() as fleet:
            look = Look(fleet, now(), time.monotonic)
            return [condition.check(look) for condition in conditions]
    except (StoreUnavailable, ForeignStore) as error:  # not yet
        return [Finding(False, str(error)) for _ in conditions]
