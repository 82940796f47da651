"""HOST[:PORT] as people write it, and the addresses behind it, round after round."""

import socket
from collections.abc import Sequence
from typing import Any

import pytest

from gateway.client.resolve import (
    Endpoint,
    EndpointRing,
    Target,
    Unresolvable,
    parse_target,
    resolve,
    system_resolver,
)
from gateway.errors import ConfigError


class Names:
    """A resolver that knows what the test tells it."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.is_down = False

    def __call__(self, host: str, tcp_port: int) -> Sequence[tuple[Any, ...]]:
        if self.is_down:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(0, 1, 6, "", (address, tcp_port)) for address in self.addresses]


@pytest.mark.parametrize(
    ("text", "host", "tcp_port"),
    [
        ("vpn.example.com", "vpn.example.com", 5555),
        ("vpn.example.com:443", "vpn.example.com", 443),
        ("192.0.2.7:65535", "192.0.2.7", 65535),
        ("[2001:db8::1]:992", "2001:db8::1", 992),
        ("[2001:db8::1]", "2001:db8::1", 5555),
        ("2001:db8::1", "2001:db8::1", 5555),
        ("fe80::1%eth0", "fe80::1%eth0", 5555),
    ],
)
def test_a_target_is_read(text, host, tcp_port):
    target = parse_target(text)
    assert target == Target(host, tcp_port)
    assert parse_target(str(target)) == target


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the host is missing"),
        (":443", "the host is missing"),
        ("host:", "the port '' is not a number"),
        ("host:http", "the port 'http' is not a number"),
        ("host:٣", "is not a number"),
        ("host:0", "port 0 is not in 1-65535"),
        ("host:65536", "port 65536 is not in 1-65535"),
        ("host:" + "9" * 5000, "port 999999999999 is not in 1-65535"),
        ("https://host", "no scheme"),
        ("host :1", "space"),
        ("[::1", "the brackets do not hold an IPv6 address"),
        ("[host]:1", "the brackets do not hold an IPv6 address"),
        ("[::1]443", "'443' after the bracket is not a port"),
        ("a:b:c", "more than one colon"),
    ],
)
def test_a_bad_target_is_explained_with_an_example(text, why):
    with pytest.raises(ConfigError, match=why.replace("[", r"\[")) as caught:
        parse_target(text)
    assert "for example vpn.example.com" in str(caught.value)


def test_every_address_is_tried_once_in_the_resolvers_order():
    names = Names("2001:db8::1", "192.0.2.1", "192.0.2.2", "192.0.2.1")
    found = resolve(Target("vpn.example.com", 443), names)
    assert [str(e) for e in found] == ["[2001:db8::1]:443", "192.0.2.1:443", "192.0.2.2:443"]
    assert {e.host for e in found} == {"vpn.example.com"}


def test_a_name_without_an_address_says_so():
    names = Names()
    with pytest.raises(Unresolvable, match=r"no address for 'vpn\.example\.com'"):
        EndpointRing(Target("vpn.example.com"), names).round()
    names.is_down = True
    with pytest.raises(Unresolvable, match="Temporary failure"):
        EndpointRing(Target("vpn.example.com"), names).round()


def test_a_label_that_cannot_be_encoded_is_unresolvable_not_a_traceback():
    with pytest.raises(Unresolvable, match="no address for"):
        resolve(Target("a" * 64 + ".example"), system_resolver)


def test_the_next_round_ends_where_the_session_did():
    names = Names("192.0.2.1", "192.0.2.2", "192.0.2.3")
    ring = EndpointRing(Target("vpn.example.com"), names)
    first, second, third = ring.round()
    ring.shun(first.address)
    assert ring.round() == [second, third, first]
    ring.shun("192.0.2.9")
    assert ring.round() == [first, second, third]
    names.addresses = ("192.0.2.4",)  # the name moved on
    assert ring.round() == [Endpoint("192.0.2.4", 5555, "vpn.example.com")]


def test_known_addresses_serve_while_the_resolver_fails():
    names = Names("192.0.2.1")
    ring = EndpointRing(Target("vpn.example.com"), names)
    known = ring.round()
    names.is_down = True
    assert ring.round() == known


def test_the_systems_resolver_reads_addresses():
    assert [e.address for e in resolve(Target("127.0.0.1"), system_resolver)] == ["127.0.0.1"]
