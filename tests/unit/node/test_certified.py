"""Users who log in by a certificate: whose is it, is it of now, was it revoked."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA256
from hypothesis import given
from hypothesis import strategies as st

from coordinator import trust as coordinator_trust
from coordinator.model import AuthKind, User
from coordinator.times import Timestamp
from coordinator.trust import NO_TRUST, Authority, Revocation, Trust
from gateway.errors import Refused
from gateway.node.admission import check_user
from gateway.node.certified import MOST_ASKED
from gateway.wire import codes
from gateway.wire.codes import ErrorCode
from gateway.wire.login import Anonymous, CertificateProof, Login, PlainPassword, SecurePassword
from tests.certificates import BEGIN, END, issue, name, rsa_key

NOW = Timestamp("2026-06-01T12:00:00.000Z")
RANDOM = bytes(range(20))

CA = issue(name(CN="Lab CA", O="Example"), key=rsa_key(which=1), may_sign=True)
ALICE = issue(name(CN="alice", O="Example", OU="Lab", C="DE"), CA, serial=0x0155)
BOB = issue(name(CN="bob"), CA, key=rsa_key(which=2), serial=2)
EVE = issue(name(CN="alice", O="Example", OU="Lab", C="DE"), key=rsa_key(which=2), serial=0x0155)

ONE = User("LAB", "alice", AuthKind.CERTIFICATE, certificate=ALICE.der)
SIGNED = User("LAB", "alice", AuthKind.SIGNED)
BY_CA = Trust((Authority(CA.der, id=1),))


def why(user, credential, trust=NO_TRUST, now=NOW):
    """Return the reason of the refusal, nothing for a user who is let in."""
    login = Login("LAB", "alice", credential)
    try:
        assert check_user(user, login, RANDOM, now, trust) is user
    except Refused as error:
        return error.reason if error.code == ErrorCode.AUTH_FAILED else f"code {error.code}"
    return ""


def shown(holder):
    return holder.proof(RANDOM)


# -- one certificate ------------------------------------------------------------------------------


def test_a_user_is_let_in_by_his_certificate_and_no_other():
    assert why(ONE, shown(ALICE)) == ""
    for other in (BOB, EVE, CA):
        assert why(ONE, shown(other), BY_CA) == "auth-failed"
    assert why(None, shown(ALICE), BY_CA) == "auth-failed"


def test_a_certificate_without_its_key_is_nothing():
    good = shown(ALICE)
    for signature in (
        b"",
        bytes(256),
        ALICE.proof(bytes(20)).signature,  # to another hello
        good.signature[:-1],
        good.signature + b"\0",
        BOB.proof(RANDOM).signature,
        ALICE.key.sign(RANDOM, PKCS1v15(), SHA256()),
    ):
        assert why(ONE, CertificateProof(ALICE.der, signature)) == "auth-failed"


def test_a_user_with_a_certificate_has_no_password():
    for user in (ONE, SIGNED):
        for credential in (Anonymous(), PlainPassword(""), SecurePassword(bytes(20))):
            assert why(user, credential, BY_CA) == "auth-failed"


def test_a_user_with_a_password_needs_it_whatever_certificate_he_has():
    assert why(User("LAB", "alice", secret=bytes(20)), shown(ALICE), BY_CA) == "auth-failed"


@pytest.mark.parametrize("bits", [1024, 1536, 3072, 4096])
def test_rsa_keys_of_the_reference_s_sizes_are_known(bits):
    holder = issue(name(CN="alice"), key=rsa_key(bits))
    assert why(replace(ONE, certificate=holder.der), shown(holder)) == ""


def test_other_keys_prove_nothing():
    odd = issue(name(CN="alice"), key=rsa_key(1280))
    assert why(replace(ONE, certificate=odd.der), shown(odd)) == "auth-failed"
    curve = issue(name(CN="alice"), key=ec.generate_private_key(ec.SECP256R1()))
    signature = curve.key.sign(RANDOM, ec.ECDSA(SHA1()))
    proof = CertificateProof(curve.der, signature)
    assert why(replace(ONE, certificate=curve.der), proof) == "auth-failed"


# -- signed by an authority -----------------------------------------------------------------------


def test_a_user_is_let_in_by_what_an_authority_signed():
    assert why(SIGNED, shown(ALICE), BY_CA) == ""
    assert why(SIGNED, shown(BOB), BY_CA) == ""
    assert why(SIGNED, shown(EVE), BY_CA) == "auth-failed"
    assert why(SIGNED, shown(ALICE)) == "auth-failed"


def test_the_name_of_an_authority_is_not_its_signature():
    false = issue(name(CN="Lab CA", O="Example"), key=rsa_key(which=2), may_sign=True)
    forged = issue(name(CN="alice"), false)
    assert why(SIGNED, shown(forged), BY_CA) == "auth-failed"
    both = Trust((*BY_CA.authorities, Authority(false.der, id=2)))
    assert why(SIGNED, shown(forged), both) == ""


def test_names_of_authorities_are_compared_in_any_case():
    loud = issue(name(CN="alice"), CA, issuer=name(CN="LAB ca", O="EXAMPLE"))
    assert why(SIGNED, shown(loud), BY_CA) == ""
    other = issue(name(CN="alice"), CA, issuer=name(CN="Lab CA"))
    assert why(SIGNED, shown(other), BY_CA) == "auth-failed"


def test_an_authority_with_an_elliptic_key_signs_too():
    curve = issue(name(CN="EC"), key=ec.generate_private_key(ec.SECP384R1()), may_sign=True)
    holder = issue(name(CN="alice"), curve)
    assert why(SIGNED, shown(holder), Trust((Authority(curve.der),))) == ""


def test_a_certificate_that_may_not_sign_is_no_authority_but_may_be_trusted_itself():
    leaf = issue(name(CN="leaf"), CA, key=rsa_key(which=2), may_sign=False)
    below = issue(name(CN="alice"), leaf)
    listed = Trust((Authority(leaf.der),))
    assert why(SIGNED, shown(below), listed) == "auth-failed"
    assert why(SIGNED, shown(leaf), listed) == ""


def test_what_an_authority_signed_counts_while_both_are_valid():
    old = issue(name(CN="old"), key=rsa_key(which=1), end=BEGIN + timedelta(days=1), may_sign=True)
    holder = issue(name(CN="alice"), old)
    assert why(SIGNED, shown(holder), Trust((Authority(old.der),))) == "certificate-expired"
    renewed = issue(name(CN="old"), key=rsa_key(which=1), may_sign=True)
    assert why(SIGNED, shown(holder), Trust((Authority(old.der), Authority(renewed.der)))) == ""


def test_common_name_and_serial_number_may_be_required():
    for wanted in ({"common_name": " ALICE "}, {"serial": b"\x01\x55"}):
        user = replace(SIGNED, **wanted)
        assert why(user, shown(ALICE), BY_CA) == ""
        assert why(user, shown(BOB), BY_CA) == "auth-failed"
    both = replace(SIGNED, common_name="bob", serial=b"\x01\x55")
    assert why(both, shown(ALICE), BY_CA) == why(both, shown(BOB), BY_CA) == "auth-failed"


def test_few_authorities_of_one_name_are_asked():
    """A hub's administrator may list a hundred: no login waits for a hundred checks."""
    false = issue(name(CN="Lab CA", O="Example"), key=rsa_key(which=2), may_sign=True)
    crowd = tuple(Authority(false.der, id=n) for n in range(MOST_ASKED))
    assert why(SIGNED, shown(ALICE), Trust((*crowd[1:], *BY_CA.authorities))) == ""
    assert why(SIGNED, shown(ALICE), Trust((*crowd, *BY_CA.authorities))) == "auth-failed"


