"""The binary administration call: framed Packs behind an administrator's login. Source: spec 2.4.

    MESSAGE := u32 size, PACK

A request names its function in `function_name`; an answer with `error` other than 0 says no more.
"""

from collections.abc import Generator, Iterable

from gateway.errors import Malformed
from gateway.wire.codes import MAX_RPC_REQUEST
from gateway.wire.pack import Element, Pack, integer
from gateway.wire.reader import at_most, from_u32, to_u32

FUNCTION = "function_name"


def read_call() -> Generator[int, bytes, Pack]:
    """Read one call, of MAX_RPC_REQUEST bytes at most; raises Malformed or LimitExceeded."""
    size = at_most(MAX_RPC_REQUEST, from_u32((yield 4)))
    if not size:
        raise Malformed("a call without a pack")
    return Pack.from_bytes((yield size))


def function_of(call: Pack) -> str:
    """Return which function is called; empty if it does not say."""
    return call.text(FUNCTION) or ""


def encode_call_result(elements: Iterable[Element]) -> bytes:
    """Return the answer to a call that was carried out."""
    return _framed(Pack.sorted(elements))


def encode_call_error(code: int) -> bytes:
    """Return the answer to a call that was not."""
    return _framed(Pack([integer("error", code)]))


def _framed(pack: Pack) -> bytes:
    wire = pack.to_bytes()
    return to_u32(len(wire)) + wire
