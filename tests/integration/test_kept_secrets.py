"""No call answers with a password, a hash of one, a token or a key, whoever asks and whatever.

Every method of the registry is called as the highest role there is: as stock tools called it, and
about everything that has a secret here. What it answers is searched, as it travels in both
protocols, for the bytes of every secret and of every hash of one, however they may be written.
"""

import base64
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from coordinator.cascade import Cascade, CascadeAuth
from coordinator.fleet import Fleet
from coordinator.model import FleetCertificate, Role, User
from coordinator.sessions import hash_session_key
from gateway.admin import administrators
from gateway.admin import named_administrators as named
from gateway.admin.rpc.convert import stable_id
from gateway.admin.rpc.dispatch import carry_out
from gateway.admin.rpc.method import Context
from gateway.admin.rpc.methods import METHODS
from gateway.errors import Refused
from gateway.wire.auth import admin_password_hash, user_password_hash
from gateway.wire.jsonrpc import encode_result, to_pack
from gateway.wire.pack import Pack
from tests.admin_calls import ADMINISTRATOR, furnish
from tests.conftest import FLEET_KEY, NOW
from tests.contract.values import LOGIN
from tests.rpc_vectors import exchanges

PASSWORDS = {name: f"{name} secret of its own" for name in ("fleet", "hub", "user", "named")}
CASCADE_PASSWORD = "the far side's password"
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ\n-----END PRIVATE KEY-----\n"
NAMES = ("keeper", "cas", "g1", "carol", "bot", "plain", "hashed", "certified", "SID-CAS-1")
# Calls that ask for nothing in particular, and about whatever there is.
ASKED: list[dict[str, object]] = [
    {},
    {"Id_u32": stable_id("node-1")},
    *({"HubName_str": hub, "Name_str": name} for hub in ("T1", "S1") for name in NAMES),
    *({"HubName_Ex_str": "T1", "HubName_str": "T1", "AccountName_utf": n} for n in NAMES),
    *({"HubName_str": hub, "Id_u32": n, "Key_u32": n} for hub in ("T1", "S1") for n in (0, 1, 2)),
]


@pytest.fixture
def context(fleet: Fleet) -> Context:
    return furnish(fleet)


@pytest.fixture
def secrets(context: Context) -> Mapping[str, bytes]:
    """Every secret there is in a fleet, set; by what it is."""
    fleet = context.fleet
    administrators.set_fleet_password(fleet, PASSWORDS["fleet"], NOW)
    administrators.set_hub(fleet, "T1", NOW, secret=admin_password_hash(PASSWORDS["hub"]))
    user_hash = user_password_hash(PASSWORDS["user"], "keeper")
    fleet.directory.create_user(User("T1", "keeper", secret=user_hash), NOW)
    carol = named.add(fleet, "carol", Role.HUB_ADMIN, NOW, password=PASSWORDS["named"], hub="T1")
    bot, token = named.add_token(fleet, "bot", Role.READ_ONLY, NOW)
    far_hash = user_password_hash(CASCADE_PASSWORD, "far")
    hashed = Cascade("T1", "hashed", "vpn.example.org", 5555, "FAR", "far", secret=far_hash)
    plain = replace(
        hashed, name="plain", auth=CascadeAuth.PLAIN_PASSWORD, secret=CASCADE_PASSWORD.encode()
    )
    certified = replace(
        hashed,
        name="certified",
        auth=CascadeAuth.CERTIFICATE,
        secret=PRIVATE_KEY.encode(),
        certificate="OURS",
    )
    for cascade in (hashed, plain, certified):
        fleet.cascades.create(replace(cascade, online=False), NOW)
    fleet.certificates.get_or_create(FleetCertificate("CERTIFICATE", PRIVATE_KEY), NOW)
    session_key = os.urandom(20)
    static = replace(LOGIN, hub="S1", user="cas", node="node-1")
    fleet.sessions.open(static, session_key, NOW)
    return {
        "fleet key": FLEET_KEY,
        "private key": PRIVATE_KEY.encode(),
        "body of the private key": PRIVATE_KEY.splitlines()[1].encode(),
        "witness key": fleet.witness_key,
        "hash of the fleet's password": admin_password_hash(PASSWORDS["fleet"]),
        "hash of a hub's password": admin_password_hash(PASSWORDS["hub"]),
        "hash of a user's password": user_hash,
        "hash of a named administrator's": admin_password_hash(PASSWORDS["named"]),
        "hash of a token": admin_password_hash(token),
        "SHA-256 of a token": bytes.fromhex(administrators.token_hash(token)),
        "token": token.encode(),
        "credential of a token": bytes.fromhex(bot.credential),
        "credential of an administrator": bytes.fromhex(carol.credential),
        "hash of a cascade's password": far_hash,
        "cascade's password": CASCADE_PASSWORD.encode(),
        "session key": session_key,
        "SHA-256 of a session key": bytes.fromhex(hash_session_key(session_key)),
        **{f"password of the {n}": password.encode() for n, password in PASSWORDS.items()},
        **{f"sealed {n}": text.encode() for n, text in enumerate(sealed(fleet))},
    }


