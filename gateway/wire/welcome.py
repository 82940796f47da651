"""Welcome: the terms of a session that was let in. Source: spec 4."""

from dataclasses import dataclass, field, replace
from functools import lru_cache

from gateway.errors import Malformed
from gateway.wire.codes import HASH_SIZE, MAX_CONNECTIONS
from gateway.wire.fields import exact_data, present
from gateway.wire.mould import Mould
from gateway.wire.pack import Pack, data, integer, text
from gateway.wire.policy import Policy, encode_policy, read_policy


@dataclass(frozen=True, slots=True)
class Welcome:
    """The terms; both ends obey them whatever the login asked for."""

    session_name: str
    connection_name: str
    session_key: bytes = field(repr=False)
    "20 secret bytes by which further connections, and resumptions, join the session"
    timeout_ms: int
    "a connection silent for so long is dropped; never 0"
    use_encrypt: bool = True
    "False leaves TLS after this answer: never said by us"
    use_compress: bool = False
    max_connection: int = 1
    half_connection: bool = False
    qos: bool = False
    policy: Policy = field(default_factory=Policy)
    message: str = ""
    "shown to the user"


def encode_welcome(welcome: Welcome, padding: bytes = b"") -> Pack:
    """Return the pack of a welcome."""
    elements = [
        text("session_name", welcome.session_name),
        text("connection_name", welcome.connection_name),
        data("session_key", welcome.session_key),
        integer("timeout", welcome.timeout_ms),
        integer("use_encrypt", welcome.use_encrypt),
        integer("use_compress", welcome.use_compress),
        integer("max_connection", welcome.max_connection),
        integer("half_connection", welcome.half_connection),
        integer("qos", welcome.qos),
        integer("is_azure_session", 0),
        integer("vlan_id", 0),
        integer("enable_udp_recovery", 0),
        integer("suppress_client_update_notification", 0),
        data("Msg", welcome.message.encode("utf-8", "replace")),
        *encode_policy(welcome.policy),
    ]
    return Pack.sorted(elements, padding)


def welcome_to_bytes(welcome: Welcome, padding: bytes = b"") -> bytes:
    """Return the pack of a welcome in wire form; quickly, if only names and key are new in it."""
    if padding:
        return encode_welcome(welcome, padding).to_bytes()
    names = (welcome.session_name.encode("utf-8", "replace"), welcome.connection_name.encode())
    mould = _mould(replace(welcome, session_name="", connection_name="", session_key=b""))
    return mould.cast(*names, welcome.session_key)


@lru_cache(maxsize=64)  # one per policy and message in use
def _mould(welcome: Welcome) -> Mould:
    return Mould(encode_welcome(welcome), ("session_name", "connection_name", "session_key"))


def read_welcome(pack: Pack) -> Welcome:
    """Return the welcome in a pack.

    Raises Malformed without names, a key of 20 bytes and a timeout, as real clients fail then.
    """
    timeout_ms = pack.integer("timeout")
    if timeout_ms == 0:
        raise Malformed("a welcome without its timeout")
    return Welcome(
        session_name=present(pack.text("session_name"), "session_name"),
        connection_name=present(pack.text("connection_name"), "connection_name"),
        session_key=exact_data(pack, "session_key", HASH_SIZE),
        timeout_ms=timeout_ms,
        use_encrypt=pack.flag("use_encrypt"),
        use_compress=pack.flag("use_compress"),
        max_connection=min(max(pack.integer("max_connection"), 1), MAX_CONNECTIONS),
        half_connection=pack.flag("half_connection"),
        qos=pack.flag("qos"),
        policy=read_policy(pack),
        message=read_message(pack),
    )


def read_message(pack: Pack) -> str:
    """Return the text for the user in a welcome or redirect, empty when absent."""
    return (pack.data("Msg") or b"").decode("utf-8", "replace")
