"""What a node has carried since it started: nothing twice, nothing lost, no name taken away."""

from gateway.hub.switch import Switch, SwitchSettings
from gateway.node.tally import Carried, HubLabels, Tally

A, B = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
ALL = b"\xff" * 6


def busy_switch() -> Switch:
    """Two ports; one broadcast of 60 bytes, one answer of 3 frames, 300 bytes together."""
    switch = Switch(SwitchSettings())
    one, two = switch.attach("one"), switch.attach("two")
    switch.forward(one, ALL + A, 1, 60, 0.0)
    switch.forward(two, A + B, 3, 300, 0.0)
    return switch


def numbers(carried: Carried) -> tuple[int, ...]:
    received, sent = carried.received, carried.sent
    return (
        *(received.unicast_frames, received.unicast_bytes),
        *(received.broadcast_frames, received.broadcast_bytes),
        *(sent.unicast_frames, sent.broadcast_frames),
    )


def test_a_port_that_leaves_leaves_its_numbers():
    switch = busy_switch()
    before = switch.carried()
    switch.detach(switch.ports[0])
    assert switch.carried() == before
    assert numbers(Carried(*before)) == (3, 300, 1, 60, 3, 1)


def test_a_hub_that_goes_and_comes_back_goes_on_counting():
    tally, switch = Tally(), busy_switch()
    switch.drop(switch.ports[0], "queue-full", 2)
    tally.close("LAB", switch)
    total = tally.sum_with([("LAB", busy_switch()), ("OTHER", busy_switch())])
    assert numbers(total["LAB"]) == (6, 600, 2, 120, 6, 2)
    assert numbers(total["OTHER"]) == (3, 300, 1, 60, 3, 1)
    assert tally.dropped == {"queue-full": 2}
    assert numbers(tally.sum_with([])["LAB"]) == (3, 300, 1, 60, 3, 1)


def test_the_first_hubs_keep_their_names_and_later_ones_share_one():
    labels = HubLabels(2)
    assert [labels.label(hub) for hub in ("A", "B", "C", "A", "D")] == [
        *("A", "B", "(others)", "A", "(others)")
    ]
    carried = {hub: Carried(*busy_switch().carried()) for hub in "ABCD"}
    gathered = dict(labels.gather(carried))
    assert gathered.keys() == {"A", "B", "(others)"}
    assert numbers(gathered["(others)"]) == (6, 600, 2, 120, 6, 2)
