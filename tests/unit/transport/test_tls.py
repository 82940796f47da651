"""The TLS engine at the end of a stream: what was said before it is heard, nothing after it."""

import datetime
import ssl

import pytest

from gateway.node.certificate import make
from gateway.transport.contexts import client_context, server_context
from gateway.transport.tls import (
    CIPHERTEXT_VIEW,
    LIGHT,
    PLAINTEXT_START,
    PLAINTEXT_VIEW,
    SLICE_BYTES,
    TlsClosed,
    TlsEngine,
)

SERVER = server_context(*make("test", datetime.datetime.now(datetime.UTC)))


@pytest.fixture
def engines() -> tuple[TlsEngine, TlsEngine]:
    """A gateway's engine and a client's after their handshake."""
    near = TlsEngine(SERVER, server_side=True)
    far = TlsEngine(client_context(), server_side=False, server_name="test")
    done = False
    while not done:
        done = far.handshake()
        pass_on(far, near)
        done = near.handshake() and done
        pass_on(near, far)
    return near, far


def pass_on(source: TlsEngine, target: TlsEngine) -> None:
    target.feed(arrive(source.take()))


def arrive(data: bytes) -> int:
    CIPHERTEXT_VIEW[: len(data)] = data
    return len(data)


def heard(end: int) -> bytes:
    return bytes(PLAINTEXT_VIEW[PLAINTEXT_START:end])


def test_a_notice_alone_ends_the_stream_at_once(engines):
    near, far = engines
    far.close_notify()
    with pytest.raises(TlsClosed, match="closed by the peer"):
        near.decrypt(arrive(far.take()))
    assert near.has_ended


def test_what_came_with_the_notice_is_heard_first(engines):
    near, far = engines
    far.encrypt(b"last words")
    far.close_notify()
    assert heard(near.decrypt(arrive(far.take()))) == b"last words"
    assert near.has_ended
    for _ in range(2):
        with pytest.raises(TlsClosed, match="closed by the peer"):
            near.decrypt()


def test_what_was_fed_by_a_dialogue_is_heard_before_its_end(engines):
    near, far = engines
    far.encrypt(b"last words")
    far.close_notify()
    pass_on(far, near)
    assert heard(near.decrypt()) == b"last words"
    with pytest.raises(TlsClosed):
        near.decrypt()


@pytest.mark.parametrize("size", [SLICE_BYTES, SLICE_BYTES + 1, 3 * SLICE_BYTES])
def test_an_end_in_a_later_slice_loses_nothing_of_the_earlier_ones(engines, size):
    near, far = engines
    data = bytes(range(256)) * (size // 256 + 1)
    for start in range(0, size, 1000):
        far.encrypt(data[start : min(start + 1000, size)])
    far.close_notify()
    assert heard(near.decrypt(arrive(far.take()))) == data[:size]
    with pytest.raises(TlsClosed, match="closed by the peer"):
        near.decrypt()


def test_words_after_the_notice_are_not_heard(engines):
    near, far = engines
    far.encrypt(b"before")
    far.close_notify()
    with pytest.raises(ssl.SSLError):  # OpenSSL itself does not say anything after it
        far.encrypt(b"after")
    said = far.take()
    assert heard(near.decrypt(arrive(said + said))) == b"before"
    with pytest.raises(TlsClosed):
        near.decrypt()


def test_what_came_before_a_broken_record_is_heard(engines):
    near, far = engines
    far.encrypt(b"good")
    good = far.take()
    far.encrypt(b"bad")
    bad = bytearray(far.take())
    bad[-1] ^= 1
    assert heard(near.decrypt(arrive(good + bad))) == b"good"
    assert near.has_ended
    with pytest.raises(TlsClosed):
        near.decrypt()


def test_a_broken_record_alone_says_what_is_wrong(engines):
    near, far = engines
    far.encrypt(b"bad")
    bad = bytearray(far.take())
    bad[-1] ^= 1
    with pytest.raises(TlsClosed, match="TLS broken"):
        near.decrypt(arrive(bytes(bad)))


def test_an_unfinished_record_is_no_end(engines):
    near, far = engines
    far.encrypt(b"in two parts")
    data = far.take()
    assert heard(near.decrypt(arrive(data[:7]))) == b""
    assert not near.has_ended
    assert heard(near.decrypt(arrive(data[7:]))) == b"in two parts"


def test_between_slices_another_engine_uses_the_small_buffers(engines):
    """A pause must leave the buffers of what paused alone."""
    near, far = engines
    data = bytes(range(256)) * (3 * SLICE_BYTES // 256)
    far.encrypt(data)
    ciphertext = far.take()
    pauses = []

    def pause() -> None:
        LIGHT.ciphertext[:] = LIGHT.plaintext_view[: len(LIGHT.ciphertext)] = bytes(
            len(LIGHT.ciphertext)
        )
        pauses.append(1)

    assert heard(near.decrypt(arrive(ciphertext), pause=pause)) == data
    assert len(pauses) == (len(ciphertext) - 1) // SLICE_BYTES + 1
    pauses.clear()
    assert len(far.seal(data, pause=pause)) == len(pauses) + 1 == len(data) // SLICE_BYTES
