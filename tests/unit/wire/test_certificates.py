"""Certificates as they are read: golden ones, made by others, and bytes that are none."""

import json
from pathlib import Path
from ssl import PEM_cert_to_DER_cert

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import LimitExceeded, ProtocolError
from gateway.wire.certificates import (
    Name,
    can_be_authority,
    describe,
    is_key_at_hand,
    is_signed_by,
    read_certificate,
    user_key,
)
from gateway.wire.codes import MAX_CERTIFICATE
from gateway.wire.login import read_login
from gateway.wire.pack import Pack
from tests.certificates import issue, name, rsa_key

VECTORS = Path(__file__).parents[2] / "vectors" / "certificates"
SOFTETHER = VECTORS.with_name("softether")


def golden(file: str) -> bytes:
    return PEM_cert_to_DER_cert((VECTORS / file).read_text())


def test_a_captured_login_proves_that_its_key_is_at_hand():
    context = json.loads((SOFTETHER / "login_cert.json").read_text())["context"]
    random = bytes.fromhex(context["server_random_from_hello"])
    proof = read_login(Pack.from_bytes((SOFTETHER / "login_cert.pack").read_bytes())).credential
    shown = read_certificate(proof.cert_der)
    assert is_key_at_hand(shown, random, proof.signature)
    assert not is_key_at_hand(shown, bytes(20), proof.signature)


def test_what_vpncmd_makes_is_read_and_believed(recwarn):
    root, user = (read_certificate(golden(f"vpncmd_{who}.pem")) for who in ("root", "user"))
    assert root.subject == Name("MadeRoot", "Org", country="DE") == user.issuer
    assert (root.serial, user.serial) == (b"\x01\xab", b"\0")
    assert is_signed_by(user, root)
    assert not is_signed_by(root, user)
    assert user_key(user).key_size == 1024
    assert not recwarn.list  # a serial number of 0 is no news


def test_signatures_over_sha1_are_believed_and_over_md5_not():
    authority = read_certificate(golden("authority.pem"))
    assert is_signed_by(read_certificate(golden("by_sha1.pem")), authority)
    assert not is_signed_by(read_certificate(golden("by_md5.pem")), authority)


def test_a_certificate_is_told_as_in_the_reference_s_log():
    assert describe(golden("by_sha1.pem")) == (
        'CN=alice, SERIAL="05" (Digest: MD5="ACF1B5F232FC29A90224A5790E8C878E", '
        'SHA1="89579510DD5B94FBCEB4658BF63C7D718D08FEC6")'
    )
    assert describe(b"none") == ""


def test_a_name_is_shown_without_what_a_terminal_obeys():
    odd = Name("ali\x1b[31mce", "Ex\nample", country="DE")
    assert str(odd) == "CN=ali?[31mce, O=Ex?ample, C=DE"
    assert odd.in_short() == "ali?[31mce, Ex?ample, DE"


def test_an_authority_has_a_key_whose_signatures_are_checked_in_no_time():
    numbers = rsa.RSAPublicNumbers(2**127 - 1, rsa_key().public_key().public_numbers().n)
    for key, can in (
        (rsa_key(1280), True),
        (ec.generate_private_key(ec.SECP256R1()), True),
        (ed25519.Ed25519PrivateKey.generate(), True),
        (Slow(numbers.public_key()), False),
    ):
        holder = issue(name(CN="CA"), issue(name(CN="CA")), key=key)
        assert can_be_authority(read_certificate(holder.der)) is can


class Slow:
    """Of a key only the public half."""

    def __init__(self, public: rsa.RSAPublicKey) -> None:
        self.public_key = lambda: public


def test_a_certificate_may_have_so_many_bytes():
    with pytest.raises(LimitExceeded, match="8193 bytes announced, 8192 allowed"):
        read_certificate(bytes(MAX_CERTIFICATE + 1))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_certificate_or_a_declared_error(der):
    with pytest.raises(ProtocolError):
        read_certificate(der)
    assert describe(der) == ""


@given(st.data())
def test_a_broken_certificate_is_one_or_a_declared_error(data):
    der = data.draw(st.sampled_from([golden("vpncmd_root.pem"), golden("by_sha1.pem")]))
    at = data.draw(st.integers(0, len(der) - 1))
    changed = der[:at] + data.draw(st.binary(min_size=1, max_size=4)) + der[at + 1 :]
    try:
        found = read_certificate(changed)
    except ProtocolError:
        return
    assert is_signed_by(found, read_certificate(golden("authority.pem"))) in (True, False)
    assert can_be_authority(found) in (True, False)
    assert user_key(found) is None or user_key(found).key_size
    assert describe(changed).isprintable()
