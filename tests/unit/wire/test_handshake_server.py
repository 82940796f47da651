"""The server's role: captured dialogues, and every way to leave the path."""

from ipaddress import IPv4Address

import pytest

from gateway.errors import LimitExceeded, Malformed, ProtocolError
from gateway.wire import http
from gateway.wire.handshake import (
    AdditionalConnectRequested,
    AdminRequested,
    ApiRequested,
    Direction,
    ErrorCode,
    Finished,
    Hello,
    HubsRequested,
    LoginRequested,
    PasswordChangeRequested,
    Redirect,
    ServerHandshake,
    Welcome,
)
from gateway.wire.hello import read_hello
from gateway.wire.login import UnknownAuthType, read_login
from gateway.wire.pack import Element, Pack, data, integer, text
from gateway.wire.welcome import read_welcome
from tests.dialogues import heard, one_by_one, replies
from tests.golden import captured

HELLO = Hello("EtherFleet", random=bytes(range(20)))
WELCOME = Welcome("SID-U1-1", "CID-1", bytes(20), 20_000)
REDIRECT = Redirect(IPv4Address("192.0.2.7"), (443,), bytes(20), b"cert")

PROBE = captured("probe_request.txt")
SIGNATURE = captured("signature_request_head.txt") + captured("signature_upload_body.bin")
LOGIN = captured("login_request_head.txt") + captured("login_password.pack")


def posted(pack: Pack) -> bytes:
    return http.encode_pack_request("192.0.2.1", pack)


def login_without(*names: str) -> bytes:
    pack = Pack.from_bytes(captured("login_password.pack"))
    return posted(Pack(element for element in pack if element.name not in names))


def login_with(element: Element) -> bytes:
    pack = Pack.from_bytes(captured("login_password.pack"))
    return posted(Pack([*(e for e in pack if e.name != element.name), element]))


def opened() -> ServerHandshake:
    """Return a handshake that has said hello."""
    server = ServerHandshake(HELLO)
    assert heard(server, [http.encode_signature("192.0.2.1", b"VPNCONNECT")]) == []
    assert replies(server.data_to_send()) == ["200 build=9674 hello random version=501"]
    return server


def requested(wire: bytes) -> ServerHandshake:
    """Return a handshake that has reported the request in `wire`."""
    server = opened()
    assert len(heard(server, [wire])) == 1
    return server


# --- the way in ----------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [True, False])
@pytest.mark.parametrize("tail", [b"", b"\xff\xff\xff\xff blocks"])
def test_captured_login_from_probe_to_welcome(cut, tail):
    wire = PROBE + SIGNATURE + LOGIN + tail
    server = ServerHandshake(HELLO, padding=b"padding")
    events = heard(server, one_by_one(wire) if cut else [wire])
    assert events == [LoginRequested(read_login(Pack.from_bytes(captured("login_password.pack"))))]
    assert replies(server.data_to_send()) == ["403", "200 build=9674 hello random version=501"]
    server.welcome(WELCOME)
    assert server.trailing == tail
    body = server.data_to_send().partition(b"\r\n\r\n")[2]
    assert read_welcome(Pack.from_bytes(body)) == WELCOME
    assert server.next_event() is None


def test_hello_carries_random_and_padding():
    server = ServerHandshake(HELLO, padding=b"padding")
    heard(server, [http.encode_signature("192.0.2.1", b"VPNCONNECT")])
    pack = Pack.from_bytes(server.data_to_send().partition(b"\r\n\r\n")[2])
    assert read_hello(pack) == HELLO
    assert pack.data("pencore") == b"padding"


@pytest.mark.parametrize(
    "name", ["login_anonymous", "login_cascade", "login_plain_password", "login_cert"]
)
def test_every_captured_login_is_reported(name):
    pack = Pack.from_bytes(captured(f"{name}.pack"))
    assert heard(opened(), [posted(pack)]) == [LoginRequested(read_login(pack))]


def test_captured_ticket_login_follows_a_redirect():
    redirecting = requested(LOGIN)
    redirecting.redirect(REDIRECT)
    sent = replies(redirecting.data_to_send())
    assert len(sent) == 1
    assert "Redirect=1 Ticket" in sent[0]
    assert redirecting.next_event() is None
    acknowledgement = posted(Pack.from_bytes(captured("redirect_ack.pack")))
    assert heard(redirecting, one_by_one(acknowledgement)) == [Finished()]
    ticket = Pack.from_bytes(captured("ticket_login.pack"))
    (event,) = heard(opened(), [posted(ticket)])
    assert isinstance(event, LoginRequested)


def test_captured_additional_connection_joins():
    server = opened()
    (event,) = heard(server, [posted(Pack.from_bytes(captured("additional_connect.pack")))])
    assert isinstance(event, AdditionalConnectRequested)
    assert event.session_key.hex() == "1ccd179e3281f8f062acb8c456ebfe65ec9979ec"
    server.accept_additional(Direction.TO_CLIENT)
    server.receive_data(b"blocks")
    assert replies(server.data_to_send()) == ["200 direction=1 error=0"]
    assert server.trailing == b"blocks"


