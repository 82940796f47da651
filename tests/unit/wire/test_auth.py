"""Proofs against computed vectors and a captured login."""

import pytest

from gateway.errors import Malformed
from gateway.wire.auth import (
    admin_password_hash,
    is_same,
    secure_password,
    sha0,
    user_password_hash,
)
from gateway.wire.pack import Pack
from tests.golden import captured, meaning

VECTORS = meaning("password_hashes")


@pytest.mark.parametrize("vector", VECTORS["sha0"])
def test_sha0_vectors(vector):
    assert sha0(bytes.fromhex(vector["in_hex"])).hex() == vector["out"]


@pytest.mark.parametrize(
    ("size", "digest"),
    [
        (55, "one block"),
        (56, "two blocks"),
        (64, "two blocks"),
        (119, "two blocks"),
        (120, "three blocks"),
    ],
)
def test_sha0_pads_to_whole_blocks(size, digest):
    # Differing in the last byte alone must show: nothing is lost at a block's edge.
    one, other = b"a" * size, b"a" * (size - 1) + b"b"
    assert len(sha0(one)) == 20
    assert sha0(one) != sha0(other), digest


@pytest.mark.parametrize("vector", VECTORS["user_password_hash"])
def test_user_hashes(vector):
    assert user_password_hash(vector["password"], vector["user"]).hex() == vector["hash"]


@pytest.mark.parametrize("vector", VECTORS["admin_password_hash"])
def test_admin_hashes(vector):
    assert admin_password_hash(vector["password"]).hex() == vector["hash"]


@pytest.mark.parametrize("name", ["login_password", "login_cascade"])
def test_proof_in_a_captured_login_is_recomputed(name):
    told = meaning(name)["context"]
    random = bytes.fromhex(told["server_random_from_hello"])
    pack = Pack.from_bytes(captured(f"{name}.pack"))
    proof = secure_password(user_password_hash(told["password"], told["username"]), random)
    assert proof == pack.data("secure_password", 20)
    assert is_same(proof, pack.data("secure_password") or b"")
    assert not is_same(proof, bytes(20))


@pytest.mark.parametrize("vector", VECTORS["secure_password"])
def test_secure_password_vector_equals_the_captured_login(vector):
    proof = secure_password(bytes.fromhex(vector["hash"]), bytes.fromhex(vector["random"]))
    login = Pack.from_bytes(captured("login_password.pack"))
    assert proof.hex() == vector["secure"]
    assert proof == login.data("secure_password")


@pytest.mark.parametrize("name", ["admin_login", "admin_login_hub"])
def test_proof_of_an_administrator_is_recomputed(name):
    told = meaning(name)["context"]
    random = bytes.fromhex(told["server_random_from_hello"])
    proof = secure_password(admin_password_hash(told["password"]), random)
    assert proof == Pack.from_bytes(captured(f"{name}.pack")).data("secure_password")


@pytest.mark.parametrize("sizes", [(19, 20), (20, 19), (0, 40)])
def test_a_proof_needs_twenty_bytes_of_each(sizes):
    with pytest.raises(Malformed):
        secure_password(bytes(sizes[0]), bytes(sizes[1]))


def test_only_ascii_letters_of_a_user_name_are_raised():
    assert user_password_hash("pw", "müller") == user_password_hash("pw", "MüLLER")
    assert user_password_hash("pw", "müller") != user_password_hash("pw", "MÜLLER")
