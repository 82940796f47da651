"""Named administrators and API tokens: each with a role, perhaps an end, until it is removed.

Both are one kind of record under one set of names, because a name is what the audit shows. Of a
person's password, and of a token, the hash is kept that the wire proves (sealed, as it is as good
as the password); of a token also its SHA-256, by which it is found. The token itself is nowhere.

Who got in is asked for again by the record's `credential`, which is another with each password: so
removing, a new password and the end of an account act on connections that stand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from coordinator.errors import AlreadyExists, InvalidValue, NotFound
from coordinator.model import NEVER, Role
from coordinator.names import check_administrator_name, is_administrator_name
from coordinator.records import flat
from coordinator.seal import Sealer, context_of
from coordinator.store import Store
from coordinator.times import Timestamp

MAX_ADMINISTRATORS = 1000  # of a fleet, tokens among them
PERSON, TOKEN = "person", "token"

_NOBODY = dict.fromkeys(("name", "credential", "created", "changed"), "") | {"role": "read-only"}


@dataclass(frozen=True, slots=True)
class Administrator:
    """A person or a token."""

    name: str
    role: Role
    hub: str = ""
    """The one hub it is for; empty: the whole fleet."""
    hub_created: Timestamp = NEVER
    """When that hub was made: one made anew under its name is another."""
    secret: bytes | None = field(default=None, repr=False)
    """The 20-byte hash of its password or token; None where it was not asked for."""
    token_hash: str = field(default="", repr=False)
    """SHA-256 of the token, hex; empty: a person with a password."""
    credential: str = ""
    """Another with each password."""
    expires: Timestamp | None = None
    """Out from this moment on."""
    created: Timestamp = NEVER
    changed: Timestamp = NEVER

    @property
    def is_token(self) -> bool:
        return bool(self.token_hash)

    @property
    def kind(self) -> str:
        """Return how errors call it."""
        return "token" if self.is_token else "administrator"

    def is_expired(self, now: Timestamp) -> bool:
        """Say whether it has ended by `now`."""
        return self.expires is not None and self.expires <= now


class Administrators:
    """The named administrators of a fleet. Raises StoreUnavailable from every method."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store = store
        self._keys = store.keys
        self._sealer = sealer

    def add(self, wanted: Administrator, now: Timestamp) -> Administrator:
        """Store a new one and return it as stored. Raises AlreadyExists, NotFound (of the hub),
        InvalidValue, also for one too many."""
        made = replace(wanted, created=now, changed=now)
        keys = self._keys
        touched = [keys.administrator(made.name), keys.administrators(), keys.admin_tokens()]
        if made.hub:
            touched.append(keys.hub(made.hub))
        args = [made.name, MAX_ADMINISTRATORS, made.token_hash, *flat(self._to_fields(made))]
        match self._store.step("administrator_add", touched, args)[0]:
            case "exists":
                raise AlreadyExists(made.kind, made.name)
            case "no-hub":
                raise NotFound("hub", made.hub)
            case "full":
                raise InvalidValue(
                    f"{MAX_ADMINISTRATORS} administrators and tokens are there, "
                    "that many are allowed"
                )
        return made

    def find(self, name: str) -> Administrator | None:
        """Return one by its name, which may be anything; None if there is none. Raises
        SealBroken."""
        if not is_administrator_name(name):
            return None
        key = self._keys.administrator(name)
        fields = self._store.fields(key)
        secret = self._sealer.open_any(fields.get("secret"), context_of(key, "secret"))
        found = replace(_from_fields(fields or _NOBODY), secret=secret)
        return found if fields else None  # only now: nobody takes as long as somebody

    def by_token_hash(self, token_hash: str) -> Administrator | None:
        """Return the token of this SHA-256 in hex; None if there is none. Raises SealBroken."""
        name = self._store.field(self._keys.admin_tokens(), token_hash)
        found = self.find(name) if name else None
        return found if found is not None and found.token_hash == token_hash else None

    def named(self, names: Sequence[str]) -> list[Administrator | None]:
        """Return several in one round trip, in order and without secrets; None for those that are
        not."""
        found = self._store.fields_of([self._keys.administrator(name) for name in names])
        return [_from_fields(fields) if fields else None for fields in found]

    def all(self) -> list[Administrator]:
        """Return all by name, without secrets."""
        names = self._store.members(self._keys.administrators())
        return [found for found in self.named(names) if found is not None]

    def set_password(self, name: str, secret: bytes, credential: str, now: Timestamp) -> None:
        """Give a person another password; who is in by the one before is out. Raises NotFound."""
        key = self._keys.administrator(name)
        sealed = self._sealer.seal(secret, context_of(key, "secret"))
        fields = {"secret": sealed, "credential": credential, "changed": now}
        if self._store.step("administrator_set", [key], flat(fields))[0] == "gone":
            raise NotFound("administrator", name)

    def remove(self, name: str, *, is_token: bool) -> None:
        """Remove a person, or a token. Raises NotFound, also for one of the other kind."""
        keys = self._keys
        touched = [keys.administrator(name), keys.administrators(), keys.admin_tokens()]
        args = [name, TOKEN if is_token else PERSON]
        if self._store.step("administrator_remove", touched, args)[0] == "gone":
            raise NotFound("token" if is_token else "administrator", name)

    def _to_fields(self, made: Administrator) -> dict[str, str | int]:
        assert made.secret is not None, "nobody is stored without a password"
        key = self._keys.administrator(check_administrator_name(made.name))
        optional = {
            "hub": made.hub,
            "hub_created": made.hub_created,
            "token_hash": made.token_hash,
            "expires": made.expires or "",
        }
        return {
            "name": made.name,
            "kind": TOKEN if made.is_token else PERSON,
            "role": made.role.value,
            "secret": self._sealer.seal(made.secret, context_of(key, "secret")),
            "credential": made.credential,
            "created": made.created,
            "changed": made.changed,
            **{name: value for name, value in optional.items() if value},
        }


def _from_fields(fields: dict[str, str]) -> Administrator:
    return Administrator(
        name=fields["name"],
        role=Role(fields["role"]),
        hub=fields.get("hub", ""),
        hub_created=Timestamp(fields.get("hub_created", "")),
        token_hash=fields.get("token_hash", ""),
        credential=fields["credential"],
        expires=Timestamp(fields["expires"]) if "expires" in fields else None,
        created=Timestamp(fields["created"]),
        changed=Timestamp(fields["changed"]),
    )
