"""Stock vpncmd against a fleet, through whichever gateway answers.

vpncmd ── TLS ──► one gateway of three workers ──► embedded Valkey
                        ▲
strangers ──────────────┘   sessions on hub ST, static, and LAB, dynamic
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from coordinator.fleet import Fleet, join
from coordinator.redis_store import connect
from coordinator.seal import read_fleet_key
from coordinator.times import utc_now
from gateway.admin.rpc.methods import METHODS
from gateway.client.account import Account
from gateway.wire.codes import ErrorCode
from gateway.wire.handshake import ClientHandshake, Login, Redirected, TicketProof, Welcomed
from gateway.wire.identity import Identity
from tests.hostile.administrator import JsonClient
from tests.hostile.stranger import ANYBODY, Stranger, frame
from tests.integration.test_cli_fleet import ARGV, DEADLINE, environment, free_tcp_port
from tests.integration.test_rules import ANSWER, WEB, Pair, wait_for
from tests.stock.vpncmd import VpncmdError, batch, records
from tests.stock.waiting import until

pytestmark = pytest.mark.skipif(
    shutil.which("vpncmd") is None, reason="vpncmd is not installed (./scripts/debian-tests)"
)

PASSWORD = "fleet-password"
Commands = Callable[..., list[str]]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ef-") as name:
        yield Path(name) / "s"


def etherfleet(home: Path, *words: str) -> str:
    given = {**environment(home), "ETHERFLEET_PASSWORD": PASSWORD}
    done = subprocess.run(
        [*ARGV, *words], capture_output=True, text=True, timeout=DEADLINE, env=given, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def gateway(home: Path) -> Iterator[tuple[int, int]]:
    """A gateway of three workers, n-1 to n-3, with a password for its administrators: its TCP port,
    and the process that supervises it."""
    number = free_tcp_port()
    listen = f"127.0.0.1:{number}"
    log = home.with_name("log")
    with log.open("w") as out:
        process = subprocess.Popen(
            [*ARGV, "gateway", "--workers", "3", "--node", "n", "--listen", listen],
            stderr=out,
            env=environment(home),
        )
    try:
        etherfleet(home, "wait", "--for", "nodes=3", "--for", "ok", "--timeout", "15")
        etherfleet(home, "admin", "password")
        yield number, process.pid
    finally:
        process.terminate()
        code = process.wait(DEADLINE)
    assert code == 0, log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def tcp_port(gateway: tuple[int, int]) -> int:
    return gateway[0]


@pytest.fixture(scope="module")
def supervisor(gateway: tuple[int, int]) -> int:
    return gateway[1]


@pytest.fixture(scope="module")
def fleet(home: Path, tcp_port: int) -> Iterator[Fleet]:
    store = connect(f"unix://{home / 'valkey.sock'}", "default")
    yield join(store, read_fleet_key((home / "fleet.key").read_text()), utc_now(), create=False)
    store.close()


@pytest.fixture(scope="module")
def vpncmd(tcp_port: int, home: Path) -> Commands:
    """Carry out commands; `at` is how to log in, the rest are commands. Returns what they said."""

    def run(*words: str, check: bool = True) -> str:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=home)
        assert not check or done.returncode == 0, done.stdout
        return done.stdout

    def carry_out(*commands: str, at: tuple[str, ...] = (f"/PASSWORD:{PASSWORD}",)) -> list[str]:
        target = ("/SERVER", f"127.0.0.1:{tcp_port}", *at)
        return batch(run, target, str(home / "script"), commands)

    return carry_out


def refused(vpncmd: Commands, command: str, **options: tuple[str, ...]) -> int:
    with pytest.raises(VpncmdError) as error:
        vpncmd(command, **options)
    return error.value.code


def at_hub(hub: str) -> tuple[str, ...]:
    return (f"/PASSWORD:{PASSWORD}", f"/ADMINHUB:{hub}")


def as_hub_administrator(hub: str, password: str) -> tuple[str, ...]:
    return (f"/HUB:{hub}", f"/PASSWORD:{password}")


@pytest.fixture(scope="module")
def hubs(vpncmd: Commands) -> None:
    """ST and LAB, with the password `pw-<name>` for users a and b, and `hub-pw` for each hub."""
    vpncmd("HubCreateStatic ST /PASSWORD:hub-pw", "HubCreateDynamic LAB /PASSWORD:hub-pw")
    for hub in ("ST", "LAB"):
        made = [
            line
            for user in ("a", "b")
            for line in (
                f"UserCreate {user} /GROUP:none /REALNAME:none /NOTE:none",
                f"UserPasswordSet {user} /PASSWORD:pw-{user}",
            )
        ]
        vpncmd(*made, at=at_hub(hub))


def enter(
    stack: ExitStack, tcp_port: int, hub: str, user: str = "a", identity: Identity | None = None
) -> Stranger:
    """Log in, and go where the gateway says; return the connection of the session."""
    stranger = stack.enter_context(Stranger(tcp_port))
    account = Account.of(hub, user, None if identity else f"pw-{user}", identity=identity)
    asked = lambda hello: replace(account.login(hello), client_name="Stranger")  # noqa: E731  # short
    event = stranger.talk(ClientHandshake(asked, host="127.0.0.1"))
    if isinstance(event, Redirected):
        redirect = event.redirect
        stranger = stack.enter_context(Stranger(redirect.tcp_ports[0]))
        proof = Login(hub, user, TicketProof(redirect.ticket))
        event = stranger.talk(ClientHandshake(lambda _: proof, host="127.0.0.1"))
    assert isinstance(event, Welcomed)
    stranger.welcome = event.welcome
    return stranger


# -- the server's administrator ---------------------------------------------------------------


def test_the_commands_of_a_first_look(vpncmd, hubs):
    info, status, caps, members, setting, listeners, _ = vpncmd(
        "ServerInfoGet",
        "ServerStatusGet",
        "Caps",
        "ClusterMemberList",
        "ClusterSettingGet",
        "ListenerList",
        "ServerCertGet certificate.crt",
    )
    assert "EtherFleet VPN Gateway" in info
    assert "Cluster Controller" in status
    assert records(caps)[0]["Cluster Controller Mode"] == "Yes"
    table = [[word.strip() for word in line.split("|")] for line in members.splitlines()[2:]]
    listed = {row[3]: row for row in table if len(row) > 3}
    assert sorted(listed) == ["n-1", "n-2", "n-3"]
    assert [row[1] for row in listed.values()].count("Controller") == 1
    (detail,) = vpncmd(f"ClusterMemberInfoGet {listed['n-1'][0]}")
    assert records(detail)[0]["Host Name"] == "n-1"
    assert "Cluster Controller" in setting
    assert len(records(listeners)) >= 1
    assert refused(vpncmd, "ServerKeyGet key.key") == ErrorCode.NOT_ENOUGH_RIGHTS
    assert refused(vpncmd, "ClusterConnectionStatusGet") == ErrorCode.NOT_CLUSTER_MEMBER
    assert refused(vpncmd, "ConfigGet") == ErrorCode.NOT_SUPPORTED


def test_a_hub_s_life(vpncmd, tcp_port):
    vpncmd("HubCreate LIFE /PASSWORD:first")
    assert refused(vpncmd, "HubCreate life /PASSWORD:x") == ErrorCode.HUB_EXISTS
    vpncmd(
        *("SetMaxSession 7", "SetEnumDeny", "Offline", "Online", "SetHubPassword second"),
        at=at_hub("LIFE"),
    )
    options, status = vpncmd("OptionsGet", "StatusGet", at=at_hub("LIFE"))
    (shown,) = records(options)
    assert shown["Max Number of Sessions"] == "7"
    assert shown["Enumeration of Virtual Hub for Anonymous User"] == "Deny"
    assert records(status)[0]["Virtual Hub Name"] == "LIFE"
    (online,) = vpncmd("StatusGet", at=as_hub_administrator("life", "second"))
    assert records(online)[0]["Status"] == "Online"
    assert refused(vpncmd, "HubSetStatic LIFE") == ErrorCode.NOT_SUPPORTED
    vpncmd("HubDelete LIFE")
    assert "LIFE" not in vpncmd("HubList")[0]


def test_a_user_s_life(vpncmd, hubs):
    at = at_hub("LAB")
    make = 'UserCreate carol /GROUP:none /REALNAME:"Carol C" /NOTE:note'
    vpncmd(
        make,
        "UserPasswordSet carol /PASSWORD:secret-1",
        "UserSet carol /GROUP:none /REALNAME:Caroline /NOTE:other",
        "UserPolicySet carol /NAME:MaxUpload /VALUE:1000000",
        'UserExpiresSet carol /EXPIRES:"2030/01/02 03:04:05"',
        at=at,
    )
    assert refused(vpncmd, make, at=at) == ErrorCode.USER_EXISTS
    (shown,) = vpncmd("UserGet carol", at=at)
    assert "Caroline" in shown
    assert "1000000 bps" in shown
    assert "2030-01-02" in shown
    vpncmd("UserPolicyRemove carol", "UserAnonymousSet carol", at=at)
    (listed,) = vpncmd("UserList", at=at)
    (carol,) = [row for row in records(listed) if row["User Name"] == "carol"]
    assert carol["Auth Method"] == "Anonymous Authentication"
    vpncmd("UserDelete carol", at=at)
    assert refused(vpncmd, "UserDelete carol", at=at) == ErrorCode.OBJECT_NOT_FOUND


def test_groups_rules_and_options(vpncmd, hubs):
    at = at_hub("LAB")
    vpncmd(
        "GroupCreate staff /REALNAME:Staff /NOTE:none",
        "GroupJoin staff /USERNAME:a",
        "GroupPolicySet staff /NAME:MaxUpload /VALUE:1000000",
        "AccessAdd discard /MEMO:web /PRIORITY:10 /SRCUSERNAME:staff /DESTUSERNAME: /SRCMAC: "
        "/DESTMAC: /SRCIP:10.0.0.0/8 /DESTIP:0.0.0.0/0 /PROTOCOL:tcp /SRCPORT: /DESTPORT:80-90 "
        "/TCPSTATE:",
        "AccessAdd6 pass /MEMO:v6 /PRIORITY:5 /SRCUSERNAME: /DESTUSERNAME: /SRCMAC: /DESTMAC: "
        "/SRCIP:2001:db8::/32 /DESTIP:::/0 /PROTOCOL: /SRCPORT: /DESTPORT: /TCPSTATE:",
        "AcAdd deny /PRIORITY:1 /IP:192.0.2.0/24",
        "ExtOptionSet FilterBPDU /VALUE:1",
        at=at,
    )
    group, groups, rules, sources, options = vpncmd(
        "GroupGet staff", "GroupList", "AccessList", "AcList", "ExtOptionList", at=at
    )
    assert "1000000 bps" in group
    assert records(groups)[0]["Num Users"] == "1"
    six, web = records(rules)
    assert (six["Memo"], web["Memo"], web["Action"]) == ("v6", "web", "Discard")
    assert "DstPort=80-90" in web["Contents"]
    assert "192.0.2.0/24" in sources
    assert "FilterBPDU" in options
    vpncmd(f"AccessDisable {web['ID']}", at=at)
    six, web = records(vpncmd("AccessList", at=at)[0])
    assert web["Status"] == "Disable"
    vpncmd(f"AccessDelete {web['ID']}", f"AccessDelete {six['ID']}", "AcDel 1", at=at)
    vpncmd("GroupUnjoin a", "GroupDelete staff", at=at)
    assert records(vpncmd("AccessList", at=at)[0]) == []
    assert refused(vpncmd, "GroupDelete staff", at=at) == ErrorCode.OBJECT_NOT_FOUND


# -- the whole fleet behind one connection ----------------------------------------------------


@pytest.fixture
def sessions(tcp_port: int, fleet: Fleet, hubs: None) -> Iterator[list[Stranger]]:
    """Six sessions on ST, over all gateways, each with an address the hub has learned."""
    with ExitStack() as stack:
        strangers = [enter(stack, tcp_port, "ST") for _ in range(6)]
        for number, stranger in enumerate(strangers):
            stranger.send_frames(frame(ANYBODY, 0x02_00_00_00_01_00 + number, b"here"))
        yield strangers
    for record in fleet.sessions.of_hub("ST"):
        fleet.sessions.kick(record.hub, record.name)


def test_lists_cover_all_gateways(vpncmd, sessions):
    (listed,) = vpncmd("SessionList", at=at_hub("ST"))
    where = {row["Location"] for row in records(listed)}
    assert len(records(listed)) == 6
    assert len(where) == 3

    def learned() -> list[dict[str, str]]:
        found = records(vpncmd("MacTable", at=at_hub("ST"))[0])
        return found if len(found) == 6 else []

    table = until(learned, "all addresses to be learned")
    assert len({row["Location"] for row in table}) == 3
    vpncmd(*(f"MacDelete {row['ID']}" for row in table), at=at_hub("ST"))
    assert records(vpncmd("MacTable", at=at_hub("ST"))[0]) == []
    name = records(listed)[-1]["Session Name"]
    (detail,) = vpncmd(f"SessionGet {name}", at=at_hub("ST"))
    assert records(detail)[0]["User Name (Authentication)"] == "a"
    vpncmd(f"SessionDisconnect {name}", at=at_hub("ST"))
    assert refused(vpncmd, f"SessionDisconnect {name}", at=at_hub("ST")) == 29
    assert len(records(vpncmd("SessionList", at=at_hub("ST"))[0])) == 5


def test_rules_and_policies_act_on_sessions_of_all_gateways(vpncmd, fleet, sessions, figure):
    """Two sessions of the static hub on each gateway, one sends the other real frames."""
    nodes = {record.name: record.node for record in fleet.sessions.of_hub("ST")}
    at: dict[str, list[Stranger]] = {}
    for stranger in sessions:
        at.setdefault(nodes[stranger.welcome.session_name], []).append(stranger)
    assert [len(here) for here in at.values()] == [2, 2, 2]
    pairs = [Pair(*here) for here in at.values()]
    for pair in pairs:
        pair.bob.receive_frames(1)  # that the other is here
    wait_for(pairs, WEB, True)
    wait_for(pairs, ANSWER, True)
    rule = "AccessAdd discard /MEMO:none /PRIORITY:10 /SRCUSERNAME:a /DESTUSERNAME: /SRCMAC: "
    rule += "/DESTMAC: /SRCIP:0.0.0.0/0 /DESTIP:0.0.0.0/0 /PROTOCOL:tcp /SRCPORT: /DESTPORT:80 "
    vpncmd(f"{rule} /TCPSTATE:", at=at_hub("ST"))
    took = wait_for(pairs, WEB, False)
    figure("from vpncmd's end to an access list obeyed by three gateways", f"{took:.2f} s")
    assert all(pair.passes(ANSWER) for pair in pairs)
    (listed,) = records(vpncmd("AccessList", at=at_hub("ST"))[0])
    vpncmd(f"AccessDelete {listed['ID']}", at=at_hub("ST"))
    wait_for(pairs, WEB, True)
    vpncmd("UserPolicySet a /NAME:NoServer /VALUE:yes", at=at_hub("ST"))
    took = wait_for(pairs, ANSWER, False)
    figure("from vpncmd's end to a policy obeyed by three gateways", f"{took:.2f} s")
    assert all(pair.passes(WEB) for pair in pairs)
    vpncmd("UserPolicyRemove a", at=at_hub("ST"))
    wait_for(pairs, ANSWER, True)


NAMING = {"EnumFarmMember", "EnumSession", "EnumMacTable", "EnumIpTable"}
"""Lists whose rows are of one gateway or another."""


def test_a_gateway_that_does_not_answer_is_named_at_once_and_holds_up_no_list(
    home, tcp_port, fleet, sessions, supervisor, figure
):
    """One is frozen, and with it the supervisor that would replace it; its lease still stands."""
    until(lambda: sum(n.state == "up" for n in fleet.nodes.nodes()) == 3, "three gateways", 30)
    frozen, other, _ = fleet.nodes.nodes()

    def ask(method: str) -> tuple[str, float, object]:
        with JsonClient(other.direct_tcp_ports[0], PASSWORD) as client:
            began = time.monotonic()
            answer = client.call(method, HubName_str="ST")
            return method, time.monotonic() - began, answer

    lists = sorted(m.name for m in METHODS.values() if m.name.startswith("Enum"))
    stopped = (supervisor, frozen.pid)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(len(lists)) as pool:
            answers = list(pool.map(ask, lists))
    finally:
        for pid in reversed(stopped):
            os.kill(pid, signal.SIGCONT)
    silent = f"{frozen.id} (does not answer)"
    named = {method for method, _, answer in answers if silent in str(answer)}
    assert [m for m, _, answer in answers if isinstance(answer, int)] == []
    assert named == NAMING
    figure("the slowest list with one gateway frozen", f"{max(t for _, t, _ in answers):.2f} s")


# -- the hub's administrator ------------------------------------------------------------------


def test_a_hub_administrator_has_one_hub(vpncmd, hubs):
    at = as_hub_administrator("lab", "hub-pw")
    listed, status, _ = vpncmd("HubList", "StatusGet", "UserList", at=at)
    assert [row["Virtual Hub Name"] for row in records(listed)] == ["LAB"]
    assert records(status)[0]["Virtual Hub Name"] == "LAB"
    for command in (
        "Hub ST",
        "HubCreate MINE /PASSWORD:x",
        "HubDelete LAB",
        "ServerPasswordSet x",
        "ClusterMemberList",
        "ConnectionList",
    ):
        assert refused(vpncmd, command, at=at) == ErrorCode.NOT_ENOUGH_RIGHTS, command
    vpncmd("AdminOptionSet no_change_users /VALUE:1", at=at_hub("LAB"))
    make = "UserCreate mallory /GROUP:none /REALNAME:none /NOTE:none"
    assert refused(vpncmd, make, at=at) == ErrorCode.NOT_ENOUGH_RIGHTS
    assert refused(vpncmd, "AdminOptionSet no_change_users /VALUE:0", at=at) == 52
    vpncmd("AdminOptionSet no_change_users /VALUE:0", at=at_hub("LAB"))
    vpncmd(make, "UserDelete mallory", at=at)


def test_a_wrong_password_is_12(vpncmd, hubs):
    wrong = ("/PASSWORD:wrong", "/PROGRAMMING")
    for at in (wrong, (*wrong, "/HUB:LAB")):
        with pytest.raises(AssertionError, match="Error code: 12"):
            vpncmd("HubList", at=at)
    with pytest.raises(AssertionError, match="Error code: 8"):
        vpncmd("HubList", at=(*wrong, "/HUB:NOWHERE"))
