"""Figures: what tests measure and do not assert, printed when the run is over.

def test_something(figure):
    figure("iperf3, 8 connections", "740 Mbit/s")
"""

from collections.abc import Callable

import pytest

PREFIX = "figure: "  # of the properties that are printed; others are for reports in XML


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str, object], None]:
    """Take down a figure of this test: what was measured, and the value with its unit."""

    def note(what: str, value: object) -> None:
        record_property(f"{PREFIX}{what}", value)

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures test by test."""
    reports = [
        report
        for group in terminalreporter.stats.values()
        for report in group
        if isinstance(report, pytest.TestReport) and report.when == "call"
    ]
    lines = [
        f"{report.nodeid.rpartition('/')[2]}  {name.removeprefix(PREFIX)}: {value}"
        for report in reports
        for name, value in report.user_properties
        if name.startswith(PREFIX)
    ]
    if lines:
        terminalreporter.section("figures (measured, not asserted)")
        for line in sorted(lines):
            terminalreporter.write_line(line)
