"""When a cascade is tried again: spans that double, by the kind of trouble."""

import pytest

from gateway.node.retry import STOOD_S, Retries, Trouble


def longest(_least: float, most: float) -> float:
    return most


def shortest(least: float, _most: float) -> float:
    return least


@pytest.mark.parametrize("trouble", Trouble)
def test_spans_double_up_to_the_longest(trouble):
    retries = Retries(longest)
    first, most = trouble.value
    waits = [retries.wait_after(trouble) for _ in range(60)]
    assert waits[:2] == [first, min(2 * first, most)]
    assert waits[-1] == most
    assert waits == sorted(waits)


@pytest.mark.parametrize("trouble", Trouble)
def test_nobody_waits_for_less_than_half(trouble):
    first, _ = trouble.value
    assert Retries(shortest).wait_after(trouble) == first / 2


def test_another_kind_of_trouble_begins_anew():
    retries = Retries(longest)
    for _ in range(5):
        retries.wait_after(Trouble.PASSING)
    assert retries.wait_after(Trouble.LASTING) == Trouble.LASTING.value[0]
    assert retries.wait_after(Trouble.PASSING) == Trouble.PASSING.value[0]


def test_only_a_session_that_stood_for_a_while_makes_the_next_wait_short():
    retries = Retries(longest)
    waits = []
    for stood_s in (0.1, STOOD_S / 2, STOOD_S, 1000.0):
        retries.stood(stood_s)
        waits.append(retries.wait_after(Trouble.PASSING))
    first = Trouble.PASSING.value[0]
    assert waits == [first, 2 * first, first, first]
