"""The timer that can be set again, and the waking that several share.

Only order and counts are judged; what is due "never" is a minute away.
"""

import time
from collections.abc import Callable, Iterator

import gevent
import pytest

from gateway.transport import timer
from gateway.transport.timer import Timer

NEVER = 60.0


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No stretch may outlive its callbacks' time."""
    before = set(timer._stretches)
    yield
    until(lambda: set(timer._stretches) <= before)


def until(condition: Callable[[], object]) -> None:
    with gevent.Timeout(5):
        while not condition():
            gevent.sleep(0.005)


def test_it_calls_once() -> None:
    calls: list[str] = []
    Timer(lambda: calls.append("called")).set(0.0)
    until(lambda: calls)
    gevent.sleep(0.02)
    assert calls == ["called"]


def test_setting_it_again_forgets_the_earlier_setting() -> None:
    calls: list[str] = []
    first, second = Timer(lambda: calls.append("first")), Timer(lambda: calls.append("second"))
    first.set(NEVER)
    first.set(0.02)
    second.set(0.0)
    second.set(0.04)
    until(lambda: len(calls) == 2)
    assert calls == ["first", "second"]


def test_a_cancelled_timer_stays_silent_and_may_be_set_again() -> None:
    calls: list[str] = []
    one = Timer(lambda: calls.append("called"))
    one.cancel()
    one.set(0.01)
    one.cancel()
    one.cancel()
    gevent.sleep(0.03)
    assert not calls
    one.set(0.0)
    until(lambda: calls)


def test_those_due_in_one_stretch_share_a_waking_in_the_order_they_were_set() -> None:
    calls: list[int] = []
    timers = [Timer(lambda n=n: calls.append(n)) for n in range(5)]  # type: ignore[misc]
    for one in timers:
        one.set(0.05, within=30.0)
    shared = [s for s in timer._stretches.values() if s.callbacks.keys() & set(timers)]
    # Five settings within a moment: one stretch, or two when its end fell between them.
    assert len(shared) <= 2
    for stretch in shared:
        stretch._end()
    assert calls == [0, 1, 2, 3, 4]


def test_it_is_never_early_and_as_late_as_allowed_at_most() -> None:
    """Which stretch a moment falls into, by the numbers alone."""
    for after, within in ((0.0, 1.0), (0.3, 1.0), (7.0, 0.2), (3.0, 60.0)):
        now = time.monotonic()
        one = Timer(lambda: None)
        one.set(after, within)
        ((_, number),) = [key for key, found in timer._stretches.items() if one in found.callbacks]
        later = time.monotonic() - now  # it was set at some moment in between
        assert after <= number * within - now + 1e-6 <= after + within + later + 1e-6
        timer._stretches[within, number]._end()


def test_one_of_several_may_cancel_another_and_itself_be_set_again() -> None:
    calls: list[str] = []
    first = Timer(lambda: (calls.append("first"), third.cancel(), first.set(0.0)))
    second, third = (Timer(lambda name=name: calls.append(name)) for name in ("second", "third"))  # type: ignore[misc]
    for one in (first, second, third):
        one.set(0.0, within=0.02)
    until(lambda: calls.count("first") >= 2)
    first.cancel()
    assert "second" in calls
    assert "third" not in calls


def test_one_that_fails_does_not_keep_the_others_from_theirs(capsys) -> None:
    calls: list[str] = []
    bad, good = Timer(lambda: 1 // 0), Timer(lambda: calls.append("good"))
    bad.set(0.0, within=0.02)
    good.set(0.0, within=0.02)
    until(lambda: calls)
    said = capsys.readouterr()
    assert "ZeroDivisionError" in said.out + said.err


def test_a_cancelled_one_leaves_the_stretch_to_the_others() -> None:
    calls: list[str] = []
    one, other = (Timer(lambda name=name: calls.append(name)) for name in ("one", "other"))  # type: ignore[misc]
    one.set(0.0, within=0.02)
    other.set(0.0, within=0.02)
    one.cancel()
    until(lambda: calls)
    assert calls == ["other"]
