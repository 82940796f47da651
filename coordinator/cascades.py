"""The cascades of the hubs, as configured and as they run. Each change raises the directory's
version, so whoever runs one learns of it with its next renewal.

Whoever may run a cascade is whoever owns its hub. That holds for static hubs, too: one with an
online cascade has an owner like a dynamic one, for its cascades and for nothing else. So the same
lease, epoch and gate keep a cascade from running twice.

The set `cascading` names the hubs that have an online cascade; the steps below keep it exact. The
leader gives each an owner, and no owner gives one up as idle.
"""

from collections.abc import Sequence
from dataclasses import replace

from coordinator.cascade import (
    MOST_OF_A_HUB,
    Cascade,
    CascadeAuth,
    CascadeState,
    CascadeStatus,
    CascadeTrust,
    check_cascade,
)
from coordinator.errors import AlreadyExists, Conflict, InvalidValue, NotFound
from coordinator.model import NEVER
from coordinator.names import are_cascade_names, fold
from coordinator.records import (
    Fields,
    flat,
    policy_from_fields,
    policy_to_fields,
    traffic_from_fields,
    traffic_to_increments,
)
from coordinator.seal import Sealer, context_of
from coordinator.store import Answer, Call, Store
from coordinator.times import Timestamp

_OPTIONAL = ("secret", "certificate", "pin", "server_certificate", "authorities")


