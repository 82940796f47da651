"""What several packs share: addresses, names, swapped numbers, errors. Source: spec 2, 3.4."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

from gateway.errors import LimitExceeded, Malformed, Refused
from gateway.wire.codes import MAX_NAME, describe
from gateway.wire.pack import Element, Pack, data, integer, text

Address = IPv4Address | IPv6Address
T = TypeVar("T")

NO_ADDRESS = IPv4Address(0)


def encode_address(name: str, address: Address, scope: int = 0) -> Iterator[Element]:
    """Return the four elements of an address.

    An IPv4 address travels as the little-endian reading of its bytes, hence reversed:
    10.99.0.2 leaves as 02 00 63 0a.
    """
    is_v6 = isinstance(address, IPv6Address)
    yield integer(name, 0 if is_v6 else int.from_bytes(address.packed, "little"))
    yield integer(f"{name}@ipv6_bool", is_v6)
    yield data(f"{name}@ipv6_array", address.packed if is_v6 else bytes(16))
    yield integer(f"{name}@ipv6_scope_id", scope if is_v6 else 0)


def read_address(pack: Pack, name: str) -> Address:
    """Return an address, 0.0.0.0 when absent; only `name` itself is needed for IPv4."""
    if pack.flag(f"{name}@ipv6_bool"):
        wide = pack.data(f"{name}@ipv6_array", 16)
        if wide is not None:
            return IPv6Address(wide)
    number = pack.integer(name)
    return IPv4Address(number.to_bytes(4, "little")) if number else NO_ADDRESS


def swapped(number: int) -> int:
    """Return a 32-bit number with its bytes reversed, as node information travels."""
    return int.from_bytes((number & 0xFFFF_FFFF).to_bytes(4, "big"), "little")


def name_of(pack: Pack, name: str) -> str:
    """Return the name of a hub or user; raises Malformed without it, LimitExceeded over 255."""
    value = present(pack.text(name), name)
    if len(value) > MAX_NAME:
        raise LimitExceeded(f"{name} of {len(value)} characters, {MAX_NAME} allowed")
    return value


def client_text(pack: Pack, name: str) -> str:
    """Return what a peer says of itself: printable, 255 characters at most, empty when absent.

    Nothing depends on it, and it ends in logs and tables, so it is trimmed and not refused.
    """
    value = (pack.text(name) or "")[:MAX_NAME]
    if value.isprintable():
        return value
    return "".join(c if c.isprintable() else "?" for c in value)


def present(value: T | None, name: str) -> T:
    """Return what a look-up found; raises Malformed when it found nothing."""
    if value is None:
        raise Malformed(f"no {name}")
    return value


def exact_data(pack: Pack, name: str, size: int) -> bytes:
    """Return bytes that must be there and of that size; raises Malformed."""
    return present(pack.data(name, size), f"{name} of {size} bytes")


def encode_error(code: int, padding: bytes = b"") -> Pack:
    """Return the pack that says no. `no_save_password` is what a real one carries beside it."""
    return Pack.sorted([integer("error", code), integer("no_save_password", 0)], padding)


def raise_error(pack: Pack) -> None:
    """Raise Refused when the pack says no."""
    code = pack.integer("error")
    if code:
        words = describe(code)
        raise Refused(code, f"refused: {words} ({code})", words.replace(" ", "-"))


def encode_client(name: str, version: int, build: int) -> Iterator[Element]:
    """Return the elements by which every request names its sender."""
    yield text("client_str", name)
    yield integer("client_ver", version)
    yield integer("client_build", build)
