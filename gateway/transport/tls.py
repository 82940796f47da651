"""TLS as bytes in, bytes out, through `SSLContext.wrap_bio`.

A plain TLS socket reads the five bytes of a record's head, then its body, record by record.
Here one receive of up to 256 KiB lands in a buffer shared by the whole process and is decrypted
record by record into another shared one: nothing is kept per connection but an unfinished record.
Sharing is safe because neither buffer is ever held across a switch of greenlets. There is a second,
small pair for what is received while the first is in use (`express.py`).

OpenSSL's memory buffers never shrink: whatever passed through one at once, a third more is held for
the life of the connection. So bytes pass in slices, and `pause` is called before each that is
decrypted and between those that are sealed: others may be served then, by engines of their own.
"""

import ssl
from collections.abc import Callable

from gateway.wire.blocks import BlockScanner

RECEIVE_BYTES = 256 * 1024
LIGHT_BYTES = 16 * 1024
SLICE_BYTES = 64 * 1024  # at once through a buffer of OpenSSL's
_RECORD_BYTES = 17 * 1024  # an unfinished record of an earlier receive may be completed by this one

PLAINTEXT_START = BlockScanner.HEADROOM


class Buffers:
    """Where a receive lands and what it is decrypted to, from PLAINTEXT_START on."""

    __slots__ = ("ciphertext", "plaintext", "plaintext_view")

    def __init__(self, receive_bytes: int) -> None:
        self.ciphertext = memoryview(bytearray(receive_bytes))
        self.plaintext = bytearray(PLAINTEXT_START + receive_bytes + _RECORD_BYTES)
        self.plaintext_view = memoryview(self.plaintext)


SHARED = Buffers(RECEIVE_BYTES)
LIGHT = Buffers(LIGHT_BYTES)

CIPHERTEXT_VIEW = SHARED.ciphertext
PLAINTEXT = SHARED.plaintext
PLAINTEXT_VIEW = SHARED.plaintext_view


def _go_on() -> None:
    """Do not pause."""


class TlsClosed(Exception):
    """The peer ended the TLS stream, orderly or not; the text says how."""


class TlsEngine:
    """One TLS stream, either side, without a socket.

    `feed` what arrived, `handshake` until true, `decrypt` and `encrypt`, send what `take` returns.
    Once the peer's side `has_ended`, `decrypt` returns what is left and then raises.
    """

    __slots__ = ("_incoming", "_outgoing", "_tls", "has_ended")

    def __init__(
        self, context: ssl.SSLContext, *, server_side: bool, server_name: str | None = None
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.has_ended = False
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_name
        )

    def feed(self, count: int) -> None:
        """Take the first `count` bytes of CIPHERTEXT as received."""
        self._incoming.write(CIPHERTEXT_VIEW[:count])

    def handshake(self) -> bool:
        """Go on with the handshake; true once it is complete. Raises TlsClosed when it failed."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise TlsClosed(f"TLS handshake failed: {error.reason or error}") from error
        return True

    def decrypt(
        self,
        count: int = 0,
        buffers: Buffers = SHARED,
        *,
        slice_bytes: int = SLICE_BYTES,
        pause: Callable[[], object] = _go_on,
    ) -> int:
        """Decrypt into `buffers.plaintext` from PLAINTEXT_START on; return where that ends.

        What was fed comes first, then the first `count` bytes of `buffers.ciphertext`. Raises
        TlsClosed only when nothing was decrypted before the stream's end, so that the last bytes of
        a peer are never lost: call again after handling what was returned.
        """
        if count <= slice_bytes:  # in as few steps as can be: idle sessions cost little else
            if count:
                pause()
                self._incoming.write(buffers.ciphertext[:count])
            return self._decrypt(PLAINTEXT_START, buffers)
        end = PLAINTEXT_START
        for start in range(0, count, slice_bytes):
            pause()
            self._incoming.write(buffers.ciphertext[start : min(start + slice_bytes, count)])
            end = self._decrypt(end, buffers)
        return end

    def _decrypt(self, end: int, buffers: Buffers) -> int:
        read = self._tls.read
        incoming = self._incoming
        view = buffers.plaintext_view
        room = len(view)
        why = "closed by the peer"
        try:
            # Asked only while there is something: the exception costs as much as a small record.
            while incoming.pending:
                count = read(room - end, view[end:])
                if not count:
                    self.has_ended = True  # the peer's close_notify
                    break
                end += count  # type: ignore[operator]  # with a buffer, read returns a number
                if end == room:
                    return end
        except ssl.SSLWantReadError:
            return end
        except ssl.SSLError as error:
            self.has_ended = True
            why = f"TLS broken: {error.reason or error}"
        if end > PLAINTEXT_START or not self.has_ended:
            return end
        raise TlsClosed(why)

    def encrypt(self, data: bytes) -> None:
        """Add `data` to what `take` returns."""
        self._tls.write(data)

    def seal(self, data: bytes, *, pause: Callable[[], object] = _go_on) -> list[bytes]:
        """Return what must be sent now with `data` at its end, in pieces."""
        if len(data) <= SLICE_BYTES:
            self._tls.write(data)
            return [self._outgoing.read()]
        view = memoryview(data)
        pieces = []
        for start in range(0, len(data), SLICE_BYTES):
            if start:
                pause()
            self._tls.write(view[start : start + SLICE_BYTES])
            pieces.append(self._outgoing.read())
        return pieces

    def close_notify(self) -> None:
        """End our side of the stream orderly: real clients of build 9674 need it (spec 5.6)."""
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            # The peer's own notice has not come, and real programs never send one.
            return

    def take(self) -> bytes:
        """Return and forget the bytes that must be sent now."""
        return self._outgoing.read()

    @property
    def untaken(self) -> int:
        """Return how many bytes `take` would return: TLS also answers some records by itself."""
        return self._outgoing.pending

    def peer_certificate(self) -> bytes | None:
        """Return the peer's certificate in DER, None if it showed none."""
        return self._tls.getpeercert(binary_form=True)

    def describe(self) -> str:
        """Return protocol and cipher in words, e.g. `TLSv1.3 TLS_AES_256_GCM_SHA384`."""
        cipher = self._tls.cipher()
        return f"{self._tls.version()} {cipher[0] if cipher else '-'}"
