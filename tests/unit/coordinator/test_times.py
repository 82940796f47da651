"""Times: one form, one width, ordered as text."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.errors import InvalidValue
from coordinator.times import from_timestamp, read_timestamp, to_timestamp, utc_now

MOMENTS = st.datetimes(
    min_value=datetime(1970, 1, 2),
    max_value=datetime(9998, 12, 30),
    timezones=st.integers(-14, 14).map(lambda h: timezone(timedelta(hours=h))),
)


@given(MOMENTS)
def test_text_keeps_the_moment_to_the_millisecond(moment: datetime) -> None:
    text = to_timestamp(moment)
    assert len(text) == len("2026-01-31T12:00:00.000Z")
    assert timedelta(0) <= moment - from_timestamp(text) < timedelta(milliseconds=1)
    assert read_timestamp(text) == text


@given(MOMENTS, MOMENTS)
def test_order_of_texts_is_order_of_moments(one: datetime, other: datetime) -> None:
    if abs(one - other) >= timedelta(milliseconds=1):
        assert (to_timestamp(one) < to_timestamp(other)) == (one < other)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"),
        ("2026-01-31 12:00:00.9999+02:00", "2026-01-31T10:00:00.999Z"),
    ],
)
def test_other_spellings_are_brought_to_the_one_form(text: str, stored: str) -> None:
    assert read_timestamp(text) == stored


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-01-31", "2026-01-31T12:00:00", "\x00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"is not a time like 2026-01-31T12:00:00.000Z"):
        from_timestamp(text)


def test_a_time_without_offset_is_refused() -> None:
    with pytest.raises(InvalidValue, match="needs its offset"):
        to_timestamp(datetime(2026, 1, 31))


def test_now_is_now() -> None:
    assert abs(datetime.now(UTC) - from_timestamp(utc_now())) < timedelta(minutes=1)
