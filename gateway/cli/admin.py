"""`etherfleet admin`: who may administer the fleet with vpncmd and JSON-RPC."""

from typing import TYPE_CHECKING

import click

from coordinator.model import Role
from coordinator.times import Timestamp
from gateway.cli import complete
from gateway.cli.common import (
    F,
    Invocation,
    ask,
    fleet_options,
    format_option,
    note,
    now,
    pass_invocation,
    yes_option,
)
from gateway.cli.expiry import Expiry
from gateway.cli.output import Column, print_json, print_table
from gateway.cli.password import SHORT, password_file_option, read_password

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.administrators import Administrator
    from gateway.admin.named_administrators import AdministratorReport

COLUMNS = (
    Column("NAME"),
    Column("ROLE"),
    Column("HUB", loose=True),
    Column("STATE"),
    Column("EXPIRES"),
    Column("CREATED"),
)
NAME = click.argument("name", metavar="NAME", shell_complete=complete.administrators)
NEW_NAME = click.argument("name", metavar="NAME")


@click.group()
def admin() -> None:
    """Who may administer the fleet with vpncmd and JSON-RPC.

    Whoever knows the fleet's password may do everything, whoever knows a hub's may administer that
    hub. Administrators with names, and tokens for programs, each have a role, perhaps an end, and
    are removed one by one; the audit names them.

    Before a password is set, vpncmd gets in without one from a gateway's own machine, nobody from
    elsewhere, and JSON-RPC not at all.
    """


@admin.group()
def token() -> None:
    """Tokens, with which programs use JSON-RPC."""


def _role_options(command: F) -> F:
    """Add what somebody may do, where, and until when."""
    for option in (
        click.option(
            "--expires",
            metavar="TIME",
            type=Expiry(),
            help="Out from then on: RFC 3339, or a date, which means to its end in UTC. "
            "[default: never]",
        ),
        click.option(
            "--hub",
            metavar="HUB",
            default="",
            shell_complete=complete.hubs,
            help="For this hub only: needed by hub-admin, possible for read-only.",
        ),
        click.option(
            "--role",
            type=click.Choice([role.value for role in Role]),
            required=True,
            help="May do everything; what a hub's administrator may; or only look.",
        ),
    ):
        command = option(command)
    return command


@admin.command("list")
@format_option
@fleet_options()
@pass_invocation
def list_(invocation: Invocation) -> None:
    """List the administrators who have names."""
    _print_list(invocation, tokens=False)


@admin.command()
@NEW_NAME
@_role_options
@password_file_option
@format_option
@fleet_options()
@pass_invocation
def add(
    invocation: Invocation,
    name: str,
    role: str,
    hub: str,
    expires: Timestamp | None,
    password_file: str | None,
) -> None:
    """Make an administrator called NAME, with a password of his own.

    He gets in over JSON-RPC by name and password, and with vpncmd as hub @NAME.
    """
    from gateway.admin import named_administrators as named

    with invocation.fleet(create=True) as fleet:
        given = read_password(password_file, f"administrator {name}", new=True)
        made = named.add(fleet, name, Role(role), now(), password=given, hub=hub, expires=expires)
    _remark_if_short(given)
    if invocation.is_json:
        print_json(_as_json(made))
    else:
        click.echo(f"{made.name} is {_role_of(made)}{_until(made)}")


@admin.command()
@NAME
@yes_option
@format_option
@fleet_options()
@pass_invocation
def remove(invocation: Invocation, name: str, yes: bool) -> None:
    """Remove administrator NAME: at once, at every gateway, also where he is in."""
    from gateway.admin import named_administrators as named

    with invocation.fleet() as fleet:
        was = named.find(fleet, name)
        ask(f"Remove {name}, {_role_of(was)}?", assume_yes=yes)
        named.remove(fleet, name)
    if invocation.is_json:
        print_json({"removed": name})
    else:
        click.echo(f"{name} removed; connections end within a second or so")


