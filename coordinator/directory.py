"""The directory: hubs, users and groups as configured. Each change raises the directory's version.

A change is a read value, changed with `dataclasses.replace`, and written back. If somebody else
wrote in between, that is a Conflict and nothing happened.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from coordinator.entries import check_group, check_hub, check_user
from coordinator.errors import AlreadyExists, Conflict, InvalidValue, NotFound, TooMany
from coordinator.groups import MAX_GROUPS, Group, policy_of
from coordinator.model import AuthKind, Hub, User
from coordinator.names import are_names, fold
from coordinator.records import (
    flat,
    group_from_fields,
    group_to_fields,
    hub_from_fields,
    hub_to_fields,
    unflat,
    user_from_fields,
    user_to_fields,
)
from coordinator.seal import Sealer, context_of
from coordinator.sources import SourceList
from coordinator.store import Answer, Store
from coordinator.times import Timestamp
from coordinator.trust import NO_TRUST, Trust

BATCH = 500  # users and sessions removed by one step, records read in one round trip

_OPTIONAL_OF_USER = ("secret", "expires", "group", "certificate", "common_name", "serial")
_NOBODY = {"hub": "", "name": "", "auth": AuthKind.PASSWORD.value}


class Lookup(NamedTuple):
    """What a login needs to know."""

    hub: Hub | None
    user: User | None
    state: str
    """A word for the directory as it was then, for `Sessions.open`: any change makes it another.
    Empty: such names cannot be."""
    sources: SourceList | None = None
    """The hub's source rules, if there are any and `Lookups` has read them; so it has the group's
    policy as the user's."""
    trust: Trust = NO_TRUST
    """Whose certificates the hub believes; read by `Lookups` where the user needs one."""


