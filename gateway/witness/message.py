"""The datagrams between a node and its witness, and the wake-up to a node that was given a hub.

    "EFW1" | kind (1) | number (8) | inc (8) | witness inc (8) | names, each size (1) + ASCII | tag

Integers are big-endian. The tag is the first 16 bytes of HMAC-SHA-256 under the fleet's witness key
over all before it: who cannot seal cannot keep a dead node alive, or wake others without end.
"""

import hmac
import struct
from dataclasses import dataclass
from enum import IntEnum

from gateway.errors import Malformed

_HEAD = struct.Struct(">4sBQQQ")
_MAGIC = b"EFW1"
_TAG_SIZE = 16
MAX_NAME = 64  # bytes: coordinator.names.MAX_NODE
MAX_SIZE = _HEAD.size + 2 * (1 + MAX_NAME) + _TAG_SIZE
"""No datagram of ours is longer, in bytes."""


class Kind(IntEnum):
    """What a datagram says."""

    PING = 1
    """`node` to its witness: I am here."""
    PROMISE = 2
    """The answer, otherwise the same: I accuse nobody for a while."""
    WAKE = 3
    """To `node`: you were given something; renew now."""


@dataclass(frozen=True, slots=True)
class Message:
    """One datagram."""

    kind: Kind
    number: int
    """Of the ping, and of its answer; grows."""
    node: str
    inc: int
    witness: str = ""
    witness_inc: int = 0


def seal(message: Message, key: bytes) -> bytes:
    """Return the datagram."""
    body = _HEAD.pack(_MAGIC, message.kind, message.number, message.inc, message.witness_inc)
    for name in (message.node, message.witness):
        body += bytes([len(name)]) + name.encode("ascii")
    return body + _tag(body, key)


def unseal(datagram: bytes, key: bytes) -> Message:
    """Return what a datagram says. Raises Malformed for whatever is not ours."""
    if not _HEAD.size + 2 + _TAG_SIZE <= len(datagram) <= MAX_SIZE:
        raise Malformed(f"witness datagram of {len(datagram)} bytes, {MAX_SIZE} allowed")
    body, tag = datagram[:-_TAG_SIZE], datagram[-_TAG_SIZE:]
    if not hmac.compare_digest(tag, _tag(body, key)):
        raise Malformed("witness datagram under another key")
    magic, kind, number, inc, witness_inc = _HEAD.unpack_from(body)
    names, at = [], _HEAD.size
    for _ in range(2):
        size = body[at] if at < len(body) else MAX_NAME + 1
        if size > MAX_NAME or at + 1 + size > len(body):
            raise Malformed(f"witness datagram ends in a name of {size} bytes")
        names.append(body[at + 1 : at + 1 + size])
        at += 1 + size
    if magic != _MAGIC or kind not in Kind.__members__.values() or at != len(body):
        raise Malformed("witness datagram of another version")
    try:
        node, witness = (name.decode("ascii") for name in names)
    except UnicodeDecodeError:
        raise Malformed("witness datagram with a name that is not ASCII") from None
    return Message(Kind(kind), number, node, inc, witness, witness_inc)


def _tag(body: bytes, key: bytes) -> bytes:
    return hmac.digest(key, body, "sha256")[:_TAG_SIZE]
