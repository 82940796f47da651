"""TLS as bytes in, bytes out, through `SSLContext.wrap_bio`.

A plain TLS socket reads the five bytes of a record's head, then its body, record by record.
Here one receive of up to 256 KiB lands in a buffer shared by the whole process and is decrypted
record by record into another shared one: nothing is kept per connection but an unfinished record.
Sharing is safe because neither buffer is ever held across a switch of greenlets.

OpenSSL's memory buffers never shrink: whatever passed through one at once, a third more is held for
the life of the connection. So bytes pass in slices, which costs a twentieth of the cipher's time.
"""

import ssl

from gateway.wire.blocks import BlockScanner

RECEIVE_BYTES = 256 * 1024
SLICE_BYTES = 64 * 1024  # at once through a buffer of OpenSSL's
_RECORD_BYTES = 17 * 1024  # an unfinished record of an earlier receive may be completed by this one

CIPHERTEXT = bytearray(RECEIVE_BYTES)
CIPHERTEXT_VIEW = memoryview(CIPHERTEXT)
PLAINTEXT_START = BlockScanner.HEADROOM
PLAINTEXT = bytearray(PLAINTEXT_START + RECEIVE_BYTES + _RECORD_BYTES)
PLAINTEXT_VIEW = memoryview(PLAINTEXT)


class TlsClosed(Exception):
    """The peer ended the TLS stream, orderly or not; the text says how."""


class TlsEngine:
    """One TLS stream, either side, without a socket.

    `feed` what arrived, `handshake` until true, `decrypt` and `encrypt`, send what `take` returns.
    """

    __slots__ = ("_has_ended", "_incoming", "_outgoing", "_tls")

    def __init__(
        self, context: ssl.SSLContext, *, server_side: bool, server_name: str | None = None
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._has_ended = False
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

    def decrypt(self, count: int = 0) -> int:
        """Decrypt into PLAINTEXT from PLAINTEXT_START on; return where that ends.

        What was fed comes first, then the first `count` bytes of CIPHERTEXT. Raises TlsClosed only
        when nothing was decrypted before the stream's end, so that the last bytes of a peer are
        never lost: call again after handling what was returned.
        """
        end = self._decrypt(PLAINTEXT_START) if not count else PLAINTEXT_START
        for start in range(0, count, SLICE_BYTES):
            self._incoming.write(CIPHERTEXT_VIEW[start : min(start + SLICE_BYTES, count)])
            end = self._decrypt(end)
        return end

    def _decrypt(self, end: int) -> int:
        read = self._tls.read
        incoming = self._incoming
        why = "closed by the peer"
        try:
            # Asked only while there is something: the exception costs as much as a small record.
            while incoming.pending:
                count = read(len(PLAINTEXT) - end, PLAINTEXT_VIEW[end:])
                if not count:
                    self._has_ended = True  # the peer's close_notify
                    break
                end += count  # type: ignore[operator]  # with a buffer, read returns a number
                if end == len(PLAINTEXT):
                    return end
        except ssl.SSLWantReadError:
            return end
        except ssl.SSLError as error:
            self._has_ended = True
            why = f"TLS broken: {error.reason or error}"
        if end > PLAINTEXT_START or not self._has_ended:
            return end
        raise TlsClosed(why)

    def encrypt(self, data: bytes) -> None:
        """Add `data` to what `take` returns."""
        self._tls.write(data)

    def seal(self, data: bytes) -> list[bytes]:
        """Return what must be sent now with `data` at its end, in pieces."""
        if len(data) <= SLICE_BYTES:
            self._tls.write(data)
            return [self._outgoing.read()]
        view = memoryview(data)
        pieces = []
        for start in range(0, len(data), SLICE_BYTES):
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
