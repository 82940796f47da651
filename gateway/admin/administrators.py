"""Who may administer: proofs and passwords checked, passwords set. Source: admin protocol 2.2, 5.1.

Before the fleet has a password, whoever sits at a gateway may administer it without one, and nobody
else: the reference lets anybody in. The same holds for a hub.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coordinator.errors import InvalidValue
from coordinator.fleet import Fleet
from coordinator.model import NEVER, Hub
from coordinator.names import are_names
from coordinator.times import Timestamp
from gateway.admin import audit
from gateway.admin.hubs import find as find_hub
from gateway.admin.users import MAX_PASSWORD
from gateway.errors import Refused
from gateway.wire.auth import admin_password_hash, is_same, secure_password
from gateway.wire.codes import ErrorCode

EMPTY = admin_password_hash("")  # what an empty password looks like
FLEET_NAMES = ("", "administrator")  # JSON clients call the fleet's administrators so


@dataclass(frozen=True, slots=True)
class Caller:
    """An administrator who is in."""

    hub: str = ""
    """The one he administers, as it is spelt; empty: the whole fleet."""
    hub_created: Timestamp = NEVER
    """When that hub was made: one made anew under its name is not his."""
    address: str = ""
    """Where he came from, `192.0.2.1:50000`."""
    has_empty_password: bool = False
    secret: bytes | None = field(default=None, repr=False)
    """The hash of the password he came in with, empty if none was set; None: he needed none. With
    another one in its place he is out."""

    @property
    def is_fleet_admin(self) -> bool:
        return not self.hub

    @property
    def name(self) -> str:
        """Return whom logs name."""
        return f"administrator of {self.hub}" if self.hub else "administrator"


def by_proof(
    fleet: Fleet, hub: str | None, proof: bytes, random: bytes, address: str, *, is_local: bool
) -> Caller:
    """Return who proves to be administrator of the fleet (no `hub`) or of a hub.

    `random` is what his proof answers, `is_local` says that he sits at this machine. Raises Refused
    with the codes tools expect: 8 no such hub, 12 wrong, 51 no password yet and not local.
    """
    found, secret = _secret(fleet, hub)
    is_empty = secret is None or is_same(secret, EMPTY)
    if not is_same(secure_password(secret or EMPTY, random), proof):
        raise Refused(ErrorCode.ACCESS_DENIED, "wrong administrator password", "admin-password")
    if is_empty and not is_local:
        raise Refused(
            ErrorCode.EMPTY_PASSWORD_LOCAL_ONLY,
            "no administrator password is set; set one at a gateway: etherfleet admin password",
            "admin-no-password",
        )
    return _caller(found, address, secret, has_empty_password=is_empty)


def by_password(fleet: Fleet, hub: str, password: str, address: str) -> Caller:
    """Return who knows the password of the fleet (`hub` empty or `administrator`) or of a hub.

    Where no password is set nobody does. Raises Refused, alike in all cases.
    """
    refused = Refused(ErrorCode.ACCESS_DENIED, "wrong administrator password", "admin-password")
    given = admin_password_hash(password)
    try:
        found, secret = _secret(fleet, None if hub.lower() in FLEET_NAMES else hub)
    except Refused:
        raise refused from None
    if not is_same(secret or EMPTY, given) or is_same(given, EMPTY):
        raise refused
    return _caller(found, address, secret)


def check_standing(fleet: Fleet, caller: Caller) -> None:
    """Refuse a caller whose password is another by now, or whose hub is: his connection may stand
    for long. Raises Refused, NotFound: his hub is gone."""
    if not caller.is_fleet_admin:
        found = find_hub(fleet, caller.hub)
        if found.created != caller.hub_created:
            raise _not_any_more(f"hub {caller.hub} is another one now")
    if caller.secret is None:
        return
    of_fleet, administration = caller.is_fleet_admin, fleet.administration
    secret = administration.fleet_secret() if of_fleet else administration.of_hub(caller.hub).secret
    if not is_same(secret or b"", caller.secret):
        raise _not_any_more(f"the password of the {caller.name} is another one now")


def _not_any_more(text: str) -> Refused:
    return Refused(ErrorCode.NOT_ENOUGH_RIGHTS, text, "admin-refused")


def set_fleet_password(fleet: Fleet, password: str, now: Timestamp) -> None:
    """Set the password of the fleet's administrators. Raises InvalidValue."""
    set_fleet_hash(fleet, admin_password_hash(check_admin_password(password)), now)


def set_fleet_hash(fleet: Fleet, hashed: bytes, now: Timestamp) -> None:
    """Set the same by its hash. Raises InvalidValue."""
    fleet.administration.set_fleet_secret(hashed, now)
    audit.record(fleet, "admin password", after={"password": hashed})


def set_hub(
    fleet: Fleet,
    hub: str,
    now: Timestamp,
    *,
    secret: bytes | None = None,
    options: Mapping[str, int] | None = None,
) -> None:
    """Change how a hub is administered; None leaves a thing as it is. Raises NotFound."""
    was = fleet.administration.of_hub(hub)
    fleet.administration.set_hub(hub, now, secret=secret, options=options)
    made = fleet.administration.of_hub(hub)
    audit.record(fleet, "hub administration", hub=hub, before=was, after=made)


def check_admin_password(password: str) -> str:
    """Return `password` if an administrator may have it. Raises InvalidValue that does not quote
    it."""
    size = len(password.encode("utf-8", "replace"))
    if not password:
        raise InvalidValue("the password is empty: then only whoever sits at a gateway gets in")
    if size > MAX_PASSWORD:
        raise InvalidValue(f"the password has {size} bytes, {MAX_PASSWORD} allowed")
    if not password.isprintable():
        raise InvalidValue("the password holds a character that nobody can type, a control one")
    return password


def _caller(
    hub: Hub | None, address: str, secret: bytes | None, *, has_empty_password: bool = False
) -> Caller:
    name, created = (hub.name, hub.created) if hub is not None else ("", NEVER)
    return Caller(name, created, address, has_empty_password, secret or b"")


def _secret(fleet: Fleet, hub: str | None) -> tuple[Hub | None, bytes | None]:
    """Return the hub, None for the fleet, and the password's hash."""
    if hub is None:
        return None, fleet.administration.fleet_secret()
    found = fleet.directory.hub(hub) if are_names(hub) else None
    if found is None:
        raise Refused(ErrorCode.HUB_NOT_FOUND, f"no hub {hub!r}", "unknown-hub")
    return found, fleet.administration.of_hub(found.name).secret
