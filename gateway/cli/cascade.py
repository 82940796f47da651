"""`etherfleet cascade`: a hub's sessions on hubs elsewhere."""

from typing import TYPE_CHECKING, Any, cast

import click

from coordinator.cascade import Cascade, CascadeAuth, CascadeTrust
from gateway.admin.policies import not_enforced
from gateway.cli import complete
from gateway.cli.arguments import HUB
from gateway.cli.cascade_report import (
    COLUMNS,
    as_json,
    report_as_json,
    report_as_text,
    row,
    where,
)
from gateway.cli.certificate_file import read_pem
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
    yes_option,
)
from gateway.cli.connect import read_pin
from gateway.cli.exits import UsageProblem
from gateway.cli.output import print_json, print_record, print_table
from gateway.cli.password import password_file_option, read_password
from gateway.cli.policy import PolicySetting

if TYPE_CHECKING:
    from gateway.admin.cascades import CascadeChanges, CascadeSettings, NewCascade, Proof, Trust

NAME = click.argument("name", metavar="NAME", shell_complete=complete.cascades)


@click.group()
def cascade() -> None:
    """Join a hub to a hub elsewhere.

    The node that has the hub logs in there as a user of that hub and carries frames both ways; when
    the hub moves, the cascade moves with it. Of a static hub, one node is chosen.
    """


_common_options = options_of(
    password_file_option,
    click.option("--plain-password", is_flag=True, help="Send the password itself (RADIUS)."),
    click.option("--anonymous", is_flag=True, help="Log in without a password."),
    click.option(
        "--certificate",
        metavar="FILE",
        type=click.Path(),
        help="Log in by this certificate, in PEM; needs --key.",
    ),
    click.option("--key", metavar="FILE", type=click.Path(), help="Its private key, RSA."),
    click.option(
        "--pin", metavar="SHA256", callback=read_pin, help="Believe this certificate only."
    ),
    click.option(
        "--server-certificate",
        metavar="FILE",
        type=click.Path(),
        help="The same, from a file in PEM.",
    ),
    click.option("--verify", is_flag=True, help="Check the certificate there and its name."),
    click.option("--ca", metavar="FILE", type=click.Path(), help="By these authorities, in PEM."),
    click.option(
        "--connections", metavar="N", type=click.IntRange(1, 32), help="TCP connections. [8]"
    ),
    click.option("--compress/--no-compress", default=None, help="Compress frames."),
    click.option(
        "--half-duplex/--no-half-duplex",
        default=None,
        help="Each connection carries one direction.",
    ),
    click.option(
        "--policy",
        "policies",
        metavar="NAME=VALUE",
        type=PolicySetting(),
        multiple=True,
        help="A policy of its port on HUB, like a user's. May be repeated.",
    ),
)
"""The options of `add` and `set` that mean the same to both."""


@cascade.command()
@HUB
@click.argument("name", metavar="NAME")
@click.option("--to", required=True, metavar="HOST[:PORT]", help="Where the other hub is. [5555]")
@click.option("--to-hub", required=True, metavar="HUB", help="The other hub.")
@click.option("--user", required=True, metavar="NAME", help="Who logs in there.")
@_common_options
@click.option("--offline", is_flag=True, help="Do not start it yet.")
@format_option
@fleet_options()
@pass_invocation
def add(invocation: Invocation, /, hub: str, name: str, **options: Any) -> None:
    """Join HUB to a hub elsewhere by the cascade NAME.

    The user's password there is asked for, or comes from a file or the environment. Without --pin,
    --server-certificate, --verify or --ca whoever answers is believed.
    """
    from gateway.admin import cascades, hubs

    host, tcp_port = _target(options["to"])
    user = options["user"]
    with invocation.fleet() as fleet:
        hubs.find(fleet, hub)  # before anybody types a password in vain
        proof = _proof(options) or _password(options, user, options["to"])
        new: NewCascade = {
            **_settings(options),
            "host": host,
            "tcp_port": tcp_port,
            "target_hub": options["to_hub"],
            "user": user,
            "proof": proof,
            "online": not options["offline"],
        }
        made = cascades.add(fleet, hub, name, now(), new)
    _print(invocation, made, f"Cascade {made.name} joins {made.hub} to {where(made)}.")
    if made.trust is CascadeTrust.ANY:
        note("whoever answers there is believed; pin the certificate, or give --verify or --ca")
    hint(f"How it is doing: etherfleet cascade show {made.hub} {made.name}")


