"""What a cascade's configuration means to the client library, and its failures to an operator."""

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1

from coordinator.cascade import Cascade, CascadeAuth, CascadeTrust
from gateway.client.dial import CannotConnect, CertificateRejected
from gateway.errors import ConfigError, Malformed, Refused
from gateway.node.cascade_terms import account_of, code_of, is_lasting, line_of, trust_of
from gateway.transport.opening import PeerGone
from gateway.wire.auth import secure_password
from gateway.wire.hello import Hello
from gateway.wire.identity import read_identity
from gateway.wire.login import Anonymous, CertificateProof, PlainPassword, SecurePassword
from tests.identities import pem, self_signed

SITE = Cascade("Corp", "north", "vpn.example.org", 443, "BRANCH", "corp", secret=b"S" * 20)
HELLO = Hello("VPN Server", random=bytes(range(20)))


RSA = rsa.generate_private_key(65537, 1024)


def test_it_logs_in_as_a_cascade_that_may_bridge():
    login = account_of(SITE, "fleet").login(HELLO)
    assert (login.hub, login.user, login.require_bridge_routing) == ("BRANCH", "corp", True)
    assert "Cascade" in login.client_name
    assert login.credential == SecurePassword(secure_password(b"S" * 20, HELLO.random))


def test_each_proof_is_sent_in_its_own_way():
    anonymous = replace(SITE, auth=CascadeAuth.ANONYMOUS, secret=None)
    assert account_of(anonymous, "f").login(HELLO).credential == Anonymous()
    plain = replace(SITE, auth=CascadeAuth.PLAIN_PASSWORD, secret="pä".encode())
    assert account_of(plain, "f").login(HELLO).credential == PlainPassword("pä")
    identity = replace(
        SITE,
        auth=CascadeAuth.CERTIFICATE,
        secret=pem(RSA).encode(),
        certificate=self_signed(RSA),
    )
    proof = account_of(identity, "f").login(HELLO).credential
    assert isinstance(proof, CertificateProof)
    certificate = x509.load_der_x509_certificate(proof.cert_der)
    certificate.public_key().verify(proof.signature, HELLO.random, PKCS1v15(), SHA1())


def test_the_machine_is_the_cascade_wherever_it_runs():
    ids = {
        account_of(cascade, fleet).login(HELLO).unique_id
        for fleet in ("one", "two")
        for cascade in (SITE, replace(SITE, name="NORTH"), replace(SITE, name="south"))
    }
    assert len(ids) == 4
    assert {len(one) for one in ids} == {20}


def test_an_identity_that_proves_nothing_is_refused():
    other = rsa.generate_private_key(65537, 1024)
    curve = ec.generate_private_key(ec.SECP256R1())
    for certificate, key, said in (
        ("", pem(RSA), "certificate is not one in PEM"),
        (self_signed(RSA), "", "private key is not one in PEM"),
        (self_signed(RSA), pem(other), "do not belong together"),
        (self_signed(curve), pem(curve), "not RSA"),
    ):
        with pytest.raises(ConfigError, match=said):
            read_identity(certificate, key)


def test_trust_follows_the_configuration():
    assert trust_of(SITE).pin == ""
    assert trust_of(replace(SITE, trust=CascadeTrust.PIN, pin="ab" * 32)).pin == "ab" * 32
    checked = trust_of(replace(SITE, trust=CascadeTrust.AUTHORITIES))
    assert checked.context.check_hostname
    own = replace(SITE, trust=CascadeTrust.AUTHORITIES, authorities=self_signed(RSA))
    assert trust_of(own).context.cert_store_stats()["x509"] == 1
    with pytest.raises(ConfigError, match="authorities"):
        trust_of(replace(own, authorities="no PEM"))


@pytest.mark.parametrize(
    ("error", "code", "lasting", "line"),
    [
        (CannotConnect("h:1: refused"), 1, False, "h:1: refused"),
        (PeerGone("closed"), 3, False, "closed"),
        (Malformed("bad\n pack"), 4, False, "bad pack"),
        (Refused(9, "the server says no"), 9, True, "the server says no: auth failed"),
        (Refused(16, "hub busy"), 16, False, "hub busy"),
        (CertificateRejected("another"), 85, True, "another"),
        (ConfigError("no key"), 23, True, "no key"),
    ],
)
def test_a_failure_is_a_number_and_a_line(error, code, lasting, line):
    assert (code_of(error), is_lasting(error), line_of(error)) == (code, lasting, line)