@admin.command()
@click.argument("name", metavar="[NAME]", default="", shell_complete=complete.administrators)
@password_file_option
@format_option
@fleet_options()
@pass_invocation
def password(invocation: Invocation, name: str, password_file: str | None) -> None:
    """Set the password of the fleet's administrators, or of the one called NAME.

    It holds at every gateway at once.
    """
    from gateway.admin import named_administrators as named
    from gateway.admin.administrators import set_fleet_password

    with invocation.fleet(create=not name) as fleet:
        whom = f"administrator {name}" if name else "the fleet's administrators"
        if name:
            named.find(fleet, name)
        given = read_password(password_file, whom, new=True)
        if name:
            named.set_password(fleet, name, given, now())
        else:
            set_fleet_password(fleet, given, now())
    _remark_if_short(given)
    if invocation.is_json:
        print_json({"is_set": True})
    elif name:
        click.echo("password set; whoever is in by the one before is out within a second or so")
    else:
        click.echo("password set; the next call of whoever is in by the one before is refused")


@token.command("list")
@format_option
@fleet_options()
@pass_invocation
def list_tokens(invocation: Invocation) -> None:
    """List the tokens. What they are themselves, nobody can tell any more."""
    _print_list(invocation, tokens=True)


@token.command("add")
@NEW_NAME
@_role_options
@format_option
@fleet_options()
@pass_invocation
def add_token(
    invocation: Invocation, name: str, role: str, hub: str, expires: Timestamp | None
) -> None:
    """Make a token called NAME and print it, once: the store keeps a hash of it only.

    A program sends it to a gateway's /api/ as `Authorization: Bearer TOKEN`.
    """
    from gateway.admin import named_administrators as named

    with invocation.fleet(create=True) as fleet:
        made, text = named.add_token(fleet, name, Role(role), now(), hub=hub, expires=expires)
    if invocation.is_json:
        print_json({**_as_json(made), "token": text})
        return
    click.echo(f"{made.name} is {_role_of(made)}{_until(made)}; this is shown once:", err=True)
    click.echo(text)


@token.command()
@NAME
@yes_option
@format_option
@fleet_options()
@pass_invocation
def revoke(invocation: Invocation, name: str, yes: bool) -> None:
    """Revoke token NAME: at once, at every gateway."""
    from gateway.admin import named_administrators as named

    with invocation.fleet() as fleet:
        was = named.find(fleet, name, is_token=True)
        ask(f"Revoke token {name}, {_role_of(was)}?", assume_yes=yes)
        named.remove(fleet, name, is_token=True)
    if invocation.is_json:
        print_json({"revoked": name})
    else:
        click.echo(f"token {name} revoked")


def _print_list(invocation: Invocation, *, tokens: bool) -> None:
    from gateway.admin import named_administrators as named

    with invocation.fleet() as fleet:
        found: Sequence[AdministratorReport] = named.reports(fleet, now(), tokens=tokens)
    if invocation.is_json:
        print_json([report_as_json(report) for report in found])
        return
    what, command = ("tokens", "token add") if tokens else ("administrators with names", "add")
    empty = f"No {what}; make one with: etherfleet admin {command} NAME --role ROLE"
    print_table(COLUMNS, (_row(report) for report in found), empty)


def _row(report: "AdministratorReport") -> tuple[object, ...]:
    one = report.administrator
    ends = one.expires or "never"
    return (one.name, one.role.value, one.hub or "-", report.state.value, ends, one.created)


def _remark_if_short(given: str) -> None:
    if len(given) < SHORT:
        note(f"the password has {len(given)} characters; anybody may try to guess it")


def _role_of(one: "Administrator") -> str:
    return f"{one.role} of {one.hub}" if one.hub else f"{one.role} of the fleet"


def _until(one: "Administrator") -> str:
    return f" until {one.expires}" if one.expires else ""


def _as_json(one: "Administrator") -> dict[str, object]:
    return {
        "name": one.name,
        "role": one.role.value,
        "hub": one.hub or None,
        "expires": one.expires,
        "created": one.created,
        "changed": one.changed,
    }


def report_as_json(report: "AdministratorReport") -> dict[str, object]:
    """Return what a program is told of a named administrator or a token."""
    return {**_as_json(report.administrator), "state": report.state.value}
