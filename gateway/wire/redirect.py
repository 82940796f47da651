"""Redirect: the answer that sends a client to another node, ticket in hand. Source: spec 5.1."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address

from gateway.errors import Malformed
from gateway.wire.codes import HASH_SIZE, MAX_REDIRECT_PORTS
from gateway.wire.fields import encode_address, exact_data, read_address
from gateway.wire.pack import Pack, data, integer
from gateway.wire.welcome import read_message


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where to go on; the wire knows no host name and no IPv6 here."""

    address: IPv4Address
    tcp_ports: tuple[int, ...]
    "1 to 128; a client takes the one it is connected to now, else the first"
    ticket: bytes = field(repr=False)
    "20 secret bytes, good for one login at the target"
    certificate_der: bytes = field(repr=False)
    "the certificate the target shows; absent or wrong, clients fail or crash"
    message: str = ""


def encode_redirect(redirect: Redirect, padding: bytes = b"") -> Pack:
    """Return the pack of a redirect."""
    elements = [
        integer("Redirect", 1),
        *encode_address("Ip", redirect.address),
        integer("Port", *redirect.tcp_ports),
        data("Ticket", redirect.ticket),
        data("Cert", redirect.certificate_der),
    ]
    if redirect.message:
        elements.append(data("Msg", redirect.message.encode("utf-8", "replace")))
    return Pack.sorted(elements, padding)


def read_redirect(pack: Pack) -> Redirect:
    """Return the redirect in a pack; raises Malformed without an address, ports and a ticket."""
    address = read_address(pack, "Ip")
    ports = pack.integers("Port")
    if not isinstance(address, IPv4Address) or address.is_unspecified:
        raise Malformed(f"a redirect to {address}")
    if not 1 <= len(ports) <= MAX_REDIRECT_PORTS or not all(0 < port < 65536 for port in ports):
        raise Malformed(f"a redirect to the ports {ports[:8]}")
    return Redirect(
        address=address,
        tcp_ports=ports,
        ticket=exact_data(pack, "Ticket", HASH_SIZE),
        certificate_der=pack.data("Cert") or b"",
        message=read_message(pack),
    )
