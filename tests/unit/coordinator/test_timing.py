"""Timing: times that cannot work together are refused, and what a holder concludes from them."""

from dataclasses import asdict

import pytest

from coordinator.errors import InvalidValue
from coordinator.timing import Timing


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"ttl_ms": 3999}, "at most a quarter"),
        ({"renew_ms": 1001}, "at most a quarter"),
        ({"margin_ms": 84}, "margin_ms covers"),
        ({"attempt_ms": 2400}, "fit into ttl_ms - margin_ms"),
        ({"gap_ms": 1100}, "gap_ms is more"),
        ({"gap_ms": 2500}, "gap_ms is less"),
        ({"suspect_ms": 105}, "less than suspect_ms"),
        ({"ticket_ms": 60_001}, "at most 60000"),
        ({"heir_ms": 0}, "at least 1 ms"),
    ],
)
def test_times_that_do_not_fit_are_refused_by_their_rule(change, rule) -> None:
    with pytest.raises(InvalidValue, match=rule):
        Timing(**change)


@pytest.mark.parametrize("factor", [0.1, 1, 15])
def test_scaled_times_fit_as_well(factor) -> None:
    ticket = {"ticket_ms": 4000}
    assert Timing(**ticket).scaled(factor).ttl_ms == 4000 * factor


def test_store_holds_them_as_text_and_what_it_lacks_is_the_default() -> None:
    short = Timing().scaled(0.1)
    assert Timing.from_fields(short.to_fields()) == short
    assert Timing.from_fields({"ttl_ms": "8000", "of_a_later_version": "1"}) == Timing(ttl_ms=8000)
    assert set(short.to_fields()) == set(asdict(short))


def test_deadline_is_before_any_expiry_the_store_may_count() -> None:
    timing = Timing()
    assert timing.deadline(10.0) == 13.5
    assert timing.watchdog_s == 3.5


def test_renewals_are_a_tenth_early_or_late() -> None:
    timing = Timing()
    assert timing.next_renewal(10.0, 0.0) == pytest.approx(10.9)
    assert timing.next_renewal(10.0, 0.5) == pytest.approx(11.0)
    assert timing.next_renewal(10.0, 1.0) == pytest.approx(11.1)
