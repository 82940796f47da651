"""Who may administer: proofs, passwords and tokens checked, passwords set.

Source: admin protocol 2.2, 5.1; names and tokens are ours.

A wrong password costs as many questions to the store for a name that is somebody's as for one that
is nobody's, so the time it takes tells nothing: what a hub or a name is, is asked once its password
was right. Tools are told that there is no such hub (8), as by the reference, JSON clients are not.

Before the fleet has a password, whoever sits at a gateway may administer it without one, and nobody
else: the reference lets anybody in. The same holds for a hub.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from coordinator.administrators import Administrator
from coordinator.errors import InvalidValue, NotFound
from coordinator.fleet import Fleet
from coordinator.model import NEVER, Hub, Role
from coordinator.names import are_names, fold
from coordinator.times import Timestamp
from gateway.admin import audit
from gateway.admin.users import MAX_PASSWORD
from gateway.errors import Refused
from gateway.wire.auth import admin_password_hash, is_same, secure_password
from gateway.wire.codes import ErrorCode

EMPTY = admin_password_hash("")  # what an empty password looks like
FLEET_NAMES = ("", "administrator")  # JSON clients call the fleet's administrators so
TOKEN_PREFIX = "eft_"


AT = "@"  # before a name it says that no hub is meant: none may be called so


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
    account: str = ""
    """His own name, or a token's; empty: whoever knows the fleet's or the hub's password."""
    credential: str = ""
    """Of his account, when he got in."""
    is_read_only: bool = False
    via: str = "rpc"
    """The protocol, as the audit calls it: `rpc` or `json-rpc`."""

    @property
    def is_fleet_admin(self) -> bool:
        """Say whether the whole fleet is his to see; `is_read_only` says what he may change."""
        return not self.hub

    @property
    def name(self) -> str:
        """Return whom logs name."""
        return self.account or (f"administrator of {self.hub}" if self.hub else "administrator")

    @property
    def role(self) -> str:
        """Return what he may do, as the audit shows it."""
        usual = Role.HUB_ADMIN if self.hub else Role.FLEET_ADMIN
        role = Role.READ_ONLY if self.is_read_only else usual
        return f"{role} of {self.hub}" if self.hub else role.value


def by_proof(
    fleet: Fleet,
    hub: str | None,
    proof: bytes,
    random: bytes,
    address: str,
    *,
    is_local: bool,
    now: Timestamp,
) -> Caller:
    """Return who proves to be administrator of the fleet (no `hub`), of a hub, or of a name
    (`@alice` for the hub).

    `random` is what his proof answers, `is_local` says that he sits at this machine. Raises Refused
    with the codes tools expect: 8 no such hub, 12 wrong, 51 no password yet and not local.
    """
    if hub is not None and hub.startswith(AT):
        named = _named(fleet, hub)
        secret = named.secret if named is not None else None
        is_right = is_same(secure_password(secret or EMPTY, random), proof)
        if named is None or secret is None or not is_right or not _is_good(fleet, named, now):
            raise _wrong()
        return _of_name(named, address, "rpc")
    found, secret = _secret(fleet, hub)
    is_empty = secret is None or is_same(secret, EMPTY)
    if not is_same(secure_password(secret or EMPTY, random), proof):
        raise _wrong()
    if is_empty and not is_local:
        raise Refused(
            ErrorCode.EMPTY_PASSWORD_LOCAL_ONLY,
            "no administrator password is set; set one at a gateway: etherfleet admin password",
            "admin-no-password",
        )
    return _caller(found, address, secret, "rpc", has_empty_password=is_empty)


def by_password(fleet: Fleet, name: str, password: str, address: str, *, now: Timestamp) -> Caller:
    """Return whose password or token it is: the fleet's (`name` empty or `administrator`), of a
    named administrator (his name, also as `@alice`), of a hub (its name), or a token's.

    Where no password is set nobody knows it. Raises Refused, alike in all cases.
    """
    if password.startswith(TOKEN_PREFIX):
        return by_token(fleet, password, address, now=now, name=name)
    given = admin_password_hash(password)
    named = _named(fleet, name)
    hub = "" if name.lower() in FLEET_NAMES else name
    asked = [fold(hub)] if not hub or are_names(hub) else []
    secret = next(iter(fleet.administration.secrets_of(asked)), None)
    is_own = is_same((named.secret if named is not None else None) or EMPTY, given)
    is_hubs = is_same(secret or EMPTY, given)
    if is_same(given, EMPTY) or not (is_own or is_hubs):
        raise _wrong()
    if named is not None and is_own and not named.is_token and _is_good(fleet, named, now):
        return _of_name(named, address, "json-rpc")
    found = fleet.directory.hub(hub) if hub else None
    if not is_hubs or (hub and found is None):
        raise _wrong()
    return _caller(found, address, secret, "json-rpc")


