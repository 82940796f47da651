"""Who watches whom: agreed upon by nobody, spread over all, another machine if there is one."""

from collections import Counter
from dataclasses import replace

from coordinator.model import NodeState
from coordinator.witness import choose_witness
from tests.contract.values import a_node


def fleet(machines: int, workers: int):
    return [
        replace(a_node(f"m{m}-{w}"), inc=m * 10 + w, peer_address=f"10.0.0.{m}:{5000 + w}")
        for m in range(machines)
        for w in range(workers)
    ]


def test_it_is_on_another_machine():
    nodes = fleet(3, 4)
    for node in nodes:
        witness = choose_witness(node, nodes)
        assert witness is not None
        assert witness.address.split(":")[0] != node.peer_address.split(":")[0]
        found = next(n for n in nodes if n.id == witness.node)
        assert (found.inc, found.peer_address) == (witness.inc, witness.address)


def test_the_load_spreads():
    nodes = fleet(100, 1)
    chosen = Counter(choose_witness(node, nodes).node for node in nodes)
    assert max(chosen.values()) < 8


def test_a_choice_stays_while_others_come_and_go():
    nodes = fleet(20, 1)
    me = nodes[0]
    best = choose_witness(me, nodes).node
    for other in nodes[1:]:
        rest = [node for node in nodes if node is not other]
        assert (choose_witness(me, rest).node == best) is (other.id != best)


def test_who_is_gone_or_cannot_be_reached_watches_nobody():
    one, two = fleet(2, 1)
    assert choose_witness(one, [one]) is None
    assert choose_witness(one, [replace(two, state=NodeState.DEAD)]) is None
    assert choose_witness(one, [replace(two, peer_address="")]) is None
    assert choose_witness(replace(one, peer_address=""), [two]) is None


def test_a_sibling_is_better_than_nobody():
    one, two = fleet(1, 2)
    assert choose_witness(one, [one, two]).node == two.id
