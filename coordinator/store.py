"""What the coordinator asks of a store. `redis_store` is the one that answers.

Reading is one verb per type; changing is always a *step*, a file of `lua/` that happens whole or
not at all. Each verb raises StoreUnavailable when the store does not answer: then nothing is known
about what happened. Keys are whole (`keys.Keys`); all keys of a call are of one fleet.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from coordinator.keys import Keys

Answer: TypeAlias = "list[str | int | Answer]"


class Call(NamedTuple):
    """One run of a step: the keys and arguments that the head of its file asks for."""

    keys: Sequence[str]
    args: Sequence[str | int]


class Store(Protocol):
    """A connected store."""

    keys: Keys

    @property
    def where(self) -> str:
        """The store's address as it may be shown: no password in it."""

    def fields(self, key: str) -> dict[str, str]:
        """Return a hash; empty when there is none."""

    def fields_of(self, keys: Sequence[str]) -> list[dict[str, str]]:
        """Return several hashes in one round trip, in order; empty for those that are not."""

    def field(self, key: str, name: str) -> str | None:
        """Return one field of a hash."""

    def text(self, key: str) -> str | None:
        """Return a string."""

    def members(self, key: str) -> list[str]:
        """Return a set, sorted."""

    def members_of(self, keys: Sequence[str]) -> list[list[str]]:
        """Return several sets in one round trip, each sorted."""

    def size(self, key: str) -> int:
        """Return how many members a set has."""

    def sizes(self, keys: Sequence[str]) -> list[int]:
        """Return how many members each of several sets has, in one round trip."""

    def entries(self, key: str, after: str, count: int) -> list[tuple[str, dict[str, str]]]:
        """Return up to `count` entries of a stream behind the id `after`, oldest first; from the
        beginning if it is empty."""

    def latest(self, key: str, count: int) -> list[tuple[str, dict[str, str]]]:
        """Return the newest `count` entries of a stream, oldest first."""

    def step(self, name: str, keys: Sequence[str], args: Sequence[str | int]) -> Answer:
        """Run `lua/<name>.lua`. What it answers is an array whose first item is a word."""

    def steps(self, name: str, calls: Sequence[Call]) -> list[Answer]:
        """Run one step several times in one round trip. Each is atomic, together they are not."""

    def scan(self) -> Iterator[tuple[str, str]]:
        """Go through all keys of the fleet with their types; changes meanwhile may be missed."""
