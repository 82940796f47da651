"""A node and its witness as a transcript: pings, promises, silence, accusation."""

import pytest

from gateway.witness import PROMISE_S, SILENT_S, TRUST_S
from gateway.witness.message import Kind, Message
from gateway.witness.watched import Watched
from gateway.witness.watcher import FORGET_S, Watcher


@pytest.fixture
def watched() -> Watched:
    node = Watched()
    node.confirm("a", 7, "w", 9)
    return node


@pytest.fixture
def watcher() -> Watcher:
    witness = Watcher()
    witness.become("w", 9)
    return witness


def ping(watched: Watched, now: float) -> Message:
    message = watched.ping(now)
    assert message is not None
    return message


def answer(message: Message) -> Message:
    return Message(Kind.PROMISE, *[getattr(message, f) for f in Message.__slots__[1:]])


def test_a_promise_counts_from_when_the_ping_left(watched: Watched) -> None:
    first = ping(watched, 10.0)
    assert watched.promised_until == 0.0
    watched.hear(answer(first))
    assert watched.promised_until == 10.0 + TRUST_S < 10.0 + PROMISE_S


def test_a_promise_counts_once_and_in_any_order(watched: Watched) -> None:
    first, second = ping(watched, 10.0), ping(watched, 10.1)
    watched.hear(answer(second))
    watched.hear(answer(first))
    watched.hear(answer(second))
    assert watched.promised_until == 10.1 + TRUST_S


@pytest.mark.parametrize(
    "other",
    [("b", 7, "w", 9), ("a", 8, "w", 9), ("a", 7, "v", 9), ("a", 7, "w", 8)],
    ids=["of another node", "of another life", "by another", "by its predecessor"],
)
def test_only_the_confirmed_witness_can_promise(
    watched: Watched, other: tuple[str, int, str, int]
) -> None:
    number = ping(watched, 10.0).number
    watched.hear(Message(Kind.PROMISE, number, *other))
    assert watched.promised_until == 0.0


def test_a_ping_is_no_promise(watched: Watched) -> None:
    watched.hear(ping(watched, 10.0))
    assert watched.promised_until == 0.0


def test_a_change_of_witness_ends_the_promises_of_the_one_before(watched: Watched) -> None:
    watched.hear(answer(ping(watched, 10.0)))
    late = ping(watched, 10.1)
    watched.confirm("a", 7, "", 0)
    assert (watched.promised_until, watched.ping(10.2)) == (0.0, None)
    watched.hear(answer(late))
    assert watched.promised_until == 0.0


def test_confirming_the_same_again_keeps_the_promise(watched: Watched) -> None:
    watched.hear(answer(ping(watched, 10.0)))
    watched.confirm("a", 7, "w", 9)
    assert watched.promised_until == 10.0 + TRUST_S


def test_the_silent_are_accused_only_after_the_promise(watched: Watched, watcher: Watcher) -> None:
    assert watcher.hear(ping(watched, 0.0), 10.0)
    assert watcher.silent(10.0 + SILENT_S) == []
    assert watcher.silent(10.0 + PROMISE_S - 0.001) == []
    (found,) = watcher.silent(10.0 + PROMISE_S + 0.001)
    assert (found.node, found.inc) == ("a", 7)


def test_nothing_is_promised_to_the_accused(watched: Watched, watcher: Watcher) -> None:
    watcher.hear(ping(watched, 0.0), 10.0)
    (found,) = watcher.silent(11.0)
    watcher.accuse(found)
    assert watcher.silent(11.0) == []
    assert not watcher.hear(ping(watched, 1.0), 11.0)
    assert found.spoke
    watcher.acquit(found)
    assert watcher.hear(ping(watched, 1.1), 11.1)


def test_nothing_is_promised_to_a_life_that_is_over(watched: Watched, watcher: Watcher) -> None:
    watcher.hear(ping(watched, 0.0), 10.0)
    (found,) = watcher.silent(11.0)
    watcher.accuse(found)
    watcher.condemn(found)
    assert not watcher.hear(ping(watched, 1.0), 12.0)
    watched.confirm("a", 8, "w", 9)
    assert watcher.hear(ping(watched, 2.0), 13.0), "its successor is somebody else"
    watched.confirm("a", 7, "w", 9)
    assert not watcher.hear(ping(watched, 3.0), 13.0)


def test_a_ping_for_another_witness_is_nobody_to_watch(watched: Watched) -> None:
    for node, inc in (("w", 10), ("v", 9)):
        watcher = Watcher()
        watcher.become(node, inc)
        assert not watcher.hear(ping(watched, 0.0), 10.0)
        assert watcher.silent(12.0) == []


def test_the_long_silent_are_left_to_their_lease(watched: Watched, watcher: Watcher) -> None:
    watcher.hear(ping(watched, 0.0), 10.0)
    assert watcher.silent(10.0 + FORGET_S + 0.1) == []
    assert watcher.silent(11.0) == []
