"""The MAC table: learning, moving, ageing, and who loses when it is full."""

import pytest

from gateway.hub.table import MacTable


def mac(number):
    return b"\x5e\0" + number.to_bytes(4, "big")


def fill(table, port, numbers, now=0.0):
    for number in numbers:
        table.learn(mac(number), port, now)


@pytest.fixture
def table():
    return MacTable[str](capacity=10, ageing_s=300.0)


def test_a_learned_address_is_found_on_its_port(table):
    entry = table.learn(mac(1), "a", 5.0)
    assert table.lookup(mac(1)) is entry
    assert (entry.port, entry.learned, entry.seen) == ("a", 5.0, 5.0)
    assert (table.learned, len(table)) == (1, 1)


def test_an_address_that_speaks_elsewhere_moves_and_its_entry_with_it(table):
    entry = table.learn(mac(1), "a", 0.0)
    assert table.learn(mac(1), "b", 9.0) is entry
    assert (entry.port, entry.learned, table.moved) == ("b", 9.0, 1)
    assert (table.held("a"), table.held("b")) == (0, 1)


def test_a_silent_address_expires_and_its_entry_says_so(table):
    entry = table.learn(mac(1), "a", 0.0)
    table.expire(299.9)
    assert table.lookup(mac(1)) is entry
    table.expire(300.0)
    assert table.lookup(mac(1)) is None
    assert (entry.port, table.expired) == (None, 1)


def test_an_address_in_use_does_not_expire(table):
    fill(table, "a", [1, 2])
    table.learn(mac(1), "a", 200.0)
    table.expire(300.0)
    assert table.lookup(mac(1)) is not None
    assert table.lookup(mac(2)) is None


def test_expire_returns_how_long_it_may_be_left_alone(table):
    assert table.expire(7.0) == 300.0
    table.learn(mac(1), "a", 0.0)
    table.learn(mac(2), "b", 50.0)
    assert table.expire(100.0) == 200.0
    assert table.expire(300.0) == 50.0


def test_full_table_evicts_from_the_port_with_most_entries(table):
    fill(table, "a", [1, 2, 3, 4])
    fill(table, "b", [11, 12, 13, 14, 15, 16])
    table.learn(mac(5), "a", 1.0)
    assert table.lookup(mac(11)) is None
    assert (table.held("a"), table.held("b"), table.evicted) == (5, 5, 1)


def test_between_equals_the_one_that_learns_loses_its_oldest(table):
    fill(table, "a", range(5))
    fill(table, "b", range(10, 15))
    table.learn(mac(20), "b", 1.0)
    assert table.lookup(mac(10)) is None
    assert (table.held("a"), table.held("b")) == (5, 5)


def test_the_oldest_is_the_one_not_refreshed_for_longest(table):
    fill(table, "a", range(10))
    table.learn(mac(0), "a", 5.0)
    table.learn(mac(20), "a", 6.0)
    assert table.lookup(mac(0)) is not None
    assert table.lookup(mac(1)) is None


def test_a_flood_from_one_port_eats_only_itself(table):
    fill(table, "quiet", [1, 2])
    fill(table, "loud", range(100, 5000))
    assert (table.held("quiet"), table.held("loud"), len(table)) == (2, 8, 10)


def test_a_port_at_its_limit_learns_nothing_new(table):
    assert table.learn(mac(1), "a", 0.0, limit=2) is not None
    assert table.learn(mac(2), "a", 0.0, limit=2) is not None
    assert table.learn(mac(3), "a", 0.0, limit=2) is None
    assert table.learn(mac(1), "a", 1.0, limit=2) is not None
    assert table.lookup(mac(3)) is None


def test_an_address_does_not_move_to_a_port_at_its_limit(table):
    table.learn(mac(1), "a", 0.0)
    table.learn(mac(2), "b", 0.0)
    assert table.learn(mac(1), "b", 0.0, limit=1) is None
    assert table.lookup(mac(1)).port == "a"


def test_a_port_that_goes_takes_its_addresses_along(table):
    fill(table, "a", [1, 2])
    fill(table, "b", [3])
    table.forget_port("a")
    assert [entry.mac for entry in table] == [mac(3)]
    assert table.held("a") == 0


def test_refresh_happens_once_a_second_not_every_time(table):
    entry = table.learn(mac(1), "a", 0.0)
    table.learn(mac(1), "a", 0.9)
    assert entry.seen == 0.0
    table.learn(mac(1), "a", 1.0)
    assert entry.seen == 1.0
