"""When an account ends, as an operator types it: a moment, or a day that still counts."""

from datetime import UTC, date, datetime, time

import click

from coordinator.errors import InvalidValue
from coordinator.times import Timestamp, read_timestamp, to_timestamp


class Expiry(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """RFC 3339, `2026-12-31T18:00:00+01:00`, or a date, which means to the end of that day, UTC."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Timestamp:
        text = str(value)
        try:
            return _end_of(date.fromisoformat(text)) if len(text) == 10 else read_timestamp(text)
        except (ValueError, InvalidValue):
            self.fail(
                f"{text!r} is neither a date like 2026-12-31 nor a time like 2026-12-31T18:00:00Z.",
                param,
                ctx,
            )


def _end_of(day: date) -> Timestamp:
    return to_timestamp(datetime.combine(day, time(23, 59, 59), UTC))