def sealed(fleet: Fleet) -> Iterator[str]:
    """Return every sealed value in the store: base64 that nobody needs to see."""
    for key, kind in fleet.store.scan():
        if kind == "hash":
            for value in fleet.store.fields(key).values():
                if value.startswith("sealed:"):
                    yield value.rpartition(":")[2]


def forms(secret: bytes) -> set[bytes]:
    """Return the ways in which somebody may write it: as it is, in hex, in base64 at any offset."""
    found = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + secret)
        inner = encoded[(offset * 8 + 5) // 6 : len(secret + bytes(offset)) * 8 // 6]
        found |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_"), inner.replace(b"/", b"\\/")}
    return found | {json.dumps(secret.decode("latin-1"))[1:-1].encode()}


def test_a_secret_is_recognised_in_every_form() -> None:
    secret = bytes(range(200, 220))
    as_json = json.dumps({"x": base64.b64encode(b"??" + secret).decode()})
    for said in (
        *(base64.b64encode(bytes(offset) + secret + b"!") for offset in range(4)),
        b"x" + secret.hex().upper().encode(),
        as_json.replace("/", "\\/").encode(),
    ):
        assert any(form in said for form in forms(secret)), said


def answers(context: Context) -> Iterator[tuple[str, bytes]]:
    """Call everything; return what each call answered, in both protocols, errors included."""
    recorded: dict[str, list[Pack]] = {}
    for exchange in exchanges():
        recorded.setdefault(exchange.function.lower(), []).append(Pack.from_bytes(exchange.request))
    # First what only looks: calls that change something take away what could be read.
    for method in sorted(METHODS.values(), key=lambda method: method.changes):
        asked = [*map(to_pack, ASKED), *recorded.get(method.name.lower(), ())]
        for pack in asked:
            try:
                answer = carry_out(context, ADMINISTRATOR, method.name, pack, NOW)
            except Refused as error:
                yield method.name, str(error).encode()
                continue
            yield method.name, Pack(answer.elements()).to_bytes()
            yield method.name, encode_result("1", answer.to_json())
            yield method.name, repr(answer.values).encode()


def test_no_call_answers_with_a_secret(context: Context, secrets: Mapping[str, bytes]) -> None:
    wanted = {form: what for what, secret in secrets.items() for form in forms(secret)}
    found, asked = set(), set()
    for name, said in answers(context):
        asked.add(name)
        found |= {(name, what) for form, what in wanted.items() if form in said}
    assert asked == {method.name for method in METHODS.values()}
    assert found == set()
    # Nor does what is kept of all these changes, and shown to operators.
    fleet = context.fleet
    told = repr([fleet.audit.latest(10_000), fleet.history.latest(10_000)]).encode()
    assert {what for form, what in wanted.items() if form in told} == set()
