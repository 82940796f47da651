"""A peer's address as people write it, and as records keep it: `192.0.2.1:50000`, `[::1]:50000`."""

import ipaddress
import socket


def peer_name(sock: socket.socket) -> str:
    """Return where `sock` is connected to; `?` when the peer has reset the connection already."""
    try:
        host, tcp_port = sock.getpeername()[:2]
    except OSError:
        return "?"
    host = host.removeprefix("::ffff:")
    return f"[{host}]:{tcp_port}" if ":" in host else f"{host}:{tcp_port}"


def address_of(peer: str) -> str:
    """Return the address alone of what `peer_name` returned."""
    return peer.rpartition(":")[0].strip("[]")


def network_of(address: str, ipv6_bits: int) -> str:
    """Return whose `address` is: an IPv4 address itself, of IPv6 the network of so many bits, for
    everybody has as many addresses there as he likes."""
    if ":" not in address:
        return address
    return str(ipaddress.IPv6Network((address.partition("%")[0], ipv6_bits), strict=False))
