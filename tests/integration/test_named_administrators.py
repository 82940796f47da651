"""Administrators with names, tokens, and whoever guesses at them: at every gateway of a fleet.

operator ── etherfleet ─────────┐
administrators ── TLS ──► three workers, each at a port of its own ──► embedded Valkey
stock vpncmd ──────────────────┘
"""

import base64
import itertools
import json
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from coordinator.errors import InvalidValue, NotFound
from coordinator.fleet import Fleet, join
from coordinator.model import HubKind, Role
from coordinator.redis_store import connect
from coordinator.seal import read_fleet_key
from coordinator.times import Timestamp, utc_now
from gateway.admin import hubs, users
from gateway.admin import named_administrators as named
from gateway.admin.administrators import set_fleet_password, set_hub
from gateway.cli.main import cli
from gateway.client.account import Account
from gateway.errors import Refused
from gateway.node.attempts import ADMINISTRATORS, USERS
from gateway.wire.auth import admin_password_hash
from gateway.wire.handshake import ClientHandshake
from tests.conftest import NOW
from tests.hostile.administrator import Administrator, JsonClient
from tests.hostile.stranger import Stranger
from tests.integration.test_cli_fleet import ARGV, DEADLINE, environment
from tests.stock.vpncmd import VpncmdError, batch
from tests.stock.waiting import until

PASSWORD = "fleet-password"
LATER = Timestamp("2999-12-31T00:00:00.000Z")
numbers = itertools.count(1)
OWN = "a password of one's own"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ef-") as name:
        yield Path(name) / "s"


def etherfleet(home: Path, *words: str, given: str | None = None, code: int = 0) -> Any:
    """Run a command here; return the JSON it printed, or what it said when it failed."""
    env = {"ETHERFLEET_STATE_DIR": str(home), "ETHERFLEET_PASSWORD": None}
    done = CliRunner().invoke(cli, [*words, "--json"], input=given, env=env)
    assert done.exit_code == code, done.output
    return json.loads(done.stdout) if code == 0 else done.stderr


def free_tcp_ports(count: int) -> int:
    """Return the first of so many ports in a row that nobody has, nor is given by the system."""
    while True:
        first = random.randrange(20_000, 30_000)
        with ExitStack() as held:
            try:
                for number in range(first, first + count):
                    held.enter_context(socket.create_server(("127.0.0.1", number)))
            except OSError:
                continue
            return first


@pytest.fixture(scope="module")
def ports(home: Path) -> Iterator[list[int]]:
    """The ports of three workers, each its own."""
    number = free_tcp_ports(4)
    log = home.with_name("log")
    listen = ("--listen", f"127.0.0.1:{number}")
    with log.open("w") as out:
        process = subprocess.Popen(
            [*ARGV, "gateway", "--workers", "3", "--node", "n", *listen],
            stderr=out,
            env=environment(home),
        )
    try:
        wait = ("wait", "--for", "nodes=3", "--for", "ok", "--timeout", "50")
        subprocess.run([*ARGV, *wait], timeout=60, env=environment(home), check=True)
        yield [number + worker for worker in (1, 2, 3)]
    finally:
        process.terminate()
        code = process.wait(DEADLINE)
    assert code == 0, log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def fleet(home: Path, ports: list[int]) -> Iterator[Fleet]:
    store = connect(f"unix://{home / 'valkey.sock'}", "default")
    fleet = join(store, read_fleet_key((home / "fleet.key").read_text()), utc_now(), create=False)
    set_fleet_password(fleet, PASSWORD, utc_now())
    for hub in ("LAB", "OTHER"):
        hubs.create(fleet, hub, HubKind.DYNAMIC, utc_now())
    for user in ("alice", "bob"):
        users.add(fleet, "LAB", user, utc_now(), password=f"pw-{user}")
    yield fleet
    store.close()


@pytest.fixture(autouse=True)
def nobody_left(fleet: Fleet) -> Iterator[None]:
    yield
    for report in (*named.reports(fleet, utc_now()), *named.reports(fleet, utc_now(), tokens=True)):
        one = report.administrator
        named.remove(fleet, one.name, is_token=one.is_token)


