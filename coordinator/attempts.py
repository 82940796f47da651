"""Wrong passwords of late, counted over the whole fleet: by source and by account.

Each wrong one costs its source and its account some time, which passes by itself: what is kept is
when all of it will be forgotten, one number each. Only wrong ones are written, so whoever knows his
password asks nothing here.

1. Strangers choose the names. Accounts are kept by a hash, forgotten ones are removed by whichever
   step comes next, and of too many the one that is forgotten soonest goes first: made-up names push
   out each other and never an account that is really being guessed at.
2. Nothing depends on the store's clock for good: what lies further ahead than anything may is of a
   clock that was set back, and forgotten.
3. An account that many guess at is *under attack*: then a wrong password costs its source much
   more, and (`gateway.node.attempts`) only sources without any are looked at. So guessing from many
   addresses is slow, and whoever knows the password and is somewhere else gets in at once.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from coordinator.store import Store

MAX_ENTRIES = 20_000
DEARER = 15  # times, at an account under attack


class Door(StrEnum):
    """Where passwords are tried; the counts of one are nothing to the other."""

    ADMINISTRATORS = "admin"
    USERS = "user"


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many wrong ones at once; one more after `every_ms`."""

    free: int
    every_ms: int

    @property
    def bound_ms(self) -> int:
        """Return how far ahead is too much: none of them has come back yet."""
        return (self.free - 1) * self.every_ms

    @property
    def most_ms(self) -> int:
        """Return how far ahead anything may be."""
        return self.bound_ms + DEARER * self.every_ms


class Spent(NamedTuple):
    """In how many milliseconds all wrong passwords of a source, and at an account, are
    forgotten."""

    source_ms: int
    account_ms: int
    source_crossed: bool = False
    """This one was the first too many of its source, at an account not under attack."""
    account_crossed: bool = False
    """This one put the account under attack."""


class Attempts:
    """The counts of a fleet. Raises StoreUnavailable from every method."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def look(
        self, door: Door, source: str, account: str, of_source: Allowance, of_account: Allowance
    ) -> Spent:
        """Return how both stand."""
        return self._step(door, source, account, of_source, of_account, 0)

    def wrong(
        self, door: Door, source: str, account: str, of_source: Allowance, of_account: Allowance
    ) -> Spent:
        """Count a wrong password; return how both stand now."""
        return self._step(door, source, account, of_source, of_account, 1)

    def _step(
        self,
        door: Door,
        source: str,
        account: str,
        of_source: Allowance,
        of_account: Allowance,
        count: int,
    ) -> Spent:
        hashed = hashlib.sha256(account.encode(errors="replace")).hexdigest()[:16]
        args: list[str | int] = [
            *(f"{door}-source:{source}", *_words_of(of_source)),
            *(f"{door}-account:{hashed}", *_words_of(of_account)),
            *(DEARER, count, MAX_ENTRIES),
        ]
        answer = self._store.step("attempt_count", [self._store.keys.attempts()], args)
        source_ms, account_ms, source_crossed, account_crossed = (int(str(a)) for a in answer[1:])
        return Spent(source_ms, account_ms, bool(source_crossed), bool(account_crossed))


def _words_of(allowed: Allowance) -> tuple[int, int, int]:
    return allowed.every_ms, allowed.bound_ms, allowed.most_ms
