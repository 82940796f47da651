"""Users of a hub, as an operator sees and changes them. Passwords come in and never go out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypedDict, Unpack

from coordinator.errors import InvalidValue, NotFound
from coordinator.fleet import Fleet
from coordinator.model import AuthKind, Totals, User
from coordinator.records import totals_from_fields
from coordinator.times import Timestamp
from gateway.admin import audit
from gateway.admin.agreement import until_agreed
from gateway.admin.hubs import find as find_hub
from gateway.admin.policies import merge
from gateway.admin.trust import check_user_certificate, digest_of
from gateway.wire.auth import user_password_hash

MAX_PASSWORD = 255  # bytes; stock clients hold no longer one
BATCH = 500  # users whose totals are read in one round trip


class SignedBy(NamedTuple):
    """What a certificate must have besides the signature; what is empty does not matter, and None
    is what the user has now."""

    common_name: str | None = None
    serial: bytes | None = None


class UserChanges(TypedDict, total=False):
    """What of an account may be changed; what is absent stays."""

    real_name: str
    note: str
    expires: Timestamp | None
    """None: never."""
    policy: Mapping[str, int | None]
    """By wire name; None takes one back to its default. Others stay."""
    group: str
    """Empty: none."""
    password: str | None
    """None: whoever knows the name may log in. Excludes the next two."""
    certificate: bytes
    """In DER: logs in by this one."""
    signed: SignedBy
    """Logs in by one that an authority of the hub signed."""


@dataclass(frozen=True, slots=True)
class UserReport:
    """An account with its sessions of now and what it has carried."""

    user: User
    sessions: tuple[str, ...]
    totals: Totals


def add(
    fleet: Fleet,
    hub: str,
    name: str,
    now: Timestamp,
    **settings: Unpack[UserChanges],
) -> User:
    """Make an account; without a password whoever knows its name may log in.

    Raises NotFound (the hub, the group), AlreadyExists, InvalidValue.
    """
    blank = User(find_hub(fleet, hub).name, name, AuthKind.ANONYMOUS)
    return store_new(fleet, _changed(blank, settings), now)


def store_new(fleet: Fleet, user: User, now: Timestamp, *, most: int = 0) -> User:
    """Store an account that is whole already; its hub may have `most` then, 0: any number.

    Raises as `add`, and TooMany.
    """
    made = fleet.directory.create_user(user, now, most=most)
    audit.record(fleet, "user add", hub=made.hub, about=made.name, after=_told(made))
    return made


def find(fleet: Fleet, hub: str, name: str) -> User:
    """Return an account by name in any case. Raises NotFound: the hub or the user."""
    user = fleet.directory.user(hub, name)
    if user is None:
        find_hub(fleet, hub)
        raise NotFound("user", name)
    return user


def report(fleet: Fleet, hub: str, name: str) -> UserReport:
    """Return one account with its numbers. Raises NotFound."""
    user = find(fleet, hub, name)
    sessions = tuple(record.name for record in fleet.sessions.of_user(user.hub, user.name))
    return UserReport(user, sessions, fleet.traffic.user(user.hub, user.name))


def reports(fleet: Fleet, hub: str) -> Sequence[UserReport]:
    """Return every account of a hub with its numbers, by name. Raises NotFound."""
    users = fleet.directory.users(find_hub(fleet, hub).name)
    totals = _totals(fleet, users)
    sessions = _sessions(fleet, users)
    return [UserReport(*row) for row in zip(users, sessions, totals, strict=True)]


def change(
    fleet: Fleet, hub: str, name: str, now: Timestamp, **changes: Unpack[UserChanges]
) -> User:
    """Change an account and return it as it is now; its sessions follow within seconds.

    Raises NotFound, InvalidValue, Conflict.
    """
    return replace_by(fleet, hub, name, lambda found: _changed(found, changes), now)


def replace_by(
    fleet: Fleet, hub: str, name: str, make: Callable[[User], User], now: Timestamp
) -> User:
    """Change an account as `make` does; it may be asked again. Raises as `change`."""

    def attempt() -> tuple[User, User]:
        was = find(fleet, hub, name)
        return was, fleet.directory.set_user(make(was), now)

    was, made = until_agreed(attempt)
    before, after = _told(was), _told(made)
    audit.record(fleet, "user set", hub=made.hub, about=made.name, before=before, after=after)
    return made


def delete(fleet: Fleet, hub: str, name: str) -> int:
    """Delete an account, end its sessions and return how many. Raises NotFound."""
    user = find(fleet, hub, name)
    ended = fleet.directory.delete_user(user.hub, user.name)
    audit.record(fleet, "user delete", hub=user.hub, about=user.name, before=_told(user))
    return ended


def check_password(password: str, name: str) -> str:
    """Return `password` if a user may have it. Raises InvalidValue that does not quote it."""
    size = len(password.encode("utf-8", "replace"))
    if not password:
        raise InvalidValue("the password is empty; for a user without one say so (anonymous)")
    if size > MAX_PASSWORD:
        raise InvalidValue(f"the password has {size} bytes, {MAX_PASSWORD} allowed")
    if not password.isprintable():
        raise InvalidValue("the password holds a character that nobody can type, a control one")
    if password.casefold() == name.casefold():
        raise InvalidValue("the password is the user's name: choose another")
    return password


def _changed(user: User, changes: UserChanges) -> User:
    """Return `user` with `changes` made."""
    return replace(
        _proving(user, changes),
        real_name=changes.get("real_name", user.real_name),
        note=changes.get("note", user.note),
        expires=changes.get("expires", user.expires),
        policy=merge(user.policy, changes.get("policy", {})),
        group=changes.get("group", user.group),
    )


def _proving(user: User, changes: UserChanges) -> User:
    """Return `user` with another proof, if one is named, and nothing of the former."""
    blank = replace(user, secret=None, certificate=b"", common_name="", serial=b"")
    if "password" in changes:
        password = changes["password"]
        if password is None:
            return replace(blank, auth=AuthKind.ANONYMOUS)
        return replace(blank, auth=AuthKind.PASSWORD, secret=_hash(password, user.name))
    if "certificate" in changes:
        der = check_user_certificate(changes["certificate"]).der
        return replace(blank, auth=AuthKind.CERTIFICATE, certificate=der)
    if "signed" in changes:
        name, serial = changes["signed"]
        return replace(
            blank,
            auth=AuthKind.SIGNED,
            common_name=user.common_name if name is None else name.strip(),
            serial=user.serial if serial is None else serial,
        )
    return user


def _told(user: User) -> object:
    """Return an account as the audit tells it: a certificate by its digest, which is no secret."""
    if not user.is_certified:
        return user
    digest = f"sha256={digest_of(user.certificate)}" if user.certificate else ""
    return {
        **audit.settings_of(user),
        "certificate": digest,
        "serial": user.serial.hex(),
    }


def _hash(password: str, name: str) -> bytes:
    return user_password_hash(check_password(password, name), name)


def _totals(fleet: Fleet, users: Sequence[User]) -> Iterator[Totals]:
    """Read the totals of many users with few round trips."""
    keys = [fleet.store.keys.user_traffic(user.hub, user.name) for user in users]
    for start in range(0, len(keys), BATCH):
        for fields in fleet.store.fields_of(keys[start : start + BATCH]):
            yield totals_from_fields(fields)


def _sessions(fleet: Fleet, users: Sequence[User]) -> Iterator[tuple[str, ...]]:
    """Read the names of many users' sessions with few round trips."""
    keys = [fleet.store.keys.user_sessions(user.hub, user.name) for user in users]
    for start in range(0, len(keys), BATCH):
        for fields in fleet.store.fields_of(keys[start : start + BATCH]):
            yield tuple(sorted(fields))
