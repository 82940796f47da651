"""Times as the store shows them: RFC 3339 text, UTC, milliseconds, `2026-01-31T12:00:00.000Z`.

All have the same width, so two of them compare as text. Ages and deadlines are never computed
from them: wall clocks step.
"""

from datetime import UTC, datetime
from typing import NewType

from coordinator.errors import InvalidValue

Timestamp = NewType("Timestamp", str)


def to_timestamp(moment: datetime) -> Timestamp:
    """Return an aware `moment` as text; parts of a millisecond are cut off."""
    if moment.tzinfo is None:
        raise InvalidValue(f"{moment.isoformat()}: a time needs its offset from UTC")
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return Timestamp(text.removesuffix("+00:00") + "Z")


def from_timestamp(text: str) -> datetime:
    """Return RFC 3339 `text` as an aware time in UTC; raises InvalidValue."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidValue(f"{text!r} is not a time like 2026-01-31T12:00:00.000Z")
    return moment.astimezone(UTC)


def read_timestamp(text: str) -> Timestamp:
    """Return any RFC 3339 text in the one form that is stored; raises InvalidValue."""
    return to_timestamp(from_timestamp(text))


def utc_now() -> Timestamp:
    """Return the wall clock's time. For callers at the rim; nothing in this package calls it."""
    return to_timestamp(datetime.now(UTC))
