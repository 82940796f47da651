"""Rates, from looks at rows that nodes write every five seconds or so."""

from dataclasses import replace

from coordinator.model import Hub, Node, SessionRecord, Totals, Traffic
from coordinator.times import Timestamp
from gateway.admin.hubs import HubReport
from gateway.admin.nodes import Health, NodeReport
from gateway.admin.rates import Look, Meter, Rate, Rates

ALICE = SessionRecord(
    hub="LAB", user="alice", node="n1", address="192.0.2.1:1", name="SID-ALICE-1", key_hash="a"
)
BOB = replace(ALICE, user="bob", node="n2", name="SID-BOB-2", key_hash="b")


def seen(record: SessionRecord, second: int, received: int, sent: int = 0) -> SessionRecord:
    """Return a record as its node reported it at 12:00:`second`; a frame has 100 bytes."""
    traffic = Traffic(
        received, 100 * received, sent_broadcast_frames=sent, sent_broadcast_bytes=100 * sent
    )
    return replace(record, seen=Timestamp(f"2026-01-31T12:00:{second:02}.000Z"), traffic=traffic)


def look(at_s: float, *sessions: SessionRecord, drops: int = 0) -> Look:
    now = Timestamp("2026-01-31T12:00:00.000Z")
    nodes = [
        NodeReport(Node(name, 1, "h", "192.0.2.1:1", "1", now), Health.UP, 0, 0)
        for name in ("n1", "n2")
    ]
    hub = HubReport(Hub("LAB"), 0, len(sessions), Totals(drops={"flood": drops}))
    return Look(at_s, nodes, [hub], sessions)


def rates_of(rates: Rates) -> list[Rate]:
    return [rate for _, rate in rates.sessions]


def test_a_rate_is_growth_over_the_time_between_two_reports():
    meter = Meter()
    assert rates_of(meter.take(look(0, seen(ALICE, 0, 10)))) == [Rate()]
    grown = meter.take(look(6, seen(ALICE, 5, 60, sent=10)))
    assert rates_of(grown) == [Rate(1000.0, 10.0, 200.0, 2.0)]


def test_between_two_reports_the_rate_stays_and_then_it_is_none():
    meter = Meter()
    meter.take(look(0, seen(ALICE, 0, 0)))
    for at_s in (5, 7, 13):
        assert rates_of(meter.take(look(at_s, seen(ALICE, 5, 50))))[0].received_frames == 10
    assert rates_of(meter.take(look(15, seen(ALICE, 5, 50)))) == [Rate()]


def test_silence_before_it_does_not_thin_a_rate_out():
    meter = Meter()
    meter.take(look(0, seen(ALICE, 0, 0)))
    assert rates_of(meter.take(look(50, seen(ALICE, 50, 60))))[0].received_frames == 10


def test_a_session_that_moved_or_began_anew_has_no_negative_rate():
    meter = Meter()
    meter.take(look(0, seen(ALICE, 0, 500)))
    assert rates_of(meter.take(look(5, seen(ALICE, 5, 0)))) == [Rate()]


def test_nodes_and_hubs_are_sums_of_their_sessions():
    meter = Meter()
    meter.take(look(0, seen(ALICE, 0, 0), seen(BOB, 0, 0)))
    rates = meter.take(look(5, seen(ALICE, 5, 50), seen(BOB, 5, 25)))
    assert [rate.received_frames for _, rate in rates.nodes] == [10, 5]
    ((_, of_hub, _),) = rates.hubs
    assert of_hub == Rate(1500.0, 15.0)


def test_drops_are_counted_over_ten_seconds():
    meter = Meter()
    found = [
        meter.take(look(at_s, drops=drops)).hubs[0][2]
        for at_s, drops in ((0, 100), (5, 200), (10, 200), (20, 200), (30, 200))
    ]
    assert found == [0, 20, 10, 0, 0]


def test_who_is_gone_is_forgotten():
    meter = Meter()
    meter.take(look(0, seen(ALICE, 0, 0)))
    meter.take(look(5))
    assert rates_of(meter.take(look(10, seen(ALICE, 10, 100)))) == [Rate()]
