"""Attempts: whoever guesses passwords gets few guesses, at all gateways together.

Each source has a handful of wrong ones, which come back one by one, and each account has its own:
`coordinator.attempts` has the rules and counts for the fleet. A process knows what it was told at
the last wrong password it saw, and its own; so one that is right asks the store nothing.

1. Where the source has none left, or where the account is under attack and the source has given any
   wrong one that is not forgotten, an attempt is not looked at: refused unseen, or, of an
   administrator, made to wait for a moment. Nobody is locked out: from an address that nobody
   guesses from, a right password is right at once, whatever is done to its account elsewhere.
2. Whoever was right from an address before is looked at there all the same, until he is wrong:
   he shares it with a guesser.
3. The same wrong password again is no other guess: a program whose token was revoked does not spoil
   the address it shares. Only where a password is shown as it is can that be seen.
4. While the store is away a process goes by what it counts itself.
5. The attempts of one source at administrators' passwords are looked at one after the other, so
   guesses made at once are counted, too.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import gevent
from gevent.lock import BoundedSemaphore

from coordinator.attempts import DEARER, Allowance, Door, Spent
from coordinator.attempts import Attempts as SharedAttempts
from coordinator.errors import StoreError
from gateway.errors import Refused
from gateway.transport.peer import network_of
from gateway.wire.codes import ErrorCode

MOST_WAIT_S = 4.5
K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

MAX_REMEMBERED = 10_000  # of a kind; the one longest unheard of is forgotten first
SAME_S = 60.0  # so long a wrong password that was counted is not counted again
IPV6_BITS = 56  # what providers give one customer


@dataclass(frozen=True, slots=True)
class Terms:
    """What is allowed at one door, and what is said to whoever has had it."""

    door: Door
    of_source: Allowance
    of_account: Allowance
    code: ErrorCode
    reason: str
    whose: str
    """Passwords, as an operator reads it."""


ADMINISTRATORS = Terms(
    Door.ADMINISTRATORS,
    of_source=Allowance(5, 4000),
    of_account=Allowance(20, 4000),
    code=ErrorCode.ACCESS_DENIED,
    reason="admin-too-many-attempts",
    whose="administrators' passwords",
)
# Many users share an address, and clients repeat a wrong password by themselves.
USERS = Terms(
    Door.USERS,
    of_source=Allowance(30, 1000),
    of_account=Allowance(20, 4000),
    code=ErrorCode.SERVER_CANNOT_ACCEPT,
    reason="too-many-attempts",
    whose="users' passwords",
)


Alarm = Callable[[str, str], object]


class Attempts:
    """The wrong passwords at one door that this process knows of."""

    def __init__(
        self,
        terms: Terms,
        shared: SharedAttempts,
        alarm: Alarm,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`alarm(what, why)` is told when somebody begins to be slowed."""
        self._terms = terms
        self._shared = shared
        self._alarm = alarm
        self._clock = clock
        # Until when something of a source, or of an account, is not forgotten.
        self._sources: OrderedDict[str, float] = OrderedDict()
        self._accounts: OrderedDict[str, float] = OrderedDict()
        self._right: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._counted: OrderedDict[tuple[str, str, bytes], float] = OrderedDict()
        self._turns: OrderedDict[str, BoundedSemaphore] = OrderedDict()

    def check(self, address: str, account: str) -> None:
        """Raise Refused if an attempt is not to be looked at now."""
        if self._wait_s(source_of(address), account):
            raise self._refused(address)

    def right(self, address: str, account: str) -> None:
        """Remember that the password was right."""
        _remember(self._right, (source_of(address), account), None)

    def wrong(self, address: str, account: str) -> None:
        """Count a wrong password, here and for the fleet."""
        source, terms = source_of(address), self._terms
        self._right.pop((source, account), None)
        # First here: what comes while the store is asked must not pass for the first.
        self._note(source, account, self._counted_here(source, account))
        try:
            spent = self._shared.wrong(
                terms.door, source, account, terms.of_source, terms.of_account
            )
        except StoreError:
            return
        self._note(source, account, spent)
        if spent.source_crossed:
            self._alarm("slowed", f"{source} guesses {terms.whose}")
        if spent.account_crossed:
            self._alarm("attacked", f"many wrong passwords for {account}")

    def guarded(self, address: str, account: str, act: Callable[[], T]) -> T:
        """Return what `act` returns, who looks at a password; raise Refused if that is not to be
        now. What it refuses as `auth-failed` counts as wrong, and nothing else is counted."""
        self.check(address, account)
        try:
            found = act()
        except Refused as error:
            if error.reason == "auth-failed":
                self.wrong(address, account)
            raise
        self.right(address, account)
        return found

    @contextmanager
    def attempt(self, address: str, account: str, shown: bytes = b"") -> Iterator[None]:
        """Look at a password inside, when it is its turn; Refused from there counts as wrong.

        `shown` is a hash of the password, if that is known. Raises Refused when its turn does not
        come in time.
        """
        source = source_of(address)
        turn = self._turn(source) if (source, account) not in self._right else None
        if turn is not None:
            self._wait_for(turn, address, account)
        try:
            yield
        except Refused:
            if not self._is_counted(source, account, shown):
                self.wrong(address, account)
            raise
        else:
            self.right(address, account)
        finally:
            if turn is not None:
                turn.release()

    def _wait_for(self, turn: BoundedSemaphore, address: str, account: str) -> None:
        """Take a turn when there is one and something is left; Refused when that takes long."""
        source, terms = source_of(address), self._terms
        with gevent.Timeout(MOST_WAIT_S, self._refused(address)):
            turn.acquire()
            try:
                asked = (terms.door, source, account, terms.of_source, terms.of_account)
                while True:
                    with suppress(StoreError):  # then what this process counts itself holds
                        self._note(source, account, self._shared.look(*asked))
                    wait_s = self._wait_s(source, account)
                    if wait_s > MOST_WAIT_S:
                        raise self._refused(address)
                    if not wait_s:
                        return
                    gevent.sleep(wait_s)
            except BaseException:
                turn.release()
                raise

    def _wait_s(self, source: str, account: str) -> float:
        """Return in how many seconds an attempt may be looked at."""
        until = self._sources.get(source)
        if until is None or (source, account) in self._right:
            return 0.0
        now = self._clock()
        left = until - now
        attacked = self._accounts.get(account, now) - now > self._terms.of_account.bound_ms / 1000
        return max(0.0, left if attacked else left - self._terms.of_source.bound_ms / 1000)

    def _is_counted(self, source: str, account: str, shown: bytes) -> bool:
        """Say whether this very password was wrong before; remember that it was."""
        if not shown:
            return False
        now, one = self._clock(), (source, account, shown)
        if now - self._counted.get(one, now - SAME_S) < SAME_S:
            return True
        _remember(self._counted, one, now)
        return False

    def _counted_here(self, source: str, account: str) -> Spent:
        """Return what a wrong password comes to by what this process knows."""
        now, terms = self._clock(), self._terms
        source_ms = max(0.0, self._sources.get(source, now) - now) * 1000
        account_ms = max(0.0, self._accounts.get(account, now) - now) * 1000
        times = DEARER if account_ms > terms.of_account.bound_ms else 1
        source_ms += times * terms.of_source.every_ms
        account_ms += terms.of_account.every_ms
        return Spent(
            round(min(source_ms, terms.of_source.most_ms)),
            round(min(account_ms, terms.of_account.most_ms)),
        )

    def _note(self, source: str, account: str, spent: Spent) -> None:
        now = self._clock()
        for known, name, ms in (
            (self._sources, source, spent.source_ms),
            (self._accounts, account, spent.account_ms),
        ):
            if ms:
                _remember(known, name, max(known.get(name, 0.0), now + ms / 1000))

    def _turn(self, source: str) -> BoundedSemaphore:
        turn = self._turns.get(source) or BoundedSemaphore()
        _remember(self._turns, source, turn)
        return turn

    def _refused(self, address: str) -> Refused:
        terms = self._terms
        return Refused(terms.code, f"{address} guesses {terms.whose}", terms.reason)


def account_of(hub: str, user: str) -> str:
    """Return how a user's account is counted; both may be anything."""
    return f"{hub}/{user}".lower()


@lru_cache(maxsize=4096)
def source_of(address: str) -> str:
    """Return whose wrong passwords those from `address` are."""
    return network_of(address, IPV6_BITS)


def _remember(known: "OrderedDict[K, V]", name: K, value: V) -> None:
    known[name] = value
    known.move_to_end(name)
    if len(known) > MAX_REMEMBERED:
        known.popitem(last=False)
