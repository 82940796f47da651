"""MAC addresses of our own making: locally administered, unicast, and the same next time.

A hub keeps a MAC table and a DHCP server keeps leases by MAC, so a client that comes back should
come back with the address it had. Hence an address is derived from a seed: what identifies the
place (machine, hub, user) where it should last, random bytes where it should not.
"""

import hashlib

from gateway.errors import ConfigError
from gateway.wire.ethernet import is_station

SIZE = 6  # bytes


def local_mac(seed: bytes) -> bytes:
    """Return the locally administered unicast address that belongs to `seed`."""
    digest = hashlib.sha256(seed).digest()
    return bytes([digest[0] & 0b1111_1100 | 0b10]) + digest[1:SIZE]


def parse_mac(text: str) -> bytes:
    """Return the unicast address written as `02:00:5e:10:00:01` (or with `-`).

    Raises ConfigError for anything an interface could not carry.
    """
    try:
        mac = bytes.fromhex(text.replace("-", ":").replace(":", " "))
    except ValueError:
        mac = b""
    if len(mac) != SIZE:
        raise ConfigError(f"MAC address {text!r}: not six bytes; for example 02:00:5e:10:00:01")
    if not is_station(mac):
        raise ConfigError(
            f"MAC address {text!r}: not the address of one interface; for example 02:00:5e:10:00:01"
        )
    return mac
