"""The switch: who gets a run, who does not and why, and what is counted."""

import pytest

from gateway.hub.switch import MAX_PATHS, Switch, SwitchSettings
from gateway.wire.ethernet import BROADCAST, PROBES

MULTICAST = bytes.fromhex("01005e000001")


def mac(number):
    return b"\x5e\0" + number.to_bytes(4, "big")


A, B, C = mac(1), mac(2), mac(3)


@pytest.fixture
def switch():
    return Switch(SwitchSettings(max_macs=100, storm_frames_s=10, storm_burst=20))


@pytest.fixture
def ports(switch):
    """Three ports; A, B and C have spoken on one each."""
    ports = [switch.attach(owner) for owner in "abc"]
    for port, source in zip(ports, (A, B, C), strict=True):
        switch.forward(port, BROADCAST + source, 1, 60, 0.0)
    return ports


def test_probes_pass_between_ports_that_join_and_no_storm_holds_them_up(switch, ports):
    one, other = (switch.attach(owner, joins=True) for owner in "xy")
    switch.forward(one, BROADCAST + A, 20, 1200, 0.0)
    assert switch.forward(one, BROADCAST + A, 1, 60, 0.0) == ()
    assert owners(switch.forward(one, PROBES + mac(9), 1, 60, 0.0)) == ["y"]
    assert switch.table.lookup(mac(9)) is None
    assert switch.forward(ports[0], PROBES + A, 1, 60, 0.0) == ()
    assert ports[0].dropped == {"stray-probe": 1}
    assert other.sent.broadcast_frames == 21


def owners(ports):
    return [port.owner for port in ports]


def test_a_known_destination_is_reached_by_its_port_alone(switch, ports):
    assert owners(switch.forward(ports[0], B + A, 16, 24224, 0.0)) == ["b"]
    assert owners(switch.forward(ports[0], B + A, 16, 24224, 0.0)) == ["b"]


@pytest.mark.parametrize("destination", [mac(99), BROADCAST, MULTICAST, bytes(6)])
def test_unknown_and_group_destinations_reach_everyone_else(switch, ports, destination):
    assert owners(switch.forward(ports[1], destination + B, 1, 60, 0.0)) == ["a", "c"]


def test_a_station_that_moved_is_reached_at_its_new_port_at_once(switch, ports):
    assert owners(switch.forward(ports[0], B + A, 1, 60, 0.0)) == ["b"]
    switch.forward(ports[2], BROADCAST + B, 1, 60, 0.0)
    assert owners(switch.forward(ports[0], B + A, 1, 60, 0.0)) == ["c"]
    assert switch.table.moved == 1


def test_a_station_that_moved_behind_the_sender_is_not_echoed_to_it(switch, ports):
    assert owners(switch.forward(ports[0], B + A, 1, 60, 0.0)) == ["b"]
    switch.forward(ports[0], BROADCAST + B, 1, 60, 0.0)
    assert owners(switch.forward(ports[0], B + A, 1, 60, 0.0)) == []
    assert ports[0].dropped == {"same-port": 1}


def test_a_sender_that_moved_is_learned_although_its_path_was_remembered(switch, ports):
    switch.forward(ports[0], B + A, 1, 60, 0.0)
    switch.forward(ports[2], B + A, 1, 60, 0.0)
    switch.forward(ports[0], B + A, 1, 60, 0.0)
    assert owners(switch.forward(ports[1], A + B, 1, 60, 0.0)) == ["a"]


def test_a_station_that_expired_is_flooded_to_although_its_path_was_remembered(switch, ports):
    switch.forward(ports[0], B + A, 1, 60, 0.0)
    switch.forward(ports[0], B + A, 1, 60, 200.0)
    switch.expire(300.0)
    assert owners(switch.forward(ports[0], B + A, 1, 60, 300.0)) == ["b", "c"]


def test_traffic_on_a_remembered_path_keeps_its_sender_alive(switch, ports):
    for now in range(0, 1000, 100):
        switch.forward(ports[0], B + A, 1, 60, float(now))
        switch.forward(ports[1], A + B, 1, 60, float(now))
        switch.expire(float(now))
    assert [row.mac for row in switch.macs()] == [A, B]


def test_a_destination_on_the_senders_own_port_goes_nowhere(switch, ports):
    switch.forward(ports[0], BROADCAST + mac(9), 1, 60, 0.0)
    assert owners(switch.forward(ports[0], mac(9) + A, 3, 180, 0.0)) == []
    assert owners(switch.forward(ports[0], A + A, 1, 60, 0.0)) == []
    assert ports[0].dropped == {"same-port": 4}


@pytest.mark.parametrize("source", [BROADCAST, MULTICAST, bytes(6)])
def test_no_station_may_be_called_by_a_group_or_zero_address(switch, ports, source):
    assert owners(switch.forward(ports[0], B + source, 2, 120, 0.0)) == []
    assert ports[0].dropped == switch.dropped == {"bad-source": 2}
    assert len(switch.macs()) == 3


def test_a_port_at_its_mac_limit_drops_new_senders_and_keeps_known_ones(switch, ports):
    port = switch.attach("d", max_macs=1)
    assert owners(switch.forward(port, A + mac(10), 1, 60, 0.0)) == ["a"]
    assert owners(switch.forward(port, A + mac(11), 1, 60, 0.0)) == []
    assert owners(switch.forward(port, A + mac(10), 1, 60, 0.0)) == ["a"]
    assert port.dropped == {"mac-limit": 1}