def test_captured_administrator_is_let_in_without_error():
    server = opened()
    (event,) = heard(server, [posted(Pack.from_bytes(captured("admin_login.pack")))])
    assert isinstance(event, AdminRequested)
    server.accept_admin()
    assert replies(server.data_to_send()) == ["200 "]
    assert captured("admin_rpc_request_framed.bin")[:4] not in server.trailing


def test_hubs_and_password_changes_end_the_dialogue():
    server = opened()
    assert heard(server, [posted(Pack([text("method", "enum_hub")]))]) == [HubsRequested()]
    server.list_hubs(("A", "B"))
    assert replies(server.data_to_send()) == ["200 HubName NumHub=2"]
    assert server.next_event() == Finished()
    server = opened()
    change = [
        text("method", "password"),
        text("hubname", "A"),
        text("username", "u1"),
        data("secure_old_password", bytes(20)),
        data("new_password", bytes(20)),
    ]
    (event,) = heard(server, [posted(Pack(change))])
    assert isinstance(event, PasswordChangeRequested)
    server.confirm()
    assert replies(server.data_to_send()) == ["200 error=0"]
    assert server.next_event() == Finished()


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["login_password", "additional_connect", "admin_login"])
def test_refusal_tells_the_code_and_ends(name):
    server = requested(posted(Pack.from_bytes(captured(f"{name}.pack"))))
    server.refuse(ErrorCode.SESSION_TIMEOUT)
    server.refuse(ErrorCode.INTERNAL_ERROR)
    assert replies(server.data_to_send()) == ["200 error=13 no_save_password=0"]
    assert server.next_event() == Finished()
    assert server.next_event() is None
    assert server.data_to_send() == b""


def test_refusal_before_the_signature_says_nothing():
    server = ServerHandshake(HELLO)
    server.refuse(ErrorCode.SERVER_CANNOT_ACCEPT)
    assert server.data_to_send() == b""
    assert server.next_event() == Finished()


def test_refusal_after_the_answer_does_not_disturb_the_blocks():
    server = requested(LOGIN)
    server.welcome(WELCOME)
    server.data_to_send()
    server.refuse(ErrorCode.INTERNAL_ERROR)
    assert server.data_to_send() == b""


# --- before the signature ------------------------------------------------------------------------


def request(start: str, body: bytes = b"") -> bytes:
    method, target = start.split()
    return http.encode_request(method, target, {"Host": "192.0.2.1"}, body)


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (request("GET /"), "403"),
        (request("GET /index.html"), "404"),
        (request("GET /vpnsvc/connect.cgi"), "404"),
        (request("POST /elsewhere", b"VPNCONNECT"), "404"),
        (request("POST /vpnsvc/connect.cgi", b"vpnconnect"), "403"),
        (request("POST /vpnsvc/connect.cgi", b"\xff\xd8" + bytes(2000)), "403"),
        (request("PUT /", b"x"), "501"),
        (request("SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/"), "501"),
    ],
)
def test_junk_gets_a_page_and_the_signature_still_counts(wire, status):
    server = ServerHandshake(HELLO)
    assert heard(server, one_by_one(wire + SIGNATURE)) == []
    assert replies(server.data_to_send()) == [status, "200 build=9674 hello random version=501"]
    server = ServerHandshake(HELLO)
    heard(server, [wire * 19 + SIGNATURE])
    assert replies(server.data_to_send())[18:] == [
        status,
        "200 build=9674 hello random version=501",
    ]


def test_a_request_of_the_administration_ends_the_dialogue():
    body = b'{"jsonrpc": "2.0"}'
    server = ServerHandshake(HELLO)
    (event,) = heard(server, one_by_one(request("GET /") + request("POST /api", body)))
    assert isinstance(event, ApiRequested)
    assert (event.request.method, event.request.size) == ("POST", len(body))
    assert replies(server.data_to_send()) == ["403"]
    assert server.trailing == body


def test_head_is_answered_without_a_body():
    server = ServerHandshake(HELLO)
    heard(server, [request("HEAD /")])
    assert server.data_to_send() == http.forbidden(head_only=True)


def test_the_twentieth_request_without_signature_ends_it():
    server = ServerHandshake(HELLO)
    assert heard(server, [request("GET /") * 19]) == []
    with pytest.raises(LimitExceeded, match="20 requests before the signature, 19 allowed"):
        heard(server, [request("GET /")])
    assert replies(server.data_to_send())[18:] == ["403", "403"]
    assert server.next_event() == Finished()


@pytest.mark.parametrize("size", [0, 9, 3412, 65_536])
def test_signature_of_another_size_gets_403_and_the_end(size):
    server = ServerHandshake(HELLO)
    head = f"POST /vpnsvc/connect.cgi HTTP/1.1\r\nContent-Length: {size}\r\n\r\n"
    with pytest.raises(LimitExceeded, match=f"{size} bytes"):
        heard(server, [head.encode()])
    assert replies(server.data_to_send()) == ["403"]


