"""Why a hub that was to move did not."""

from dataclasses import replace

from coordinator.model import Hub, Totals
from coordinator.placement import Ownership
from coordinator.times import Timestamp
from gateway.admin.hubs import HubReport, why_stays

AT = Timestamp("2026-01-31T12:00:00.000Z")
LATER = Timestamp("2026-01-31T12:00:01.000Z")
OWNER = Ownership("lab", "n-1", 1, 7, "active", AT, "placed")


def report(owner: Ownership | None) -> HubReport:
    return HubReport(Hub("LAB"), 0, 0, Totals(), owner, True)


def test_nothing_is_said_before_it_was_tried():
    assert why_stays(report(OWNER), report(OWNER)) == ""
    assert why_stays(report(OWNER), report(None)) == ""


def test_what_was_in_the_way_is_said():
    tried = replace(OWNER, stayed=AT, stays="no other node can take it")
    assert why_stays(report(OWNER), report(tried)) == "no other node can take it"


def test_what_was_in_the_way_the_last_time_is_not():
    before = replace(OWNER, stayed=AT, stays="n-2 takes nothing")
    assert why_stays(report(before), report(before)) == ""
    again = replace(before, stayed=LATER)
    assert why_stays(report(before), report(again)) == "n-2 takes nothing"
    assert why_stays(report(before), report(replace(again, epoch=8))) == ""
