"""`etherfleet ca`: whose certificates of users a hub believes, and which no longer."""

from typing import TYPE_CHECKING

import click

from coordinator.trust import DIGITS, NAMES, Revocation
from gateway.cli.access import NUMBER
from gateway.cli.arguments import HUB
from gateway.cli.certificate_file import read_certificate_file
from gateway.cli.common import (
    Invocation,
    ask,
    fleet_options,
    format_option,
    hint,
    note,
    now,
    pass_invocation,
    yes_option,
)
from gateway.cli.exits import UsageProblem
from gateway.cli.output import Column, print_json, print_table
from gateway.cli.proof import SERIAL

if TYPE_CHECKING:
    from gateway.admin.trust import AuthorityReport

COLUMNS = (
    Column("NUMBER", right=True),
    Column("ISSUED TO", loose=True),
    Column("ISSUER", loose=True),
    Column("UNTIL"),
    Column("SHA-256", wrap=True),
)
REVOKED_COLUMNS = (Column("NUMBER", right=True), Column("CERTIFICATES WITH", wrap=True))


@click.group()
def ca() -> None:
    """Whose certificates of users a hub believes.

    A user who logs in by a signed certificate (`user add --signed`) needs one that an authority of
    the hub signed. Sessions that stand go on, whatever is changed here.
    """


@ca.command()
@HUB
@click.argument("file", metavar="FILE", type=click.Path())
@format_option
@fleet_options()
@pass_invocation
def add(invocation: Invocation, hub: str, file: str) -> None:
    """Let HUB believe what the authority in FILE, a certificate in PEM or DER, has signed."""
    from gateway.admin import trust

    der = read_certificate_file(file)
    with invocation.fleet() as fleet:
        made = trust.add_authority(fleet, hub, der, now())
    if invocation.is_json:
        print_json(authority_as_json(made))
    else:
        whose = made.certificate.subject
        click.echo(f"Authority {made.number}: hub {hub} believes what {whose} signed.")
    if made.ends <= now():
        note(f"its certificate has ended ({made.ends}): what it signed does not count")
    if not made.certificate.may_sign:
        note("it says that it may not sign others: only itself counts")
    hint(f"A user who logs in so: etherfleet user add {hub} NAME --signed")


@ca.command("list")
@HUB
@format_option
@fleet_options()
@pass_invocation
def list_(invocation: Invocation, hub: str) -> None:
    """List the authorities that HUB believes."""
    from gateway.admin import trust

    with invocation.fleet() as fleet:
        reports = trust.authorities(fleet, hub)
    if invocation.is_json:
        print_json([authority_as_json(report) for report in reports])
        return
    empty = f"Hub {hub} believes no authority. Add one: etherfleet ca add {hub} FILE"
    print_table(COLUMNS, map(_row, reports), empty)


@ca.command()
@HUB
@NUMBER
@yes_option
@format_option
@fleet_options()
@pass_invocation
def remove(invocation: Invocation, hub: str, number: int, yes: bool) -> None:
    """Remove an authority: HUB no longer believes what it signed."""
    from gateway.admin import trust

    with invocation.fleet() as fleet:
        found = trust.authority(fleet, hub, number)
        whose = found.certificate.subject
        ask(f"End logins to {hub} by what {whose} signed?", assume_yes=yes)
        trust.delete_authority(fleet, hub, number, now())
    if invocation.is_json:
        print_json({"removed": number, "hub": hub})
    else:
        click.echo(f"Hub {hub} no longer believes what {whose} signed.")


@ca.command()
@HUB
@click.argument("file", metavar="[FILE]", required=False, type=click.Path())
@click.option("--common-name", metavar="TEXT", default="", help="All of this common name.")
@click.option("--serial", metavar="HEX", type=SERIAL, default="", help="With this serial number.")
@format_option
@fleet_options()
@pass_invocation
def revoke(
    invocation: Invocation, hub: str, file: str | None, common_name: str, serial: bytes
) -> None:
    """Refuse the certificate in FILE, or all that have what is named, in HUB from now on."""
    from gateway.admin import trust

    if file is None and not (common_name or serial):
        raise UsageProblem("name what is revoked: FILE, --common-name or --serial")
    sha1 = trust.read(read_certificate_file(file)).sha1() if file is not None else b""
    wanted = Revocation(serial, sha1=sha1, common_name=common_name.strip())
    with invocation.fleet() as fleet:
        made = trust.add_revocation(fleet, hub, wanted, now())
    if invocation.is_json:
        print_json(revocation_as_json(made))
    else:
        told = _what(made)
        click.echo(f"Revocation {made.id}: hub {hub} no longer believes certificates with {told}.")


@ca.command()
@HUB
@format_option
@fleet_options()
@pass_invocation
def revoked(invocation: Invocation, hub: str) -> None:
    """List which certificates HUB no longer believes."""
    from gateway.admin import trust

    with invocation.fleet() as fleet:
        found = trust.trusted(fleet, hub).revocations
    if invocation.is_json:
        print_json([revocation_as_json(one) for one in found])
        return
    rows = ((one.id, _what(one)) for one in found)
    print_table(REVOKED_COLUMNS, rows, f"No certificate is revoked in hub {hub}.")


@ca.command()
@HUB
@NUMBER
@yes_option
@format_option
@fleet_options()
@pass_invocation
def restore(invocation: Invocation, hub: str, number: int, yes: bool) -> None:
    """Take back the revocation of that number."""
    from gateway.admin import trust

    with invocation.fleet() as fleet:
        found = trust.revocation(fleet, hub, number)
        ask(f"Believe certificates with {_what(found)} again in {hub}?", assume_yes=yes)
        trust.delete_revocation(fleet, hub, number, now())
    if invocation.is_json:
        print_json({"restored": number, "hub": hub})
    else:
        click.echo(f"Certificates with {_what(found)} count again in {hub}.")


def authority_as_json(report: "AuthorityReport") -> dict[str, object]:
    """Return an authority for programs."""
    from gateway.admin.trust import digest_of

    certificate = report.certificate
    return {
        "number": report.number,
        "subject": str(certificate.subject),
        "issuer": str(certificate.issuer),
        "serial": certificate.serial.hex(),
        "until": report.ends,
        "sha256": digest_of(certificate.der),
    }


def revocation_as_json(found: Revocation) -> dict[str, object]:
    """Return a revocation for programs."""
    digits = {name: getattr(found, name).hex() for name in DIGITS}
    names = {name: getattr(found, name) for name in NAMES}
    given = {name: value or None for name, value in (digits | names).items()}
    return {"number": found.id, **given}


def _row(report: "AuthorityReport") -> tuple[object, ...]:
    told = authority_as_json(report)
    ends = f"{report.ends[:10]}{' (past)' if report.ends <= now() else ''}"
    return told["number"], told["subject"], told["issuer"], ends, told["sha256"]


def _what(found: Revocation) -> str:
    told = revocation_as_json(found).items()
    return ", ".join(f"{n.replace('_', ' ')} {v}" for n, v in told if v and n != "number")
