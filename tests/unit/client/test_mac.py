"""MAC addresses of our own making."""

import pytest

from gateway.client.mac import local_mac, parse_mac
from gateway.errors import ConfigError
from gateway.wire.ethernet import format_mac


def test_a_seed_always_gives_the_same_local_unicast_address():
    macs = {local_mac(bytes([n])) for n in range(200)}
    assert len(macs) == 200
    assert all(mac[0] & 0b11 == 0b10 and len(mac) == 6 for mac in macs)
    assert local_mac(b"machine/hub/user") == local_mac(b"machine/hub/user")


@pytest.mark.parametrize("text", ["02:00:5e:10:00:01", "02-00-5E-10-00-01"])
def test_both_spellings_are_read(text):
    assert format_mac(parse_mac(text)) == "02:00:5e:10:00:01"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "02:00:5e:10:00",
        "02:00:5e:10:00:01:02",
        "zz:00:5e:10:00:01",
        "00:00:00:00:00:00",
        "01:00:5e:00:00:01",
        "ff:ff:ff:ff:ff:ff",
    ],
)
def test_what_an_interface_cannot_have_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match="for example 02:00:5e:10:00:01"):
        parse_mac(text)
