"""`etherfleet user`: who may join a hub."""

from typing import TYPE_CHECKING, Any

import click

from coordinator.model import User
from gateway.cli import complete
from gateway.cli.arguments import HUB
from gateway.cli.common import (
    Invocation,
    ask,
    fleet_options,
    format_option,
    hint,
    note,
    now,
    options_of,
    pass_invocation,
    plural,
    yes_option,
)
from gateway.cli.exits import UsageProblem
from gateway.cli.expiry import Expiry
from gateway.cli.output import Column, print_json, print_record, print_table
from gateway.cli.password import SHORT, password_file_option, read_password
from gateway.cli.policy import POLICY_HELP, note_idle, policies_as_text, policy_option
from gateway.cli.proof import (
    note_missing_trust,
    proof_as_json,
    proof_as_text,
    proof_of,
    proof_options,
)
from gateway.cli.totals import (
    logins_as_text,
    received_bytes,
    sent_bytes,
    totals_as_json,
    traffic_as_text,
)
from gateway.cli.units import NONE, age, size

if TYPE_CHECKING:
    from gateway.admin.users import UserChanges, UserReport

NAME = click.argument("name", metavar="NAME", shell_complete=complete.users)
COLUMNS = (
    Column("USER"),
    Column("REAL NAME", loose=True),
    Column("AUTH"),
    Column("GROUP", loose=True),
    Column("SESSIONS", right=True),
    Column("LAST LOGIN", right=True),
    Column("EXPIRES"),
    Column("TRAFFIC", right=True),
)


@click.group()
def user() -> None:
    """Who may join a hub."""


_account_options = options_of(
    click.option("--real-name", metavar="TEXT", help="Who it is, for people."),
    click.option("--note", metavar="TEXT", help="For the operator."),
    click.option(
        "--expires",
        metavar="TIME",
        type=Expiry(),
        help="No login after TIME: RFC 3339, or a date, which still counts (UTC).",
    ),
    click.option(
        "--group",
        metavar="GROUP",
        shell_complete=complete.groups,
        help="Put the user in a group of the hub: its policy holds if he has none himself.",
    ),
    click.option(
        "--max-sessions",
        metavar="N",
        type=click.IntRange(0, 0xFFFF_FFFF),
        help="Sessions at once from different machines; short for --policy MultiLogins=N.",
    ),
    policy_option,
)
"""The options of `add` and `set`."""


@user.command(epilog=POLICY_HELP)
@HUB
@click.argument("name", metavar="NAME")
@password_file_option
@click.option("--anonymous", is_flag=True, help="No password: whoever knows the name may join.")
@proof_options
@_account_options
@format_option
@fleet_options()
@pass_invocation
def add(
    invocation: Invocation,
    /,
    hub: str,
    name: str,
    password_file: str | None,
    anonymous: bool,
    **options: Any,
) -> None:
    """Add the user NAME to HUB. The password is asked for, or comes from a file or environment.

    Or there is none: see --anonymous, --certificate and --signed.
    """
    from gateway.admin import hubs, users

    if anonymous and password_file is not None:
        raise UsageProblem("--anonymous means without a password; leave out --password-file")
    others = {"--anonymous": anonymous, "--password-file": password_file is not None}
    proof = proof_of(options, others)
    changes = _changes(options)
    changes.update(proof)
    with invocation.fleet() as fleet:
        hubs.find(fleet, hub)  # before anybody types a password in vain
        if not anonymous and not proof:
            changes["password"] = _new_password(password_file, name)
        made = users.add(fleet, hub, name, now(), **changes)
        note_missing_trust(fleet, made)
    _print_user(invocation, made, f"User {made.name} may join {made.hub}.")
    if not made.is_certified:
        hint(f"From another machine: etherfleet connect GATEWAY {made.hub} --user {made.name}")


@user.command("list")
@HUB
@format_option
@fleet_options()
@pass_invocation
def list_(invocation: Invocation, hub: str) -> None:
    """List the users of HUB."""
    from gateway.admin import users

    with invocation.fleet() as fleet:
        reports = users.reports(fleet, hub)
    if invocation.is_json:
        print_json([_report_as_json(report) for report in reports])
        return
    empty = f"No users in hub {hub} yet. Add one: etherfleet user add {hub} NAME"
    print_table(COLUMNS, map(_row, reports), empty)


@user.command()
@HUB
@NAME
@format_option
@fleet_options()
@pass_invocation
def show(invocation: Invocation, hub: str, name: str) -> None:
    """Show one user: account, policies, sessions, numbers. Never the password."""
    from gateway.admin import users

    with invocation.fleet() as fleet:
        report = users.report(fleet, hub, name)
    if invocation.is_json:
        print_json(_report_as_json(report))
    else:
        print_record(_report_as_text(report))


