"""Full jitter, with the randomness steered."""

from gateway.client.backoff import Backoff


def longest(low: float, high: float) -> float:
    assert low == 0
    return high


def test_span_doubles_from_150_ms_to_5_s():
    backoff = Backoff(longest)
    assert [backoff.next_delay() for _ in range(8)] == [0.15, 0.3, 0.6, 1.2, 2.4, 4.8, 5.0, 5.0]


def test_a_session_that_stood_begins_anew():
    backoff = Backoff(longest)
    for _ in range(5):
        backoff.next_delay()
    backoff.reset()
    assert backoff.next_delay() == 0.15


def test_many_failures_do_not_overflow():
    backoff = Backoff(longest)
    assert max(backoff.next_delay() for _ in range(5000)) == 5.0


def test_the_wait_may_be_nothing():
    assert Backoff(lambda low, high: low).next_delay() == 0.0