@cascade.command("list")
@click.argument("hub", metavar="[HUB]", required=False, shell_complete=complete.hubs)
@format_option
@fleet_options()
@pass_invocation
def list_(invocation: Invocation, hub: str | None) -> None:
    """List the cascades of HUB, or of all hubs, and how they are doing."""
    from gateway.admin import cascades

    with invocation.fleet() as fleet:
        reports = cascades.reports(fleet, hub)
    if invocation.is_json:
        print_json([report_as_json(report) for report in reports])
        return
    whose = f"hub {hub}" if hub else "any hub"
    empty = f"No cascades of {whose}. Make one: etherfleet cascade add {hub or 'HUB'} NAME --to …"
    print_table(COLUMNS, map(row, reports), empty)


@cascade.command()
@HUB
@NAME
@format_option
@fleet_options()
@pass_invocation
def show(invocation: Invocation, hub: str, name: str) -> None:
    """Show one cascade: settings, state, the last error, numbers. Never a secret."""
    from gateway.admin import cascades

    with invocation.fleet() as fleet:
        report = cascades.report(fleet, hub, name)
    if invocation.is_json:
        print_json(report_as_json(report))
    else:
        print_record(report_as_text(report))


@cascade.command("set")
@HUB
@NAME
@click.option("--rename", metavar="NAME", help="Call it so from now on.")
@click.option("--to", metavar="HOST[:PORT]", help="Where the other hub is.")
@click.option("--to-hub", metavar="HUB", help="The other hub.")
@click.option("--user", metavar="NAME", help="Who logs in there; a password is asked for.")
@click.option("--password", is_flag=True, help="Log in by a password; it is asked for.")
@_common_options
@click.option("--any-certificate", is_flag=True, help="Believe whoever answers there.")
@format_option
@fleet_options()
@pass_invocation
def set_(invocation: Invocation, /, hub: str, name: str, **options: Any) -> None:
    """Change the cascade NAME of HUB; what is not named stays. If it is online it begins anew."""
    from gateway.admin import cascades

    changes = cast("CascadeChanges", _settings(options))
    if options["rename"] is not None:
        changes["name"] = options["rename"]
    if options["to"] is not None:
        changes["host"], changes["tcp_port"] = _target(options["to"])
    if options["to_hub"] is not None:
        changes["target_hub"] = options["to_hub"]
    if options["user"] is not None:
        changes["user"] = options["user"]
    wants = options["password"] or options["password_file"] or options["plain_password"]
    if not (changes or wants or _names_proof(options)):
        raise UsageProblem("nothing to change was named; see: etherfleet cascade set --help")
    with invocation.fleet() as fleet:
        was = cascades.find(fleet, hub, name)
        user = changes.get("user", was.user)
        proof = _proof(options)
        # The stored hash is of one user's password only.
        if proof is None and (wants or (user != was.user and was.auth is CascadeAuth.PASSWORD)):
            proof = _password(options, user, was.host)
        if proof is not None:
            changes["proof"] = proof
        made = cascades.change(fleet, hub, name, now(), changes)
    _print(invocation, made, f"Cascade {made.name} of {made.hub} is changed.")


@cascade.command()
@HUB
@NAME
@format_option
@fleet_options()
@pass_invocation
def online(invocation: Invocation, hub: str, name: str) -> None:
    """Start the cascade NAME of HUB."""
    _switch(invocation, hub, name, is_on=True)


@cascade.command()
@HUB
@NAME
@format_option
@fleet_options()
@pass_invocation
def offline(invocation: Invocation, hub: str, name: str) -> None:
    """Stop the cascade NAME of HUB, and keep it for later."""
    _switch(invocation, hub, name, is_on=False)


