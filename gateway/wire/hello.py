"""Hello: the server's name and the `random` every proof answers to. Source: spec 1.6."""

from dataclasses import dataclass
from functools import lru_cache

from gateway.errors import Malformed
from gateway.wire.codes import HASH_SIZE, HELLO_BUILD, HELLO_VERSION
from gateway.wire.fields import client_text
from gateway.wire.mould import Mould
from gateway.wire.pack import Pack, data, integer, text


@dataclass(frozen=True, slots=True)
class Hello:
    """What a server says first."""

    product: str
    "the server's name, any text"
    version: int = HELLO_VERSION
    "501 is 5.01"
    build: int = HELLO_BUILD
    random: bytes = bytes(HASH_SIZE)
    "20 bytes, new for every connection"


def encode_hello(hello: Hello, padding: bytes = b"") -> Pack:
    """Return the pack of a hello."""
    elements = (
        text("hello", hello.product),
        integer("version", hello.version),
        integer("build", hello.build),
        data("random", hello.random),
    )
    return Pack.sorted(elements, padding)


def hello_to_bytes(hello: Hello, padding: bytes = b"") -> bytes:
    """Return the pack of a hello in wire form; quickly, if only `random` is new in it."""
    if padding:
        return encode_hello(hello, padding).to_bytes()
    return _mould(hello.product, hello.version, hello.build).cast(hello.random)


@lru_cache(maxsize=4)
def _mould(product: str, version: int, build: int) -> Mould:
    return Mould(encode_hello(Hello(product, version, build)), ("random",))


def read_hello(pack: Pack) -> Hello:
    """Return the hello in a pack; raises Malformed without a name or 20 bytes of `random`."""
    random = pack.data("random", HASH_SIZE)
    if pack.text("hello") is None or random is None:
        raise Malformed("a hello without its name or its 20 random bytes")
    product = client_text(pack, "hello")
    return Hello(product, pack.integer("version"), pack.integer("build"), random)