def by_token(fleet: Fleet, token: str, address: str, *, now: Timestamp, name: str = "") -> Caller:
    """Return whose token it is; a `name` given beside it must be its own, or say what it is for.

    Raises Refused, alike in all cases.
    """
    found = fleet.administrators.by_token_hash(token_hash(token))
    if found is None or not _is_good(fleet, found, now):
        raise _wrong()
    whom = name.removeprefix(AT).lower()
    if whom not in (found.name, "", fold(found.hub) or FLEET_NAMES[1]):
        raise _wrong()
    return _of_name(found, address, "json-rpc")


def check_standing(fleet: Fleet, caller: Caller, now: Timestamp) -> None:
    """Refuse a caller who is out by now: his connection may stand for long. Raises Refused,
    NotFound: his hub is gone."""
    (why,) = why_out(fleet, [caller], now)
    if why is not None:
        raise why


def why_out(
    fleet: Fleet, callers: Sequence[Caller], now: Timestamp
) -> list[Refused | NotFound | None]:
    """Return of each caller why he is out: his password is another by now, or his hub is, or his
    name is gone; None, and he is in still. Raises StoreError.

    Asks at most three questions, however many they are.
    """
    names = _each_once(caller.account for caller in callers)
    hubs = _each_once(fold(caller.hub) for caller in callers)
    guarded = list(dict.fromkeys(fold(c.hub) for c in callers if c.secret is not None))
    named = dict(zip(names, fleet.administrators.named(names) if names else (), strict=True))
    found = dict(zip(hubs, fleet.directory.hubs_named(hubs) if hubs else (), strict=True))
    secrets = fleet.administration.secrets_of(guarded) if guarded else ()
    secret_of = dict(zip(guarded, secrets, strict=True))

    def why(caller: Caller) -> Refused | NotFound | None:
        hub = found.get(fold(caller.hub))
        if caller.account and not _holds(named[caller.account], caller.credential, now):
            return _not_any_more(f"{caller.name} is no administrator any more")
        if caller.hub and hub is None:
            return NotFound("hub", caller.hub)
        if hub is not None and hub.created != caller.hub_created:
            return _not_any_more(f"hub {caller.hub} is another one now")
        if caller.secret is None or is_same(secret_of[fold(caller.hub)] or b"", caller.secret):
            return None
        return _not_any_more(f"the password of the {caller.name} is another one now")

    return [why(caller) for caller in callers]


def _each_once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, names)))


def _not_any_more(text: str) -> Refused:
    return Refused(ErrorCode.NOT_ENOUGH_RIGHTS, text, "admin-refused")


def _holds(found: Administrator | None, credential: str, now: Timestamp) -> bool:
    return found is not None and found.credential == credential and not found.is_expired(now)


def _named(fleet: Fleet, name: str) -> Administrator | None:
    """Return whom a name, as somebody typed it, means; None for nobody."""
    return fleet.administrators.find(name.removeprefix(AT).lower())


def _is_good(fleet: Fleet, found: Administrator, now: Timestamp) -> bool:
    """Say whether he is in still, as is the hub he is for."""
    if found.is_expired(now):
        return False
    hub = fleet.directory.hub(found.hub) if found.hub else None
    return not found.hub or (hub is not None and hub.created == found.hub_created)


def _of_name(found: Administrator, address: str, via: str) -> Caller:
    return Caller(
        hub=found.hub,
        hub_created=found.hub_created,
        address=address,
        account=found.name,
        credential=found.credential,
        is_read_only=found.role is Role.READ_ONLY,
        via=via,
    )


def token_hash(token: str) -> str:
    """Return what a token is found by."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _wrong() -> Refused:
    """Return the one answer to whatever is wrong: it does not say which part."""
    return Refused(
        ErrorCode.ACCESS_DENIED, "wrong administrator name or password", "admin-password"
    )


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
    hub: Hub | None,
    address: str,
    secret: bytes | None,
    via: str,
    *,
    has_empty_password: bool = False,
) -> Caller:
    name, created = (hub.name, hub.created) if hub is not None else ("", NEVER)
    return Caller(name, created, address, has_empty_password, secret or b"", via=via)


def _secret(fleet: Fleet, hub: str | None) -> tuple[Hub | None, bytes | None]:
    """Return the hub, None for the fleet, and the password's hash."""
    if hub is None:
        return None, fleet.administration.fleet_secret()
    found = fleet.directory.hub(hub) if are_names(hub) else None
    if found is None:
        raise Refused(ErrorCode.HUB_NOT_FOUND, f"no hub {hub!r}", "unknown-hub")
    return found, fleet.administration.of_hub(found.name).secret
