"""The ledger: nothing entered is lost or counted twice, whether the store takes it or not."""

from collections import Counter

from coordinator.model import Traffic
from gateway.node.counters import Counters
from gateway.node.ledger import Ledger

ONE = Traffic(received_unicast_frames=1, received_unicast_bytes=60)


def test_a_session_is_entered_for_its_hub_and_its_user():
    ledger = Ledger()
    ledger.add("LAB", "alice", ONE)
    ledger.add("LAB", "bob", ONE)
    assert ledger.hubs == {"LAB": ONE + ONE}
    assert ledger.users == {("LAB", "alice"): ONE, ("LAB", "bob"): ONE}


def test_nothing_is_not_entered():
    ledger = Ledger()
    ledger.add("LAB", "alice", Traffic())
    assert not ledger.hubs
    assert not ledger.users


def test_what_is_taken_is_gone_and_what_comes_later_is_not():
    ledger = Ledger()
    ledger.add("LAB", "alice", ONE)
    ledger.drops["LAB"].update({"queue-full": 3})
    taken = ledger.take()
    ledger.add("LAB", "alice", ONE)
    assert (taken.hubs, taken.drops) == ({"LAB": ONE}, {"LAB": Counter({"queue-full": 3})})
    assert (ledger.hubs, ledger.drops) == ({"LAB": ONE}, {})


def test_what_the_store_did_not_take_is_put_back_beside_what_came_meanwhile():
    ledger = Ledger()
    ledger.add("LAB", "alice", ONE)
    ledger.drops["LAB"]["queue-full"] += 1
    taken = ledger.take()
    ledger.add("LAB", "alice", ONE)
    ledger.drops["LAB"]["queue-full"] += 2
    ledger.put_back(taken)
    assert ledger.hubs == {"LAB": ONE + ONE}
    assert ledger.users == {("LAB", "alice"): ONE + ONE}
    assert ledger.drops == {"LAB": Counter({"queue-full": 3})}


def test_counters_count_by_reason():
    counters = Counters()
    for reason in ("malformed", "peer-gone", "malformed"):
        counters.count(reason)
    assert counters.totals == {"malformed": 2, "peer-gone": 1}