def basic(name: str, password: str) -> dict[str, str]:
    shown = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {shown}"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def say(tcp_port: int, headers: dict[str, str], function: str, **params: object) -> Any:
    """Make one JSON-RPC call from an address of its own; return result, error code or -status."""
    number = next(numbers)
    with JsonClient(tcp_port, source=f"127.60.{number >> 8}.{number & 255}") as client:
        client.headers = headers
        asked = {"jsonrpc": "2.0", "id": 1, "method": function, "params": params}
        status, body = client.request("POST", "/api/", json.dumps(asked).encode())
    if status != 200:
        return -status
    answer = json.loads(body)
    return answer["result"] if "result" in answer else answer["error"]["code"]


# -- roles ------------------------------------------------------------------------------------


def test_who_may_only_look_looks_at_everything_and_changes_nothing(home, ports, fleet):
    made = etherfleet(
        *(home, "admin", "add", "carol", "--role", "read-only", "--password-file", "-"), given=OWN
    )
    assert (made["name"], made["role"], made["hub"]) == ("carol", "read-only", None)
    for shown in (basic("carol", OWN), basic("@Carol", OWN), _own_headers("carol", OWN)):
        hubs = say(ports[0], shown, "EnumHub")["HubList"]
        assert [hub["HubName_str"] for hub in hubs] == ["LAB", "OTHER"]
        assert say(ports[1], shown, "DeleteHub", HubName_str="LAB") == 52
        assert say(ports[1], shown, "SetServerPassword", PlainTextPassword_str="mine") == 52
    with Administrator(ports[2]) as binary:
        binary.enter(OWN, "@carol")
        assert len(binary.call("EnumFarmMember")["FarmMemberList"]) == 3
        with pytest.raises(Refused) as refused:
            binary.call("DeleteUser", HubName_str="LAB", Name_str="alice")
        assert refused.value.code == 52
    assert fleet.directory.hub("LAB") is not None


def _own_headers(name: str, password: str) -> dict[str, str]:
    return {"X-VPNADMIN-HUBNAME": name, "X-VPNADMIN-PASSWORD": password}


def test_a_hub_s_named_administrator_sees_and_changes_one_hub(ports, fleet):
    named.add(fleet, "dave", Role.HUB_ADMIN, utc_now(), password=OWN, hub="lab")
    shown = basic("dave", OWN)
    assert [h["HubName_str"] for h in say(ports[0], shown, "EnumHub")["HubList"]] == ["LAB"]
    assert say(ports[0], shown, "GetHub", HubName_str="OTHER") == 52
    assert say(ports[0], shown, "EnumFarmMember") == 52
    user = {"Name_str": "new", "AuthType_u32": 0}
    assert say(ports[0], shown, "CreateUser", HubName_str="LAB", **user)["Name_str"] == "new"
    with Administrator(ports[1]) as binary:
        binary.enter(OWN, "@dave")
        # A tool that logged in to hub `@dave` asks about it.
        assert binary.call("GetHubStatus", HubName_str="@dave")["HubName"] == "LAB"
        binary.call("DeleteUser", HubName_str="@DAVE", Name_str="new")
        with pytest.raises(Refused):
            binary.call("GetHubStatus", HubName_str="@other")
    made, gone = fleet.audit.latest(2)
    for change, what, way in ((made, "user add", "json-rpc"), (gone, "user delete", "rpc")):
        actor = change.actor
        assert (change.what, change.about, actor.kind) == (what, "new", way)
        assert (actor.name, actor.role) == ("dave", "hub-admin of LAB")
        assert actor.from_address.startswith("127.")