def test_a_storm_is_cut_to_the_burst_and_comes_back_at_the_rate(switch):
    port, other = switch.attach("a"), switch.attach("b")
    passed = [bool(switch.forward(port, BROADCAST + A, 1, 60, 0.0)) for _ in range(30)]
    assert passed.count(True) == 20
    assert port.dropped == switch.dropped == {"broadcast-storm": 10}
    assert switch.forward(port, MULTICAST + A, 10, 600, 1.0) == [other]
    assert switch.forward(port, BROADCAST + A, 1, 60, 1.0) == ()


def test_a_storm_on_one_port_leaves_the_others_their_broadcasts(switch, ports):
    switch.forward(ports[0], BROADCAST + A, 1000, 60_000, 0.0)
    assert owners(switch.forward(ports[1], BROADCAST + B, 1, 60, 0.0)) == ["a", "c"]


def test_an_exempt_port_may_broadcast_freely(switch, ports):
    port = switch.attach("d", storm_guard=False)
    assert owners(switch.forward(port, BROADCAST + mac(9), 1000, 60_000, 0.0)) == ["a", "b", "c"]


def test_unicast_is_never_a_storm(switch, ports):
    assert owners(switch.forward(ports[0], mac(99) + A, 1000, 60_000, 0.0)) == ["b", "c"]


def test_a_monitor_gets_a_copy_of_everything(switch, ports):
    assert owners(switch.forward(ports[0], B + A, 1, 60, 0.0)) == ["b"]
    monitor = switch.attach("m", monitor=True)
    assert owners(switch.forward(ports[0], B + A, 1, 60, 0.0)) == ["b", "m"]
    late = switch.attach("d")
    switch.forward(late, BROADCAST + mac(9), 1, 60, 0.0)
    assert owners(switch.forward(ports[0], mac(9) + A, 1, 60, 0.0)) == ["d", "m"]
    assert owners(switch.forward(ports[0], mac(99) + A, 1, 60, 0.0)) == ["b", "c", "m", "d"]
    switch.detach(monitor)
    assert owners(switch.forward(ports[0], B + A, 1, 60, 0.0)) == ["b"]


def test_what_a_monitor_sends_is_dropped_and_teaches_nothing(switch, ports):
    monitor = switch.attach("m", monitor=True)
    assert owners(switch.forward(monitor, B + mac(9), 2, 120, 0.0)) == []
    assert monitor.dropped == {"monitor-port": 2}
    assert switch.table.lookup(mac(9)) is None


def test_a_detached_port_is_unknown_at_once_and_may_not_send(switch, ports):
    switch.forward(ports[0], B + A, 1, 60, 0.0)
    switch.forward(ports[1], A + B, 1, 60, 0.0)
    switch.detach(ports[1])
    assert owners(switch.forward(ports[0], B + A, 1, 60, 0.0)) == ["c"]
    assert owners(switch.forward(ports[1], A + B, 1, 60, 0.0)) == []
    assert ports[1].dropped == {"detached": 1}
    switch.detach(ports[1])
    assert owners(switch.ports) == ["a", "c"]


def test_traffic_is_counted_where_it_comes_in_and_where_it_leaves(switch):
    a, b = switch.attach("a"), switch.attach("b")
    switch.forward(b, BROADCAST + B, 1, 60, 0.0)
    for _ in range(2):
        switch.forward(a, B + A, 16, 24224, 0.0)
    assert (a.received.unicast_frames, a.received.unicast_bytes) == (32, 48448)
    assert (b.sent.unicast_frames, b.sent.unicast_bytes) == (32, 48448)
    assert (b.received.broadcast_frames, b.received.broadcast_bytes) == (1, 60)
    assert (a.sent.broadcast_frames, a.sent.broadcast_bytes) == (1, 60)


def test_what_an_owner_had_no_room_for_is_counted_with_the_rest(switch, ports):
    switch.drop(ports[1], "queue-full", 7)
    assert ports[1].dropped == switch.dropped == {"queue-full": 7}


def test_made_up_senders_neither_fill_memory_nor_unlearn_others(switch, ports):
    for number in range(1000, 1000 + 3 * MAX_PATHS):
        switch.forward(ports[0], B + mac(number), 1, 60, 0.0)
    assert len(switch.table) == 100
    assert len(ports[0].paths) <= MAX_PATHS
    assert [switch.table.lookup(m).port.owner for m in (B, C)] == ["b", "c"]
    assert switch.table.evicted == 3 + 3 * MAX_PATHS - 100


def test_operators_see_who_is_where_and_since_when(switch):
    port = switch.attach("a")
    switch.forward(port, BROADCAST + A, 1, 60, 5.0)
    switch.forward(port, BROADCAST + A, 1, 60, 9.0)
    assert switch.macs() == [(A, port, 5.0, 9.0)]


def test_expire_may_be_left_alone_for_a_second_at_least(switch):
    assert switch.expire(0.0) == 300.0
    port = switch.attach("a")
    switch.forward(port, BROADCAST + A, 1, 60, 0.0)
    assert switch.expire(299.5) == 1.0
