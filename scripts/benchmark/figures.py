"""Figures: what is measured, in which unit, and what issue and design ask of the ratio."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a scenario. `required` and `aim` bound ours divided by the reference's."""

    key: str
    title: str
    digits: int = 2
    required: float | None = None
    aim: float | None = None
    at_least: bool = False
    """More is better: the ratio must be at least `required`; otherwise at most."""

    def verdict(self, ratio: float) -> str:
        """Return "aim", "met", "missed", or nothing where nothing is required."""
        if self.required is None:
            return ""
        if self.aim is not None and self._is_within(ratio, self.aim):
            return "aim"
        return "met" if self._is_within(ratio, self.required) else "missed"

    def _is_within(self, ratio: float, bound: float) -> bool:
        return ratio >= bound if self.at_least else ratio <= bound


@dataclass(slots=True)
class Row:
    """A figure with what was seen of it: samples of both servers, taken in turns."""

    scenario: str
    title: str
    figure: Figure
    reference: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Return ours by the reference's, of neighbours in time; only where that is a number."""
        return sorted(
            mine / theirs
            for mine, theirs in zip(self.ours, self.reference, strict=False)
            if theirs > 0
        )

    @property
    def ratio(self) -> float | None:
        """Return the median of the ratios."""
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def spread(self) -> tuple[float, float] | None:
        """Return the ratios' quartiles; with few samples their extremes."""
        ratios = self.ratios
        if not ratios:
            return None
        cut = len(ratios) // 4
        return ratios[cut], ratios[-1 - cut]

    def to_json(self) -> dict[str, Any]:
        """Return everything seen."""
        ratio = self.ratio
        return {
            "scenario": self.scenario,
            "figure": self.figure.key,
            "title": f"{self.title}: {self.figure.title}",
            "reference": median(self.reference),
            "etherfleet": median(self.ours),
            "ratio": ratio,
            "spread": self.spread,
            "required": self.figure.required,
            "aim": self.figure.aim,
            "verdict": "" if ratio is None else self.figure.verdict(ratio),
            "samples": {"reference": self.reference, "etherfleet": self.ours},
        }


def median(numbers: Sequence[float]) -> float:
    """Return the median; 0 of nothing."""
    return statistics.median(numbers) if numbers else 0.0


def percentile(numbers: Sequence[float], percent: float) -> float:
    """Return the smallest number that `percent` of them do not exceed."""
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
