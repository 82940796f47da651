"""Values against captured packs: what we read in them, and what we would have written."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from gateway.errors import LimitExceeded, Malformed, Refused
from gateway.wire.codes import MAX_CERTIFICATE, MAX_PROOF, Direction, describe
from gateway.wire.fields import encode_error, raise_error
from gateway.wire.hello import Hello, encode_hello, read_hello
from gateway.wire.login import (
    Anonymous,
    CertificateProof,
    Login,
    PlainPassword,
    SecurePassword,
    TicketProof,
    UnknownAuthType,
    encode_login,
    read_login,
)
from gateway.wire.nodeinfo import NodeInfo, read_node_info
from gateway.wire.pack import Element, Pack, data, integer, text
from gateway.wire.policy import WIRE_NAMES, Policy
from gateway.wire.redirect import encode_redirect, read_redirect
from gateway.wire.requests import (
    AdditionalConnect,
    AdminLogin,
    PasswordChange,
    encode_additional_connect,
    encode_admin_login,
    encode_admin_welcome,
    encode_hub_names,
    encode_joined,
    encode_password_change,
    read_additional_connect,
    read_admin_login,
    read_hub_names,
    read_joined,
    read_password_change,
)
from gateway.wire.welcome import Welcome, encode_welcome, read_welcome
from tests.golden import captured

CLIENT = "SoftEther VPN Client Developer Edition"
KEY = bytes.fromhex("1ccd179e3281f8f062acb8c456ebfe65ec9979ec")


def pack_of(name: str) -> Pack:
    return Pack.from_bytes(captured(f"{name}.pack"))


def without(pack: Pack, *names: str) -> Pack:
    return Pack(element for element in pack if element.name not in names)


def with_element(pack: Pack, element: Element) -> Pack:
    return Pack([*without(pack, element.name), element])


# --- login -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("login_anonymous", Anonymous),
        ("login_password", SecurePassword),
        ("login_cascade", SecurePassword),
        ("login_plain_password", PlainPassword),
        ("login_cert", CertificateProof),
        ("ticket_login", TicketProof),
    ],
)
def test_captured_logins_are_understood(name, kind):
    login = read_login(pack_of(name))
    assert isinstance(login.credential, kind)
    assert login.client_version == 501
    assert login.client_build == 9674
    assert login.host_name == "vm"
    assert login.use_encrypt
    assert login.require_bridge_routing is (name == "login_cascade")
    assert login.max_connection == (8 if name == "login_cascade" else 1)
    node_info = read_node_info(pack_of(name))
    assert node_info.os_name == "Debian GNU/Linux"
    assert node_info.server_version == 501


def test_captured_login_field_by_field():
    pack = pack_of("login_password")
    assert replace(read_login(pack), node_info=read_node_info(pack)) == Login(
        hub="T1",
        user="u1",
        credential=SecurePassword(bytes.fromhex("21364ec91ffb0de9c33976a0a1ffeb6447733fc1")),
        client_name=CLIENT,
        qos=True,
        unique_id=bytes.fromhex("290005913b38f772f8ef4c8363a7b526f8dc1e12"),
        host_name="vm",
        node_info=NodeInfo(
            os_name="Debian GNU/Linux",
            os_version="12 (bookworm)",
            os_product_id="--",
            client_address=IPv4Address("10.99.0.2"),
            client_tcp_port=49876,
            server_name="SoftEther VPN Server Developer Edition (64 bit) (Open Source)",
            server_version=501,
            server_build=9674,
            server_host="10.99.0.2",
            server_address=IPv4Address("10.99.0.2"),
            server_tcp_port=5555,
            machine_id=bytes.fromhex("03fc33118ac7da5f2761765b8c62c84b"),
        ),
    )


@pytest.mark.parametrize("name", ["login_password", "login_cert", "ticket_login"])
def test_our_login_says_all_that_a_real_one_does(name):
    real = pack_of(name)
    login = replace(read_login(real), node_info=read_node_info(real))
    ours = encode_login(login, padding=real.data("pencore") or b"")
    unsaid = {element.name for element in real if element not in list(ours)}
    # The rest is R-UDP and UDP acceleration, which we do not offer.
    assert {name for name in unsaid if "udp" not in name} == set()
    assert [element.name for element in ours if element.name not in real] == []


@pytest.mark.parametrize(("name", "most"), [("cert", MAX_CERTIFICATE), ("sign", MAX_PROOF)])
def test_what_proves_by_a_certificate_has_so_many_bytes(name, most):
    rest = without(pack_of("login_cert"), name)
    for size in (0, 1, most):
        read_login(Pack([*rest, data(name, bytes(size))]))
    with pytest.raises(LimitExceeded, match=f"{most + 1} bytes announced, {most} allowed"):
        read_login(Pack([*rest, data(name, bytes(most + 1))]))
    with pytest.raises(Malformed, match=f"no {name}"):
        read_login(rest)


@pytest.mark.parametrize("missing", ["hubname", "username", "authtype", "secure_password"])
def test_login_without_a_needed_field_is_malformed(missing):
    with pytest.raises(Malformed, match=missing):
        read_login(without(pack_of("login_password"), missing))


@pytest.mark.parametrize(
    "element",
    [text("authtype", "1"), data("secure_password", bytes(19)), integer("username", 7)],
)
def test_login_with_a_field_of_another_kind_is_malformed(element):
    if element.name == "authtype":
        # A text where a number belongs reads as 0, anonymous: which proves nothing.
        login = read_login(with_element(pack_of("login_password"), element))
        assert login.credential == Anonymous()
    else:
        with pytest.raises(Malformed):
            read_login(with_element(pack_of("login_password"), element))


@pytest.mark.parametrize("number", [4, 96, 97, 98, 100, 0xFFFF_FFFF])
def test_unknown_proof_is_told_7(number):
    with pytest.raises(UnknownAuthType) as caught:
        read_login(with_element(pack_of("login_password"), integer("authtype", number)))
    assert caught.value.code == 7


def test_names_over_255_characters_are_refused_and_labels_trimmed():
    real = pack_of("login_password")
    with pytest.raises(LimitExceeded, match="256 characters, 255 allowed"):
        read_login(with_element(real, text("hubname", "h" * 256)))
    login = read_login(with_element(real, text("client_str", "\x1b[2J" + "n" * 300)))
    assert login.client_name == "?[2J" + "n" * 251


def test_the_wanted_number_of_connections_is_clamped():
    real = pack_of("login_password")
    assert read_login(with_element(real, integer("max_connection", 99))).max_connection == 32
    assert read_login(with_element(real, integer("max_connection", 0))).max_connection == 1


def test_secrets_do_not_show():
    values = [
        PlainPassword("pw1"),
        TicketProof(KEY),
        AdditionalConnect(KEY),
        PasswordChange("h", "u", bytes(20), KEY),
        read_welcome(pack_of("welcome")),
        read_redirect(pack_of("redirect_welcome")),
    ]
    shown = repr(values)
    secrets = [KEY, pack_of("redirect_welcome").data("Ticket")]
    assert not any(repr(secret)[2:-1] in shown for secret in secrets)
    assert "pw1" not in shown


# --- hello, welcome, redirect ------------------------------------------------------------------


def test_captured_hello():
    real = pack_of("hello")
    hello = Hello(
        "SoftEther VPN Server Developer Edition (64 bit) (Open Source)",
        501,
        9674,
        bytes.fromhex("45c7d87a5edbe09175ca7762b8148c0ac044aded"),
    )
    assert read_hello(real) == hello
    assert encode_hello(hello, real.data("pencore") or b"") == real


@pytest.mark.parametrize("name", ["hello", "random"])
def test_hello_needs_name_and_random(name):
    with pytest.raises(Malformed):
        read_hello(without(pack_of("hello"), name))
    assert read_hello(without(pack_of("hello"), "version", "build")).version == 0


def test_captured_welcomes():
    plain, cascade = read_welcome(pack_of("welcome")), read_welcome(pack_of("welcome_cascade"))
    assert plain == Welcome("SID-U1-2", "CID-2", KEY, 20_000, max_connection=2, qos=True)
    assert cascade.policy == Policy(no_bridge=False, no_routing=False)
    assert cascade.max_connection == 8


def test_our_welcome_says_all_that_a_real_one_does():
    real = pack_of("welcome")
    ours = encode_welcome(read_welcome(real), real.data("pencore") or b"")
    unsaid = {element.name for element in real if element not in list(ours)}
    # The rest is the offer of UDP acceleration, and a key that only it uses.
    assert {name for name in unsaid if "udp" not in name} == {"session_key_32"}
    assert [element for element in ours if element not in list(real)] == []


@pytest.mark.parametrize("name", ["session_name", "connection_name", "session_key", "timeout"])
def test_welcome_without_what_a_client_needs_is_malformed(name):
    with pytest.raises(Malformed):
        read_welcome(without(pack_of("welcome"), name))


def test_absent_parts_of_a_welcome_read_as_real_clients_read_them():
    needed = ("session_name", "connection_name", "session_key", "timeout")
    welcome = read_welcome(Pack(e for e in pack_of("welcome") if e.name in needed))
    assert (welcome.use_encrypt, welcome.use_compress, welcome.max_connection) == (False, False, 1)
    assert not any(getattr(welcome.policy, field) for field in WIRE_NAMES)


def test_policy_names_are_those_of_the_captured_welcome():
    real = {e.name.removeprefix("policy:") for e in pack_of("welcome") if ":" in e.name}
    assert set(WIRE_NAMES.values()) == real
    assert WIRE_NAMES["no_ipv6_default_router_in_ra"] == "NoIPv6DefaultRouterInRA"
    assert WIRE_NAMES["vlan_id"] == "VLanId"


def test_captured_redirect():
    real = pack_of("redirect_welcome")
    redirect = read_redirect(real)
    assert redirect.address == IPv4Address("10.97.0.1")
    assert redirect.tcp_ports == (5555, 443)
    assert redirect.ticket.hex() == "489e91729be64a89969d3f1d6159fdf13cfae995"
    assert len(redirect.certificate_der) == 878
    assert encode_redirect(redirect, real.data("pencore") or b"") == real


@pytest.mark.parametrize(
    "element",
    [
        integer("Ip", 0),
        integer("Ip@ipv6_bool", 1),
        integer("Port", *range(1, 130)),
        integer("Port", 0),
        integer("Port", 65536),
        data("Ticket", bytes(19)),
    ],
)
def test_redirect_that_leads_nowhere_is_malformed(element):
    with pytest.raises(Malformed):
        read_redirect(with_element(pack_of("redirect_welcome"), element))


# --- other requests, errors ----------------------------------------------------------------------


def test_captured_additional_connection():
    real, answer = pack_of("additional_connect"), pack_of("additional_connect_ok")
    request = AdditionalConnect(KEY, CLIENT, 501, 9674)
    assert read_additional_connect(real) == request
    assert encode_additional_connect(request, real.data("pencore") or b"") == real
    assert read_joined(answer) is Direction.BOTH
    assert encode_joined(Direction.BOTH, answer.data("pencore") or b"") == answer
    with pytest.raises(Malformed):
        read_joined(with_element(answer, integer("direction", 3)))


@pytest.mark.parametrize(("name", "hub"), [("admin_login", None), ("admin_login_hub", "T1")])
def test_captured_administrators(name, hub):
    real = pack_of(name)
    login = read_admin_login(real)
    assert (login.hub, login.accept_empty_password) == (hub, True)
    ours = encode_admin_login(login, real.data("pencore") or b"")
    assert {e.name for e in real if e not in list(ours)} == {
        e.name for e in real if e.name.startswith("V_")
    }
    answer = pack_of("admin_login_ok")
    assert encode_admin_welcome(empty_password=False, padding=answer.data("pencore") or b"") == (
        answer
    )
    assert isinstance(login, AdminLogin)


def test_other_requests_come_back_as_they_went():
    change = PasswordChange("T1", "u1", KEY, bytes(20))
    assert read_password_change(encode_password_change(change)) == change
    assert read_hub_names(encode_hub_names(("A", "B"))) == ("A", "B")
    assert encode_hub_names(("A", "B")).integer("NumHub") == 2
    assert read_hub_names(encode_hub_names(())) == ()


def test_an_error_pack_is_raised_with_its_code_in_words():
    with pytest.raises(Refused, match=r"refused: access denied \(12\)") as caught:
        raise_error(pack_of("admin_error"))
    assert (caught.value.code, caught.value.reason) == (12, "access-denied")
    with pytest.raises(Refused, match="error 4711"):
        raise_error(encode_error(4711))
    raise_error(pack_of("additional_connect_ok"))
    assert describe(8) == "hub not found"
