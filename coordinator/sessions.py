"""Sessions as the fleet knows them: opened under exact limits, adopted by whoever a client reaches.

The secret a client comes back with, the session key, is in the store only as a hash.

Two epochs fence a record. Its own grows each time another process takes the session over; that of
its hub says under which grant its node owns the hub. Whoever writes under a stale one learns so,
and nothing is written.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import fields

from coordinator.errors import (
    BadTicket,
    DirectoryChanged,
    HubOffline,
    Limit,
    NoRoom,
    NotFound,
    StaleEpoch,
)
from coordinator.model import NewSession, SessionRecord, SessionUpdate
from coordinator.names import fold, fold_upper
from coordinator.records import (
    flat,
    session_from_fields,
    session_to_fields,
    traffic_to_increments,
    unflat,
)
from coordinator.store import Answer, Call, Store
from coordinator.times import Timestamp

BATCH = 500  # records read or written in one round trip

_NEW_FIELDS = tuple(f.name for f in fields(NewSession))


def hash_session_key(session_key: bytes) -> str:
    """Return what the store knows a session key by: SHA-256 in hex."""
    return hashlib.sha256(session_key).hexdigest()


class Sessions:
    """The sessions of a fleet. Raises StoreUnavailable from every method."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys = store.keys

    def open(
        self,
        new: NewSession,
        session_key: bytes,
        now: Timestamp,
        ticket: bytes = b"",
        *,
        judged_by: str = "",
    ) -> SessionRecord:
        """Admit a session, name it `SID-<USER>-<n>` and record it, in one atomic step.

        `session_key` is fresh and random; repeating a call with it after StoreUnavailable is safe.
        The hub's `max_sessions` counts all its sessions, the policy `MultiLogins` those of the
        user from other machines; what a `ticket` admits was counted when it was issued, and the
        ticket is used up. `judged_by` is the state of the directory the login was judged by, if it
        may have changed. Raises NotFound (hub or user, gone since the caller looked), HubOffline,
        NoRoom, BadTicket, DirectoryChanged, StaleEpoch (`new.node` does not have the hub under
        `new.hub_epoch`).

        In a fleet that has bridges the answered record's hints are what was known to be behind
        sessions that the user had from the same machine and that nobody is at any more, and behind
        the one he has at another node, if it is one.
        """
        key_hash = hash_session_key(session_key)
        given = {name: getattr(new, name) for name in _NEW_FIELDS}
        given |= {"key_hash": key_hash, "epoch": 1, "created": now, "seen": now}
        written = session_to_fields(SessionRecord(**given))
        del written["name"]  # the step's to give
        keys = self._keys
        touched = (
            keys.hub(new.hub),
            keys.user(new.hub, new.user),
            keys.sessions(new.hub),
            keys.session_number(new.hub),
            keys.session_keys(),
            keys.user_sessions(new.hub, new.user),
            keys.node_sessions(new.node),
            keys.hub_traffic(new.hub),
            keys.user_traffic(new.hub, new.user),
            keys.meta(),
            keys.directory_version(),
        )
        args = [
            keys.prefix,
            fold(new.hub),
            f"SID-{fold_upper(new.user)}-",
            key_hash,
            new.unique_id.hex() if any(new.unique_id) else "-",
            new.policy.get("MultiLogins", 0),
            now,
            fold(new.user),
            new.node,
            new.inc,
            new.hub_epoch,
            hash_session_key(ticket) if ticket else "",
            judged_by,
            new.origin,
            *flat(written),
        ]
        answer = self._store.step("session_open", touched, args)
        raise_if_refused(answer, new.hub, new.user)
        _raise_if_stale(answer, new.hub, new.hub_epoch)
        if str(answer[0]).startswith("ticket-"):
            raise BadTicket(str(answer[0]))
        if answer[0] == "directory-changed":
            raise DirectoryChanged(f"hubs or users changed while {new.user!r} logged in")
        hints = tuple(dict.fromkeys(str(answer[2]).split())) if len(answer) > 2 else ()
        return SessionRecord(**given, name=str(answer[1]), macs=hints)

    def by_key(self, session_key: bytes) -> SessionRecord | None:
        """Return the session a client knows the key of; None if it has ended or never was."""
        place = self._store.field(self._keys.session_keys(), hash_session_key(session_key))
        if place is None:
            return None
        hub, _, name = place.partition(":")
        return self.get(hub, name)

    def get(self, hub: str, name: str) -> SessionRecord | None:
        """Return a session by name; None if there is none."""
        found = self._store.fields(self._keys.session(hub, name))
        return session_from_fields(found) if found else None

    def adopt(
        self,
        record: SessionRecord,
        node: str,
        now: Timestamp,
        *,
        inc: int = 0,
        hub_epoch: int = 0,
    ) -> SessionRecord | None:
        """Take a session over for `node`; return it under its new epoch.

        `inc` is the node's incarnation, `hub_epoch` that under which it has the hub, 0 of a static
        one. None if it ended meanwhile or its hub is offline: the client has to log in anew. Of
        two that adopt at once both are answered, and the later one has it. Raises StaleEpoch.
        """
        keys = self._keys
        touched = (
            keys.session(record.hub, record.name),
            keys.hub(record.hub),
            keys.node_sessions(node),
        )
        args: list[str | int] = [
            record.key_hash,
            node,
            keys.prefix,
            _place(record),
            now,
            fold(record.hub),
            inc,
            hub_epoch,
        ]
        answer = self._store.step("session_adopt", touched, args)
        _raise_if_stale(answer, record.hub, hub_epoch)
        return session_from_fields(unflat(answer[1:])) if answer[0] == "ok" else None

    def update(self, updates: Sequence[SessionUpdate], now: Timestamp) -> list[SessionRecord]:
        """Report on sessions this node carries; return those it must drop.

        They ended, or another process took them over, or has their hub, since. Raises
        StoreUnavailable: then some may be written, and repeating counts their traffic twice.
        """
        lost: list[SessionRecord] = []
        for start in range(0, len(updates), BATCH):
            batch = updates[start : start + BATCH]
            answers = self._store.steps("session_update", [self._report(u, now) for u in batch])
            lost += [u.record for u, a in zip(batch, answers, strict=True) if a[0] != "ok"]
        return lost

    def close(self, record: SessionRecord) -> bool:
        """Remove a session that ended; False if it was gone or is with another process now."""
        return self.sweep([record]) == [record]

    def sweep(self, records: Sequence[SessionRecord]) -> list[SessionRecord]:
        """Remove those sessions that nobody took over since they were read; return them.

        After a restart: read `of_node`, give clients time to come back, sweep what was read.
        """
        swept: list[SessionRecord] = []
        for start in range(0, len(records), BATCH):
            batch = records[start : start + BATCH]
            answers = self._store.steps("session_close", [self._ending(r) for r in batch])
            swept += [r for r, a in zip(batch, answers, strict=True) if a[0] == "ok"]
        return swept

    def kick(self, hub: str, name: str) -> None:
        """End a session whoever carries it: its key is void, its node is ordered to drop it.

        Raises NotFound.
        """
        keys = self._keys
        args = [keys.prefix, fold(hub), fold_upper(name)]
        if self._store.step("session_kick", [keys.session(hub, name)], args)[0] == "gone":
            raise NotFound("session", name)

    def count(self, hub: str) -> int:
        """Return how many sessions a hub has."""
        return self._store.size(self._keys.sessions(hub))

    def of_hub(
        self, hub: str, most: int | None = None, *, at_once: int = BATCH
    ) -> list[SessionRecord]:
        """Return a hub's sessions by name, `most` of them at most, read `at_once` at a time."""
        names = self._store.members(self._keys.sessions(hub))[:most]
        return self._read(((hub, name) for name in names), at_once)

    def of_user(self, hub: str, user: str) -> list[SessionRecord]:
        """Return a user's sessions by name."""
        names = self._store.fields(self._keys.user_sessions(hub, user))
        return self._read((hub, name) for name in sorted(names))

    def of_node(self, node: str, *, but: Iterable[SessionRecord] = ()) -> list[SessionRecord]:
        """Return the sessions a node carries, or carried when it stopped, `but` those."""
        known = {f"{fold(record.hub)}:{record.name}" for record in but}
        places = [p for p in self._store.members(self._keys.node_sessions(node)) if p not in known]
        return self._read((p[0], p[2]) for p in (place.partition(":") for place in places))

    def _read(self, names: Iterable[tuple[str, str]], at_once: int = BATCH) -> list[SessionRecord]:
        keys = [self._keys.session(hub, name) for hub, name in names]
        found: list[SessionRecord] = []
        for start in range(0, len(keys), at_once):
            batch = self._store.fields_of(keys[start : start + at_once])
            found += [session_from_fields(fields) for fields in batch if fields]
        return found

    def _report(self, update: SessionUpdate, now: Timestamp) -> Call:
        record = update.record
        added = traffic_to_increments(update.traffic)
        values = {"seen": str(now), "connections": str(update.connections)}
        if update.macs is not None:
            values["macs"] = " ".join(update.macs)
        if update.ips is not None:
            values["ips"] = " ".join(update.ips)
        what = [len(added), *flat(added), *flat(values)]
        args = [record.key_hash, record.epoch, self._keys.prefix, *_under(record), *what]
        return Call([self._keys.session(record.hub, record.name)], args)

    def _ending(self, record: SessionRecord) -> Call:
        key = self._keys.session(record.hub, record.name)
        hub, *under = _under(record)
        place = [self._keys.prefix, hub, record.name]
        return Call([key], [*place, record.key_hash, record.epoch, *under])


def _under(record: SessionRecord) -> list[str | int]:
    """Return what a write about a session is fenced by."""
    return [fold(record.hub), record.node, record.inc, record.hub_epoch]


def _place(record: SessionRecord) -> str:
    """Return what indexes call a session: `<hub>:<session>`."""
    return f"{fold(record.hub)}:{record.name}"


def raise_if_refused(answer: Answer, hub: str, user: str) -> None:
    """Raise what a step that admits sessions answered, unless it admits."""
    word = str(answer[0])
    if word == "no-hub":
        raise NotFound("hub", hub)
    if word == "no-user":
        raise NotFound("user", user)
    if word == "offline":
        raise HubOffline(hub)
    if word in (Limit.HUB_SESSIONS, Limit.USER_LOGINS):
        owner = hub if word == Limit.HUB_SESSIONS else user
        seen, allowed, may_change = answer[1:4]
        full = Limit(word), owner, int(str(seen)), int(str(allowed))
        raise NoRoom(*full, may_change=may_change == "1")


def _raise_if_stale(answer: Answer, hub: str, epoch: int) -> None:
    if answer[0] == "stale":
        raise StaleEpoch(hub, epoch, int(str(answer[1])))
