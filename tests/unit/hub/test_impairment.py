"""A bad line on purpose: the fate of a frame, and what is under way."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.hub.impairment import DelayLine, Impairment

PARTS = st.floats(0, 1)


@given(st.floats(0, 10), PARTS, PARTS, st.lists(st.floats(0, 1, exclude_max=True), min_size=2))
def test_a_delay_varies_by_no_more_than_its_jitter(delay_s, jitter, loss, throws):
    dice = iter(throws)
    after_s = Impairment(delay_s, jitter, loss).fate(lambda: next(dice))
    assert (after_s is None) == (throws[0] < loss)
    if after_s is not None:
        assert delay_s * (1 - jitter) - 1e-9 <= after_s <= delay_s * (1 + jitter) + 1e-9


def test_nothing_is_lost_at_no_loss_and_all_at_full():
    assert Impairment(0.1, 0, 0).fate(lambda: 0.0) == 0.1
    assert Impairment(0.1, 0, 1).fate(lambda: 0.999999) is None


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 40))))
def test_a_line_gives_back_what_it_took_soonest_first_and_in_order(frames):
    line: DelayLine[int] = DelayLine(most_bytes=200)
    held, waiting = 0, []
    for number, (due, size) in enumerate(frames):
        taken = line.add(float(due), size, number)
        assert taken == (held + size <= 200)
        if taken:
            held += size
            waiting.append((due, number))
    assert line.next_due == min((float(due) for due, _ in waiting), default=None)
    early = line.take(9.5)
    assert early == [number for due, number in sorted(waiting) if due <= 9]
    assert early + line.take(99.0) == [number for _, number in sorted(waiting)]
    assert line.next_due is None
    assert line.add(0.0, 200, 0), "all its room is free again"
