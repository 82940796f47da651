"""Proofs of a password: hashes and the answer to Hello's `random`. Source: spec 3.1.

The protocol rests on SHA-0, which no library carries any more: SHA-1 without the rotation in the
message schedule. A hash is as good as the password to whoever reads it.
"""

import hmac
import struct

from gateway.errors import Malformed
from gateway.wire.codes import HASH_SIZE

_MASK = 0xFFFF_FFFF


def sha0(message: bytes) -> bytes:
    """Return the 20-byte SHA-0 of `message`. Source: FIPS 180 of 1993; vectors in spec 3.1."""
    state = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
    zeros = (55 - len(message)) % 64
    padded = message + b"\x80" + bytes(zeros) + (8 * len(message)).to_bytes(8, "big")
    for block in struct.iter_unpack(">16I", padded):
        state = _compress(state, block)
    return struct.pack(">5I", *state)


def user_password_hash(password: str, user: str) -> bytes:
    """Return the 20 bytes by which a user's password is known; the name's case is ignored.

    Only ASCII letters of the name are raised, as the peers do.
    """
    return sha0(password.encode("utf-8", "replace") + user.encode("utf-8", "replace").upper())


def admin_password_hash(password: str) -> bytes:
    """Return the 20 bytes by which an administrator's password is known."""
    return sha0(password.encode("utf-8", "replace"))


def secure_password(hash: bytes, random: bytes) -> bytes:
    """Return the 20-byte proof that its sender knew `hash` when it was shown `random`."""
    if len(hash) != HASH_SIZE or len(random) != HASH_SIZE:
        raise Malformed(f"{len(hash)} and {len(random)} bytes to prove, 20 and 20 wanted")
    return sha0(hash + random)


def is_same(one: bytes, other: bytes) -> bool:
    """Return whether two secrets are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one, other)


def _compress(
    state: tuple[int, int, int, int, int], block: tuple[int, ...]
) -> tuple[int, int, int, int, int]:
    w = list(block)
    for t in range(16, 80):
        w.append(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16])  # SHA-1 would rotate this by one
    a, b, c, d, e = state
    for x in w[:20]:
        x += (d ^ (b & (c ^ d))) + (a << 5 | a >> 27) + e + 0x5A827999
        a, b, c, d, e = x & _MASK, a, (b << 30 | b >> 2) & _MASK, c, d
    for x in w[20:40]:
        x += (b ^ c ^ d) + (a << 5 | a >> 27) + e + 0x6ED9EBA1
        a, b, c, d, e = x & _MASK, a, (b << 30 | b >> 2) & _MASK, c, d
    for x in w[40:60]:
        x += (b & c | d & (b | c)) + (a << 5 | a >> 27) + e + 0x8F1BBCDC
        a, b, c, d, e = x & _MASK, a, (b << 30 | b >> 2) & _MASK, c, d
    for x in w[60:]:
        x += (b ^ c ^ d) + (a << 5 | a >> 27) + e + 0xCA62C1D6
        a, b, c, d, e = x & _MASK, a, (b << 30 | b >> 2) & _MASK, c, d
    h0, h1, h2, h3, h4 = state
    return h0 + a & _MASK, h1 + b & _MASK, h2 + c & _MASK, h3 + d & _MASK, h4 + e & _MASK