class Directory:
    """Hubs, users and groups of a fleet. Raises StoreUnavailable from every method."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store = store
        self._keys = store.keys
        self._sealer = sealer

    def version(self) -> int:
        """Return a number that every change raises."""
        return int(self._store.text(self._keys.directory_version()) or 0)

    def create_hub(
        self,
        hub: Hub,
        now: Timestamp,
        *,
        administration: Mapping[str, str | int] | None = None,
        most: int = 0,
    ) -> Hub:
        """Store a new hub and return it as stored; with it, in the same step, how it is
        administered (`Administration.fields_of`). `most` hubs may be there then, 0: any number.

        Raises AlreadyExists, TooMany, InvalidValue.
        """
        made = check_hub(replace(hub, created=now, changed=now))
        keys = [self._keys.hub(hub.name), self._keys.hubs(), self._keys.directory_version()]
        words = flat(administration or {})
        if words:
            keys.append(self._keys.hub_administration(hub.name))
        args = [fold(hub.name), most, len(words), *words, *flat(hub_to_fields(made))]
        answer = self._store.step("directory_create", keys, args)
        if answer[0] == "exists":
            raise AlreadyExists("hub", hub.name)
        if answer[0] == "full":
            raise TooMany("hub", most)
        return replace(made, version=_number(answer[1]))

    def hub(self, name: str) -> Hub | None:
        """Return a hub by name in any case; None if there is none."""
        if not are_names(name):
            return None
        fields = self._store.fields(self._keys.hub(name))
        return hub_from_fields(fields) if fields else None

    def hubs(self) -> list[Hub]:
        """Return all hubs by name."""
        names = self._store.members(self._keys.hubs())
        found = self._fields_of([self._keys.hub(name) for name in names])
        return [hub_from_fields(fields) for fields in found if fields]

    def set_hub(self, hub: Hub, now: Timestamp) -> Hub:
        """Replace a hub's settings; the kind stays what it was made as.

        `hub.version` is the version it was read with. Raises NotFound, Conflict, InvalidValue.
        """
        stored = self.hub(hub.name)
        if stored is None:
            raise NotFound("hub", hub.name)
        if stored.kind is not hub.kind:
            raise InvalidValue(f"hub {hub.name!r} is {stored.kind.value}: that cannot be changed")
        made = check_hub(replace(hub, created=stored.created, changed=now))
        keys = (self._keys.hub(hub.name), self._keys.directory_version())
        args = [hub.version, 0, *flat(hub_to_fields(made))]
        return replace(made, version=_written(self._store.step("directory_set", keys, args), made))

    def delete_hub(self, name: str) -> int:
        """Delete a hub with its users, counters and sessions; return how many of the last.

        The nodes that carry them are ordered to drop them. A large hub goes in several steps; it
        admits nobody from the first on, and if we are interrupted, deleting it again finishes.
        Raises NotFound.
        """
        keys = self._keys
        touched = (
            keys.hub(name),
            keys.hubs(),
            keys.users(name),
            keys.sessions(name),
            keys.session_number(name),
            keys.hub_traffic(name),
            keys.directory_version(),
        )
        return self._delete("hub", name, "hub_delete", touched, [fold(name)])

    def create_user(self, user: User, now: Timestamp, *, most: int = 0) -> User:
        """Store a new user and return it as stored. The hub may have `most` then; 0: any number.

        Raises AlreadyExists, NotFound (of the hub or the group), TooMany, InvalidValue.
        """
        made = check_user(replace(user, created=now, changed=now))
        keys = (
            self._keys.user(user.hub, user.name),
            self._keys.users(user.hub),
            self._keys.directory_version(),
            self._keys.hub(user.hub),
            *self._group_key(user),
        )
        fields = flat(user_to_fields(made, self._seal(made)))
        answer = self._store.step("directory_create", keys, [fold(user.name), most, 0, *fields])
        return replace(made, version=_created(answer, made, most))

    def user(self, hub: str, name: str) -> User | None:
        """Return a user by name in any case; None if there is none. Raises SealBroken."""
        if not are_names(hub, name):
            return None
        key = self._keys.user(hub, name)
        return self._open(key, self._store.fields(key))

    def users(self, hub: str) -> list[User]:
        """Return all users of a hub by name, none for a hub that is not. Raises SealBroken."""
        names = self._store.members(self._keys.users(hub))
        keys = [self._keys.user(hub, name) for name in names]
        found = zip(keys, self._fields_of(keys), strict=True)
        return [user for key, fields in found if (user := self._open(key, fields))]

    def find(self, hub: str, user: str) -> Lookup:
        """Return what a login needs to know, in one round trip; names may be anything.

        Raises SealBroken.
        """
        if not are_names(hub, user):
            return Lookup(self.hub(hub), None, "")
        keys = self._keys
        touched = (keys.meta(), keys.directory_version(), keys.hub(hub), keys.user(hub, user))
        _, state, hub_items, user_items = self._store.step("directory_find", touched, [])
        hub_fields, user_fields = _fields(hub_items), _fields(user_items)
        found = hub_from_fields(hub_fields) if hub_fields else None
        return Lookup(found, self._open(touched[3], user_fields), str(state))

    def set_user(self, user: User, now: Timestamp) -> User:
        """Replace an account; `user.version` is the version it was read with.

        Raises NotFound (of the user or the group), Conflict, InvalidValue.
        """
        made = check_user(replace(user, changed=now))
        keys = (
            self._keys.user(user.hub, user.name),
            self._keys.directory_version(),
            self._keys.hub(user.hub),
            *self._group_key(user),
        )
        fields = user_to_fields(made, self._seal(made))
        args = [user.version, len(_OPTIONAL_OF_USER), *_OPTIONAL_OF_USER, *flat(fields)]
        return replace(made, version=_written(self._store.step("directory_set", keys, args), made))

    def delete_user(self, hub: str, name: str) -> int:
        """Delete an account, end its sessions and return how many. Raises NotFound."""
        keys = self._keys
        touched = (
            keys.user(hub, name),
            keys.users(hub),
            keys.user_sessions(hub, name),
            keys.user_traffic(hub, name),
            keys.directory_version(),
            keys.hub(hub),
        )
        return self._delete("user", name, "user_delete", touched, [fold(hub), fold(name)])

    def create_group(self, group: Group, now: Timestamp, *, most: int = 0) -> Group:
        """Store a new group and return it as stored. The hub may have `most` then; 0: as many as
        ever.

        Raises AlreadyExists, NotFound (of the hub), TooMany, InvalidValue.
        """
        made = check_group(replace(group, created=now, changed=now))
        keys = (
            self._keys.group(group.hub, group.name),
            self._keys.groups(group.hub),
            self._keys.directory_version(),
            self._keys.hub(group.hub),
        )
        allowed = min(most or MAX_GROUPS, MAX_GROUPS)
        args = [fold(group.name), allowed, 0, *flat(group_to_fields(made))]
        answer = self._store.step("directory_create", keys, args)
        return replace(made, version=_created(answer, made, allowed))

    def group(self, hub: str, name: str) -> Group | None:
        """Return a group by name in any case; None if there is none."""
        if not are_names(hub, name):
            return None
        fields = self._store.fields(self._keys.group(hub, name))
        return group_from_fields(fields) if fields else None

    def groups(self, hub: str) -> list[Group]:
        """Return all groups of a hub by name, none for a hub that is not."""
        names = self._store.members(self._keys.groups(hub))
        found = self._fields_of([self._keys.group(hub, name) for name in names])
        return [group_from_fields(fields) for fields in found if fields]

    def set_group(self, group: Group, now: Timestamp) -> Group:
        """Replace a group's settings; `group.version` is the version it was read with.

        Raises NotFound, Conflict, InvalidValue.
        """
        made = check_group(replace(group, changed=now))
        keys = (
            self._keys.group(group.hub, group.name),
            self._keys.directory_version(),
            self._keys.hub(group.hub),
        )
        args = [group.version, 0, *flat(group_to_fields(made))]
        return replace(made, version=_written(self._store.step("directory_set", keys, args), made))

    def delete_group(self, hub: str, name: str) -> int:
        """Delete a group and return how many members it had: they are in none now.

        Raises NotFound.
        """
        keys = self._keys
        touched = (
            keys.group(hub, name),
            keys.groups(hub),
            keys.users(hub),
            keys.hub(hub),
            keys.directory_version(),
        )
        args = [keys.prefix, fold(hub), fold(name)]
        answer = self._store.step("group_delete", touched, args)
        if answer[0] == "no-group":
            raise NotFound("group", name)
        return _number(answer[1])

    def policy_of(self, user: User) -> Mapping[str, int]:
        """Return the policy a user is under: his own, else his group's."""
        needed = user.group and not user.policy
        return policy_of(user, self.group(user.hub, user.group) if needed else None)

    def accounts(self, hub: str, names: Sequence[str]) -> list[User | None]:
        """Return users without their secrets, in order; None for those that are not."""
        keys = [self._keys.user(hub, name) for name in names]
        return [user_from_fields(f, None) if f else None for f in self._fields_of(keys)]

    def groups_named(self, hub: str, names: Sequence[str]) -> list[Group | None]:
        """Return groups in order; None for those that are not."""
        keys = [self._keys.group(hub, name) for name in names]
        return [group_from_fields(f) if f else None for f in self._store.fields_of(keys)]

    def hubs_named(self, names: Sequence[str]) -> list[Hub | None]:
        """Return hubs in one round trip, in order; None for those that are not."""
        found = self._store.fields_of([self._keys.hub(name) for name in names])
        return [hub_from_fields(fields) if fields else None for fields in found]

    def _fields_of(self, keys: Sequence[str]) -> Iterator[dict[str, str]]:
        """Read many records, a batch at a time: a gateway that lists ten thousand users has frames
        to forward meanwhile."""
        for start in range(0, len(keys), BATCH):
            yield from self._store.fields_of(keys[start : start + BATCH])

    def _delete(
        self, kind: str, name: str, step: str, keys: tuple[str, ...], args: list[str]
    ) -> int:
        ended = 0
        while True:
            answer = self._store.step(step, keys, [self._keys.prefix, *args, BATCH])
            if answer[0] == f"no-{kind}":
                raise NotFound(kind, name)
            ended += _number(answer[1])
            if answer[0] == "done":
                return ended

    def _group_key(self, user: User) -> tuple[str, ...]:
        return (self._keys.group(user.hub, user.group),) if user.group else ()

    def _seal(self, user: User) -> str | None:
        if user.secret is None:
            return None
        key = self._keys.user(user.hub, user.name)
        return self._sealer.seal(user.secret, context_of(key, "secret"))

    def _open(self, key: str, fields: dict[str, str]) -> User | None:
        secret = self._sealer.open_any(fields.get("secret"), context_of(key, "secret"))
        found = user_from_fields(fields or _NOBODY, secret)
        return found if fields else None  # only now: nobody takes as long as somebody


