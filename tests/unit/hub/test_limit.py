"""The token bucket, with a clock the test moves."""

from gateway.hub.limit import TokenBucket


def test_a_full_bucket_lets_a_burst_through_and_no_more():
    bucket = TokenBucket(rate=10, burst=5)
    assert [bucket.take(1, now=100.0) for _ in range(6)] == [True] * 5 + [False]


def test_tokens_come_back_at_the_rate():
    bucket = TokenBucket(rate=10, burst=5)
    assert bucket.take(5, now=0.0)
    assert not bucket.take(2, now=0.1)
    assert bucket.take(2, now=0.2)


def test_a_long_pause_refills_no_more_than_the_burst():
    bucket = TokenBucket(rate=10, burst=5)
    assert bucket.take(5, now=0.0)
    assert not bucket.take(6, now=3600.0)
    assert bucket.take(5, now=3600.0)


def test_a_refusal_takes_nothing():
    bucket = TokenBucket(rate=10, burst=5)
    assert not bucket.take(6, now=0.0)
    assert bucket.take(5, now=0.0)
