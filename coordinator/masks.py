"""Addresses with a mask: a network, a range of MAC addresses, one station.

Masks need not be contiguous, as with the reference's tools. As text: `10.0.0.0/8`,
`10.0.0.0/255.0.255.0`, `2001:db8::/32`, `02:00:00:00:00:01/ff:ff:ff:00:00:00`; without a mask it is
one address.
"""

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from coordinator.errors import InvalidValue

MAC, IPV4, IPV6 = 6, 4, 16  # bytes of an address


@dataclass(frozen=True, slots=True)
class Masked:
    """All addresses that equal `address` where `mask` has ones; both in network order."""

    address: bytes
    mask: bytes

    def covers(self, address: bytes) -> bool:
        """Say whether `address`, of the same kind, is one of them."""
        if len(address) != len(self.address):
            return False
        mask = int.from_bytes(self.mask)
        return int.from_bytes(address) & mask == int.from_bytes(self.address) & mask

    @property
    def is_one(self) -> bool:
        """Say whether it is a single address."""
        return not self.mask.strip(b"\xff")

    def __str__(self) -> str:
        shown = _show(self.address)
        if self.is_one:
            return shown
        size, length = len(self.mask), int.from_bytes(self.mask).bit_count()
        if size != MAC and self.mask == _prefix_mask(size, length):
            return f"{shown}/{length}"
        return f"{shown}/{_show(self.mask)}"


def read_network(text: str) -> Masked:
    """Return the IPv4 or IPv6 addresses `text` stands for. Raises InvalidValue."""
    shown, slash, mask = text.strip().partition("/")
    address = _read_ip(shown, text)
    if not slash:
        return Masked(address, b"\xff" * len(address))
    if mask.isascii() and mask.isdigit() and int(mask) <= len(address) * 8:
        return Masked(address, _prefix_mask(len(address), int(mask)))
    found = _read_ip(mask, text)
    if len(found) != len(address):
        raise InvalidValue(f"network {text!r}: address and mask are of different kinds")
    return Masked(address, found)


def read_stations(text: str) -> Masked:
    """Return the MAC addresses `text` stands for. Raises InvalidValue."""
    shown, slash, mask = text.strip().partition("/")
    return Masked(_read_mac(shown, text), _read_mac(mask, text) if slash else b"\xff" * MAC)


def read_masked(text: str) -> Masked:
    """Return what `str` of a Masked shows, of any kind. Raises InvalidValue."""
    looks_like_mac = text.partition("/")[0].count(":") == 5 and "::" not in text
    return read_stations(text) if looks_like_mac else read_network(text)


def check_masked(what: str, masked: Masked, *sizes: int) -> Masked:
    """Return `masked` if its addresses have one of `sizes` bytes; raises InvalidValue."""
    if len(masked.address) not in sizes or len(masked.mask) != len(masked.address):
        raise InvalidValue(
            f"{what}: address of {len(masked.address)} and mask of {len(masked.mask)} bytes, "
            f"{' or '.join(map(str, sizes))} each allowed"
        )
    return masked


def _prefix_mask(size: int, length: int) -> bytes:
    bits = size * 8
    return (((1 << bits) - 1) ^ ((1 << (bits - length)) - 1)).to_bytes(size)


def _show(address: bytes) -> str:
    if len(address) == MAC:
        return address.hex(":")
    return str(IPv4Address(address) if len(address) == IPV4 else IPv6Address(address))


def _read_ip(shown: str, text: str) -> bytes:
    try:
        return (IPv6Address if ":" in shown else IPv4Address)(shown.strip()).packed
    except AddressValueError:
        raise InvalidValue(
            f"{text!r} is no network; write 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32"
        ) from None


def _read_mac(shown: str, text: str) -> bytes:
    digits = shown.strip().replace(":", "").replace("-", "")
    try:
        address = bytes.fromhex(digits)
    except ValueError:
        address = b""
    if len(address) != MAC or len(digits) != 2 * MAC:
        raise InvalidValue(f"{text!r} is no MAC address; write 02:00:00:00:00:01")
    return address
