"""Numbers and times as people read them."""

from datetime import UTC, datetime

from coordinator.times import Timestamp, from_timestamp

NONE = "-"


def size(count: int) -> str:
    """Return bytes in at most seven characters: `999 B`, `1.2 MB`, `340 GB`."""
    if count < 1000:
        return f"{count} B"
    number, units = count / 1000, ["TB", "GB", "MB", "kB"]
    while number >= 999.5 and len(units) > 1:
        number /= 1000
        units.pop()
    return f"{number:.1f} {units[-1]}" if number < 9.95 else f"{number:.0f} {units[-1]}"


def bits(bytes_s: float) -> str:
    """Return a rate in at most ten characters: `0 bit/s`, `1.2 Mbit/s`, `340 Gbit/s`."""
    number, units = 8 * bytes_s, ["Tbit/s", "Gbit/s", "Mbit/s", "kbit/s", "bit/s"]
    while number >= 999.5 and len(units) > 1:
        number /= 1000
        units.pop()
    is_small = 0 < number < 9.95 and units[-1] != "bit/s"
    return f"{number:.1f} {units[-1]}" if is_small else f"{number:.0f} {units[-1]}"


def count(per_s: float) -> str:
    """Return how often something happens: `-`, `0.3/s`, `120/s`."""
    if not per_s:
        return NONE
    return f"{per_s:.1f}/s" if per_s < 9.95 else f"{per_s:.0f}/s"


def span(seconds: float) -> str:
    """Return a length of time in its largest unit: `45 s`, `3 min`, `7 h`, `12 d`."""
    seconds = max(0.0, seconds)
    for unit, length, most in (("s", 1, 90), ("min", 60, 90), ("h", 3600, 36)):
        if seconds < length * most:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"


def age(then: Timestamp | None, now: datetime | None = None) -> str:
    """Return how long ago `then` was; `-` for never. For eyes only: wall clocks step."""
    if not then:
        return NONE
    return span(((now or datetime.now(UTC)) - from_timestamp(then)).total_seconds())


def limit(count: int) -> str:
    """Return a limit of which 0 means none."""
    return f"at most {count}" if count else "any number"


def yes(value: bool) -> str:
    """Return a claim as a word."""
    return "yes" if value else "no"
