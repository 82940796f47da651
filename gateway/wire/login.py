"""Login: who wants into which hub, the proof, and what it asks for. Source: spec 3.1, 3.2."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from gateway.errors import Malformed, ProtocolError
from gateway.wire.codes import (
    HASH_SIZE,
    HELLO_BUILD,
    HELLO_VERSION,
    MAX_CERTIFICATE,
    MAX_CONNECTIONS,
    MAX_PROOF,
    UNIQUE_ID_SIZE,
    AuthType,
    ErrorCode,
)
from gateway.wire.fields import client_text, encode_client, exact_data, name_of, present
from gateway.wire.nodeinfo import NO_NODE_INFO, NodeInfo, encode_node_info
from gateway.wire.pack import Element, Pack, data, integer, text
from gateway.wire.reader import at_most


class UnknownAuthType(ProtocolError):
    """A login with a proof of a kind we do not know."""

    code: ClassVar[int] = ErrorCode.AUTH_TYPE_NOT_SUPPORTED
    reason: ClassVar[str] = "auth-type"


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No proof at all."""


@dataclass(frozen=True, slots=True)
class SecurePassword:
    """The answer to Hello's `random`, see `gateway.wire.auth.secure_password`."""

    proof: bytes
    "20 bytes"


@dataclass(frozen=True, slots=True)
class PlainPassword:
    """The password itself, for servers that ask somebody else."""

    password: str = field(repr=False)  # no log or traceback ever shows a secret


@dataclass(frozen=True, slots=True)
class CertificateProof:
    """A certificate, and Hello's `random` signed with its key (RSA, PKCS#1 v1.5, SHA-1)."""

    cert_der: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class TicketProof:
    """What a redirect gave the client to show here, once."""

    ticket: bytes = field(repr=False)
    "20 bytes"


Credential = Anonymous | SecurePassword | PlainPassword | CertificateProof | TicketProof


@dataclass(frozen=True, slots=True)
class Login:
    """A login; all but hub, user and credential may be left at what it is."""

    hub: str
    user: str
    credential: Credential
    client_name: str = ""
    client_version: int = HELLO_VERSION
    client_build: int = HELLO_BUILD
    max_connection: int = 1
    "wanted TCP connections, 1 to 32"
    use_encrypt: bool = True
    use_compress: bool = False
    half_connection: bool = False
    require_bridge_routing: bool = False
    require_monitor: bool = False
    qos: bool = False
    unique_id: bytes = bytes(UNIQUE_ID_SIZE)
    "20 bytes that stay the same on one machine"
    host_name: str = ""
    node_info: NodeInfo = NO_NODE_INFO
    "said by a client, and not read: see `read_login`"


_FLAGS = {
    "use_encrypt": "use_encrypt",
    "use_compress": "use_compress",
    "half_connection": "half_connection",
    "require_bridge_routing": "require_bridge_routing_mode",
    "require_monitor": "require_monitor_mode",
    "qos": "qos",
}


def encode_login(login: Login, padding: bytes = b"") -> Pack:
    """Return the pack of a login, with everything a real client would say."""
    name, version, build = login.client_name, login.client_version, login.client_build
    flags = [integer(wire, getattr(login, field)) for field, wire in _FLAGS.items()]
    elements = [
        text("method", "login"),
        text("hubname", login.hub),
        text("username", login.user),
        *_encode_credential(login.credential),
        *encode_client(name, version, build),
        text("hello", name),
        integer("version", version),
        integer("build", build),
        integer("protocol", 0),  # TCP
        integer("client_id", 0),
        integer("max_connection", login.max_connection),
        *flags,
        data("unique_id", login.unique_id),
        # R-UDP is a transport we do not have; real clients say 1, 1, 1, 2.
        integer("support_bulk_on_rudp", 0),
        integer("support_hmac_on_bulk_of_rudp", 0),
        integer("support_udp_recovery", 0),
        integer("rudp_bulk_max_version", 0),
        *encode_node_info(
            login.node_info,
            client_name=name,
            client_version=version,
            client_build=build,
            host_name=login.host_name,
        ),
    ]
    return Pack.sorted(elements, padding)


def read_login(pack: Pack) -> Login:
    """Return the login in a pack, but for its node information: whoever wants it reads that
    (`read_node_info`), and a server that lets hundreds in each second does not.

    Raises Malformed when hub, user or proof are missing, LimitExceeded for names over 255
    characters and certificates of a size that no client has, UnknownAuthType for another kind of
    proof.
    """
    connections = pack.integer("max_connection")
    flags = {field: pack.flag(wire) for field, wire in _FLAGS.items()}
    return Login(
        hub=name_of(pack, "hubname"),
        user=name_of(pack, "username"),
        credential=_read_credential(pack),
        client_name=client_text(pack, "client_str") or client_text(pack, "hello"),
        client_version=pack.integer("client_ver"),
        client_build=pack.integer("client_build"),
        max_connection=min(max(connections, 1), MAX_CONNECTIONS),
        unique_id=pack.data("unique_id", UNIQUE_ID_SIZE) or bytes(UNIQUE_ID_SIZE),
        host_name=client_text(pack, "ClientHostname"),
        node_info=NO_NODE_INFO,
        **flags,
    )


def _encode_credential(credential: Credential) -> Iterator[Element]:
    match credential:
        case Anonymous():
            yield integer("authtype", AuthType.ANONYMOUS)
        case SecurePassword(proof):
            yield integer("authtype", AuthType.PASSWORD)
            yield data("secure_password", proof)
        case PlainPassword(password):
            yield integer("authtype", AuthType.PLAIN_PASSWORD)
            yield text("plain_password", password)
        case CertificateProof(cert_der, signature):
            yield integer("authtype", AuthType.CERTIFICATE)
            yield data("cert", cert_der)
            yield data("sign", signature)
        case TicketProof(ticket):
            yield integer("authtype", AuthType.TICKET)
            yield data("ticket", ticket)


def _read_credential(pack: Pack) -> Credential:
    if "authtype" not in pack:
        raise Malformed("no authtype")
    match pack.integer("authtype"):
        case AuthType.ANONYMOUS:
            return Anonymous()
        case AuthType.PASSWORD:
            return SecurePassword(exact_data(pack, "secure_password", HASH_SIZE))
        case AuthType.PLAIN_PASSWORD:
            return PlainPassword(present(pack.text("plain_password"), "plain_password"))
        case AuthType.CERTIFICATE:
            certificate = present(pack.data("cert"), "cert")
            signature = present(pack.data("sign"), "sign")
            at_most(MAX_CERTIFICATE, len(certificate))
            at_most(MAX_PROOF, len(signature))
            return CertificateProof(certificate, signature)
        case AuthType.TICKET:
            return TicketProof(exact_data(pack, "ticket", HASH_SIZE))
        case other:
            raise UnknownAuthType(f"authtype {other}")