def test_a_hub_made_anew_is_not_the_named_administrator_s(ports, fleet):
    hubs.create(fleet, "BRIEF", HubKind.DYNAMIC, utc_now())
    named.add(fleet, "erin", Role.HUB_ADMIN, utc_now(), password=OWN, hub="BRIEF")
    with Administrator(ports[0]) as binary:
        binary.enter(OWN, "@erin")
        hubs.delete(fleet, "BRIEF")
        hubs.create(fleet, "BRIEF", HubKind.DYNAMIC, utc_now())
        with pytest.raises(Refused) as refused:
            binary.call("GetHub", HubName_str="BRIEF")
        assert refused.value.code == 52
    assert say(ports[1], basic("erin", OWN), "EnumHub") == -401
    (report,) = named.reports(fleet, utc_now())
    assert report.state is named.State.HUB_GONE
    hubs.delete(fleet, "BRIEF")


def test_what_cannot_be_is_refused_in_one_line(home, fleet):
    for name, role, hub, error in (
        ("x", Role.HUB_ADMIN, "", InvalidValue("say which")),
        ("x", Role.FLEET_ADMIN, "LAB", InvalidValue("whole fleet")),
        ("x", Role.READ_ONLY, "NOWHERE", NotFound("hub", "NOWHERE")),
        ("administrator", Role.READ_ONLY, "", InvalidValue("fleet's password")),
        ("Carol", Role.READ_ONLY, "", InvalidValue("a-z")),
    ):
        with pytest.raises(type(error), match=str(error)):
            named.add(fleet, name, role, utc_now(), password=OWN, hub=hub)
        with pytest.raises(type(error), match=str(error)):
            named.add_token(fleet, name, role, utc_now(), hub=hub)
    with pytest.raises(InvalidValue, match="has passed"):
        named.add_token(fleet, "x", Role.READ_ONLY, utc_now(), expires=NOW)
    with pytest.raises(InvalidValue, match="only tokens"):
        named.add(fleet, "x", Role.READ_ONLY, utc_now(), password="eft_guessed")
    named.add_token(fleet, "x", Role.READ_ONLY, utc_now())
    for words, code, said in (
        (("add", "x", "--role", "read-only", "--password-file", "-"), 4, "exists already"),
        (("remove", "x", "--yes"), 3, "admin list shows all"),
        (("token", "revoke", "nobody", "--yes"), 3, "token list shows all"),
    ):
        assert said in etherfleet(home, "admin", *words, given=OWN, code=code)


# -- tokens -----------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_gets_in_where_it_may(home, ports, fleet):
    words = ("admin", "token", "add", "ci", "--role", "hub-admin", "--hub", "LAB")
    token = etherfleet(home, *words)["token"]
    assert token.startswith("eft_")
    (listed,) = etherfleet(home, "admin", "token", "list")
    assert (listed["name"], listed["state"], "token" in listed) == ("ci", "active", False)
    assert etherfleet(home, "admin", "list") == []
    for shown in (
        bearer(token),
        basic("ci", token),
        basic("", token),
        basic("lab", token),
        _own_headers("LAB", token),
        {"X-VPNADMIN-PASSWORD": token},
    ):
        assert [h["HubName_str"] for h in say(ports[0], shown, "EnumHub")["HubList"]] == ["LAB"]
    assert say(ports[1], basic("other", token), "EnumHub") == -401
    assert say(ports[1], bearer(token[:-1]), "EnumHub") == -401
    assert say(ports[1], bearer(PASSWORD), "EnumHub") == -401
    with Administrator(ports[2]) as binary:
        binary.enter(token, "@ci")
        assert binary.call("GetHub", HubName_str="LAB")["HubName"] == "LAB"
    assert token not in repr(fleet.store.fields(fleet.store.keys.administrator("ci")))
    etherfleet(home, "admin", "token", "revoke", "ci", "--yes")
    assert [say(port, bearer(token), "EnumHub") for port in ports] == [-401] * 3


# -- the end of it ----------------------------------------------------------------------------


