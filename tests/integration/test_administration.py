"""Administrators at one gateway: binary calls and JSON-RPC over real TLS, also at their worst.

administrator ── TLS ──► gateway (one process) ── unix socket ──► embedded Valkey
"""

import json
import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from coordinator.times import utc_now
from gateway.admin.administrators import set_fleet_password
from gateway.errors import Refused
from gateway.node.admin_places import LOOK_EVERY_S
from gateway.wire.auth import admin_password_hash
from gateway.wire.codes import MAX_API_REQUEST, MAX_RPC_REQUEST
from gateway.wire.jsonrpc import to_pack
from gateway.wire.pack import Pack, text
from gateway.wire.reader import to_u32
from gateway.wire.rpc import FUNCTION
from tests.hostile.administrator import Administrator, JsonClient
from tests.hostile.gateway import Gateway
from tests.hostile.stranger import ALICE, ANYBODY, Stranger, frame
from tests.rpc_vectors import exchanges
from tests.stock.waiting import until

PASSWORD = "fleet-password"
HUB_PASSWORD = "hub-password"
HUB = {"HubName_str": "LAB", "HubType_u32": 2, "Online_bool": True}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with tempfile.TemporaryDirectory(prefix="ef-") as home, Gateway(Path(home)) as running:
        set_fleet_password(running.fleet, PASSWORD, utc_now())
        hub = admin_password_hash(HUB_PASSWORD)
        running.fleet.administration.set_hub("LAB", utc_now(), secret=hub)
        yield running
        running.assert_no_fault()


@pytest.fixture
def administrator(gateway: Gateway) -> Iterator[Administrator]:
    with Administrator(gateway.tcp_port) as entered:
        entered.enter(PASSWORD)
        yield entered


@pytest.fixture
def json_client(gateway: Gateway) -> Iterator[JsonClient]:
    with JsonClient(gateway.tcp_port, PASSWORD) as client:
        yield client


def refusal(gateway: Gateway, password: str, hub: str | None = None) -> int:
    """Knock as an administrator from an address of its own; return the code, 0 when let in."""
    source = f"127.0.{random.randrange(1, 255)}.{random.randrange(1, 255)}"
    with Administrator(gateway.tcp_port, source=source) as stranger:
        try:
            stranger.enter(password, hub)
        except Refused as error:
            assert stranger.ended() == "notified"
            return error.code
        return 0


# -- who gets in ------------------------------------------------------------------------------


def test_who_gets_in(gateway):
    assert refusal(gateway, PASSWORD) == 0
    assert refusal(gateway, "wrong") == 12
    assert refusal(gateway, "") == 12
    assert refusal(gateway, HUB_PASSWORD, "lab") == 0
    assert refusal(gateway, PASSWORD, "LAB") == 12
    assert refusal(gateway, HUB_PASSWORD, "NOWHERE") == 8
    assert gateway.wait_count("admin-password", 3)


def test_whoever_guesses_is_slowed_down_and_the_others_are_not(gateway):
    def guess(number: int) -> int:
        with Administrator(gateway.tcp_port, source="127.9.9.9") as stranger:
            with pytest.raises(Refused) as refused:
                stranger.enter(f"guess {number}")
            return refused.value.code

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(guess, range(12))) == {12}
    assert gateway.wait_count("admin-too-many-attempts", 5)
    assert refusal(gateway, PASSWORD) == 0


def test_without_a_password_only_this_machine_gets_in(gateway):
    with tempfile.TemporaryDirectory(prefix="ef-") as home, Gateway(Path(home)) as fresh:
        with Administrator(fresh.tcp_port) as stranger:
            assert stranger.enter("")
            assert stranger.call("SetServerPassword", PlainTextPassword_str="now-set") == {
                "HashedPassword": bytes(20),
                "PlainTextPassword": "",
            }
        with Administrator(fresh.tcp_port) as stranger, pytest.raises(Refused):
            stranger.enter("")
        with JsonClient(fresh.tcp_port, "now-set") as client:
            assert client.call("Test", IntValue_u32=3)["StrValue_str"] == "3"
        fresh.assert_no_fault()


# -- calls ------------------------------------------------------------------------------------


