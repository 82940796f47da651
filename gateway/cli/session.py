"""`etherfleet session`: who is joined now."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from gateway.cli import complete
from gateway.cli.arguments import HUB
from gateway.cli.common import (
    Invocation,
    ask,
    fleet_options,
    format_option,
    pass_invocation,
    yes_option,
)
from gateway.cli.exits import UsageProblem
from gateway.cli.output import Column, print_json, print_record, print_table
from gateway.cli.totals import received_bytes, sent_bytes, traffic_as_text
from gateway.cli.units import NONE, age, size

if TYPE_CHECKING:
    from coordinator.model import SessionRecord

NAME = click.argument("name", metavar="SESSION", shell_complete=complete.sessions)
COLUMNS = (
    Column("SESSION"),
    Column("HUB"),
    Column("FROM", loose=True),
    Column("NODE", loose=True),
    Column("AGE", right=True),
    Column("RECEIVED", right=True),
    Column("SENT", right=True),
)


@click.group()
def session() -> None:
    """Who is joined now.

    A session is one client on one hub; its name is SID-USER-NUMBER. It outlives its connections
    and its node: a client may come back to it.
    """


@session.command("list")
@click.argument("hub", metavar="[HUB]", required=False, shell_complete=complete.hubs)
@click.option("--user", metavar="NAME", help="Of this user of HUB only.")
@format_option
@fleet_options()
@pass_invocation
def list_(invocation: Invocation, hub: str | None, user: str | None) -> None:
    """List sessions: all, or those of HUB."""
    from gateway.admin import sessions

    if user is not None and hub is None:
        raise UsageProblem("users belong to a hub; name it: etherfleet session list HUB --user X")
    with invocation.fleet() as fleet:
        if hub is None:
            records = sessions.of_fleet(fleet)
        elif user is None:
            records = sessions.of_hub(fleet, hub)
        else:
            records = sessions.of_user(fleet, hub, user)
        where = fleet.store.where
    if invocation.is_json:
        print_json([_as_json(record) for record in records])
        return
    empty = f"No sessions now in {where}. Join: etherfleet connect GATEWAY HUB --user NAME"
    print_table(COLUMNS, map(_row, records), empty)


@session.command()
@HUB
@NAME
@format_option
@fleet_options()
@pass_invocation
def show(invocation: Invocation, hub: str, name: str) -> None:
    """Show one session: its client, terms, addresses and traffic."""
    from gateway.admin import sessions

    with invocation.fleet() as fleet:
        record = sessions.find(fleet, hub, name)
    if invocation.is_json:
        print_json(_as_json(record))
    else:
        print_record(_as_text(record))


@session.command()
@HUB
@NAME
@yes_option
@format_option
@fleet_options()
@pass_invocation
def kick(invocation: Invocation, hub: str, name: str, yes: bool) -> None:
    """End a session now.

    Its client may log in again; to keep it out, change or delete its user first.
    """
    from gateway.admin import sessions

    with invocation.fleet() as fleet:
        found = sessions.find(fleet, hub, name)
        whom = f"{found.user} from {found.address}"
        ask(f"End session {found.name} of {whom}? The client may log in again.", assume_yes=yes)
        record = sessions.kick(fleet, found.hub, found.name)
    if invocation.is_json:
        print_json({"kicked": record.name, "hub": record.hub, "user": record.user})
    else:
        click.echo(f"Session {record.name} of {record.hub} has ended; {record.user} may rejoin.")


def _row(record: "SessionRecord") -> tuple[object, ...]:
    return (
        record.name,
        record.hub,
        record.address.rpartition(":")[0].strip("[]"),
        record.node,
        age(record.created),
        size(received_bytes(record.traffic)),
        size(sent_bytes(record.traffic)),
    )


def _as_json(record: "SessionRecord") -> dict[str, object]:
    return {
        "hub": record.hub,
        "name": record.name,
        "user": record.user,
        "group": record.group,
        "node": record.node,
        "epoch": record.epoch,
        "address": record.address,
        "client_name": record.client_name,
        "client_version": record.client_version,
        "client_build": record.client_build,
        "host_name": record.host_name,
        "unique_id": record.unique_id.hex(),
        "policy": dict(record.policy),
        "connections": record.connections,
        "max_connection": record.max_connection,
        "timeout_ms": record.timeout_ms,
        "use_compress": record.use_compress,
        "half_connection": record.half_connection,
        "qos": record.qos,
        "bridge": record.bridge,
        "monitor": record.monitor,
        "macs": list(record.macs),
        "ips": list(record.ips),
        "created": record.created,
        "adopted": record.adopted or None,
        "seen": record.seen or None,
        "traffic": asdict(record.traffic),
    }


def _as_text(record: "SessionRecord") -> dict[str, object]:
    version = f"{record.client_version // 100}.{record.client_version % 100:02}"
    client = f"{record.client_name} {version} build {record.client_build}"
    modes = {
        "compressed": record.use_compress,
        "half-duplex": record.half_connection,
        "bridge": record.bridge,
        "monitor": record.monitor,
    }
    taken = f", taken over {age(record.adopted)} ago" if record.adopted else ""
    return {
        "session": record.name,
        "hub": record.hub,
        "user": record.user,
        "group": record.group or NONE,
        "from": record.address,
        "client": client,
        "host name": record.host_name or NONE,
        "node": f"{record.node}{taken}",
        "seen": f"{age(record.seen)} ago",
        "joined": f"{age(record.created)} ago ({record.created})",
        "connections": f"{record.connections} of at most {record.max_connection}",
        "time-out": f"{record.timeout_ms / 1000:g} s",
        "modes": ", ".join(name for name, is_on in modes.items() if is_on) or "plain",
        "MAC addresses": list(record.macs) or NONE,
        "IP addresses": list(record.ips) or NONE,
        "policies": [f"{name} = {n}" for name, n in sorted(record.policy.items())] or "defaults",
        **traffic_as_text(record.traffic),
    }
