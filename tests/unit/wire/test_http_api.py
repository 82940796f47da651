"""The administration's HTTP interface: who asks, for what."""

import pytest

from gateway.errors import Malformed
from gateway.wire import http, http_api
from gateway.wire.http import Request
from gateway.wire.http_api import Credentials
from gateway.wire.reader import Reader
from tests.rpc_vectors import json_exchanges


def request(head: str) -> Request:
    reader: Reader[Request] = Reader(65536)
    reader.receive(f"{head}\r\n".encode("latin-1"))
    reader.begin(http.read_request())
    found = reader.advance()
    assert found is not None
    return found


def test_every_captured_head_is_read():
    for label, exchange in json_exchanges().items():
        if label == "admin-path":
            continue
        found = request(exchange["request_head"])
        assert http.is_api(found.target), label


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("empty-hubname-header", Credentials("", "adminpw")),
        ("hubname-administrator", Credentials("administrator", "adminpw")),
        ("GetServerInfo", Credentials("", "adminpw")),
        ("no-auth", None),
        ("basic-auth-empty-user", Credentials("", "adminpw")),
        ("basic-auth-administrator", Credentials("administrator", "adminpw")),
        ("basic-auth-hub", Credentials("T1", "hubpw")),
        ("hubadmin-own", Credentials("T1", "hubpw")),
    ],
)
def test_who_asks(label, shown):
    head = json_exchanges()[label]["request_head"]
    assert http_api.read_credentials(request(head)) == shown


@pytest.mark.parametrize("value", ["Basic", "Basic !!!", "Basic YWJj", "Bearer", "Bearer  ", ""])
def test_credentials_that_cannot_be_read_are_none(value):
    shown = request(f"GET /api/ HTTP/1.1\r\nAuthorization: {value}\r\n")
    assert http_api.read_credentials(shown) is None


@pytest.mark.parametrize(
    ("headers", "is_cross"),
    [
        ("Sec-Fetch-Site: cross-site\r\n", True),
        ("Sec-Fetch-Site: same-site\r\nOrigin: https://gw:5555\r\n", True),
        ("Sec-Fetch-Site: same-origin\r\n", False),
        ("Sec-Fetch-Site: none\r\n", False),
        ("Origin: https://elsewhere.example\r\n", True),
        ("Origin: null\r\n", True),
        ("Origin: https://GW:5555\r\n", False),
        ("Origin: https://elsewhere.example\r\nX-VPNADMIN-PASSWORD: pw\r\n", False),
        ("", False),
    ],
)
def test_a_page_of_another_site_is_told_from_ours(headers, is_cross):
    """`<img src="https://gw/api/DeleteHub?HubName_str=LAB">` deleted a hub, with the password the
    browser had been told."""
    head = f"GET /api/DeleteHub HTTP/1.1\r\nHost: gw:5555\r\n{headers}"
    assert http_api.is_cross_site(request(head)) is is_cross
    assert not http_api.is_cross_site(request(head.replace("/api/", "/admin/")))


def test_a_token_stands_for_itself():
    shown = request("GET /api/ HTTP/1.1\r\nAuthorization: bearer eft_x\r\n")
    assert http_api.read_credentials(shown) == Credentials("", "eft_x", is_token=True)
    assert "eft_x" not in repr(http_api.read_credentials(shown))


def test_its_own_headers_win_and_are_utf8():
    password = "pä/ss".encode().decode("latin-1")
    head = f"GET /api HTTP/1.1\r\nX-VPNADMIN-PASSWORD: {password}\r\nAuthorization: Basic OmI=\r\n"
    assert http_api.read_credentials(request(head)) == Credentials("", "pä/ss")


def test_an_empty_header_is_no_header_elsewhere():
    with pytest.raises(Malformed):
        request("GET / HTTP/1.1\r\nX-VPNADMIN-HUBNAME:\r\n")


@pytest.mark.parametrize(
    ("target", "api", "call"),
    [
        ("/api", True, True),
        ("/API/", True, True),
        ("/api/Test", True, False),
        ("/api?x=1", True, True),
        ("/apix", False, False),
        ("/", False, False),
    ],
)
def test_which_targets_are_its(target, api, call):
    assert http.is_api(target) == api
    assert http_api.is_call(target) == call


def test_a_query_names_method_and_parameters():
    target = "/api/Test?IntValue_u32=5&StrValue_str=a%20b"
    assert http_api.read_query(target) == ("Test", {"IntValue_u32": "5", "StrValue_str": "a b"})
    assert http_api.read_query("/api/") == ("", {})
    with pytest.raises(ValueError, match="fields"):
        http_api.read_query("/api/Test?" + "&".join(f"a{n}=1" for n in range(2000)))


def test_no_answer_may_be_read_by_a_page_of_another_site():
    for response in (http_api.answer(b"{}"), http_api.options(), http_api.unauthorized()):
        assert b"Access-Control-Allow-Origin" not in response


def test_a_head_with_a_password_is_not_kept():
    before = http._request_of.cache_info()
    assert request("POST /API/ HTTP/1.1\r\nX-VPNADMIN-PASSWORD: secret\r\n").headers
    assert http._request_of.cache_info() == before
