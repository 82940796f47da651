"""Seal values with the fleet key, so that reading Redis gives nobody a credential.

    sealed:v1:<base64 of nonce (12 bytes), ciphertext, tag (16 bytes)>

AES-256-GCM under a key derived from the fleet key, which is never in the store. The *context*, the
whole key and the field a value is kept under, is authenticated along with it: a value copied to
another record does not open there, so whoever can write Redis cannot give one user the password of
another.
"""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coordinator.errors import InvalidValue, SealBroken

FLEET_KEY_SIZE = 32  # bytes
NONCE_SIZE = 12  # bytes
PREFIX = "sealed:v1:"


def derive(fleet_key: bytes, purpose: str) -> bytes:
    """Return the 32-byte key for one purpose: none of them opens what another sealed."""
    info = f"etherfleet {purpose}".encode()
    return HKDF(SHA256(), length=32, salt=None, info=info).derive(fleet_key)


class Sealer:
    """Seals and opens values of one fleet."""

    def __init__(self, fleet_key: bytes) -> None:
        if len(fleet_key) != FLEET_KEY_SIZE:
            raise InvalidValue(f"fleet key: {len(fleet_key)} bytes, {FLEET_KEY_SIZE} expected")
        self._cipher = AESGCM(derive(fleet_key, "seal v1"))
        self._nothing = self.seal(bytes(20), PREFIX)

    def seal(self, plain: bytes, context: str) -> str:
        """Return `plain` sealed for the place that `context` names."""
        nonce = os.urandom(NONCE_SIZE)
        sealed = nonce + self._cipher.encrypt(nonce, plain, context.encode())
        return PREFIX + base64.b64encode(sealed).decode()

    def open(self, text: str, context: str) -> bytes:
        """Return what was sealed; raises SealBroken if `text` was not sealed for `context`."""
        if not text.startswith(PREFIX):
            raise SealBroken(f"{context}: not a sealed value")
        try:
            sealed = base64.b64decode(text.removeprefix(PREFIX), validate=True)
            nonce, body = sealed[:NONCE_SIZE], sealed[NONCE_SIZE:]
            return self._cipher.decrypt(nonce, body, context.encode())
        except (binascii.Error, ValueError, InvalidTag):
            raise SealBroken(
                f"{context}: does not open with this fleet key, or was changed or moved here"
            ) from None

    def open_any(self, text: str | None, context: str) -> bytes | None:
        """As `open`, of what a stranger asks about: None for None, which takes as long."""
        opened = self.open(text or self._nothing, context if text else PREFIX)
        return opened if text else None


def context_of(key: str, field: str) -> str:
    """Return the context of the value that `field` of the hash `key` holds."""
    return f"{key} {field}"


def new_fleet_key() -> str:
    """Return a new fleet key as the text that settings and key files hold."""
    return base64.b64encode(os.urandom(FLEET_KEY_SIZE)).decode()


def read_fleet_key(text: str) -> bytes:
    """Return the key that `text` (base64 of 32 bytes, white space around it) stands for."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidValue("fleet key: not base64 text") from None
    if len(key) != FLEET_KEY_SIZE:
        raise InvalidValue(f"fleet key: {len(key)} bytes, {FLEET_KEY_SIZE} expected")
    return key
