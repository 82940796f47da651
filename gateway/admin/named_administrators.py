"""Named administrators and tokens, as an operator makes and removes them.

A token is shown once, to whoever made it. What is changed here acts at every gateway at once, on
connections that stand as well.
"""

import os
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from coordinator.administrators import Administrator
from coordinator.errors import InvalidValue, NotFound
from coordinator.fleet import Fleet
from coordinator.model import NEVER, Role
from coordinator.times import Timestamp
from gateway.admin import audit
from gateway.admin.administrators import TOKEN_PREFIX, check_admin_password, token_hash
from gateway.admin.hubs import find as find_hub
from gateway.wire.auth import admin_password_hash

TOKEN_SIZE = 32  # random bytes


class State(StrEnum):
    """Whether somebody gets in."""

    ACTIVE = "active"
    EXPIRED = "expired"
    HUB_GONE = "hub-gone"
    """The hub it is for was deleted; one made anew under its name is another."""


@dataclass(frozen=True, slots=True)
class AdministratorReport:
    """A named administrator or a token, and whether it is good."""

    administrator: Administrator
    state: State


def add(
    fleet: Fleet,
    name: str,
    role: Role,
    now: Timestamp,
    *,
    password: str,
    hub: str = "",
    expires: Timestamp | None = None,
) -> Administrator:
    """Make a named administrator. Raises AlreadyExists, NotFound (the hub), InvalidValue."""
    if password.startswith(TOKEN_PREFIX):
        raise InvalidValue(f"the password begins with {TOKEN_PREFIX}, as only tokens do")
    secret = admin_password_hash(check_admin_password(password))
    return _add(fleet, name, role, hub, expires, now, secret=secret)


def add_token(
    fleet: Fleet,
    name: str,
    role: Role,
    now: Timestamp,
    *,
    hub: str = "",
    expires: Timestamp | None = None,
) -> tuple[Administrator, str]:
    """Make a token; return its record and the token itself, which is nowhere else.

    Raises AlreadyExists, NotFound (the hub), InvalidValue.
    """
    token = TOKEN_PREFIX + urlsafe_b64encode(os.urandom(TOKEN_SIZE)).decode().rstrip("=")
    secret, hashed = admin_password_hash(token), token_hash(token)
    return _add(fleet, name, role, hub, expires, now, secret=secret, hashed=hashed), token


def set_password(fleet: Fleet, name: str, password: str, now: Timestamp) -> None:
    """Give a named administrator another password; who is in by the one before is out.

    Raises NotFound, InvalidValue.
    """
    if password.startswith(TOKEN_PREFIX):
        raise InvalidValue(f"the password begins with {TOKEN_PREFIX}, as only tokens do")
    secret = admin_password_hash(check_admin_password(password))
    fleet.administrators.set_password(name, secret, _new_credential(), now)
    audit.record(fleet, "admin password", about=name, after={"password": secret})


def remove(fleet: Fleet, name: str, *, is_token: bool = False) -> Administrator:
    """Remove a named administrator, or revoke a token; return what it was. Raises NotFound."""
    was = find(fleet, name, is_token=is_token)
    fleet.administrators.remove(name, is_token=is_token)
    what = "token revoke" if is_token else "admin remove"
    audit.record(fleet, what, hub=was.hub, about=name, before=_settings(was))
    return was


def find(fleet: Fleet, name: str, *, is_token: bool = False) -> Administrator:
    """Return one without its secret. Raises NotFound, also for one of the other kind."""
    (found,) = fleet.administrators.named([name])
    if found is None or found.is_token is not is_token:
        raise NotFound("token" if is_token else "administrator", name)
    return found


def reports(fleet: Fleet, now: Timestamp, *, tokens: bool = False) -> Sequence[AdministratorReport]:
    """Return all named administrators, or all tokens, by name."""
    found = [one for one in fleet.administrators.all() if one.is_token is tokens]
    names = list(dict.fromkeys(one.hub for one in found if one.hub))
    hubs = dict(zip(names, fleet.directory.hubs_named(names), strict=True))
    created = {name: hub.created for name, hub in hubs.items() if hub is not None}
    return [AdministratorReport(one, _state(one, created.get(one.hub), now)) for one in found]


def _add(
    fleet: Fleet,
    name: str,
    role: Role,
    hub: str,
    expires: Timestamp | None,
    now: Timestamp,
    *,
    secret: bytes,
    hashed: str = "",
) -> Administrator:
    if role is Role.HUB_ADMIN and not hub:
        raise InvalidValue(f"a {role} is for one hub: say which")
    if role is Role.FLEET_ADMIN and hub:
        raise InvalidValue(f"a {role} is for the whole fleet: {Role.HUB_ADMIN} is for one hub")
    if expires is not None and expires <= now:
        raise InvalidValue(f"{expires} has passed")
    of = find_hub(fleet, hub) if hub else None
    wanted = Administrator(
        name=name,
        role=role,
        hub=of.name if of is not None else "",
        hub_created=of.created if of is not None else NEVER,
        secret=secret,
        token_hash=hashed,
        credential=_new_credential(),
        expires=expires,
    )
    made = fleet.administrators.add(wanted, now)
    what = "token add" if made.is_token else "admin add"
    audit.record(fleet, what, hub=made.hub, about=made.name, after=_settings(made))
    return made


def _settings(one: Administrator) -> dict[str, object]:
    return {"role": one.role.value, "expires": one.expires}


def _state(one: Administrator, hub_created: Timestamp | None, now: Timestamp) -> State:
    if one.hub and hub_created != one.hub_created:
        return State.HUB_GONE
    return State.EXPIRED if one.is_expired(now) else State.ACTIVE


def _new_credential() -> str:
    return os.urandom(8).hex()
