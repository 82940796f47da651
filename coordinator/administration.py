"""Who may administer: the fleet's password, and each hub's own with what its holder may not do.

What is kept is the SHA-0 of a password, because the wire proves that and nothing slower; it is as
good as the password and therefore sealed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coordinator.bounds import check_number
from coordinator.errors import InvalidValue, NotFound
from coordinator.records import flat
from coordinator.seal import Sealer, context_of
from coordinator.store import Store
from coordinator.times import Timestamp

HASH_SIZE = 20  # bytes
OPTION = "option:"


@dataclass(frozen=True, slots=True)
class HubAdministration:
    """How a hub is administered."""

    secret: bytes | None = field(default=None, repr=False)
    """The 20-byte hash of its administrator's password; None: it never had one."""
    options: Mapping[str, int] = field(default_factory=dict)
    """What its administrator may not do, and limits, by their names on the wire."""


class Administration:
    """The administrators of a fleet. Raises StoreUnavailable and SealBroken from every method."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store = store
        self._keys = store.keys
        self._sealer = sealer

    def fleet_secret(self) -> bytes | None:
        """Return the hash of the fleet's password; None before one is set."""
        key = self._keys.administration()
        return self._open(key, self._store.field(key, "secret"))

    def set_fleet_secret(self, secret: bytes, now: Timestamp) -> None:
        """Set the hash of the fleet's password. Raises InvalidValue."""
        key = self._keys.administration()
        fields = {"secret": self._seal(key, secret), "changed": now}
        self._store.step("administration_set", [key], flat(fields))

    def of_hub(self, hub: str) -> HubAdministration:
        """Return how a hub is administered; the default for one that is not."""
        key = self._keys.hub_administration(hub)
        fields = self._store.fields(key)
        return HubAdministration(
            secret=self._open(key, fields.get("secret")),
            options={
                name.removeprefix(OPTION): int(value)
                for name, value in sorted(fields.items())
                if name.startswith(OPTION)
            },
        )

    def secrets_of(self, hubs: Sequence[str]) -> list[bytes | None]:
        """Return the hashes of several hubs' passwords in one round trip, in order; of an empty
        name the fleet's."""
        of_fleet, of_hub = self._keys.administration(), self._keys.hub_administration
        keys = [of_hub(hub) if hub else of_fleet for hub in hubs]
        found = zip(keys, self._store.fields_of(keys), strict=True)
        return [self._open(key, fields.get("secret")) for key, fields in found]

    def fields_of(self, hub: str, secret: bytes, now: Timestamp) -> dict[str, str | int]:
        """Return how a hub is administered that is about to be made (`Directory.create_hub`).

        Raises InvalidValue.
        """
        key = self._keys.hub_administration(hub)
        return {"changed": now, "secret": self._seal(key, secret)}

    def set_hub(
        self,
        hub: str,
        now: Timestamp,
        *,
        secret: bytes | None = None,
        options: Mapping[str, int] | None = None,
    ) -> None:
        """Change what is given of how a hub is administered; the rest stays, other options too.

        Raises NotFound, InvalidValue.
        """
        key = self._keys.hub_administration(hub)
        fields: dict[str, str | int] = {"changed": now}
        if secret is not None:
            fields["secret"] = self._seal(key, secret)
        for name, number in (options or {}).items():
            fields[OPTION + name] = check_number(f"option {name}", number)
        answer = self._store.step("administration_set", [key, self._keys.hub(hub)], flat(fields))
        if answer[0] == "no-hub":
            raise NotFound("hub", hub)

    def _seal(self, key: str, secret: bytes) -> str:
        if len(secret) != HASH_SIZE:
            raise InvalidValue(f"password hash: {len(secret)} bytes, {HASH_SIZE} expected")
        return self._sealer.seal(secret, context_of(key, "secret"))

    def _open(self, key: str, sealed: str | None) -> bytes | None:
        return self._sealer.open_any(sealed, context_of(key, "secret"))
