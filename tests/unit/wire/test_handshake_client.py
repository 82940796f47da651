"""The client's role: captured answers, both roles in conversation, and hostile servers."""

import hashlib
from collections.abc import Callable
from ipaddress import IPv4Address

import pytest

from gateway.errors import LimitExceeded, ProtocolError, Refused
from gateway.wire import http
from gateway.wire.auth import secure_password, user_password_hash
from gateway.wire.dialogue import Dialogue
from gateway.wire.fields import encode_error
from gateway.wire.handshake import (
    AdditionalConnect,
    Anonymous,
    CertificateProof,
    ClientHandshake,
    Credential,
    Direction,
    ErrorCode,
    Finished,
    Hello,
    Joined,
    Login,
    NotVpnServer,
    PlainPassword,
    Redirect,
    Redirected,
    SecurePassword,
    ServerHandshake,
    TicketProof,
    Welcome,
    Welcomed,
)
from gateway.wire.login import read_login
from gateway.wire.pack import Pack, integer
from gateway.wire.redirect import read_redirect
from gateway.wire.welcome import encode_welcome, read_welcome
from tests.dialogues import converse, heard, one_by_one
from tests.golden import captured

HOST = "10.99.0.2"
HELLO = Hello("EtherFleet", random=bytes(range(20)))
WELCOME = Welcome("SID-U1-1", "CID-1", bytes(20), 20_000, use_compress=True, message="hi")
REDIRECT = Redirect(IPv4Address("192.0.2.7"), (443, 992), bytes(20), b"cert")
KEY = bytes.fromhex("1ccd179e3281f8f062acb8c456ebfe65ec9979ec")

HELLO_WIRE = captured("hello_response_head.txt") + captured("hello.pack")
WELCOME_WIRE = captured("welcome_response_head.txt") + captured("welcome.pack")


def password_login(hello: Hello) -> Login:
    proof = secure_password(user_password_hash("pw1", "u1"), hello.random)
    return Login("T1", "u1", SecurePassword(proof), client_name="EtherFleet")


def login_with(credential: Credential) -> Callable[[Hello], Login]:
    return lambda _: Login("T1", "u1", credential)


def answered(pack: Pack) -> bytes:
    return http.encode_pack_response(pack)


def said(side: Dialogue) -> Pack:
    """Return the pack a client is about to send."""
    return Pack.from_bytes(side.data_to_send().partition(b"\r\n\r\n")[2])


def greeted() -> ClientHandshake:
    """Return a handshake that has sent its login."""
    client = ClientHandshake(password_login, host=HOST)
    assert heard(client, [HELLO_WIRE]) == []
    client.data_to_send()
    return client


# --- captured servers ----------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [True, False])
@pytest.mark.parametrize("tail", [b"", captured("stream_server_to_client.bin")])
def test_captured_server_lets_us_in(cut, tail):
    wire = captured("probe_response.bin") + HELLO_WIRE + WELCOME_WIRE + tail
    client = ClientHandshake(password_login, host=HOST, probe=True)
    assert client.data_to_send() == captured("probe_request.txt")
    events = heard(client, one_by_one(wire) if cut else [wire])
    welcome = read_welcome(Pack.from_bytes(captured("welcome.pack")))
    assert events == [Welcomed(welcome)]
    assert client.trailing == tail


def test_our_login_to_the_captured_server_proves_the_same():
    client = ClientHandshake(password_login, host=HOST, padding=b"padding")
    signature = client.data_to_send()
    assert signature.endswith(b"\r\n\r\nVPNCONNECT")
    heard(client, [HELLO_WIRE])
    pack = said(client)
    real = read_login(Pack.from_bytes(captured("login_password.pack")))
    assert read_login(pack).credential == real.credential
    assert pack.data("pencore") == b"padding"


def test_signature_may_be_the_image_of_real_clients():
    body = captured("signature_upload_body.bin")
    image = body[:1411]
    assert hashlib.sha256(image).hexdigest().startswith("96a706bbab378ec3")
    client = ClientHandshake(password_login, host=HOST, signature=body)
    assert client.data_to_send() == captured("signature_request_head.txt") + body


def test_captured_redirect_is_followed_by_an_empty_pack():
    client = greeted()
    pack = Pack.from_bytes(captured("redirect_welcome.pack"))
    assert heard(client, one_by_one(answered(pack))) == [Redirected(read_redirect(pack))]
    assert said(client) == Pack()


