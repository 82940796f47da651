"""Networks and stations as text, both ways."""

import pytest

from coordinator.errors import InvalidValue
from coordinator.masks import Masked, check_masked, read_masked, read_network, read_stations


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.0/8",
        "0.0.0.0/0",
        "192.0.2.7",
        "10.0.0.1/255.0.255.0",
        "2001:db8::/32",
        "2001:db8::1",
        "::/0",
        "fe80::/ffff::ff",
        "02:00:00:00:00:01",
        "02:00:00:00:00:01/ff:ff:ff:00:00:00",
    ],
)
def test_text_is_read_and_shown(text):
    assert str(read_masked(text)) == text


def test_other_spellings_are_understood():
    assert str(read_network("10.0.0.0/255.0.0.0")) == "10.0.0.0/8"
    assert str(read_stations("02-00-00-00-00-01")) == "02:00:00:00:00:01"
    assert str(read_stations("020000000001")) == "02:00:00:00:00:01"


@pytest.mark.parametrize(
    "text", ["", "/", "10.0.0.0/33", "10.0.0.0/::", "10.0.0", "x", "1.2.3.4/-1", "::/129", "10/8"]
)
def test_nonsense_is_refused(text):
    with pytest.raises(InvalidValue):
        read_network(text)


@pytest.mark.parametrize("text", ["", "02:00", "02:00:00:00:00:0", "zz:00:00:00:00:01", "02" * 7])
def test_no_stations_are_refused(text):
    with pytest.raises(InvalidValue):
        read_stations(text)


def test_a_network_covers_its_own_kind_only():
    network = read_network("10.0.0.0/8")
    assert network.covers(bytes([10, 1, 2, 3]))
    assert not network.covers(bytes([11, 1, 2, 3]))
    assert not network.covers(bytes([10]) + bytes(15))
    assert read_network("0.0.0.0/0").covers(b"abcd")


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(InvalidValue, match="mask of 3 bytes"):
        check_masked("source", Masked(b"abcd", b"abc"), 4)
    with pytest.raises(InvalidValue, match="6 each allowed"):
        check_masked("MAC", Masked(b"abcd", b"abcd"), 6)
