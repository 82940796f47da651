"""The administrators' page in a real browser, on a fleet of three gateways.

Chromium ── TLS ──► berlin   oslo   paris ──► embedded Valkey
                      ▲       ▲       ▲
a client of ours ─────┴───────┴───────┘   and strangers who stay silent

Hubs: LAB and SHOP, dynamic, and CAMPUS, static. Oslo has no page. Every test logs in anew in the
same tab.
"""

import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from coordinator.fleet import Fleet
from coordinator.model import Hub, HubKind, NodeMode, Role, User
from coordinator.times import utc_now
from gateway.admin.administrators import set_fleet_password
from gateway.admin.named_administrators import add
from gateway.wire.auth import admin_password_hash, user_password_hash
from gateway.wire.http import not_found
from gateway.wire.http_page import POLICY
from tests.browser import Browser, missing
from tests.hostile.administrator import JsonClient
from tests.hostile.stranger import Stranger
from tests.integration.test_cli_fleet import ARGV, DEADLINE
from tests.integration.test_vpncmd import enter
from tests.machines import Machines
from tests.stock.waiting import until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PASSWORD, HUB_PASSWORD = "fleet-password", "hub-password"
NODES = ("berlin", "oslo", "paris")
HOSTILE = "<img src=x onerror=window.owned=1>"
SETTINGS = "[gateway]\nadmin_page = {page}\n[session]\ntimeout_s = 60\n"  # strangers say nothing
ENTER, ESCAPE, TAB = "\ue007", "\ue00c", "\ue004"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ef-") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def machines(home: Path) -> Iterator[Machines]:
    pages = {"berlin": "true", "oslo": "false", "paris": "true"}
    settings = {node: SETTINGS.format(page=page) for node, page in pages.items()}
    with Machines(home, settings) as started:
        yield started


@pytest.fixture(scope="module")
def fleet(machines: Machines) -> Fleet:
    joined = machines.fleet
    set_fleet_password(joined, PASSWORD, utc_now())
    kinds = {"LAB": HubKind.DYNAMIC, "SHOP": HubKind.DYNAMIC, "CAMPUS": HubKind.STATIC}
    for hub, kind in kinds.items():
        joined.directory.create_hub(Hub(hub, kind), utc_now())
        secret = admin_password_hash(HUB_PASSWORD)
        joined.administration.set_hub(hub, utc_now(), secret=secret)
        for user in ("alice", "bob", "carol", HOSTILE):
            hashed = user_password_hash(f"pw-{user}", user)
            joined.directory.create_user(User(hub, user, secret=hashed), utc_now())
    return joined


@pytest.fixture(scope="module")
def port(machines: Machines, fleet: Fleet) -> int:
    return machines.ports["berlin"]


@pytest.fixture(scope="module")
def strangers(port: int, fleet: Fleet) -> Iterator[list[Stranger]]:
    """Five sessions of strangers: on all hubs, one by a hostile name."""
    wanted = [("LAB", "bob"), ("LAB", HOSTILE), ("SHOP", "carol"), ("CAMPUS", "carol")]
    with ExitStack() as stack:
        yield [enter(stack, port, hub, user) for hub, user in [*wanted, ("CAMPUS", "bob")]]


@pytest.fixture
def sessions(strangers: list[Stranger]) -> None:
    """The sessions of strangers, none of them about to be given up for its silence."""
    for stranger in strangers:
        with suppress(OSError):  # moved elsewhere meanwhile: its record waits for it
            stranger.keep_alive()


