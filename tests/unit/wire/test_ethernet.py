"""Frame views: what is read, and what a frame too short for it gives."""

import pytest

from gateway.wire.ethernet import BROADCAST, format_mac, is_group, is_station, read_header

A = bytes.fromhex("5e0053000a00")
B = bytes.fromhex("5e0053000b00")


def test_a_plain_frame_has_no_vlan():
    assert read_header(B + A + b"\x08\x06" + bytes(28)) == (B, A, None, 0x0806, 14)


def test_a_tagged_frame_shows_its_vlan_and_inner_type():
    assert read_header(B + A + b"\x81\x00\x60\x07\x08\x00" + bytes(20)) == (B, A, 7, 0x0800, 18)


def test_of_two_tags_the_outer_vlan_is_shown():
    frame = B + A + b"\x88\xa8\x00\x02\x81\x00\x00\x03\x86\xdd"
    assert read_header(frame) == (B, A, 2, 0x86DD, 22)


@pytest.mark.parametrize("size", [0, 5, 12, 13, 15, 17])
def test_a_frame_that_ends_before_its_type_has_no_header(size):
    assert read_header((B + A + b"\x81\x00\x00\x07\x08\x00")[:size]) is None


def test_group_addresses_are_no_stations():
    assert is_group(BROADCAST)
    assert is_group(bytes.fromhex("333300000001"))
    assert not is_group(A)
    assert [is_station(m) for m in (A, BROADCAST, bytes(6))] == [True, False, False]


def test_addresses_are_written_with_colons():
    assert format_mac(A) == "5e:00:53:00:0a:00"
