"""Announcements: what a switch learns by, sent soon and again, never too many at once."""

from gateway.lan.announce import AGAIN_S, BURST, RATE, Announcer, encode_announcement

MAC = bytes.fromhex("5e0053000001")


def test_the_frame_is_a_reverse_arp_request_of_the_station_itself():
    """Origin: RFC 903, request reverse: hardware, protocol, operation 3, the four addresses."""
    frame = encode_announcement(MAC)
    assert frame.hex() == (
        "ffffffffffff" + MAC.hex() + "8035" + "0001" + "0800" + "06" + "04" + "0003"
        + MAC.hex() + "00000000" + MAC.hex() + "00000000" + "00" * 18
    )  # fmt: skip


def test_a_station_is_announced_at_once_and_again():
    announcer = Announcer()
    announcer.add([MAC], 10.0)
    assert announcer.take(10.0) == [encode_announcement(MAC)]
    assert announcer.take(10.0) == []
    assert announcer
    assert announcer.take(10.0 + AGAIN_S) == [encode_announcement(MAC)]
    assert not announcer


def test_a_station_that_has_gone_is_announced_no_more():
    announcer = Announcer()
    announcer.add([MAC], 10.0)
    announcer.take(10.0)
    announcer.forget([MAC, bytes(6)])
    assert not announcer


def test_a_station_that_comes_twice_is_announced_once():
    announcer = Announcer()
    announcer.add([MAC], 10.0)
    announcer.add([MAC], 10.0)
    assert len(announcer.take(10.0)) == 1


def test_groups_and_nobody_are_no_stations():
    announcer = Announcer()
    announcer.add([b"\xff" * 6, bytes(6), b"\x01\0\x5e\0\0\1"], 0.0)
    assert not announcer


def test_thousands_wait_their_turn_and_none_is_forgotten():
    announcer = Announcer()
    macs = [b"\x02" + n.to_bytes(5, "big") for n in range(3000)]
    announcer.add(macs, 1.0)
    assert len(announcer.take(1.0)) == BURST
    assert len(announcer.take(1.1)) == round(RATE * 0.1)
    sent, now = BURST + round(RATE * 0.1), 1.1
    while announcer:
        now += 0.5
        sent += len(announcer.take(now))
    assert sent == 2 * len(macs)
