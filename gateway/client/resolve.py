"""Which addresses to try: HOST[:PORT] as a person writes it, then every address of the name.

A fleet is reached by a DNS name with several addresses. `EndpointRing` asks the resolver anew for
each round, keeps the resolver's order (getaddrinfo sorts by RFC 6724), and puts the address where
a session has ended last: whoever does not answer there would be waited for first.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import ConfigError, EtherFleetError

DEFAULT_TCP_PORT = 5555
EXAMPLE = "for example vpn.example.com, vpn.example.com:443 or [2001:db8::1]:5555"

Resolver = Callable[[str, int], Sequence[tuple[Any, ...]]]
"""`getaddrinfo` for stream sockets: host and TCP port in, its tuples out, OSError on failure."""


class Unresolvable(EtherFleetError):
    """The name has no address now; asking again later may help."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the user asked for: `host` is a name or an address, without brackets."""

    host: str
    tcp_port: int = DEFAULT_TCP_PORT

    def __str__(self) -> str:
        return _joined(self.host, self.tcp_port)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address to connect to. `host` is the name it came from: for SNI and the certificate."""

    address: str
    tcp_port: int
    host: str

    def __str__(self) -> str:
        return _joined(self.address, self.tcp_port)


def parse_target(text: str) -> Target:
    """Read HOST, HOST:PORT, [IPv6], [IPv6]:PORT or a bare IPv6 address.

    Raises ConfigError that says what is wrong and shows a good one.
    """
    if "/" in text or any(c.isspace() for c in text):
        raise _bad(text, "only a host and a port are wanted, no scheme, path or space")
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not _is_ipv6(host):
            raise _bad(text, "the brackets do not hold an IPv6 address")
        if rest and not rest.startswith(":"):
            raise _bad(text, f"{rest!r} after the bracket is not a port")
        port = rest[1:] if rest else None
    elif text.count(":") > 1:
        if not _is_ipv6(text):
            raise _bad(text, "more than one colon, and not an IPv6 address")
        host, port = text, None
    else:
        host, colon, rest = text.partition(":")
        port = rest if colon else None
    if not host:
        raise _bad(text, "the host is missing")
    return Target(host, DEFAULT_TCP_PORT if port is None else _port(text, port))


def resolve(target: Target, resolver: Resolver) -> list[Endpoint]:
    """Return every address of `target` once, in the resolver's order. Raises Unresolvable."""
    try:
        answers = resolver(target.host, target.tcp_port)
    except (OSError, UnicodeError) as error:  # UnicodeError: a label that IDNA cannot encode
        raise Unresolvable(f"no address for {target.host!r}: {_reason(error)}") from error
    addresses = [str(answer[4][0]) for answer in answers]
    if not addresses:
        raise Unresolvable(f"no address for {target.host!r}: the name exists, without an address")
    return [Endpoint(a, target.tcp_port, target.host) for a in dict.fromkeys(addresses)]


def system_resolver(host: str, tcp_port: int) -> Sequence[tuple[Any, ...]]:
    """Ask the system; under gevent this waits without holding up other greenlets."""
    return socket.getaddrinfo(host, tcp_port, type=socket.SOCK_STREAM)


class EndpointRing:
    """The endpoints of one target, round after round."""

    def __init__(self, target: Target, resolver: Resolver = system_resolver) -> None:
        self.target = target
        self._resolver = resolver
        self._known: list[Endpoint] = []
        self._shunned = ""

    def round(self) -> list[Endpoint]:
        """Return the endpoints to try now, each once, the shunned one last.

        While the resolver fails, the addresses of the last round serve: a broken DNS must not
        keep a session down. Raises Unresolvable if nothing was ever known.
        """
        try:
            self._known = resolve(self.target, self._resolver)
        except Unresolvable:
            if not self._known:
                raise
        return sorted(self._known, key=lambda endpoint: endpoint.address == self._shunned)

    def shun(self, address: str) -> None:
        """End later rounds with `address`: should be called when a session there has ended."""
        self._shunned = address


def _port(text: str, digits: str) -> int:
    if not (digits.isascii() and digits.isdigit()):
        raise _bad(text, f"the port {digits!r} is not a number")
    if len(digits) > 5 or not 1 <= int(digits) <= 65535:
        raise _bad(text, f"port {digits[:12]} is not in 1-65535")
    return int(digits)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _joined(host: str, tcp_port: int) -> str:
    return f"[{host}]:{tcp_port}" if ":" in host else f"{host}:{tcp_port}"


def _bad(text: str, why: str) -> ConfigError:
    return ConfigError(f"address {text!r}: {why}; {EXAMPLE}")


def _reason(error: OSError | UnicodeError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