@cascade.command()
@HUB
@NAME
@yes_option
@format_option
@fleet_options()
@pass_invocation
def delete(invocation: Invocation, hub: str, name: str, yes: bool) -> None:
    """Delete the cascade NAME of HUB."""
    from gateway.admin import cascades

    with invocation.fleet() as fleet:
        found = cascades.find(fleet, hub, name)
        what = f"cascade {found.name} from {found.hub} to {where(found)}"
        ask(f"Delete {what}?", assume_yes=yes)
        cascades.delete(fleet, found.hub, found.name)
    if invocation.is_json:
        print_json({"deleted": found.name, "hub": found.hub})
    else:
        click.echo(f"Deleted {what}.")


def _switch(invocation: Invocation, hub: str, name: str, *, is_on: bool) -> None:
    from gateway.admin import cascades

    with invocation.fleet() as fleet:
        made = cascades.change(fleet, hub, name, now(), {"online": is_on})
    state = "online: its node starts it within a second or two" if is_on else "offline"
    _print(invocation, made, f"Cascade {made.name} of {made.hub} is {state}.")


def _settings(options: dict[str, Any]) -> "CascadeSettings":
    """Return what was named and means the same to `add` and `set`."""
    changes: CascadeSettings = {}
    if options["connections"] is not None:
        changes["max_connection"] = options["connections"]
    if options["compress"] is not None:
        changes["use_compress"] = options["compress"]
    if options["half_duplex"] is not None:
        changes["half_connection"] = options["half_duplex"]
    if options["policies"]:
        changes["policy"] = policy = dict(options["policies"])
        if idle := not_enforced([name for name, number in policy.items() if number]):
            note(f"stored, but not enforced yet: {', '.join(idle)}")
    trust = _trust(options)
    if trust is not None:
        changes["trust"] = trust
    return changes


def _trust(options: dict[str, Any]) -> "Trust | None":
    """Return which certificate is to be believed; None when nothing was said about it."""
    from gateway.admin.cascades import Anything, Pinned, Signed, pin_of

    signs = options["verify"] or options["ca"] is not None
    named = (options["pin"], options["server_certificate"], signs, options.get("any_certificate"))
    if sum(map(bool, named)) > 1:
        raise UsageProblem(
            "--pin, --server-certificate, --verify (or --ca) and --any-certificate exclude each "
            "other; give one"
        )
    if options["pin"]:
        return Pinned(options["pin"])
    if options["server_certificate"] is not None:
        return pin_of(read_pem(options["server_certificate"]))
    if signs:
        return Signed(read_pem(options["ca"]) if options["ca"] is not None else "")
    return Anything() if options.get("any_certificate") else None


def _names_proof(options: dict[str, Any]) -> bool:
    return bool(options["anonymous"] or options["certificate"] or options["key"])


def _proof(options: dict[str, Any]) -> "Proof | None":
    """Return the proof that was named; None: a password, or none was. Raises UsageProblem."""
    from gateway.admin.cascades import Identity, Nothing

    has_password = options["password_file"] is not None or options["plain_password"]
    named = (has_password or options.get("password"), options["anonymous"])
    if sum(map(bool, (*named, options["certificate"] or options["key"]))) > 1:
        raise UsageProblem("--anonymous, --certificate and a password exclude each other; give one")
    if options["anonymous"]:
        return Nothing()
    if options["certificate"] or options["key"]:
        if not (options["certificate"] and options["key"]):
            raise UsageProblem("--certificate and --key belong together; give both")
        return Identity(read_pem(options["certificate"]), read_pem(options["key"]))
    return None


def _password(options: dict[str, Any], user: str, host: str) -> "Proof":
    from gateway.admin.cascades import Password, PlainPassword

    password = read_password(options["password_file"], f"{user} at {host}", new=False)
    return PlainPassword(password) if options["plain_password"] else Password(password)


def _target(text: str) -> tuple[str, int]:
    """Return host and TCP port. Raises ConfigError."""
    from gateway.client.resolve import parse_target

    target = parse_target(text)
    return target.host, target.tcp_port


def _print(invocation: Invocation, cascade: Cascade, sentence: str) -> None:
    if invocation.is_json:
        print_json(as_json(cascade))
    else:
        click.echo(sentence)