def test_what_one_transport_changes_the_other_shows(administrator, json_client):
    user = {"HubName_str": "LAB", "Name_str": "carol", "AuthType_u32": 1, "Note_utf": "\u20ac/"}
    administrator.call("CreateUser", **user)
    shown = json_client.call("GetUser", HubName_str="lab", Name_str="CAROL")
    assert (shown["Name_str"], shown["Note_utf"]) == ("carol", "\u20ac/")
    assert (
        json_client.call("DeleteUser", HubName_str="LAB", Name_str="carol")["Name_str"] == "carol"
    )
    with pytest.raises(Refused) as refused:
        administrator.call("GetUser", HubName_str="LAB", Name_str="carol")
    assert refused.value.code == 29


def test_an_unknown_function_is_33_and_the_connection_goes_on(administrator):
    assert administrator.ask("Nonsense").integer("error") == 33
    assert administrator.ask("").integer("error") == 33
    assert administrator.call("Test", IntValue_u32=7)["StrValue"] == "7"


def test_of_many_who_make_the_same_user_one_does(gateway):
    def make(number: int) -> object:
        with JsonClient(gateway.tcp_port, PASSWORD) as client:
            user = {"HubName_str": "LAB", "Name_str": "same", "AuthType_u32": 0}
            answer = client.call("CreateUser", id=number, **user)
            return answer if isinstance(answer, int) else 0

    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(make, range(16)))
    assert codes == [0] + [66] * 15


def test_an_address_is_listed_with_its_session_and_forgotten(gateway, administrator):
    with Stranger(gateway.tcp_port) as alice:
        name = alice.login("alice").session_name
        alice.send_frames(frame(ANYBODY, ALICE, b"here I am"))
        table = lambda: administrator.call("EnumMacTable", HubName_str="LAB").get("MacTable")  # noqa: E731  # short
        (row,) = until(table, "the address to be learned")
        assert (row["MacAddress"], row["SessionName"]) == (ALICE.to_bytes(6, "big"), name)
        (hub,) = administrator.call("EnumHub")["HubList"]
        assert (hub["NumMacTables"], hub["NumSessions"]) == (1, 1)
        assert administrator.call("GetServerStatus")["NumMacTables"] == 1
        peers = [row["Type"] for row in administrator.call("EnumConnection")["ConnectionList"]]
        assert sorted(peers) == [0, 5]
        administrator.call("DeleteMacTable", HubName_str="LAB", Key_u32=row["Key"])
        assert table() is None
        administrator.call("DeleteSession", HubName_str="LAB", Name_str=name)
        assert alice.ended() == "notified"


def test_whose_password_was_changed_is_out_and_who_changed_it_goes_on(gateway, administrator):
    with Administrator(gateway.tcp_port) as own, Administrator(gateway.tcp_port) as former:
        for one in (own, former):
            one.enter(HUB_PASSWORD, "LAB")
        own.call("SetHub", **HUB, AdminPasswordPlainText_str="another")
        # Before anybody has looked, a call is refused.
        assert former.ask("GetHub", *to_pack(HUB)).integer("error") == 52
        assert former.ended() == "notified"
        assert own.call("GetHub", **HUB)["HubName"] == "LAB"
        administrator.call("SetHub", **HUB, AdminPasswordPlainText_str=HUB_PASSWORD)
        assert own.ended() == "notified"
    with Administrator(gateway.tcp_port) as another:
        another.enter(PASSWORD)
        another.call("SetServerPassword", PlainTextPassword_str="another")
        assert administrator.ended() == "notified"
        another.call("SetServerPassword", PlainTextPassword_str=PASSWORD)
        assert another.call("Test", IntValue_u32=7)["StrValue"] == "7"


def test_who_changes_his_own_password_again_and_again_stays(gateway):
    """Also while he is looked at: what is changed by a call under way is not held against him."""
    with Administrator(gateway.tcp_port) as own:
        own.enter(HUB_PASSWORD, "LAB")
        deadline = time.monotonic() + 3 * LOOK_EVERY_S
        while time.monotonic() < deadline:
            own.call("SetHub", **HUB, AdminPasswordPlainText_str=HUB_PASSWORD[::-1])
            own.call("SetHub", **HUB, AdminPasswordPlainText_str=HUB_PASSWORD)


def test_who_is_in_at_a_hub_that_is_deleted_is_out(gateway, administrator):
    made = {"HubType_u32": 2, "AdminPasswordPlainText_str": "x", "Online_bool": True}
    administrator.call("CreateHub", HubName_str="BRIEF", **made)
    with Administrator(gateway.tcp_port) as own:
        own.enter("x", "BRIEF")
        administrator.call("DeleteHub", HubName_str="BRIEF")
        assert own.ended() == "notified"


