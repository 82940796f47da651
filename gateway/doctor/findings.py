"""A finding: what was looked at, how bad it is, what was seen, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad; the worst one of all findings is the doctor's exit code."""

    OK = 0
    WARN = 1
    ERR = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's list."""

    level: Level
    check: str
    """What was looked at, a few words that stay as they are."""
    seen: str
    advice: str = ""
    """What to do; empty where there is nothing to."""


def worst(findings: Iterable[Finding]) -> Level:
    """Return the worst level; OK of none."""
    return max((finding.level for finding in findings), default=Level.OK)


def by_limits(number: float, warn: float, err: float) -> Level:
    """Return the level of a number that is worse the higher it is."""
    return Level.ERR if number > err else Level.WARN if number > warn else Level.OK
