"""Whose the next connection of an address is."""

from gateway.node.knocks import GOOD_S, TIDY_ABOVE, Knock, Knocks

OFFICE = Knock("192.0.2.1", 5556)


def test_nobody_is_expected_at_first():
    assert Knocks().take(OFFICE, 0.0) == ""


def test_a_note_is_for_one_connection():
    knocks = Knocks()
    knocks.expect([OFFICE], "n-2", 0.0)
    assert [knocks.take(OFFICE, 1.0) for _ in range(2)] == ["n-2", ""]
    assert len(knocks) == 0


def test_clients_of_one_address_are_known_by_their_order():
    knocks = Knocks()
    knocks.expect([OFFICE, OFFICE], "n-2", 0.0)
    knocks.expect([OFFICE], "n-3", 0.0)
    assert [knocks.take(OFFICE, 1.0) for _ in range(4)] == ["n-2", "n-2", "n-3", ""]


def test_another_address_or_port_is_somebody_else():
    knocks = Knocks()
    knocks.expect([OFFICE], "n-2", 0.0)
    assert knocks.take(OFFICE._replace(tcp_port=5557), 1.0) == ""
    assert knocks.take(OFFICE._replace(address="192.0.2.2"), 1.0) == ""
    assert knocks.take(OFFICE, 1.0) == "n-2"


def test_whoever_is_late_is_not_expected_any_more():
    knocks = Knocks()
    knocks.expect([OFFICE], "n-2", 0.0)
    knocks.expect([OFFICE], "n-3", 1.0)
    assert knocks.take(OFFICE, GOOD_S + 0.5) == "n-3"
    knocks.expect([OFFICE], "n-2", 10.0)
    assert knocks.take(OFFICE, 10.0 + GOOD_S) == ""


def test_those_who_never_come_are_forgotten():
    knocks = Knocks()
    gone = [Knock(f"10.0.{n >> 8}.{n & 255}", 5556) for n in range(TIDY_ABOVE + 1)]
    knocks.expect(gone, "n-2", 0.0)
    assert len(knocks) == len(gone)
    knocks.expect([OFFICE], "n-2", GOOD_S)
    assert len(knocks) == 1
