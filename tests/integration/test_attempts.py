"""Whoever guesses is slowed down; whoever knows is not, however many guess beside him.

Several `Attempts` over one store are several gateways; a store nobody listens at is one that is
away.
"""

import time

import gevent
import pytest

from coordinator.attempts import Attempts as Shared
from coordinator.redis_store import connect
from gateway.errors import Refused
from gateway.node import attempts as module
from gateway.node.attempts import (
    ADMINISTRATORS,
    MAX_REMEMBERED,
    USERS,
    Attempts,
    Terms,
    source_of,
)

WRONG = Refused(12, "wrong", "admin-password")
EVERY_S = ADMINISTRATORS.of_source.every_ms / 1000
FREE = ADMINISTRATORS.of_source.free
TOO_MANY = "admin-too-many-attempts"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    # Waiting is seen in what is refused; the time itself is the test's.
    monkeypatch.setattr(module, "MOST_WAIT_S", 0.05)


@pytest.fixture
def attempts(clock, state_dir) -> Attempts:
    """Those of a gateway whose store is away: what it counts itself is all there is."""
    away = connect(f"unix://{state_dir}/nobody", "test")
    return gateway(ADMINISTRATORS, Shared(away), clock)


def gateway(terms: Terms, shared: Shared, clock=time.monotonic, alarm=None) -> Attempts:
    return Attempts(terms, shared, alarm or (lambda what, why: None), clock)


def guess(attempts: Attempts, address: str = "192.0.2.1", account: str = "administrator") -> str:
    """Guess wrong; return why it was refused."""
    with pytest.raises(Refused) as refused, attempts.attempt(address, account):
        raise WRONG
    return refused.value.reason


def know(attempts: Attempts, address: str, account: str = "administrator") -> bool:
    """Be right; return whether that was looked at."""
    try:
        with attempts.attempt(address, account):
            return True
    except Refused:
        return False


def test_after_a_handful_of_guesses_the_next_is_not_looked_at(attempts, clock):
    assert [guess(attempts) for _ in range(FREE)] == ["admin-password"] * FREE
    assert guess(attempts) == TOO_MANY
    assert guess(attempts, "192.0.2.2") == "admin-password"
    clock.now += EVERY_S
    assert guess(attempts) == "admin-password"
    assert guess(attempts) == TOO_MANY
    clock.now += FREE * EVERY_S
    assert [guess(attempts) for _ in range(FREE)] == ["admin-password"] * FREE


def test_a_right_password_costs_nothing_and_asks_nothing_again(fleet):
    attempts, users = gateway(ADMINISTRATORS, fleet.attempts), gateway(USERS, fleet.attempts)
    assert know(attempts, "192.0.2.1")
    fleet.store.close()
    before = fleet.store.errors.copy()
    for _ in range(10 * FREE):
        assert know(attempts, "192.0.2.1")
        users.check("192.0.2.1", "lab/alice")
        users.right("192.0.2.1", "lab/alice")
    assert fleet.store.errors == before


def test_guesses_made_at_once_are_counted_one_by_one(attempts):
    seen: list[str] = []

    def slowly() -> None:
        try:
            with attempts.attempt("2001:db8::1", "administrator"):
                gevent.sleep(0)
                raise WRONG
        except Refused as error:
            seen.append(error.reason)

    gevent.joinall([gevent.spawn(slowly) for _ in range(20)])
    assert seen.count("admin-password") == FREE
    assert guess(attempts, "2001:db8::2") == TOO_MANY


def test_what_one_gateway_counted_holds_at_the_others(fleet):
    first, second, third = (gateway(ADMINISTRATORS, fleet.attempts) for _ in range(3))
    assert [guess(first) for _ in range(3)] == ["admin-password"] * 3
    assert [guess(second) for _ in range(2)] == ["admin-password"] * 2
    assert {guess(one) for one in (first, second, third)} == {TOO_MANY}
    assert guess(third, "192.0.2.2") == "admin-password"