# -- HTTP -------------------------------------------------------------------------------------


def test_requests_follow_each_other_on_one_connection(json_client):
    for id in (1, "two", None, 2.5):
        assert json_client.call("Test", id, IntValue_u32=1)["IntValue_u32"] == 1
    status, body = json_client.request("GET", "/api/Test?IntValue_u32=5")
    assert (status, json.loads(body)["result"]["StrValue_str"]) == (200, "5")
    assert json_client.request("GET", "/api/")[0] == 200
    assert json_client.request("OPTIONS", headers={}) == (200, b"")
    assert json_client.request("POST", "/api/x", b"{}")[0] == 403
    assert json_client.request("PUT", "/api/", b"{}")[0] == 501
    assert json.loads(json_client.request("POST", "/api", b"{not json")[1])["error"]["code"] == 38


def test_without_the_password_it_is_401(gateway):
    with JsonClient(gateway.tcp_port) as client:
        for headers in ({}, {"X-VPNADMIN-PASSWORD": "x"}, {"Authorization": "Basic Og=="}):
            assert client.request("POST", "/api/", b"{}", headers)[0] == 401
        # A request that was refused leaves its connection in order.
        client.headers = {"Authorization": "Basic " + "YWRtaW5pc3RyYXRvcjpmbGVldC1wYXNzd29yZA=="}
        assert client.call("Test", IntValue_u32=1)["IntValue_u32"] == 1


def test_a_page_of_another_site_cannot_use_the_password_a_browser_keeps(gateway):
    basic = "Basic YWRtaW5pc3RyYXRvcjpmbGVldC1wYXNzd29yZA=="
    cross = {"Authorization": basic, "Sec-Fetch-Site": "cross-site"}
    for method, target in (("GET", "/api/DeleteHub?HubName_str=LAB"), ("POST", "/api/")):
        with JsonClient(gateway.tcp_port) as client:
            assert client.request(method, target, b"{}", cross)[0] == 403
    assert gateway.fleet.directory.hub("LAB") is not None


def test_a_hub_administrator_by_json_sees_his_hub(gateway):
    with JsonClient(gateway.tcp_port, HUB_PASSWORD, "lab") as client:
        assert [hub["HubName_str"] for hub in client.call("EnumHub")["HubList"]] == ["LAB"]
        assert client.call("SetServerPassword", PlainTextPassword_str="mine") == 52
        assert client.call("CreateHub", HubName_str="MINE", HubType_u32=2) == 52


def test_curl_makes_the_documented_call(gateway):
    said = subprocess.run(
        [
            *("curl", "-sk", "-u", f"administrator:{PASSWORD}", "-H", "X-VPNADMIN-HUBNAME;"),
            *("-d", '{"jsonrpc":"2.0","id":"rpc_call_id","method":"Test","params":{}}'),
            f"https://127.0.0.1:{gateway.tcp_port}/api/",
        ],
        capture_output=True,
        check=True,
        timeout=20,
    ).stdout
    assert json.loads(said)["id"] == "rpc_call_id"


def test_while_the_store_is_away_nobody_hears_that_his_password_is_wrong():
    """Nor where the store is. JSON clients heard 401, and were told its address with error 23."""
    with tempfile.TemporaryDirectory(prefix="ef-") as home, Gateway(Path(home)) as running:
        set_fleet_password(running.fleet, PASSWORD, utc_now())
        store = running.store_pid()
        with ExitStack() as stack:
            binary = stack.enter_context(Administrator(running.tcp_port))
            binary.enter(PASSWORD)
            inside, outside = (
                stack.enter_context(JsonClient(running.tcp_port, PASSWORD)) for _ in range(2)
            )
            assert inside.call("Test", IntValue_u32=1)["IntValue_u32"] == 1
            os.kill(store, signal.SIGSTOP)
            try:
                with ThreadPoolExecutor(2) as pool:  # each waits some seconds for the store
                    called = pool.submit(binary.ask, "EnumHub")
                    status, body = outside.request("POST", "/api/", b"{}")
                    assert called.result().integer("error") == 23
            finally:
                os.kill(store, signal.SIGCONT)
            assert (status, b"valkey" in body) == (503, False)
            until(lambda: binary.ask("EnumHub").integer("error") == 0, "the store to be back")


