"""Administrators' logins as stock vpncmd sent them and the stock server answered."""

import pytest

from gateway.wire.auth import admin_password_hash, secure_password
from gateway.wire.hello import read_hello
from gateway.wire.pack import Pack
from gateway.wire.requests import encode_admin_welcome, read_admin_login
from tests.rpc_vectors import files


def recorded(name: str) -> Pack:
    wire = files()[f"handshake/{name}.pack"]
    pack = Pack.from_bytes(wire)
    assert pack.to_bytes() == wire
    return pack


@pytest.mark.parametrize(
    ("name", "hub", "password", "is_right"),
    [
        ("standalone-connect-empty-pw", None, "", True),
        ("standalone-About", None, "adminpw", True),
        ("standalone-adminhub-connect", None, "adminpw", True),
        ("standalone-wrong-password-programming", None, "adminpw", False),
        ("hubadmin-connect", "T1", "hubpw", True),
        ("hubadmin-wrong", "T1", "hubpw", False),
        ("hubadmin-nohub", "NOPE", "bad", True),
    ],
)
def test_a_recorded_login_is_read_and_its_proof_is_of_the_password(name, hub, password, is_right):
    random = read_hello(recorded(f"{name}.1-server")).random
    login = read_admin_login(recorded(f"{name}.2-client"))
    assert (login.hub, login.client_name) == (hub, "SoftEther VPN Command-Line Admin Tool")
    assert login.accept_empty_password
    expected = secure_password(admin_password_hash(password), random)
    assert (login.proof == expected) is is_right


@pytest.mark.parametrize("is_empty", [False, True])
def test_a_welcome_is_the_recorded_one(is_empty):
    name = "standalone-connect-empty-pw" if is_empty else "standalone-About"
    theirs = recorded(f"{name}.2-server")
    assert encode_admin_welcome(empty_password=is_empty, padding=theirs.data("pencore")) == theirs
