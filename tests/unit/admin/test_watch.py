"""What watchers are shown is made seldom, whoever asks and however often."""

from dataclasses import dataclass, field

import pytest

from gateway.admin.watch import KEEP_S, SHARE, Kept


@dataclass
class Clock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Maker:
    """Makes 1, 2, 3, ...; each takes `takes_s`."""

    clock: Clock
    takes_s: float = 0.0
    made: list[int] = field(default_factory=list)

    def __call__(self) -> int:
        self.clock.now_s += self.takes_s
        self.made.append(len(self.made) + 1)
        return self.made[-1]


def test_within_a_moment_everybody_is_shown_the_same() -> None:
    clock, kept = Clock(), Kept[int]()
    make = Maker(clock)
    assert [kept.get(make, clock) for _ in range(5)] == [1] * 5
    clock.now_s += KEEP_S
    assert kept.get(make, clock) == 2


def test_what_takes_long_to_make_is_made_seldom() -> None:
    clock, kept = Clock(), Kept[int]()
    make = Maker(clock, takes_s=2.0)
    kept.get(make, clock)
    clock.now_s += 2.0 * (SHARE - 1) - 0.1
    assert kept.get(make, clock) == 1
    clock.now_s += 0.2
    assert kept.get(make, clock) == 2


def test_who_asks_while_it_is_made_is_shown_the_former() -> None:
    clock, kept = Clock(), Kept[int]()
    assert kept.get(lambda: 1, clock) == 1
    clock.now_s += KEEP_S
    assert kept.get(lambda: 10 + kept.get(lambda: 99, clock), clock) == 11


def test_what_could_not_be_made_is_tried_again() -> None:
    clock, kept = Clock(), Kept[int]()

    def fail() -> int:
        raise RuntimeError("away")

    with pytest.raises(RuntimeError):
        kept.get(fail, clock)
    assert kept.get(lambda: 2, clock) == 2
