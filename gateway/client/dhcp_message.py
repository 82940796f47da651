"""DHCP messages ⇄ bytes: the fixed BOOTP part and the options behind it.

Source: RFC 2131 §2 (format), RFC 2132 (options), RFC 3396 (an option in several pieces),
RFC 3442 (classless routes). Limits: hardware type Ethernet only; `file` and `sname` are read for
the options they may carry (overload) and otherwise ignored.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv4Address

from gateway.errors import Malformed

SERVER_UDP_PORT = 67
CLIENT_UDP_PORT = 68
NOWHERE = IPv4Address(0)

_FIXED = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
_COOKIE = b"\x63\x82\x53\x63"
_MIN_SIZE = 300  # bytes; relays drop what is shorter than a BOOTP message. Source: RFC 1542 §2.1
_ETHERNET = 1
_MAC_SIZE = 6
_BROADCAST_FLAG = 0x8000


class Op(IntEnum):
    """Who speaks."""

    REQUEST = 1
    REPLY = 2


class Kind(IntEnum):
    """Option 53."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


class Option(IntEnum):
    """The options we read or write."""

    PAD = 0
    SUBNET_MASK = 1
    ROUTER = 3
    DNS = 6
    HOST_NAME = 12
    DOMAIN = 15
    MTU = 26
    REQUESTED_ADDRESS = 50
    LEASE_TIME = 51
    OVERLOAD = 52
    KIND = 53
    SERVER = 54
    PARAMETERS = 55
    TEXT = 56
    MAX_SIZE = 57
    RENEW_TIME = 58
    REBIND_TIME = 59
    CLIENT = 61
    CLASSLESS_ROUTES = 121
    END = 255


@dataclass(frozen=True, slots=True)
class Message:
    """One DHCP message. `options` holds everything but option 53, which is `kind`."""

    op: Op
    kind: Kind
    xid: int
    mac: bytes
    client_address: IPv4Address = NOWHERE
    """What the client already uses (`ciaddr`)."""
    your_address: IPv4Address = NOWHERE
    """What the server gives (`yiaddr`)."""
    seconds: int = 0
    """Since the client began."""
    is_broadcast: bool = False
    options: Mapping[int, bytes] = field(default_factory=dict)

    def address_option(self, option: Option) -> IPv4Address | None:
        """Return an option that holds one address, or None if it is missing or misshapen."""
        value = self.options.get(option, b"")
        return IPv4Address(value) if len(value) == 4 else None

    def number_option(self, option: Option, size: int) -> int | None:
        """Return an option that holds a number of `size` bytes, or None likewise."""
        value = self.options.get(option, b"")
        return int.from_bytes(value, "big") if len(value) == size else None


def encode_message(message: Message) -> bytes:
    """Return the payload of the datagram."""
    fixed = _FIXED.pack(
        message.op,
        _ETHERNET,
        _MAC_SIZE,
        0,  # hops
        message.xid,
        message.seconds,
        _BROADCAST_FLAG if message.is_broadcast else 0,
        message.client_address.packed,
        message.your_address.packed,
        NOWHERE.packed,  # next server
        NOWHERE.packed,  # relay
        message.mac,
        b"",
        b"",
    )
    options = bytes([Option.KIND, 1, message.kind])
    options += b"".join(_encode_option(code, value) for code, value in message.options.items())
    return (fixed + _COOKIE + options + bytes([Option.END])).ljust(_MIN_SIZE, b"\0")


def decode_message(payload: bytes) -> Message:
    """Return the message in a datagram's payload. Raises Malformed."""
    if len(payload) < _FIXED.size + len(_COOKIE):
        raise Malformed(f"DHCP message of {len(payload)} bytes, {_FIXED.size + 4} needed")
    op, hardware, mac_size, _, xid, seconds, flags, client, your, _, _, mac, sname, file = (
        _FIXED.unpack_from(payload)
    )
    if (hardware, mac_size) != (_ETHERNET, _MAC_SIZE):
        raise Malformed(f"DHCP hardware type {hardware}, address of {mac_size} bytes")
    if payload[_FIXED.size : _FIXED.size + 4] != _COOKIE:
        raise Malformed("DHCP message without the magic cookie")
    options = _read_all_options(payload[_FIXED.size + 4 :], sname, file)
    try:
        speaker, kind = Op(op), Kind(int.from_bytes(options.pop(Option.KIND, b""), "big"))
    except ValueError as error:
        raise Malformed(f"DHCP message: {error}") from error
    return Message(
        op=speaker,
        kind=kind,
        xid=xid,
        mac=mac[:_MAC_SIZE],
        client_address=IPv4Address(client),
        your_address=IPv4Address(your),
        seconds=seconds,
        is_broadcast=bool(flags & _BROADCAST_FLAG),
        options=options,
    )


def _encode_option(code: int, value: bytes) -> bytes:
    """Return one option, in pieces of 255 bytes where it is longer."""
    pieces = [value[i : i + 255] for i in range(0, len(value), 255)] or [b""]
    return b"".join(bytes([code, len(piece)]) + piece for piece in pieces)


def _read_all_options(options: bytes, sname: bytes, file: bytes) -> dict[int, bytes]:
    """Read the options field, then `file` and `sname` where option 52 says they hold more."""
    found: dict[int, bytes] = {}
    _read_options(options, found)
    overload = int.from_bytes(found.pop(Option.OVERLOAD, b"")[:1], "big")
    if overload & 1:
        _read_options(file, found)
    if overload & 2:
        _read_options(sname, found)
    return found


def _read_options(field_bytes: bytes, found: dict[int, bytes]) -> None:
    """Add one field's options to `found`; pieces of one option are joined. Raises Malformed."""
    at = 0
    while at < len(field_bytes) and field_bytes[at] != Option.END:
        code = field_bytes[at]
        if code == Option.PAD:
            at += 1
            continue
        size = field_bytes[at + 1] if at + 1 < len(field_bytes) else 0
        value = field_bytes[at + 2 : at + 2 + size]
        if at + 2 + size > len(field_bytes):
            raise Malformed(f"DHCP option {code}: {size} bytes announced, {len(value)} there")
        found[code] = found.get(code, b"") + value
        at += 2 + size