def test_connections_that_stand_end_when_somebody_is_removed(ports, fleet):
    """Also when his password is another, or when his time is over; others stay."""
    named.add(fleet, "gone", Role.READ_ONLY, utc_now(), password=OWN)
    named.add(fleet, "changed", Role.READ_ONLY, utc_now(), password=OWN)
    named.add(fleet, "brief", Role.READ_ONLY, utc_now(), password=OWN, expires=LATER)
    named.add(fleet, "lasting", Role.READ_ONLY, utc_now(), password=OWN)
    _, token = named.add_token(fleet, "bot", Role.READ_ONLY, utc_now())
    with ExitStack() as inside:
        standing: dict[str, list[Administrator]] = {}
        for name, password in (
            *((n, OWN) for n in ("gone", "changed", "brief", "lasting")),
            ("bot", token),
        ):
            for port in ports:
                one = inside.enter_context(Administrator(port))
                one.enter(password, f"@{name}")
                assert one.call("Test", IntValue_u32=1)["IntValue"] == 1
                standing.setdefault(name, []).append(one)
        named.remove(fleet, "gone")
        # Before anybody has looked, a call is refused.
        assert standing["gone"][0].ask("Test").integer("error") == 52
        named.set_password(fleet, "changed", "another one", utc_now())
        named.remove(fleet, "bot", is_token=True)
        # As if its time had come: nobody waits for that here.
        brief = fleet.store.keys.administrator("brief")
        fleet.store.step("administrator_set", [brief], ["expires", utc_now()])
        for name in ("gone", "changed", "bot", "brief"):
            assert [one.ended() for one in standing[name]] == ["notified"] * 3
        for one in standing["lasting"]:
            assert one.call("Test", IntValue_u32=2)["IntValue"] == 2
    assert say(ports[0], basic("brief", OWN), "EnumHub") == -401
    assert say(ports[0], basic("changed", OWN), "EnumHub") == -401
    assert say(ports[0], basic("changed", "another one"), "EnumHub") != -401


def test_connections_that_stand_end_when_a_password_is_another(ports, fleet):
    """That of a hub, or of the fleet, wherever it was changed; those of others stay."""
    secret = admin_password_hash("of the hub")
    set_hub(fleet, "LAB", utc_now(), secret=secret)
    with ExitStack() as inside:

        def enter(password: str, hub: str | None = None) -> list[Administrator]:
            entered = [inside.enter_context(Administrator(port)) for port in ports]
            for one in entered:
                one.enter(password, hub)
            return entered

        of_fleet, of_hub = enter(PASSWORD), enter("of the hub", "LAB")
        set_hub(fleet, "LAB", utc_now(), secret=admin_password_hash("another"))
        assert [one.ended() for one in of_hub] == ["notified"] * 3
        of_hub = enter("another", "LAB")
        set_fleet_password(fleet, "another", utc_now())
        assert [one.ended() for one in of_fleet] == ["notified"] * 3
        assert [one.call("Test", IntValue_u32=2)["IntValue"] for one in of_hub] == [2, 2, 2]
        set_fleet_password(fleet, PASSWORD, utc_now())


# -- guessing ---------------------------------------------------------------------------------


def enter(tcp_port: int, password: str, source: str, hub: str | None = None) -> int:
    with Administrator(tcp_port, source=source) as stranger:
        try:
            stranger.enter(password, hub)
        except Refused as error:
            return error.code
        return 0


def guess_by_json(tcp_port: int, password: str, source: str) -> int:
    with JsonClient(tcp_port, password, "LAB", source=source) as client:
        return client.request("POST", "/api/", b"{}")[0]


def count(fleet: Fleet, reason: str) -> int:
    return sum(node.counts.get(reason, 0) for node in fleet.nodes.nodes())


def test_guesses_are_counted_together_wherever_they_are_made(ports, fleet):
    before = count(fleet, ADMINISTRATORS.reason)
    for number in range(ADMINISTRATORS.of_source.free):
        assert enter(ports[number % 3], "guess", "127.77.0.1", "@nobody") == 12
    # Whichever is asked now knows of all of them; and says nothing else than before.
    # Over JSON-RPC, and from elsewhere: who is not looked at is told to come later.
    with ThreadPoolExecutor(20) as pool:
        more = pool.map(lambda port: enter(port, "guess", "127.77.0.1", "LAB"), ports * 4)
        statuses = pool.map(lambda n: guess_by_json(ports[0], f"guess {n}", "127.77.0.9"), range(8))
        assert set(more) == {12}
        assert set(statuses) == {401, 429}
    until(lambda: count(fleet, ADMINISTRATORS.reason) >= before + 9, "guesses not looked at")
    slowed = [event for event in fleet.history.latest(100) if event.what == "slowed"]
    assert "127.77.0.1 guesses administrators' passwords" in [event.why for event in slowed]
    assert enter(ports[0], PASSWORD, "127.77.0.2") == 0


