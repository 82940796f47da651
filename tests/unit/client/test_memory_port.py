"""The port in memory: what a session sees, what the program on the other side sees."""

import pytest

from gateway.client.port import EthernetPort, MemoryPort, PortError

FRAME = bytes(60)


def test_frames_pass_both_ways_in_order():
    memory = MemoryPort()
    port: EthernetPort = memory
    frames = [bytes([n]) * 20 for n in range(5)]
    assert memory.push(frames) == 5
    assert port.read_frames(2) == frames[:2]
    assert port.read_frames(10) == frames[2:]
    assert port.read_frames(10) == []
    assert port.write_frames(frames) == 5
    assert memory.take(3) == frames[:3]
    assert memory.take(3) == frames[3:]


def test_only_the_first_frame_of_a_quiet_port_wakes_the_reader():
    memory = MemoryPort()
    woken: list[str] = []
    memory.on_readable = lambda: woken.append("session")
    memory.on_arrival = lambda: woken.append("program")
    memory.push([FRAME, FRAME])
    memory.push([FRAME])
    memory.write_frames([FRAME])
    assert woken == ["session", "program"]
    memory.read_frames(10)
    memory.push([FRAME])
    assert woken == ["session", "program", "session"]


def test_what_exceeds_the_budget_is_dropped_and_counted():
    memory = MemoryPort(budget=150)
    assert memory.push([FRAME, FRAME, FRAME, b"short enough"]) == 2
    assert memory.room == 30
    assert memory.write_frames([FRAME] * 3) == 2
    assert memory.drops == {"outbound": 2, "inbound": 1}
    memory.read_frames(1)
    assert memory.push([FRAME]) == 1


def test_a_closed_port_is_gone_for_both_sides_and_wakes_them():
    memory = MemoryPort()
    woken: list[str] = []
    memory.on_readable = lambda: woken.append("session")
    memory.on_arrival = lambda: woken.append("program")
    memory.write_frames([FRAME])
    woken.clear()
    memory.close()
    memory.close()
    assert woken == ["session", "program"]
    for use in (lambda: memory.read_frames(1), lambda: memory.write_frames([FRAME])):
        with pytest.raises(PortError, match="closed"):
            use()
    with pytest.raises(PortError, match="closed"):
        memory.push([FRAME])
    assert memory.take(10) == [FRAME]
