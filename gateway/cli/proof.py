"""How a user proves who he is: the options of `user add` and `user set`, and how it is shown."""

from typing import TYPE_CHECKING, Any

import click

from coordinator.errors import InvalidValue
from coordinator.model import AuthKind, User
from gateway.cli.access import Parsed
from gateway.cli.certificate_file import read_certificate_file
from gateway.cli.common import note, now, options_of
from gateway.cli.exits import UsageProblem

if TYPE_CHECKING:
    from coordinator.fleet import Fleet
    from gateway.admin.users import UserChanges


def read_serial(text: str) -> bytes:
    """Return the number in `01ab` or `01:AB`, as openssl writes it; raises InvalidValue."""
    digits = text.replace(":", "").replace(" ", "")
    try:
        return bytes.fromhex("0" * (len(digits) % 2) + digits)
    except ValueError:
        raise InvalidValue(f"serial number {text!r}: hex digits are wanted, 01ab") from None


SERIAL = Parsed("serial", read_serial)

proof_options = options_of(
    click.option(
        "--certificate",
        metavar="FILE",
        type=click.Path(),
        help="Logs in by this certificate, in PEM or DER, with its key (RSA).",
    ),
    click.option(
        "--signed",
        is_flag=True,
        help="Logs in by any certificate that an authority of the hub signed (see: ca add).",
    ),
    click.option(
        "--common-name", metavar="TEXT", help="Only by one of this common name; means --signed."
    ),
    click.option(
        "--serial",
        metavar="HEX",
        type=SERIAL,
        help="Only by the one of this serial number; means --signed.",
    ),
)


def proof_of(options: dict[str, Any], others: dict[str, bool]) -> "UserChanges":
    """Return the proof that was named, and none for a password. `others`: names of options that
    exclude it, and whether they were given. Raises UsageProblem."""
    from gateway.admin.users import SignedBy

    file, name, serial = (options[option] for option in ("certificate", "common_name", "serial"))
    is_signed = options["signed"] or name is not None or serial is not None
    named = {**others, "--certificate": file is not None, "--signed": is_signed}
    given = [option for option, is_given in named.items() if is_given]
    if len(given) > 1:
        raise UsageProblem(f"{' and '.join(given[:2])} exclude each other; give one")
    if file is not None:
        return {"certificate": read_certificate_file(file)}
    if is_signed:
        return {"signed": SignedBy(name, serial)}
    return {}


def note_missing_trust(fleet: "Fleet", user: User) -> None:
    """Say what keeps a user's certificate from being believed."""
    from gateway.admin import trust

    if user.auth is AuthKind.SIGNED and not trust.authorities(fleet, user.hub):
        note(
            f"hub {user.hub} believes no authority yet: etherfleet ca add {user.hub} FILE; "
            f"until then {user.name} cannot join"
        )
    if user.auth is AuthKind.CERTIFICATE:
        ends = trust.ends_of(user.certificate)
        if ends is not None and ends <= now():
            note(f"the certificate has ended ({ends}): {user.name} cannot join")


def proof_as_json(user: User) -> dict[str, object]:
    """Return it for programs; a certificate is its SHA-256."""
    from gateway.admin.trust import digest_of

    return {
        "auth": user.auth.value,
        "certificate": digest_of(user.certificate) if user.certificate else None,
        "common_name": user.common_name,
        "serial": user.serial.hex(),
    }


def proof_as_text(user: User) -> str | list[str]:
    """Return it for people."""
    match user.auth:
        case AuthKind.PASSWORD:
            return "password"
        case AuthKind.ANONYMOUS:
            return "anonymous: no password is asked for"
        case AuthKind.SIGNED:
            wanted = [f"common name {user.common_name}"] if user.common_name else []
            wanted += [f"serial number {user.serial.hex()}"] if user.serial else []
            return ", ".join(["a certificate signed by an authority of the hub", *wanted])
        case AuthKind.CERTIFICATE:
            return _certificate_as_text(user.certificate)


def _certificate_as_text(der: bytes) -> list[str]:
    from gateway.admin.trust import digest_of, ends_of, subject_of

    ends = ends_of(der) or "?"
    return [f"certificate of {subject_of(der)}", f"until {ends}", f"SHA-256 {digest_of(der)}"]