# -- at their worst ---------------------------------------------------------------------------


def test_a_long_body_that_is_no_json_is_refused_like_a_short_one(gateway, json_client):
    """Such are read in another thread; what is wrong there is no fault of the gateway's."""
    for body in (b"{not json", b"{not json" * 10_000):
        status, said = json_client.request("POST", "/api/", body)
        assert (status, json.loads(said)["error"]["code"]) == (200, 38)


def test_a_body_in_chunks_is_411_and_ends_the_connection(gateway, json_client):
    """It was closed without a word."""
    chunked = {**json_client.headers, "Transfer-Encoding": "chunked"}
    assert json_client.request("POST", "/api/", b"0\r\n\r\n", chunked)[0] == 411


def test_a_body_over_the_limit_is_413_and_ends_the_connection(gateway, json_client):
    assert json_client.request("POST", "/api/", bytes(MAX_API_REQUEST + 1))[0] == 413


@pytest.mark.parametrize(
    "wire",
    [
        to_u32(0),
        to_u32(MAX_RPC_REQUEST + 1),
        to_u32(0xFFFFFFFF),
        to_u32(8) + b"\xff" * 8,
        to_u32(4) + to_u32(262_145),
        to_u32(40) + bytes(range(200, 240)),
    ],
)
def test_what_is_no_call_is_4_and_ends_the_connection(administrator, wire):
    administrator.send(wire)
    assert administrator.receive().integer("error") == 4
    assert administrator.ended() == "notified"


def test_calls_changed_at_random_get_an_answer_or_an_end(gateway):
    """Every function in turn, bits flipped and tails cut, until the gateway has had enough."""
    chance = random.Random(20260131)
    administrator = None
    for exchange in exchanges()[::3]:
        if administrator is None:
            set_fleet_password(gateway.fleet, PASSWORD, utc_now())  # a call may have set another
            administrator = Administrator(gateway.tcp_port)
            administrator.enter(PASSWORD)
        wire = bytearray(exchange.request)
        for _ in range(chance.choice((0, 1, 3))):
            wire[chance.randrange(len(wire))] ^= 1 << chance.randrange(8)
        if administrator.exchange(bytes(wire)).integer("error") == 4:
            administrator.sock.close()
            administrator = None
    set_fleet_password(gateway.fleet, PASSWORD, utc_now())
    assert refusal(gateway, PASSWORD) == 0


def test_a_call_cut_in_the_middle_changes_nothing(gateway):
    wire = Pack([text("HubName", "LAB"), text("Name", "alice"), text(FUNCTION, "DeleteUser")])
    sent = wire.to_bytes()
    for cut in (1, len(sent) // 2, len(sent) - 1):
        with Administrator(gateway.tcp_port) as administrator:
            administrator.enter(PASSWORD)
            administrator.send(to_u32(len(sent)) + sent[:cut])
    assert gateway.fleet.directory.user("LAB", "alice") is not None


def test_administrators_have_places_of_their_own(gateway):
    """One address is given 32; those who come later wait for nobody and are told so."""
    codes = []
    with ExitStack() as inside:
        for _ in range(34):
            one = inside.enter_context(Administrator(gateway.tcp_port, source="127.8.8.8"))
            try:
                one.enter(PASSWORD)
            except Refused as error:
                codes.append(error.code)
    assert codes == [105, 105]


def test_strangers_who_sit_at_the_http_interface_shut_nobody_out(gateway):
    """From some addresses they held all 200 places, for a minute each with every 401."""
    with ExitStack() as inside:
        for number in range(110):
            source = f"127.7.{number // 20}.1"
            one = inside.enter_context(Stranger(gateway.tcp_port, source=source))
            one.send(b"POST /api/ HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\n\r\n")
        assert gateway.wait_count("admin-no-place", 10)
        assert refusal(gateway, PASSWORD) == 0
    with JsonClient(gateway.tcp_port, PASSWORD) as client:
        until(lambda: client.request("GET", "/api/")[0] == 200, "places to be free again")


def test_a_stop_closes_administrators_in_order():
    with tempfile.TemporaryDirectory(prefix="ef-") as home, Gateway(Path(home)) as running:
        with Administrator(running.tcp_port) as administrator:
            administrator.enter("")
            assert running.stop() == 0
            assert administrator.ended() == "notified"
        running.assert_no_fault()
