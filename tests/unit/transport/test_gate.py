"""The gate is open up to the nearer of two: the lease's end, and what nobody may do before."""

import math

from gateway.transport.gate import ALWAYS_OPEN, Gate


def test_a_lease_alone() -> None:
    gate = Gate()
    assert not gate.look(0.0)
    gate.extend(5.0, 1.0)
    assert gate.deadline == 5.0
    assert gate.look(4.9)
    assert not gate.look(5.0)


def test_what_others_may_do_sooner_is_looked_at_again_and_again() -> None:
    safe = {"for": 0.1}
    gate = Gate()
    gate.obey(lambda now: now + safe["for"])
    gate.extend(5.0, 1.0)
    assert gate.deadline == 1.1
    assert gate.look(1.2)
    assert gate.deadline == 1.3
    safe["for"] = 0.0
    assert not gate.look(1.4)
    safe["for"] = math.inf
    assert gate.look(1.5)
    assert gate.deadline == 5.0


def test_closed_is_closed_whatever_is_seen() -> None:
    gate = Gate(5.0)
    gate.close()
    assert not gate.look(1.0)
    assert gate.deadline == 0.0
    assert ALWAYS_OPEN.look(1e12)