class Cascades:
    """The cascades of a fleet. Raises StoreUnavailable from every method."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store = store
        self._keys = store.keys
        self._sealer = sealer

    def create(self, cascade: Cascade, now: Timestamp) -> Cascade:
        """Store a new cascade and return it as stored.

        Raises AlreadyExists, NotFound (of the hub), InvalidValue (also: the hub has too many).
        """
        made = replace(cascade, created=now, changed=now)
        check_cascade(made)
        keys = (
            *self._shared_keys(cascade.hub),
            self._keys.hub(cascade.hub),
            self._keys.cascade(cascade.hub, cascade.name),
        )
        args: list[str | int] = [self._keys.prefix, fold(cascade.hub), fold(cascade.name)]
        args += [MOST_OF_A_HUB, *flat(self._to_fields(made))]
        answer = self._store.step("cascade_create", keys, args)
        if answer[0] == "no-hub":
            raise NotFound("hub", cascade.hub)
        if answer[0] == "exists":
            raise AlreadyExists("cascade", cascade.name)
        if answer[0] == "full":
            raise InvalidValue(
                f"hub {cascade.hub!r} has {answer[1]} cascades, {MOST_OF_A_HUB} allowed"
            )
        return replace(made, version=int(str(answer[1])))

    def get(self, hub: str, name: str) -> Cascade | None:
        """Return a cascade by name in any case; None if there is none. Raises SealBroken."""
        if not are_cascade_names(hub, name):
            return None
        key = self._keys.cascade(hub, name)
        return self._open(key, self._store.fields(key))

    def of_hub(self, hub: str) -> list[Cascade]:
        """Return a hub's cascades by name, none for a hub that is not. Raises SealBroken."""
        names = self._store.members(self._keys.cascades(hub))
        keys = [self._keys.cascade(hub, name) for name in names]
        found = zip(keys, self._store.fields_of(keys), strict=True)
        return [cascade for key, fields in found if (cascade := self._open(key, fields))]

    def cascading(self) -> list[str]:
        """Return the hubs, folded, that have an online cascade."""
        return self._store.members(self._keys.cascading())

    def set(self, cascade: Cascade, now: Timestamp, *, was: str = "") -> Cascade:
        """Replace a cascade's settings; with `was`, the one of that name, which it had.

        `cascade.version` is the version it was read with. Raises NotFound, AlreadyExists (the new
        name), Conflict, InvalidValue.
        """
        made = replace(cascade, changed=now)
        check_cascade(made)
        was = was or cascade.name
        keys = (
            *self._shared_keys(cascade.hub),
            self._keys.cascade(cascade.hub, was),
            self._keys.cascade(cascade.hub, cascade.name),
        )
        args: list[str | int] = [self._keys.prefix, fold(cascade.hub), fold(was)]
        args += [fold(cascade.name), cascade.version, len(_OPTIONAL), *_OPTIONAL]
        answer = self._store.step("cascade_set", keys, [*args, *flat(self._to_fields(made))])
        if answer[0] == "gone":
            raise NotFound("cascade", was)
        if answer[0] == "exists":
            raise AlreadyExists("cascade", cascade.name)
        if answer[0] == "conflict":
            raise Conflict(
                f"cascade {was!r} was changed meanwhile: "
                f"version {answer[1]} is there, {cascade.version} was read"
            )
        return replace(made, version=int(str(answer[1])))

    def delete(self, hub: str, name: str) -> None:
        """Delete a cascade; whoever runs it stops. Raises NotFound."""
        keys = (*self._shared_keys(hub), self._keys.cascade(hub, name))
        answer = self._store.step(
            "cascade_delete", keys, [self._keys.prefix, fold(hub), fold(name)]
        )
        if answer[0] == "gone":
            raise NotFound("cascade", name)

    def report(self, statuses: Sequence[CascadeStatus]) -> list[CascadeStatus]:
        """Write down how cascades are doing; return those that were not written, because the
        cascade is gone or offline, or its hub is not with that node under that epoch any more."""
        calls = [self._report(status) for status in statuses]
        answers: Sequence[Answer] = self._store.steps("cascade_report", calls) if calls else ()
        told = zip(statuses, answers, strict=True)
        return [status for status, answer in told if answer[0] != "ok"]

    def status(self, hub: str, name: str) -> CascadeStatus | None:
        """Return what the node that runs a cascade wrote last; None if none has."""
        fields = self._store.fields(self._keys.cascade_status(hub, name))
        return status_from_fields(fields) if fields else None

    def statuses(self, hub: str, names: Sequence[str]) -> list[CascadeStatus | None]:
        """Return the same of several cascades of a hub, in order."""
        keys = [self._keys.cascade_status(hub, name) for name in names]
        found = self._store.fields_of(keys)
        return [status_from_fields(fields) if fields else None for fields in found]

    def _report(self, status: CascadeStatus) -> Call:
        keys = (
            self._keys.cascade(status.hub, status.name),
            self._keys.cascade_status(status.hub, status.name),
        )
        who = (fold(status.hub), status.node, status.inc, status.epoch)
        return Call(keys, [self._keys.prefix, *who, *flat(status_to_fields(status))])

    def _shared_keys(self, hub: str) -> tuple[str, str, str]:
        keys = self._keys
        return keys.directory_version(), keys.cascades(hub), keys.cascading()

    def _to_fields(self, cascade: Cascade) -> dict[str, str]:
        sealed = None
        if cascade.secret is not None:
            key = self._keys.cascade(cascade.hub, cascade.name)
            sealed = self._sealer.seal(cascade.secret, context_of(key, "secret"))
        return cascade_to_fields(cascade, sealed)

    def _open(self, key: str, fields: dict[str, str]) -> Cascade | None:
        if not fields:
            return None
        sealed = fields.get("secret")
        secret = self._sealer.open(sealed, context_of(key, "secret")) if sealed else None
        return cascade_from_fields(fields, secret)


def cascade_to_fields(cascade: Cascade, sealed_secret: str | None) -> dict[str, str]:
    """`version` is written by the step itself; the secret enters sealed or not at all."""
    values = {
        "hub": cascade.hub,
        "name": cascade.name,
        "host": cascade.host,
        "tcp_port": str(cascade.tcp_port),
        "target_hub": cascade.target_hub,
        "user": cascade.user,
        "online": _flag(cascade.online),
        "auth": cascade.auth.value,
        "secret": sealed_secret or "",
        "certificate": cascade.certificate,
        "trust": cascade.trust.value,
        "pin": cascade.pin,
        "server_certificate": cascade.server_certificate,
        "authorities": cascade.authorities,
        "max_connection": str(cascade.max_connection),
        "use_compress": _flag(cascade.use_compress),
        "half_connection": _flag(cascade.half_connection),
        "created": cascade.created,
        "changed": cascade.changed,
    }
    for optional in _OPTIONAL:
        if not values[optional]:
            del values[optional]
    return values | policy_to_fields(cascade.policy)