def test_a_user_s_wrong_password_brings_what_others_have_counted(fleet):
    first, second = (gateway(USERS, fleet.attempts) for _ in range(2))
    for number in range(USERS.of_source.free):
        first.wrong("192.0.2.1", f"lab/{number}")
    # Nobody is asked beforehand, so the second gateway looks at one guess more.
    second.check("192.0.2.1", "lab/alice")
    second.wrong("192.0.2.1", "lab/alice")
    with pytest.raises(Refused) as refused:
        second.check("192.0.2.1", "lab/bob")
    assert (refused.value.code, refused.value.reason) == (105, "too-many-attempts")
    second.check("192.0.2.2", "lab/alice")
    gateway(ADMINISTRATORS, fleet.attempts).check("192.0.2.1", "administrator")


def test_an_account_under_attack_is_open_to_who_is_elsewhere_and_knows(attempts, clock):
    free = ADMINISTRATORS.of_account.free
    for number in range(free):
        assert guess(attempts, f"198.51.100.{number}") == "admin-password"
    # Each address has one guess then; its next one is minutes away, at other accounts, too.
    assert guess(attempts, "203.0.113.1") == "admin-password"
    for number in range(free):
        assert guess(attempts, f"198.51.100.{number}") == TOO_MANY
    assert guess(attempts, "203.0.113.1") == TOO_MANY
    assert guess(attempts, "203.0.113.1", "lab") == TOO_MANY
    # Whoever knows gets in at once from an address of his own, again and again.
    assert know(attempts, "192.0.2.1")
    assert know(attempts, "192.0.2.1")
    # If he mistypes he waits a minute, like everybody, and is not locked out for good.
    assert guess(attempts, "192.0.2.1") == "admin-password"
    assert not know(attempts, "192.0.2.1")
    for _ in range(30):
        clock.now += EVERY_S
        guess(attempts, f"203.0.113.{_ + 2}")
    assert know(attempts, "192.0.2.1")


def test_whoever_was_right_shares_his_address_with_a_guesser(attempts):
    assert know(attempts, "192.0.2.1")
    for _ in range(2 * FREE):
        guess(attempts, account="lab")
    assert not know(attempts, "192.0.2.1", "hub")
    assert know(attempts, "192.0.2.1")
    # One wrong guess at his account from there, and he is like all others.
    assert guess(attempts) == "admin-password"
    assert not know(attempts, "192.0.2.1")


def test_the_same_wrong_password_is_one_guess(attempts, clock):
    for _ in range(3 * FREE):
        with pytest.raises(Refused), attempts.attempt("192.0.2.1", "bot", b"revoked"):
            raise WRONG
    assert know(attempts, "192.0.2.1")
    assert [guess(attempts, account="lab") for _ in range(FREE - 1)] == ["admin-password"] * 4
    assert guess(attempts, account="lab") == TOO_MANY


def test_an_operator_is_told_once_when_somebody_begins_to_be_slowed(fleet):
    told: list[tuple[str, str]] = []
    attempts = gateway(
        ADMINISTRATORS, fleet.attempts, alarm=lambda what, why: told.append((what, why))
    )
    for _ in range(2 * FREE):
        attempts.wrong("2001:db8:1:2:3::4", "lab")
    assert told == [("slowed", "2001:db8:1::/56 guesses administrators' passwords")]
    for number in range(ADMINISTRATORS.of_account.free):
        attempts.wrong(f"192.0.2.{number}", "lab")
    assert told[1:] == [("attacked", "many wrong passwords for lab")]


def test_only_so_many_are_remembered(attempts, monkeypatch):
    monkeypatch.setattr(module, "MAX_REMEMBERED", 100)
    for number in range(MAX_REMEMBERED // 50):
        assert know(attempts, f"10.0.0.{number}", str(number))
        guess(attempts, f"10.0.1.{number}", str(number))
    kept = (attempts._sources, attempts._accounts, attempts._right, attempts._turns)
    assert [len(one) for one in kept] == [100] * 4


def test_addresses_of_one_customer_are_one_source():
    assert source_of("2001:db8:0:ff::1") == source_of("2001:db8:0:1::2") == "2001:db8::/56"
    assert source_of("2001:db8:0:100::1") != "2001:db8::/56"
    assert source_of("192.0.2.1") == "192.0.2.1"
    assert source_of("fe80::1%eth0") == "fe80::/56"