def test_captured_server_lets_an_additional_connection_join():
    client = ClientHandshake(AdditionalConnect(KEY), host=HOST)
    client.data_to_send()
    heard(client, [HELLO_WIRE])
    assert said(client).data("session_key") == KEY
    ok = answered(Pack.from_bytes(captured("additional_connect_ok.pack")))
    tail = captured("stream_additional_client_to_server.bin")
    assert heard(client, one_by_one(ok + tail)) == [Joined(Direction.BOTH)]
    assert client.trailing == tail


def test_captured_refusal_is_raised():
    client = greeted()
    with pytest.raises(Refused, match="access denied") as caught:
        heard(client, [answered(Pack.from_bytes(captured("admin_error.pack")))])
    assert caught.value.code == 12
    assert client.next_event() == Finished()
    assert client.next_event() is None


# --- both roles ----------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [0, 1, 7])
@pytest.mark.parametrize("probe", [True, False])
@pytest.mark.parametrize(
    "credential",
    [
        Anonymous(),
        SecurePassword(bytes(20)),
        PlainPassword("geheim é"),
        CertificateProof(b"\x30\x82", bytes(256)),
        TicketProof(bytes(20)),
    ],
)
def test_every_credential_gets_through(credential, probe, cut):
    client = ClientHandshake(login_with(credential), host=HOST, probe=probe, padding=b"x" * 99)
    server = ServerHandshake(HELLO, padding=b"y" * 77)
    assert converse(client, server, WELCOME, cut=cut) == [
        "server: LoginRequested",
        "client: Welcomed",
    ]


@pytest.mark.parametrize("direction", Direction)
def test_additional_connection_joins(direction):
    client, server = ClientHandshake(AdditionalConnect(KEY), host=HOST), ServerHandshake(HELLO)
    assert converse(client, server, direction) == [
        "server: AdditionalConnectRequested",
        "client: Joined",
    ]


def test_redirect_is_acknowledged():
    client, server = ClientHandshake(password_login, host=HOST), ServerHandshake(HELLO)
    assert converse(client, server, REDIRECT) == [
        "server: LoginRequested",
        "client: Redirected",
        "server: Finished",
    ]


@pytest.mark.parametrize("request_", [password_login, AdditionalConnect(KEY)])
def test_refusal_reaches_the_client(request_):
    client, server = ClientHandshake(request_, host=HOST), ServerHandshake(HELLO)
    asked = "AdditionalConnect" if isinstance(request_, AdditionalConnect) else "Login"
    assert converse(client, server, ErrorCode.SESSION_TIMEOUT) == [
        f"server: {asked}Requested",
        "server: Finished",
        "client: Refused 13",
    ]


# --- servers that are none -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "page",
    [
        http.not_found(),
        b"HTTP/1.1 404 Not Found\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_a_page_without_the_marker_is_no_vpn_server(page):
    client = ClientHandshake(password_login, host=HOST, probe=True)
    with pytest.raises(NotVpnServer) as caught:
        heard(client, one_by_one(page))
    assert caught.value.code == 2


@pytest.mark.parametrize(
    "wire",
    [
        http.forbidden(),
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"x" * 5000,
        answered(Pack()),
        answered(Pack([integer("hello", 1)])),
        b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n",
    ],
)
def test_no_hello_is_no_vpn_server(wire):
    client = ClientHandshake(password_login, host=HOST)
    with pytest.raises(NotVpnServer, match="no hello"):
        heard(client, [wire])


def test_an_error_instead_of_hello_keeps_its_code():
    client = ClientHandshake(password_login, host=HOST)
    with pytest.raises(Refused, match="server cannot accept"):
        heard(client, [answered(encode_error(ErrorCode.SERVER_CANNOT_ACCEPT))])


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (http.forbidden(), 3),
        (answered(Pack()), 4),
        (answered(Pack([integer("Redirect", 1)])), 4),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n", 3),
    ],
)
def test_a_nonsensical_answer_is_a_declared_error(wire, code):
    with pytest.raises(ProtocolError) as caught:
        heard(greeted(), [wire])
    assert caught.value.code == code


def test_a_server_may_hold_us_thirty_times():
    hold = answered(Pack([integer("noop", 2), integer("error", 0)]))
    assert len(heard(greeted(), [hold * 30, answered(encode_welcome(WELCOME))])) == 1
    with pytest.raises(LimitExceeded, match="31 noops"):
        heard(greeted(), [hold * 31])


def test_what_is_held_of_a_server_is_bounded():
    client = greeted()
    with pytest.raises(LimitExceeded):
        client.receive_data(bytes(2_000_000))
