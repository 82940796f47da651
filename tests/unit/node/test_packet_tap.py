"""The packet log's end of a hub: it sees what is forwarded, and is not counted itself."""

from gateway.hub.switch import Switch, SwitchSettings
from gateway.node import packet_tap
from gateway.node.packet_tap import PacketTap
from gateway.wire.blocks import encode_blocks

A, B = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
ALL = b"\xff" * 6


def carry(switch, port, frames):
    """Forward frames as a session does, and deliver them where they go."""
    message = encode_blocks(frames)
    for target in switch.forward(port, frames[0][:12], len(frames), sum(map(len, frames)), 0.0):
        if isinstance(target.owner, PacketTap):
            target.owner.deliver(message, len(frames))


def test_a_tap_sees_unicast_and_broadcast_alike_once():
    switch = Switch(SwitchSettings())
    one, two = switch.attach("one"), switch.attach("two")
    switch.attach("three")
    tap = PacketTap(switch)
    hello, answer = ALL + A + b"hello", A + B + b"answer"
    carry(switch, one, [hello])
    carry(switch, two, [answer, answer])
    assert [frame for _, frame in tap.take()] == [hello, answer, answer]
    assert list(tap.take()) == []


def test_a_hub_with_a_tap_carries_no_more_than_without():
    numbers = []
    for is_tapped in (False, True):
        switch = Switch(SwitchSettings())
        one, two = switch.attach("one"), switch.attach("two")
        tap = PacketTap(switch) if is_tapped else None
        carry(switch, one, [ALL + A + b"hello"])
        carry(switch, two, [A + B + b"answer"])
        numbers.append(switch.carried())
        if tap is not None:
            tap.detach()
            assert switch.carried() == numbers[-1]
            assert all(port.reach == (port,) for port in switch.ports)
    assert numbers[0] == numbers[1]


def test_what_is_too_much_is_counted(monkeypatch):
    monkeypatch.setattr(packet_tap, "MAX_BYTES", 100)
    tap = PacketTap(Switch(SwitchSettings()))
    message = encode_blocks([bytes(60)])
    tap.deliver(message, 1)
    tap.deliver(message, 1)
    assert len(list(tap.take())) == 1
    assert (tap.take_lost(), tap.take_lost()) == (1, 0)
    tap.deliver(message, 1)
    assert len(list(tap.take())) == 1