@user.command("set", epilog=POLICY_HELP)
@HUB
@NAME
@click.option("--anonymous", is_flag=True, help="Take the password away; passwd gives one again.")
@proof_options
@_account_options
@click.option("--no-expires", is_flag=True, help="Never expires.")
@click.option("--no-group", is_flag=True, help="In no group any more.")
@format_option
@fleet_options()
@pass_invocation
def set_(
    invocation: Invocation,
    /,
    hub: str,
    name: str,
    anonymous: bool,
    no_expires: bool,
    no_group: bool,
    **options: Any,
) -> None:
    """Change the account of NAME; what is not named stays.

    Policies act on sessions that stand within a second or two; what a client was told at its
    login (TimeOut, AutoDisconnect) with its next one.
    """
    from gateway.admin import users

    changes = _changes(options)
    changes.update(proof_of(options, {"--anonymous": anonymous}))
    if no_expires:
        if "expires" in changes:
            raise UsageProblem("--expires and --no-expires exclude each other; give one")
        changes["expires"] = None
    if no_group:
        if "group" in changes:
            raise UsageProblem("--group and --no-group exclude each other; give one")
        changes["group"] = ""
    if anonymous:
        changes["password"] = None
    if not changes:
        raise UsageProblem("nothing to change was named; see: etherfleet user set --help")
    with invocation.fleet() as fleet:
        made = users.change(fleet, hub, name, now(), **changes)
        note_missing_trust(fleet, made)
    _print_user(invocation, made, f"User {made.name} of {made.hub} is changed.")


@user.command()
@HUB
@NAME
@password_file_option
@format_option
@fleet_options()
@pass_invocation
def passwd(invocation: Invocation, hub: str, name: str, password_file: str | None) -> None:
    """Give NAME a new password. Sessions that stand go on."""
    from gateway.admin import users

    with invocation.fleet() as fleet:
        found = users.find(fleet, hub, name)
        password = _new_password(password_file, found.name)
        made = users.change(fleet, hub, name, now(), password=password)
    _print_user(invocation, made, f"User {made.name} of {made.hub} has a new password.")


@user.command()
@HUB
@NAME
@yes_option
@format_option
@fleet_options()
@pass_invocation
def delete(invocation: Invocation, hub: str, name: str, yes: bool) -> None:
    """Delete the user NAME of HUB, and end its sessions."""
    from gateway.admin import users

    with invocation.fleet() as fleet:
        found = users.report(fleet, hub, name)
        account = found.user
        ending = plural(len(found.sessions), "session")
        ask(f"Delete user {account.name} of {account.hub} and end {ending}?", assume_yes=yes)
        ended = users.delete(fleet, account.hub, account.name)
    if invocation.is_json:
        print_json({"deleted": account.name, "hub": account.hub, "sessions": ended})
    else:
        sessions = plural(ended, "session")
        click.echo(f"User {account.name} of {account.hub} is deleted; {sessions} ended.")


def _changes(options: dict[str, Any]) -> "UserChanges":
    """Return what was named."""
    policy: dict[str, int | None] = dict(options["policies"])
    if (most := options["max_sessions"]) is not None:
        if "MultiLogins" in policy:
            raise UsageProblem("--max-sessions and --policy MultiLogins are the same; give one")
        policy["MultiLogins"] = most
    changes: UserChanges = {}
    if options["group"] is not None:
        changes["group"] = options["group"]
    if options["real_name"] is not None:
        changes["real_name"] = options["real_name"]
    if options["note"] is not None:
        changes["note"] = options["note"]
    if options["expires"] is not None:
        changes["expires"] = options["expires"]
    if policy:
        changes["policy"] = policy
        note_idle(policy)
    return changes


def _new_password(file: str | None, name: str) -> str:
    from gateway.admin.users import check_password

    password = check_password(read_password(file, name, new=True), name)
    if len(password) < SHORT:
        note(f"the password has fewer than {SHORT} characters; a longer one is harder to guess")
    return password


def _print_user(invocation: Invocation, user: User, sentence: str) -> None:
    if invocation.is_json:
        print_json(_as_json(user))
    else:
        click.echo(sentence)
    if user.is_expired(now()):
        note(f"the account has expired ({user.expires}): {user.name} cannot join")


def _row(report: "UserReport") -> tuple[object, ...]:
    user, totals = report.user, report.totals
    return (
        user.name,
        user.real_name,
        user.auth.value,
        user.group or NONE,
        len(report.sessions),
        f"{age(totals.last_login)} ago" if totals.last_login else NONE,
        user.expires[:10] if user.expires else "never",
        size(received_bytes(totals.traffic) + sent_bytes(totals.traffic)),
    )


def _as_json(user: User) -> dict[str, object]:
    return {
        "hub": user.hub,
        "name": user.name,
        **proof_as_json(user),
        "real_name": user.real_name,
        "note": user.note,
        "expires": user.expires,
        "group": user.group,
        "policy": dict(user.policy),
        "created": user.created,
        "changed": user.changed,
    }


def _report_as_json(report: "UserReport") -> dict[str, object]:
    return {
        **_as_json(report.user),
        "sessions": list(report.sessions),
        **totals_as_json(report.totals),
    }


def _report_as_text(report: "UserReport") -> dict[str, object]:
    user = report.user
    policies = policies_as_text(user.policy)
    if user.group and not user.policy:
        policies = f"those of group {user.group}"
    expired = "  (has passed)" if user.is_expired(now()) else ""
    return {
        "user": user.name,
        "hub": user.hub,
        "real name": user.real_name or NONE,
        "note": user.note or NONE,
        "auth": proof_as_text(user),
        "expires": f"{user.expires}{expired}" if user.expires else "never",
        "group": user.group or NONE,
        "policies": policies,
        "sessions": list(report.sessions) or "none now",
        "logins": logins_as_text(report.totals),
        **traffic_as_text(report.totals.traffic),
        "created": user.created,
        "changed": user.changed,
    }