@pytest.fixture
def client(machines: Machines, fleet: Fleet) -> Iterator[str]:
    """A client of ours on LAB; the name of its session."""
    words = ("connect", f"127.0.0.1:{machines.ports['oslo']}", "LAB", "--user", "alice")
    given = {**machines.environment("oslo"), "ETHERFLEET_PASSWORD": "pw-alice"}
    process = subprocess.Popen(
        [*ARGV, *words, "--user-space"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=given,
    )
    try:
        (name, *_) = until(lambda: names_of(fleet, "LAB", "alice"), "the client", DEADLINE)
        yield name
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(DEADLINE)


def names_of(fleet: Fleet, hub: str, user: str) -> list[str]:
    return [record.name for record in fleet.sessions.of_hub(hub) if record.user == user]


@pytest.fixture(scope="module")
def tab() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture
def page(tab: Browser, port: int) -> Iterator[Browser]:
    """The page before anybody has logged in; the browser had no reason to complain of it."""
    tab.open(f"https://127.0.0.1:{port}/admin/")
    tab.complaints()
    yield tab
    assert tab.run("return window.owned") is None
    assert tab.run("return [document.cookie, localStorage.length, sessionStorage.length]") == [
        *("", 0, 0)
    ]


def log_in(page: Browser, name: str = "administrator", password: str = PASSWORD) -> None:
    page.type("#name", name)
    page.type("#password", password)
    page.press(ENTER)


def wait_text(page: Browser, selector: str, text: str) -> None:
    until(
        lambda: text in page.text(selector),
        f"{text!r} in {selector}",
        DEADLINE,
        lambda: page.text("body"),
    )


def row(page: Browser, table: str, name: str) -> dict[str, str]:
    """Return the row about `name`; empty if there is none."""
    head = {"#nodes": "Gateway", "#hubs": "Hub", "#sessions": "Session"}[table]
    return next((found for found in page.rows(table) if found[head] == name), {})


def test_an_administrator_sees_the_fleet_and_ends_a_session(
    page: Browser, fleet: Fleet, sessions: None, client: str
) -> None:
    log_in(page)
    until(lambda: row(page, "#sessions", client), "the session", DEADLINE)
    assert [node["Gateway"] for node in page.rows("#nodes")] == list(NODES)
    assert {node["State"] for node in page.rows("#nodes")} == {"up"}
    assert [hub["Hub"] for hub in page.rows("#hubs")] == ["CAMPUS", "LAB", "SHOP"]
    record = fleet.sessions.get("LAB", client)
    assert record is not None
    shown = row(page, "#sessions", client)
    assert (shown["User"], shown["Hub"], shown["Gateway"]) == ("alice", "LAB", record.node)
    assert row(page, "#hubs", "LAB")["On"] == record.node
    wait_text(page, "#events", "taken up")
    assert page.text("#password") == ""

    page.run("document.querySelector(`[aria-label='End session ${arguments[0]}']`).focus()", client)
    page.press(ENTER)
    wait_text(page, "#question", f"{client} of alice on hub LAB")
    page.press(ESCAPE)
    until(lambda: not page.texts("#question"), "the question to be gone", DEADLINE)
    assert fleet.sessions.get("LAB", client) is not None

    page.press(ENTER)  # the focus is back at the button
    wait_text(page, "#question", client)
    page.click("#yes")
    until(lambda: fleet.sessions.get("LAB", client) is None, "it to go in the store", DEADLINE)
    until(lambda: not row(page, "#sessions", client), "it to go in the page", DEADLINE)
    change = fleet.audit.latest(1)[0]
    assert (change.what, change.about, change.actor.name) == (
        *("session kick", client),
        "administrator",
    )
    assert page.complaints() == []


def test_names_are_text_whoever_made_them(page: Browser, sessions: None) -> None:
    log_in(page)
    wait_text(page, "#sessions", HOSTILE)
    (found,) = [s for s in page.rows("#sessions") if s["User"] == HOSTILE]
    assert found["Session"].startswith(f"SID-{HOSTILE.upper()}-")
    page.type("#find", "onerror")
    wait_text(page, "#shown", "1 of ")
    page.click("#sessions .act button")
    wait_text(page, "#question-text", HOSTILE)
    page.press(ESCAPE)
    assert page.run("return document.querySelectorAll('main img').length") == 0
    # Even a fault of ours could not make it HTML: the browser was told to refuse that.
    refused = "try { document.body.innerHTML = '<b>'; return '' } catch (e) { return e.name }"
    assert page.run(refused) == "TypeError"


def test_a_hub_s_administrator_sees_that_hub_and_nothing_else(
    page: Browser, fleet: Fleet, sessions: None
) -> None:
    log_in(page, "shop", HUB_PASSWORD)
    until(lambda: page.rows("#sessions"), "the session", DEADLINE)
    assert [hub["Hub"] for hub in page.rows("#hubs")] == ["SHOP"]
    assert {session["User"] for session in page.rows("#sessions")} == {"carol"}
    wait_text(page, "#events", "the hub is served")
    assert page.texts("#nodes") == page.texts("#hub") == []
    everything = page.run("return document.documentElement.textContent")
    assert not [word for word in (*NODES, "LAB", "CAMPUS", "127.0.0.1:") if word in everything]
    page.click("#leave")
    assert page.run("return document.querySelectorAll('tbody tr:not(.none)').length") == 0


def mode_of(fleet: Fleet, name: str) -> NodeMode:
    node = fleet.nodes.node(name)
    assert node is not None
    return node.mode


def test_who_may_only_look_has_nothing_to_press(
    page: Browser, fleet: Fleet, sessions: None
) -> None:
    add(fleet, "eve", Role.READ_ONLY, utc_now(), password="eve-password")
    log_in(page, "eve", "eve-password")
    until(lambda: page.rows("#sessions"), "the sessions", DEADLINE)
    assert page.text("#caller").startswith("eve at ")
    assert [hub["Hub"] for hub in page.rows("#hubs")] == ["CAMPUS", "LAB", "SHOP"]
    assert page.texts("td button") == []


def test_gateways_are_drained_and_hubs_moved(page: Browser, fleet: Fleet, sessions: None) -> None:
    log_in(page)
    until(lambda: row(page, "#hubs", "SHOP"), "the hub", DEADLINE)
    idle = [node["Gateway"] for node in page.rows("#nodes") if node["Hubs"] == "0"]
    other = idle[0]
    page.click("[aria-label='Move hub SHOP']")
    page.run("document.querySelector('#choice').value = arguments[0]", other)
    page.click("#yes")
    until(
        lambda: row(page, "#hubs", "SHOP").get("On") == other,
        "the hub elsewhere",
        DEADLINE,
        lambda: page.text("body"),
    )
    found = fleet.placement.owner("SHOP")
    assert found is not None
    assert found.node == other

    page.click(f"[aria-label='Drain {other}']")
    wait_text(page, "#question-text", "1 hub and ")
    page.press(TAB)  # from Cancel
    page.press(ENTER)
    until(lambda: row(page, "#nodes", other)["Mode"] == "drained", "the drain", DEADLINE)
    assert mode_of(fleet, other) is NodeMode.DRAINING
    wait_text(page, "#notes", f"node {other} is drained")
    page.click(f"[aria-label='Undrain {other}']")
    until(lambda: mode_of(fleet, other) is NodeMode.SERVING, "it to serve", DEADLINE)


def test_what_is_refused_is_said_in_one_line(page: Browser, fleet: Fleet, sessions: None) -> None:
    log_in(page, password="wrong")
    wait_text(page, "#problem", "Wrong name or password")
    assert page.texts("#view") == []
    log_in(page, "LAB", HUB_PASSWORD)
    until(lambda: page.rows("#sessions"), "the sessions", DEADLINE)
    fleet.administration.set_hub("LAB", utc_now(), options={"no_disconnect_session": 1})
    page.click("#sessions .act button")
    page.click("#yes")
    wait_text(page, "#problem", "Refused: forbidden by no_disconnect_session (error 52).")
    fleet.administration.set_hub("LAB", utc_now(), options={"no_enum_session": 1})
    wait_text(page, "#shown", "not shown: forbidden by no_enum_session")
    fleet.administration.set_hub("LAB", utc_now(), secret=admin_password_hash("another"))
    wait_text(page, "#problem", "does not let you in any more")
    assert page.texts("#login")


def test_nothing_is_asked_while_nobody_looks(page: Browser, sessions: None) -> None:
    page.run(
        """window.pending = new Set();
        const [start, stop] = [window.setTimeout, window.clearTimeout];
        window.setTimeout = (run, ms) => {
          const id = start(() => { pending.delete(id); run(); }, ms);
          if (ms === 2000) pending.add(id);
          return id;
        };
        window.clearTimeout = (id) => { pending.delete(id); stop(id); };
        window.look = (hidden) => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
          document.dispatchEvent(new Event("visibilitychange"));
        };"""
    )
    log_in(page)
    until(lambda: page.run("return pending.size"), "the next look", DEADLINE)
    page.run("look(true)")
    assert page.run("return pending.size") == 0
    before = page.text("#alive")
    page.run("look(false)")
    until(lambda: page.text("#alive") != before, "a new look", DEADLINE)


def test_a_gateway_that_is_down_is_marked(
    page: Browser, machines: Machines, fleet: Fleet, sessions: None
) -> None:
    page.open(f"https://127.0.0.1:{machines.ports['paris']}/admin/")
    log_in(page)
    until(lambda: page.rows("#nodes"), "the gateways", DEADLINE)
    machines.kill("paris")
    wait_text(page, "#problem", "The gateway does not answer, since ")
    assert page.run("return document.querySelector('#view').className") == "stale"

    page.open(f"https://127.0.0.1:{machines.ports['berlin']}/admin/")
    log_in(page)
    until(lambda: "dead" in row(page, "#nodes", "paris").get("State", ""), "the mark", DEADLINE)
    wait_text(page, "#warnings", "node paris is dead")
    wait_text(page, "#verdict", "degraded")
    machines.start("paris")
    until(lambda: row(page, "#nodes", "paris")["State"] == "up", "it to be back", DEADLINE)
    wait_text(page, "#verdict", "ok")


# -- over the wire ----------------------------------------------------------------------------


def test_the_page_is_its_files_and_says_what_may_be_done_with_them(port: int) -> None:
    with JsonClient(port) as client:
        status, index = client.request("GET", "/admin/", headers={})
        assert (status, index[:15]) == (200, b"<!doctype html>")
        assert client.request("HEAD", "/admin/page.js", headers={}) == (200, b"")
        client._connection.request("GET", "/admin/page.js")
        response = client._connection.getresponse()
        assert response.read()
        assert response.headers["Content-Security-Policy"] == POLICY
        assert "unsafe" not in POLICY
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["Cache-Control"] == "no-store"
        assert client.request("GET", "/api/", headers={})[0] == 401  # on the same connection
    others = ("../page.js", "%2e%2e/x", "__init__.py", "/", "?x", "PAGE.JS")
    for target in (f"/admin/{other}" for other in others):
        with JsonClient(port) as client:
            assert client.request("GET", target, headers={})[0] == 404, target
    with JsonClient(port) as client:
        assert client.request("POST", "/admin/", b"x" * 20, headers={})[0] == 404


def test_a_gateway_without_the_page_is_like_any_other(machines: Machines, fleet: Fleet) -> None:
    for target in ("/admin", "/admin/", "/admin/page.js"):
        with JsonClient(machines.ports["oslo"]) as client:
            status, body = client.request("GET", target, headers={})
            assert status == 404
            assert not_found().endswith(b"\r\n\r\n" + body)