@pytest.mark.parametrize("size", [10, 1411, 3411])
def test_signature_sizes_at_the_edge(size):
    body = b"VPNCONNECT" if size == 10 else b"GIF89a".ljust(size, b"x")
    server = ServerHandshake(HELLO)
    heard(server, [http.encode_signature("192.0.2.1", body)])
    assert replies(server.data_to_send()) == ["200 build=9674 hello random version=501"]


@pytest.mark.parametrize("junk", [b"\x16\x03\x01\x02\0\n", b"SSH-2.0-x\r\n", b"\n"])
def test_other_protocols_are_malformed_and_told_nothing(junk):
    server = ServerHandshake(HELLO)
    with pytest.raises(Malformed):
        heard(server, [junk])
    assert server.data_to_send() == b""


# --- after hello ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "error", "code"),
    [
        (login_without("hubname"), Malformed, 4),
        (login_without("username"), Malformed, 4),
        (login_without("authtype"), Malformed, 4),
        (login_without("secure_password"), Malformed, 4),
        (login_without("method"), Malformed, 4),
        (login_with(text("method", "farm_connect")), Malformed, 4),
        (login_with(text("method", "additional_connect")), Malformed, 4),
        (login_with(integer("authtype", 98)), UnknownAuthType, 7),
        (http.encode_request("POST", "/vpnsvc/vpn.cgi", {}, bytes(4)), http.NotAPack, 3),
        (request("GET /"), http.NotAPack, 3),
        (SIGNATURE, http.NotAPack, 3),
        (posted(Pack([data("x", bytes(65_536))])), http.NotAPack, 3),
        (LOGIN.replace(b"\0\0\0\x09authtype", b"\0\0\0\x09BuIlD\0\0\0"), ProtocolError, 4),
        (b"\r\n" * 3, Malformed, 4),
        (b"x" * 5000, LimitExceeded, 4),
    ],
)
def test_a_bad_request_is_told_its_code_and_ends(wire, error, code):
    server = opened()
    with pytest.raises(error) as caught:
        heard(server, [wire])
    assert caught.value.code == code
    server.refuse(caught.value.code)
    assert replies(server.data_to_send()) == [f"200 error={code} no_save_password=0"]
    assert server.next_event() == Finished()


def test_noops_are_answered_thirty_times_at_most():
    ask, hold = posted(Pack([integer("noop", 1)])), posted(Pack([integer("noop", 2)]))
    server = opened()
    events = heard(server, one_by_one(ask + hold + LOGIN))
    assert [type(event) for event in events] == [LoginRequested]
    assert replies(server.data_to_send()) == ["200 error=0 noop=2"]
    server = opened()
    assert len(heard(server, [ask * 30, LOGIN])) == 1
    server = opened()
    with pytest.raises(LimitExceeded, match="31 noops in a row, 30 allowed"):
        heard(server, [ask * 31])


def test_nothing_is_read_while_the_driver_decides():
    server = requested(LOGIN + LOGIN)
    assert server.next_event() is None
    assert server.trailing == LOGIN


def test_what_is_held_for_a_stranger_is_bounded():
    server = ServerHandshake(HELLO)
    with pytest.raises(LimitExceeded, match="131072 allowed"):
        server.receive_data(bytes(131_073))
    server = requested(LOGIN)
    for _ in range(2):
        server.receive_data(bytes(65_536))
    with pytest.raises(LimitExceeded):
        server.receive_data(b"x")


# --- the administrators' page --------------------------------------------------------------------

PAGES = frozenset({"/admin/", "/admin/page.js"})


@pytest.mark.parametrize("target", ["/admin/", "/admin/page.js"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_look_at_the_page_leaves_the_dialogue_if_there_is_one(method, target):
    wire = http.encode_request(method, target, {"Host": "192.0.2.1"})
    server = ServerHandshake(HELLO, pages=PAGES)
    (event,) = heard(server, [PROBE + wire])
    assert isinstance(event, ApiRequested)
    assert (event.request.method, event.request.target) == (method, target)


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        *(("GET", "/admin/", b""), ("GET", "/admin/page.js", b"")),
        *(("POST", "/admin/", b"0123456789"), ("GET", "/admin/../x", b""), ("GET", "/admin", b"")),
    ],
)
def test_without_it_and_for_anything_else_it_is_as_if_there_were_none(method, target, body):
    wire = http.encode_request(method, target, {"Host": "192.0.2.1"}, body)
    pages = frozenset() if method == "GET" and target in PAGES else PAGES
    server = ServerHandshake(HELLO, pages=pages)
    assert heard(server, [wire]) == []
    assert server.data_to_send() == http.not_found()
    assert heard(server, [SIGNATURE, LOGIN])  # and a client goes on as ever
