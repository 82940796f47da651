"""Handshakes: how bytes are cut never matters, and no bytes do more than end one."""

import tracemalloc
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ProtocolError, Refused
from gateway.wire import http
from gateway.wire.dialogue import Dialogue
from gateway.wire.events import Event
from gateway.wire.handshake import (
    AdditionalConnect,
    Anonymous,
    ClientHandshake,
    Hello,
    Login,
    LoginRequested,
    Redirect,
    Redirected,
    ServerHandshake,
    Welcomed,
)
from gateway.wire.hello import encode_hello
from gateway.wire.login import encode_login
from gateway.wire.nodeinfo import NO_NODE_INFO
from gateway.wire.redirect import encode_redirect
from gateway.wire.requests import encode_additional_connect
from gateway.wire.welcome import encode_welcome
from tests import strategies as wire
from tests.dialogues import heard

HOST = "192.0.2.1"
HELLO = Hello("EtherFleet", random=bytes(range(20)))
PROBE = http.encode_probe(HOST)
SIGNATURE = http.encode_signature(HOST, b"VPNCONNECT")
HELLO_WIRE = http.encode_pack_response(encode_hello(HELLO))


def login(_: Hello) -> Login:
    return Login("hub", "user", Anonymous())


def outcome(side: Dialogue, pieces: list[bytes]) -> tuple[list[Event] | str, bytes]:
    """Return the events, or the name of the error, and everything that left."""
    try:
        events: list[Event] | str = heard(side, pieces)
    except (ProtocolError, Refused) as error:
        events = type(error).__name__
    return events, side.data_to_send()


@given(st.data(), wire.logins, st.binary(max_size=50))
def test_server_hears_the_same_however_it_is_cut(data, login, tail):
    conversation = PROBE + SIGNATURE + http.encode_pack_request(HOST, encode_login(login)) + tail
    server = ServerHandshake(HELLO)
    understood = replace(login, node_info=NO_NODE_INFO)
    assert heard(server, data.draw(wire.cuttings(conversation))) == [LoginRequested(understood)]
    assert server.trailing == tail


@given(st.data(), st.one_of(wire.welcomes, wire.redirects), st.binary(max_size=50))
def test_client_hears_the_same_however_it_is_cut(data, answer, tail):
    is_redirect = isinstance(answer, Redirect)
    pack = encode_redirect(answer) if is_redirect else encode_welcome(answer)
    conversation = http.forbidden() + HELLO_WIRE + http.encode_pack_response(pack) + tail
    client = ClientHandshake(login, host=HOST, probe=True)
    events = heard(client, data.draw(wire.cuttings(conversation)))
    assert events == [Redirected(answer) if is_redirect else Welcomed(answer)]
    assert client.trailing == tail


# --- hostile peers -------------------------------------------------------------------------------

REQUESTS = st.one_of(
    wire.logins.map(encode_login), wire.additional_connects.map(encode_additional_connect)
).map(lambda pack: PROBE + SIGNATURE + http.encode_pack_request(HOST, pack))

ANSWERS = st.one_of(
    wire.welcomes.map(encode_welcome), wire.redirects.map(encode_redirect), wire.packs
).map(lambda pack: HELLO_WIRE + http.encode_pack_response(pack))


@given(st.data(), st.one_of(st.binary(max_size=400), wire.mangled(REQUESTS)))
def test_any_bytes_to_a_server_are_an_event_or_a_declared_error(data, conversation):
    whole = outcome(ServerHandshake(HELLO), [conversation])
    assert outcome(ServerHandshake(HELLO), data.draw(wire.cuttings(conversation))) == whole


@given(st.data(), st.one_of(st.binary(max_size=400), wire.mangled(ANSWERS)))
def test_any_bytes_to_a_client_are_an_event_or_a_declared_error(data, conversation):
    pieces = data.draw(wire.cuttings(conversation))
    for request in (login, AdditionalConnect(bytes(20))):
        whole = outcome(ClientHandshake(request, host=HOST), [conversation])
        assert outcome(ClientHandshake(request, host=HOST), pieces) == whole


@given(st.one_of(st.binary(max_size=400), wire.mangled(wire.packs.map(lambda p: p.to_bytes()))))
def test_any_body_in_place_of_a_login_is_an_event_or_a_declared_error(body):
    headers = {"Content-Type": http.PACK_TYPE}
    post = http.encode_request("POST", "/vpnsvc/vpn.cgi", headers, body)
    events, sent = outcome(ServerHandshake(HELLO), [SIGNATURE + post])
    if isinstance(events, str):
        assert b"\0\0\0\x06error\0" in sent  # the peer was told


@settings(max_examples=10)
@given(st.sampled_from([b"\r\n", b"\0", b"x", b"X: y\r\n", b"GET / HTTP/1.1\r\n", PROBE]))
def test_a_flood_costs_a_server_no_more_than_the_stated_bound(piece):
    flood = piece * (4096 // len(piece))
    tracemalloc.start()
    server = ServerHandshake(HELLO)
    try:
        for _ in range(200):
            outcome(server, [flood])
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 1_000_000