def _created(answer: Answer, record: User | Group, most: int) -> int:
    """Return the version a new record was written under."""
    kind = _kind(record)
    if answer[0] == "no-hub":
        raise NotFound("hub", record.hub)
    if answer[0] == "no-group":
        raise NotFound("group", _group_of(record))
    if answer[0] == "exists":
        raise AlreadyExists(kind, record.name)
    if answer[0] == "full":
        raise TooMany(kind, most)
    return _number(answer[1])


def _written(answer: Answer, record: Hub | User | Group) -> int:
    """Return the version a change was written under."""
    kind = _kind(record)
    if answer[0] == "gone":
        raise NotFound(kind, record.name)
    if answer[0] == "no-group":
        raise NotFound("group", _group_of(record))
    if answer[0] == "conflict":
        raise Conflict(
            f"{kind} {record.name!r} was changed meanwhile: "
            f"version {answer[1]} is there, {record.version} was read"
        )
    return _number(answer[1])


def _fields(items: object) -> dict[str, str]:
    """Return a hash as a step answers it."""
    assert isinstance(items, list), "a step answers a hash as names and values in turn"
    return unflat(items)


def _kind(record: Hub | User | Group) -> str:
    return type(record).__name__.lower()


def _group_of(record: Hub | User | Group) -> str:
    return record.group if isinstance(record, User) else record.name


def _number(item: object) -> int:
    return int(str(item))
