"""What a client may ask for instead of a session: the names of hubs, another password of his own.

Names are told to anybody who asks, as the reference does: those of hubs that do not forbid it
(`NoEnum`). They are read once in a while at most, however many ask. A password is changed by
whoever proves the one there is; what else there is to say of an account he hears behind that.
Source: spec 3.3, admin protocol 4.2, and the reference's source for the codes.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

from coordinator.audit import Actor
from coordinator.fleet import Fleet
from coordinator.model import AuthKind, User
from coordinator.times import utc_now
from gateway.admin import users
from gateway.errors import Refused
from gateway.node.admission import check_hub
from gateway.node.attempts import Attempts, account_of
from gateway.transport.peer import address_of
from gateway.wire.auth import is_same, secure_password, user_password_hash
from gateway.wire.codes import ErrorCode
from gateway.wire.requests import PasswordChange

NAMES_S = 5.0  # how old names may be that are told
MAX_NAMES = 1000  # told; a client shows them in a list to choose from
MAX_LOOKED_AT = 5000  # hubs, the first by name: it is strangers who ask
BATCH = 500  # of them, in one round trip
_NOBODY = bytes(20)  # compared against when there is no such user


class Wishes:
    """Fulfils them. Raises Refused with the code the client is told, StoreError, SealBroken."""

    def __init__(
        self, fleet: Fleet, attempts: Attempts, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`attempts`: at users' passwords."""
        self._fleet = fleet
        self._attempts = attempts
        self._clock = clock
        self._names: tuple[str, ...] = ()
        self._names_at = -NAMES_S

    def hub_names(self) -> tuple[str, ...]:
        """Return the names of hubs that are told to anybody, in order."""
        now = self._clock()
        if now >= self._names_at + NAMES_S:
            self._names_at = now
            self._names = tuple(islice(self._named(), MAX_NAMES))
        return self._names

    def _named(self) -> Iterator[str]:
        store, directory = self._fleet.store, self._fleet.directory
        names = store.members(store.keys.hubs())[:MAX_LOOKED_AT]
        for start in range(0, len(names), BATCH):
            for hub in directory.hubs_named(names[start : start + BATCH]):
                if hub is not None and not hub.no_enum:
                    yield hub.name

    def change_password(self, change: PasswordChange, random: bytes, address: str) -> User:
        """Give a user another password and return him; `random` is what his proof answers."""
        return self._attempts.guarded(
            address_of(address),
            account_of(change.hub, change.user),
            lambda: self._change_password(change, random, address),
        )

    def _change_password(self, change: PasswordChange, random: bytes, address: str) -> User:
        hub = check_hub(self._fleet.directory.hub(change.hub), change.hub)
        options = self._fleet.administration.of_hub(hub.name).options
        if options.get("deny_change_user_password"):
            raise _refusal(ErrorCode.NOT_ENOUGH_RIGHTS, "forbidden by deny_change_user_password")
        found = self._fleet.directory.find(hub.name, change.user).user
        self._check(found, change, random)
        assert found is not None, "nobody proves to be nobody"
        actor = Actor("client", f"{found.name}@{hub.name}", address)

        def changed(user: User) -> User:
            self._check(user, change, random)  # as it is now: somebody may have changed it, too
            return replace(user, secret=change.new_hash)

        return users.replace_by(self._fleet.acting(actor), hub.name, found.name, changed, utc_now())

    def _check(self, user: User | None, change: PasswordChange, random: bytes) -> None:
        """Refuse what is not to be. That there is no such user takes as long as a wrong proof."""
        if user is not None and user.auth is not AuthKind.PASSWORD:
            raise _refusal(ErrorCode.NOT_BY_PASSWORD, f"user {user.name} has no password")
        stored = user.secret if user is not None else None
        is_proven = is_same(secure_password(stored or _NOBODY, random), change.proof)
        if user is None or stored is None or not is_proven or user.is_expired(utc_now()):
            text = f"wrong user or password for {change.user!r}"
            raise Refused(ErrorCode.OLD_PASSWORD_WRONG, text, "auth-failed")
        if self._fleet.directory.policy_of(user).get("FixPassword"):
            raise _refusal(ErrorCode.NOT_ENOUGH_RIGHTS, f"{user.name}: forbidden by FixPassword")
        for word in ("", user.name):
            if is_same(change.new_hash, user_password_hash(word, user.name)):
                text = "the new password is empty or the user's name"
                raise _refusal(ErrorCode.INVALID_PARAMETER, text)


def _refusal(code: ErrorCode, text: str) -> Refused:
    return Refused(code, text, "password-not-changed")
