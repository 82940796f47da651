"""The certificate shown: read when the directory has changed, replaced by one that can be shown."""

from datetime import UTC, datetime

import pytest

from coordinator.errors import SealBroken, StoreUnavailable
from coordinator.model import FleetCertificate
from gateway.node import certificate
from gateway.node.shown import Shown

FIRST, SECOND = (certificate.make(name, datetime(2026, 1, 1, tzinfo=UTC)) for name in ("a", "b"))


class Kept:
    """What the store answers, or how it fails; counts who asks."""

    def __init__(self) -> None:
        self.answer: FleetCertificate | Exception | None = None
        self.asked = 0

    def get(self) -> FleetCertificate | None:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def shown():
    return Shown(*FIRST, is_fixed=False)


def test_it_is_read_once_for_each_version_of_the_directory(shown, kept):
    kept.answer = FleetCertificate(*FIRST)
    for version in (7, 7, 8, 8):
        shown.learn(version, kept)
    assert kept.asked == 2
    assert shown.pem == FIRST[0]


def test_another_is_shown_from_then_on(shown, kept):
    before = shown.context
    kept.answer = FleetCertificate(*SECOND)
    shown.learn(1, kept)
    assert shown.pem == SECOND[0]
    assert shown.context is not before


@pytest.mark.parametrize("bad", [SealBroken("x"), FleetCertificate(SECOND[0], FIRST[1])])
def test_the_one_before_stays_where_the_new_one_cannot_be_shown(shown, kept, bad):
    kept.answer = bad
    shown.learn(1, kept)
    assert shown.pem == FIRST[0]


def test_a_store_that_is_away_is_asked_again(shown, kept):
    kept.answer = StoreUnavailable("away")
    with pytest.raises(StoreUnavailable):
        shown.learn(1, kept)
    kept.answer = FleetCertificate(*SECOND)
    shown.learn(1, kept)
    assert shown.pem == SECOND[0]


def test_one_from_the_settings_is_not_replaced(kept):
    kept.answer = FleetCertificate(*SECOND)
    fixed = Shown(*FIRST, is_fixed=True)
    fixed.learn(1, kept)
    assert kept.asked == 0
    assert fixed.pem == FIRST[0]