def cascade_from_fields(fields: Fields, secret: bytes | None) -> Cascade:
    return Cascade(
        hub=fields["hub"],
        name=fields["name"],
        host=fields["host"],
        tcp_port=int(fields["tcp_port"]),
        target_hub=fields["target_hub"],
        user=fields["user"],
        online=fields.get("online") == "1",
        auth=CascadeAuth(fields["auth"]),
        secret=secret,
        certificate=fields.get("certificate", ""),
        trust=CascadeTrust(fields.get("trust", CascadeTrust.ANY)),
        pin=fields.get("pin", ""),
        server_certificate=fields.get("server_certificate", ""),
        authorities=fields.get("authorities", ""),
        max_connection=int(fields.get("max_connection", 8)),
        use_compress=fields.get("use_compress") == "1",
        half_connection=fields.get("half_connection") == "1",
        policy=policy_from_fields(fields),
        created=Timestamp(fields.get("created", NEVER)),
        changed=Timestamp(fields.get("changed", NEVER)),
        version=int(fields.get("version", 0)),
    )


def status_to_fields(status: CascadeStatus) -> dict[str, str]:
    """The whole status: it replaces the one before."""
    values = {
        "hub": status.hub,
        "name": status.name,
        "node": status.node,
        "inc": str(status.inc),
        "epoch": str(status.epoch),
        "version": str(status.version),
        "state": status.state.value,
        "attempts": str(status.attempts),
        "logins": str(status.logins),
        "started": status.started,
        "updated": status.updated,
    }
    optional = {
        "why": status.why,
        "error": str(status.error or ""),
        "server": status.server,
        "session": status.session,
        "connection": status.connection,
        "connections": str(status.connections or ""),
        "cipher": status.cipher,
        "use_compress": "1" if status.use_compress else "",
        "half_connection": "1" if status.half_connection else "",
        "max_connection": str(status.max_connection or ""),
        "first_connected": status.first_connected,
        "connected": status.connected,
        "next_try": status.next_try,
    }
    moved = {name: str(n) for name, n in traffic_to_increments(status.traffic).items()}
    present = {name: value for name, value in optional.items() if value}
    return values | present | moved | policy_to_fields(status.far_policy)


def status_from_fields(fields: Fields) -> CascadeStatus:
    return CascadeStatus(
        hub=fields["hub"],
        name=fields["name"],
        node=fields["node"],
        inc=int(fields["inc"]),
        epoch=int(fields["epoch"]),
        version=int(fields["version"]),
        state=CascadeState(fields["state"]),
        why=fields.get("why", ""),
        error=int(fields.get("error", 0)),
        attempts=int(fields.get("attempts", 0)),
        logins=int(fields.get("logins", 0)),
        server=fields.get("server", ""),
        session=fields.get("session", ""),
        connection=fields.get("connection", ""),
        connections=int(fields.get("connections", 0)),
        cipher=fields.get("cipher", ""),
        use_compress=fields.get("use_compress") == "1",
        half_connection=fields.get("half_connection") == "1",
        max_connection=int(fields.get("max_connection", 0)),
        far_policy=policy_from_fields(fields),
        started=Timestamp(fields.get("started", NEVER)),
        first_connected=Timestamp(fields.get("first_connected", NEVER)),
        connected=Timestamp(fields.get("connected", NEVER)),
        next_try=Timestamp(fields.get("next_try", NEVER)),
        updated=Timestamp(fields.get("updated", NEVER)),
        traffic=traffic_from_fields(fields),
    )


def _flag(value: bool) -> str:
    return "1" if value else "0"
