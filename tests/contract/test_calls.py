"""Calls between nodes: heard by whom they are for, and by nobody else."""

from collections.abc import Iterator

import pytest

from coordinator.calls import Message
from coordinator.fleet import Fleet
from coordinator.redis_store import RedisStore, connect

QUESTION = Message("ab12", "node-1", "macs", {"hub": "lab", "n": [1, None]})
WAIT_S = 5.0


@pytest.fixture
def other_store(store_url: str, fleet_name: str) -> Iterator[RedisStore]:
    connected = connect(store_url, fleet_name, pool_size=1)
    yield connected
    connected.close()


def heard(subscription) -> str:
    """Return what is said next; the word that a subscription stands is none."""
    for _ in range(3):
        text = subscription.receive(WAIT_S)
        if text is not None:
            return text
    raise AssertionError("nothing was heard")


def test_a_message_arrives_as_it_was_sent(fleet: Fleet, other_store) -> None:
    listening = fleet.calls.over(other_store)
    subscription = listening.listen("node-2")
    assert subscription.receive(WAIT_S) is None  # it stands
    assert fleet.calls.send("node-2", QUESTION)
    assert listening.read("node-2", heard(subscription)) == QUESTION
    subscription.close()


def test_nobody_listens_and_nobody_is_waited_for(fleet: Fleet) -> None:
    assert not fleet.calls.send("node-3", QUESTION)


def test_only_whom_it_is_for_can_read_it(fleet: Fleet, other_store, store) -> None:
    listening = fleet.calls.over(other_store)
    subscription = listening.listen("node-2")
    assert subscription.receive(WAIT_S) is None
    fleet.calls.send("node-2", QUESTION)
    text = heard(subscription)
    assert "lab" not in text
    assert listening.read("node-1", text) is None
    assert listening.read("node-2", text[:-4] + "AAA=") is None
    assert listening.read("node-2", "nonsense") is None
    store.publish(fleet.store.keys.calls("node-2"), '{"id": "1"}')
    assert listening.read("node-2", heard(subscription)) is None
    subscription.close()