def test_an_authority_somebody_broke_by_hand_is_passed_over():
    assert why(SIGNED, shown(ALICE), Trust((Authority(b"broken"), *BY_CA.authorities))) == ""


# -- time and revocation --------------------------------------------------------------------------


def test_a_certificate_counts_from_its_first_moment_to_its_last():
    for moment, reason in ((BEGIN, "certificate-expired"), (END, "certificate-expired")):
        now = Timestamp(f"{moment:%Y-%m-%dT%H:%M:%S}.000Z")
        assert why(ONE, shown(ALICE), now=now) == reason
    assert why(ONE, shown(ALICE), now=Timestamp("2026-01-01T00:00:00.001Z")) == ""


def test_who_shows_another_certificate_learns_nothing_of_its_end():
    late = Timestamp("2199-01-01T00:00:00.000Z")
    assert why(ONE, shown(BOB), now=late) == "auth-failed"


def test_a_revoked_certificate_is_refused_of_either_kind():
    revoked = Trust(BY_CA.authorities, (Revocation(common_name="nobody"), Revocation(b"\x01\x55")))
    for user in (ONE, SIGNED):
        assert why(user, shown(ALICE), revoked) == "certificate-revoked"
    assert why(SIGNED, shown(BOB), revoked) == ""


def test_a_revocation_is_of_who_has_all_it_names():
    sha1, md5 = ALICE.certificate.fingerprint(SHA1()), ALICE.certificate.fingerprint(MD5())
    for fits in (
        Revocation(sha1=sha1),
        Revocation(md5=md5),
        Revocation(common_name=" Alice", organization="EXAMPLE", unit="lab", country="de"),
        Revocation(b"\x01\x55", md5, sha1, "alice"),
    ):
        assert why(ONE, shown(ALICE), Trust((), (fits,))) == "certificate-revoked"
    for other in (
        Revocation(b"\x01\x55", common_name="bob"),
        Revocation(sha1=bytes(19) + b"x"),
        Revocation(common_name="alice", state="Bavaria"),
    ):
        assert why(ONE, shown(ALICE), Trust((), (other,))) == ""


# -- hostile bytes --------------------------------------------------------------------------------


@given(st.binary(max_size=600), st.binary(max_size=513))
def test_any_bytes_are_refused(certificate, signature):
    for user in (ONE, SIGNED, None):
        assert why(user, CertificateProof(certificate, signature), BY_CA) == "auth-failed"


@given(st.data())
def test_a_certificate_changed_anywhere_is_refused(data):
    der, signature = ALICE.der, shown(ALICE).signature
    at = data.draw(st.integers(0, len(der) - 1))
    noise = data.draw(st.binary(max_size=8))
    end = data.draw(st.sampled_from([at, at + len(noise), len(der)]))
    changed = der[:at] + noise + der[end:]
    for user in (ONE, SIGNED):
        reason = why(user, CertificateProof(changed, signature), BY_CA)
        assert reason == ("" if changed == der else "auth-failed")


@given(st.integers(0, 255), st.integers(1, 255))
def test_a_signature_changed_anywhere_is_refused(at, change):
    signature = bytearray(shown(ALICE).signature)
    signature[at] ^= change
    assert why(ONE, CertificateProof(ALICE.der, bytes(signature))) == "auth-failed"


def test_the_store_keeps_certificates_of_the_size_that_clients_may_show():
    assert coordinator_trust.MAX_CERTIFICATE == codes.MAX_CERTIFICATE
