"""Whoever guesses is slowed down; whoever knows is not, however many of him there are."""

import gevent
import pytest

from gateway.errors import Refused
from gateway.node import attempts as module
from gateway.node.attempts import EVERY_S, FREE, MAX_SOURCES, Attempts

WRONG = Refused(12, "wrong", "admin-password")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def attempts(clock, monkeypatch) -> Attempts:
    # Waiting is seen in what is asked of the loop; the time itself is the test's.
    monkeypatch.setattr(module, "MOST_WAIT_S", 0.05)
    return Attempts(clock)


def guess(attempts: Attempts, address: str = "192.0.2.1") -> str:
    """Guess wrong; return why it was refused."""
    with pytest.raises(Refused) as refused, attempts.attempt(address):
        raise WRONG
    return refused.value.reason


def test_after_a_handful_of_guesses_the_next_is_not_looked_at(attempts, clock):
    assert [guess(attempts) for _ in range(FREE)] == ["admin-password"] * FREE
    assert guess(attempts) == "admin-too-many-attempts"
    assert guess(attempts, "192.0.2.2") == "admin-password"
    clock.now += EVERY_S
    assert guess(attempts) == "admin-password"
    assert guess(attempts) == "admin-too-many-attempts"
    clock.now += FREE * EVERY_S
    assert [guess(attempts) for _ in range(FREE)] == ["admin-password"] * FREE


def test_a_right_password_costs_nothing(attempts):
    for _ in range(10 * FREE):
        with attempts.attempt("192.0.2.1"):
            pass
    assert guess(attempts) == "admin-password"


def test_guesses_made_at_once_are_counted_one_by_one(attempts):
    seen: list[str] = []

    def slowly() -> None:
        try:
            with attempts.attempt("2001:db8::1"):
                gevent.sleep(0)
                raise WRONG
        except Refused as error:
            seen.append(error.reason)

    gevent.joinall([gevent.spawn(slowly) for _ in range(20)])
    assert seen.count("admin-password") == FREE
    assert guess(attempts, "2001:db8::2") == "admin-too-many-attempts"


def test_only_so_many_sources_are_remembered(attempts):
    for number in range(MAX_SOURCES + 10):
        with attempts.attempt(f"10.0.{number >> 8}.{number & 255}"):
            pass
    assert len(attempts._sources) == MAX_SOURCES
