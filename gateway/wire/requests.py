"""What may be asked instead of a login, and the answers. Source: spec 3.3, 6.4, 8."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.errors import Malformed
from gateway.wire.codes import HASH_SIZE, HELLO_BUILD, HELLO_VERSION, Direction
from gateway.wire.fields import client_text, encode_client, exact_data, name_of
from gateway.wire.pack import Pack, data, integer, text


@dataclass(frozen=True, slots=True)
class AdditionalConnect:
    """One more connection for a session, or a session that comes back."""

    session_key: bytes = field(repr=False)
    "20 bytes, from the welcome"
    client_name: str = ""
    client_version: int = HELLO_VERSION
    client_build: int = HELLO_BUILD


def encode_additional_connect(request: AdditionalConnect, padding: bytes = b"") -> Pack:
    """Return the pack that asks to join a session."""
    client = encode_client(request.client_name, request.client_version, request.client_build)
    elements = [text("method", "additional_connect"), data("session_key", request.session_key)]
    return Pack.sorted([*elements, *client], padding)


def read_additional_connect(pack: Pack) -> AdditionalConnect:
    """Return the wish to join a session; raises Malformed without its key."""
    return AdditionalConnect(exact_data(pack, "session_key", HASH_SIZE), *_read_client(pack))


def encode_joined(direction: Direction, padding: bytes = b"") -> Pack:
    """Return the answer to an additional connection that may join."""
    return Pack.sorted([integer("error", 0), integer("direction", direction)], padding)


def read_joined(pack: Pack) -> Direction:
    """Return which way an additional connection carries blocks; raises Malformed."""
    try:
        return Direction(pack.integer("direction"))
    except ValueError as error:
        raise Malformed(str(error)) from error


@dataclass(frozen=True, slots=True)
class AdminLogin:
    """An administrator of the gateway, or of one hub, knocks; frames of RPC follow."""

    hub: str | None
    "None for the whole gateway"
    proof: bytes
    "20 bytes, `secure_password` over the administrator's hash"
    accept_empty_password: bool
    client_name: str = ""
    client_version: int = 0
    client_build: int = 0


def encode_admin_login(login: AdminLogin, padding: bytes = b"") -> Pack:
    """Return the pack of an administrator's login."""
    elements = [
        text("method", "admin"),
        data("secure_password", login.proof),
        integer("accept_empty_password", login.accept_empty_password),
        *encode_client(login.client_name, login.client_version, login.client_build),
    ]
    if login.hub is not None:
        elements.append(text("hubname", login.hub))
    return Pack.sorted(elements, padding)


def read_admin_login(pack: Pack) -> AdminLogin:
    """Return an administrator's login; raises Malformed without its proof."""
    hub = name_of(pack, "hubname") if pack.text("hubname") else None
    proof = exact_data(pack, "secure_password", HASH_SIZE)
    return AdminLogin(hub, proof, pack.flag("accept_empty_password"), *_read_client(pack))


def encode_admin_welcome(*, empty_password: bool, padding: bytes = b"") -> Pack:
    """Return the answer to an administrator who may: no `error`, unlike anywhere else."""
    return Pack.sorted([integer("empty_password", 1)] if empty_password else [], padding)


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """A user's new password, proved with the old one."""

    hub: str
    user: str
    proof: bytes
    "20 bytes, `secure_password` over the old hash"
    new_hash: bytes = field(repr=False)
    "20 bytes, see `gateway.wire.auth.user_password_hash`"


def encode_password_change(change: PasswordChange, padding: bytes = b"") -> Pack:
    """Return the pack that changes a password."""
    elements = [
        text("method", "password"),
        text("hubname", change.hub),
        text("username", change.user),
        data("secure_old_password", change.proof),
        data("new_password", change.new_hash),
    ]
    return Pack.sorted(elements, padding)


def read_password_change(pack: Pack) -> PasswordChange:
    """Return a change of password; raises Malformed when a part is missing."""
    return PasswordChange(
        hub=name_of(pack, "hubname"),
        user=name_of(pack, "username"),
        proof=exact_data(pack, "secure_old_password", HASH_SIZE),
        new_hash=exact_data(pack, "new_password", HASH_SIZE),
    )


def encode_hub_names(names: Sequence[str], padding: bytes = b"") -> Pack:
    """Return the answer to `enum_hub`."""
    elements = [integer("NumHub", len(names))]
    if names:
        elements.append(text("HubName", *names))
    return Pack.sorted(elements, padding)


def read_hub_names(pack: Pack) -> tuple[str, ...]:
    """Return the hubs a server lists."""
    return pack.texts("HubName")


def _read_client(pack: Pack) -> tuple[str, int, int]:
    return client_text(pack, "client_str"), pack.integer("client_ver"), pack.integer("client_build")