def test_who_knows_gets_in_while_many_guess_at_his_account(ports, fleet):
    named.add(fleet, "frank", Role.READ_ONLY, utc_now(), password=OWN)
    for number in range(ADMINISTRATORS.of_account.free + 5):
        assert enter(ports[number % 3], "guess", f"127.78.0.{number + 1}", "@frank") == 12
    attacked = [event.why for event in fleet.history.latest(100) if event.what == "attacked"]
    assert attacked == ["many wrong passwords for frank"]
    for port in ports:
        assert enter(port, OWN, "127.78.1.1", "@frank") == 0
        assert say(port, basic("frank", OWN), "GetServerInfo") != -401


def log_in(tcp_port: int, user: str, password: str, source: str) -> int:
    """Log in as a user; return the code, 0 when let in."""
    account = Account.of("LAB", user, password)
    request = lambda hello: replace(account.login(hello), client_name="Stranger")  # noqa: E731  # short
    with Stranger(tcp_port, source=source) as stranger:
        try:
            stranger.talk(ClientHandshake(request, host="127.0.0.1"))
        except Refused as error:
            return error.code
        return 0


def test_users_passwords_are_guessed_slowly_and_who_knows_gets_in(ports, fleet):
    free = USERS.of_account.free
    codes = [log_in(ports[n % 3], "bob", "guess", "127.79.0.1") for n in range(free + 8)]
    assert codes[:free] == [9] * free
    # Each gateway may look at one more before it knows.
    assert set(codes[free + 3 :]) == {105}
    until(lambda: count(fleet, USERS.reason) >= 5, "logins not looked at")
    for port in ports:
        assert log_in(port, "bob", "pw-bob", "127.79.0.1") == 105
        assert log_in(port, "bob", "pw-bob", "127.79.0.2") == 0
        assert log_in(port, "bob", "guess", "127.79.0.2") == 9
        # He was right from there; one guess from his address, and he would be like all others.
        assert log_in(port, "alice", "pw-alice", "127.79.0.3") == 0
    assert "many wrong passwords for lab/bob" in [e.why for e in fleet.history.latest(100)]


# -- stock vpncmd -----------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("vpncmd") is None, reason="vpncmd is not installed")
def test_stock_vpncmd_gets_in_by_name(home, ports, fleet):
    named.add(fleet, "grace", Role.HUB_ADMIN, utc_now(), password="grace-pw", hub="LAB")
    named.add(fleet, "heidi", Role.READ_ONLY, utc_now(), password="heidi-pw")

    def run(*words: str, check: bool = True) -> str:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=home)
        return done.stdout

    def vpncmd(name: str, *commands: str) -> list[str]:
        target = ("/SERVER", f"127.0.0.1:{ports[0]}", f"/HUB:@{name}", f"/PASSWORD:{name}-pw")
        return batch(run, target, str(home / "script"), commands)

    status, users, _ = vpncmd(
        *("grace", "StatusGet", "UserList"),
        "UserCreate ivan /GROUP:none /REALNAME:none /NOTE:none",
    )
    assert "LAB" in status
    assert "alice" in users
    assert fleet.directory.user("LAB", "ivan") is not None
    assert fleet.audit.latest(1)[0].actor.name == "grace"
    listed, members, _, status = vpncmd(
        "heidi", "HubList", "ClusterMemberList", "Hub OTHER", "StatusGet"
    )
    assert "OTHER" in listed
    assert "n-1" in members
    assert "OTHER" in status
    with pytest.raises(VpncmdError) as refused:
        vpncmd("heidi", "Hub LAB", "UserDelete ivan")
    assert refused.value.code == 52
