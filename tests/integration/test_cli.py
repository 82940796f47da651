"""The command line against a real store, as its own process.

etherfleet ──► embedded store in a directory of the test's own ◄── this process looks
etherfleet connect ──TLS──► etherfleet gateway ──► the same store
"""

import hashlib
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coordinator.redis_store import connect
from gateway.cli.exits import ExitCode
from gateway.embedded import EmbeddedStore
from gateway.wire.auth import user_password_hash
from tests import certificates

PASSWORD = "correct horse 42 ü"
NEW_PASSWORD = "battery staple 43"
DEADLINE = 20  # seconds for anything to happen
ARGV = [sys.executable, "-m", "gateway"]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def home(state_dir: Path) -> Iterator[Path]:
    """A state directory whose store runs, so that each command need not start one."""
    with EmbeddedStore(state_dir / "cli") as embedded:
        yield embedded.state_dir


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ETHERFLEET")}
    return {**kept, "ETHERFLEET_STATE_DIR": str(home), "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="module")
def etherfleet(home: Path) -> Run:
    """Run one command to its end."""

    def run(
        *words: str, input: str = "", code: int | None = 0, **env: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*ARGV, *words],
            input=input,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            env={**environment(home), **env},
        )
        is_as_wanted = code is None or done.returncode == code
        assert is_as_wanted, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    return run


def answer(done: subprocess.CompletedProcess[str]) -> object:
    return json.loads(done.stdout)


def everything_in(home: Path) -> str:
    """Return all that the store would show to whoever looks, as text."""
    store = connect(f"unix://{home / 'valkey.sock'}", "default")
    try:
        shown = []
        for key, kind in store.scan():
            value = store.fields(key) if kind == "hash" else kind
            shown.append(f"{key} {value}")
        return "\n".join(shown)
    finally:
        store.close()


def test_a_hub_and_its_user_from_the_first_word_to_the_last(etherfleet, home):
    assert "Make one: etherfleet hub create" in etherfleet("hub", "list").stdout
    made = answer(etherfleet("hub", "create", "OFFICE", "--max-sessions", "9", "--format", "json"))
    assert (made["name"], made["kind"], made["max_sessions"]) == ("OFFICE", "dynamic", 9)
    assert "Add one" in etherfleet("user", "list", "OFFICE").stdout

    added = etherfleet(
        *("user", "add", "office", "alice", "--password-file", "-", "--expires", "2099-12-31"),
        *("--real-name", "Alice", "--policy", "maxmac=3", "--max-sessions", "2"),
        input=PASSWORD + "\n",
    )
    assert added.stdout == "User alice may join OFFICE.\n"
    (user,) = answer(etherfleet("user", "list", "OFFICE", "--format", "json"))
    assert (user["hub"], user["name"], user["auth"]) == ("OFFICE", "alice", "password")
    assert user["policy"] == {"MaxMac": 3, "MultiLogins": 2}
    assert user["expires"] == "2099-12-31T23:59:59.000Z"

    etherfleet("user", "set", "OFFICE", "ALICE", "--no-expires", "--policy", "MaxMac=default")
    etherfleet("user", "passwd", "OFFICE", "alice", ETHERFLEET_PASSWORD=NEW_PASSWORD)
    user = answer(etherfleet("--format", "json", "user", "show", "OFFICE", "alice"))
    assert (user["expires"], user["policy"], user["real_name"]) == (
        None,
        {"MultiLogins": 2},
        "Alice",
    )
    assert "alice" in etherfleet("user", "show", "OFFICE", "alice").stdout

    stored = everything_in(home)
    for password in (PASSWORD, NEW_PASSWORD):
        assert password not in stored
        digest = user_password_hash(password, "alice")
        assert digest.hex() not in stored
        assert repr(digest)[2:-1] not in stored
    assert re.search(r"'secret': 'sealed:v1:", stored)

    hub = answer(
        etherfleet("hub", "set", "OFFICE", "--offline", "--message", "Hi", "--format=json")
    )
    assert (hub["online"], hub["message"], hub["max_sessions"]) == (False, "Hi", 9)
    assert answer(etherfleet("hub", "show", "office", "--format", "json"))["users"] == 1
    counts = {
        k["pattern"]: k["count"]
        for k in answer(etherfleet("redis", "keys", "--count", "--format", "json"))
    }
    assert counts["ef:{default}:user:<hub>:<user>"] == 1

    gone = answer(etherfleet("user", "delete", "OFFICE", "alice", "--yes", "--format", "json"))
    assert gone == {"deleted": "alice", "hub": "OFFICE", "sessions": 0}
    etherfleet("hub", "delete", "OFFICE", "--yes")
    assert answer(etherfleet("hub", "list", "--format", "json")) == []


def test_users_by_certificate_and_whom_their_hub_believes(etherfleet, tmp_path):
    named = certificates.name
    authority = certificates.issue(named(CN="Lab CA"), may_sign=True)
    alice = certificates.issue(named(CN="alice"), authority, serial=0x0155)
    for file, text in (("ca.pem", authority.pem), ("key.pem", alice.key_pem)):
        (tmp_path / file).write_text(text)
    (tmp_path / "both.pem").write_text(authority.pem + alice.pem)
    (tmp_path / "alice.der").write_bytes(alice.der)
    ca, der, both, key = (str(tmp_path / f) for f in ("ca.pem", "alice.der", "both.pem", "key.pem"))
    etherfleet("hub", "create", "CERTS")
    digest = hashlib.sha256(alice.der).hexdigest()

    added = answer(etherfleet("user", "add", "CERTS", "alice", "--certificate", der, "--json"))
    assert (added["auth"], added["certificate"]) == ("certificate", digest)
    assert digest in etherfleet("user", "show", "CERTS", "alice").stdout
    signed = etherfleet("user", "add", "CERTS", "bob", "--serial", "01:55")
    assert "etherfleet ca add CERTS FILE" in signed.stderr
    bob = answer(etherfleet("user", "set", "CERTS", "bob", "--common-name", "alice", "--json"))
    assert (bob["auth"], bob["common_name"], bob["serial"]) == ("signed", "alice", "0155")
    for words, said in (
        (("--certificate", both), "holds 2 certificates"),
        (("--certificate", key), "holds no certificate"),
        (("--certificate", "/dev/zero"), "no certificate has"),
        (("--signed", "--anonymous"), "exclude each other"),
    ):
        done = subprocess_error(etherfleet, "user", "set", "CERTS", "bob", *words)
        assert said in done

    made = answer(etherfleet("ca", "add", "CERTS", ca, "--json"))
    assert (made["number"], made["subject"]) == (1, "CN=Lab CA")
    assert answer(etherfleet("ca", "list", "CERTS", "--json")) == [made]
    assert "CN=Lab CA" in etherfleet("ca", "list", "CERTS").stdout
    revoked = answer(etherfleet("ca", "revoke", "CERTS", der, "--json"))
    assert revoked["sha1"] == hashlib.sha1(alice.der).hexdigest()
    assert revoked["sha1"] in etherfleet("ca", "revoked", "CERTS").stdout
    etherfleet("ca", "restore", "CERTS", "1", "--yes")
    assert answer(etherfleet("ca", "revoked", "CERTS", "--json")) == []
    assert "add --yes" in etherfleet("ca", "remove", "CERTS", "1", code=ExitCode.USAGE).stderr
    gone = answer(etherfleet("ca", "remove", "CERTS", "1", "--yes", "--json"))
    assert gone == {"removed": 1, "hub": "CERTS"}
    etherfleet("hub", "delete", "CERTS", "--yes")


def subprocess_error(etherfleet, *words):
    """Return the one line by which a command said why not."""
    done = etherfleet(*words, code=None)
    assert done.returncode in (ExitCode.FAILED, ExitCode.USAGE)
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("hub show NOPE", ExitCode.NOT_FOUND, "no hub named 'NOPE'"),
        ("user add NOPE alice --anonymous", ExitCode.NOT_FOUND, "etherfleet hub list"),
        ("user show ERRORS nobody", ExitCode.NOT_FOUND, "no user named 'nobody'"),
        ("user list NOPE", ExitCode.NOT_FOUND, "no hub"),
        ("session show ERRORS SID-X-1", ExitCode.NOT_FOUND, "no session named"),
        ("session kick ERRORS SID-X-1 --yes", ExitCode.NOT_FOUND, "may have ended"),
        ("hub create errors", ExitCode.EXISTS, "exists already"),
        ("user add ERRORS guest --anonymous", ExitCode.EXISTS, "etherfleet user set"),
        ("hub create a/b", ExitCode.USAGE, "are allowed"),
        ("user add ERRORS bob --password-file -", ExitCode.USAGE, "password is empty"),
        ("hub delete ERRORS", ExitCode.USAGE, "add --yes"),
        ("user delete ERRORS guest", ExitCode.USAGE, "add --yes"),
        ("user add ERRORS bob --certificate /nowhere", ExitCode.FAILED, "cannot read /nowhere"),
        ("ca remove ERRORS 7 --yes", ExitCode.NOT_FOUND, "etherfleet ca list"),
        ("ca restore ERRORS 7 --yes", ExitCode.NOT_FOUND, "etherfleet ca revoked"),
        ("ca revoke ERRORS", ExitCode.USAGE, "name what is revoked"),
        ("hub list --store-url redis://127.0.0.1:1", ExitCode.STORE, "redis://127.0.0.1:1"),
    ],
)
def test_an_error_is_one_line_and_its_code(etherfleet, errors_hub, tmp_path, words, code, said):
    key = tmp_path / "fleet.key"
    key.write_text("A" * 43 + "=")
    done = etherfleet(
        *words.split(), code=code, ETHERFLEET_FLEET_KEY_FILE=str(key) if "redis:" in words else ""
    )
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("etherfleet: ")
    assert done.stdout == ""


@pytest.fixture(scope="module")
def errors_hub(etherfleet: Run) -> None:
    etherfleet("hub", "create", "ERRORS")
    etherfleet("user", "add", "ERRORS", "guest", "--anonymous")


def test_looking_into_a_store_without_a_fleet_makes_none(etherfleet, home):
    key = home / "fleet.key"
    env = {
        "ETHERFLEET_STORE_URL": f"unix://{home / 'valkey.sock'}",
        "ETHERFLEET_FLEET_KEY_FILE": str(key),
        "ETHERFLEET_FLEET": "mistyped",
    }
    etherfleet("hub", "list", code=ExitCode.STORE, **env)
    done = etherfleet("user", "add", "OFFICE", "bob", "--anonymous", code=ExitCode.STORE, **env)
    assert "no fleet named 'mistyped'" in done.stderr
    etherfleet("hub", "create", "OFFICE", **env)
    assert "OFFICE" in etherfleet("hub", "list", **env).stdout


def test_names_are_completed_from_the_store(etherfleet, errors_hub):
    words = {"_ETHERFLEET_COMPLETE": "bash_complete", "COMP_CWORD": "4"}
    line = "etherfleet user show errors gu"
    assert "plain,guest" in etherfleet(COMP_WORDS=line, **words).stdout
    line = "etherfleet user set --policy maxm"
    assert "plain,MaxMac=" in etherfleet(COMP_WORDS=line, **words).stdout


class Terminal:
    """A command at a terminal of its own: what it shows, and a person who types."""

    def __init__(self, home: Path, *words: str) -> None:
        master, slave = pty.openpty()
        env = {**environment(home), "COLUMNS": "80", "TERM": "xterm", "NO_COLOR": "1"}
        self.process = subprocess.Popen(
            [*ARGV, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=env,
            start_new_session=True,
        )
        os.close(slave)
        self._master = master
        self.shown = ""

    def until(self, text: str) -> None:
        """Read until `text` was shown."""
        end = time.monotonic() + DEADLINE
        while text not in self.shown:
            ready, _, _ = select.select([self._master], [], [], max(0, end - time.monotonic()))
            assert ready, f"{text!r} not shown in {DEADLINE} s: {self.shown}"
            assert self._read(), f"{text!r} not shown: {self.shown}"

    def type(self, text: str) -> None:
        os.write(self._master, text.encode() + b"\n")

    def code(self) -> int:
        """Read to the end and return the exit code."""
        while self._read():
            pass
        os.close(self._master)
        return self.process.wait(DEADLINE)

    def _read(self) -> bool:
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other side is closed: Linux says EIO
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)


def test_at_a_terminal_a_password_is_asked_for_twice_and_not_shown(etherfleet, errors_hub, home):
    terminal = Terminal(home, "user", "add", "ERRORS", "carol")
    terminal.until("New password of carol")
    terminal.type(PASSWORD)
    terminal.until("Repeat for confirmation")
    terminal.type(PASSWORD)
    assert terminal.code() == 0, terminal.shown
    assert "User carol may join ERRORS." in terminal.shown
    assert "horse" not in terminal.shown


def test_at_a_terminal_a_hub_goes_only_when_its_name_is_typed(etherfleet, home):
    etherfleet("hub", "create", "DOOMED")
    etherfleet("user", "add", "DOOMED", "last", "--anonymous")
    for typed, code in (("doomed", ExitCode.FAILED), ("DOOMED", ExitCode.OK)):
        terminal = Terminal(home, "hub", "delete", "DOOMED")
        terminal.until("with 1 user and 0 sessions")
        terminal.until("Type its name")
        terminal.type(typed)
        assert terminal.code() == code, terminal.shown
    etherfleet("hub", "show", "DOOMED", code=ExitCode.NOT_FOUND)


def test_at_a_terminal_no_means_no(etherfleet, errors_hub, home):
    terminal = Terminal(home, "user", "delete", "ERRORS", "guest")
    terminal.until("end 0 sessions? [y/N]")
    terminal.type("")
    assert terminal.code() == ExitCode.FAILED
    assert "nothing was changed" in terminal.shown
    etherfleet("user", "show", "ERRORS", "guest")


def test_at_a_terminal_tables_fit(errors_hub, home, etherfleet):
    etherfleet("user", "set", "ERRORS", "guest", "--real-name", "x" * 200)
    terminal = Terminal(home, "user", "list", "ERRORS")
    assert terminal.code() == 0
    lines = re.sub(r"\x1b\[[0-9;]*m|\r", "", terminal.shown).splitlines()
    assert any(line.startswith("guest ") for line in lines)
    assert max(map(len, lines)) <= 80


@pytest.fixture
def gateway(home: Path, tmp_path: Path) -> Iterator[str]:
    """A gateway of the same store; its address."""
    log = tmp_path / "gateway.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [*ARGV, "gateway", "--listen", "127.0.0.1:0"], stderr=out, env=environment(home)
        )
    end = time.monotonic() + DEADLINE
    while not (match := re.search(r'"tcp_port": (\d+)', log.read_text())):
        assert time.monotonic() < end, log.read_text()
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    yield f"127.0.0.1:{match[1]}"
    process.terminate()
    assert process.wait(DEADLINE) == 0
    assert "Traceback" not in log.read_text()


def test_a_client_joins_is_seen_is_kicked_and_leaves(etherfleet, home, gateway):
    etherfleet("hub", "create", "LIVE", "--message", "welcome in")
    etherfleet("user", "add", "LIVE", "dora", ETHERFLEET_PASSWORD=PASSWORD)
    secret = home / "dora.password"
    secret.write_text(PASSWORD + "\n")
    words = ("connect", gateway, "LIVE", "--user", "dora", "--user-space")
    client = Terminal(home, *words, "--password-file", str(secret))
    client.until("joined LIVE at")
    client.until("the hub says: welcome in")
    client.until("1 TCP")
    pin = re.search(r"--pin ([0-9a-f]{64})", client.shown)
    assert pin is not None

    (session,) = answer(etherfleet("session", "list", "LIVE", "--format", "json"))
    assert (session["user"], session["name"]) == ("dora", "SID-DORA-1")
    assert "SID-DORA-1" in etherfleet("session", "list", "LIVE", "--user", "DORA").stdout
    assert "EtherFleet VPN Client" in etherfleet("session", "show", "LIVE", "sid-dora-1").stdout

    kicked = answer(
        etherfleet("session", "kick", "LIVE", "SID-DORA-1", "--yes", "--format", "json")
    )
    assert kicked == {"kicked": "SID-DORA-1", "hub": "LIVE", "user": "dora"}
    client.until("as SID-DORA-2")
    client.process.send_signal(signal.SIGINT)
    assert client.code() == 0, client.shown
    assert "left LIVE after" in client.shown
    assert PASSWORD not in client.shown

    def refused(code: int, *more: str, password: str = PASSWORD) -> str:
        return etherfleet(*words, "--once", *more, code=code, ETHERFLEET_PASSWORD=password).stderr

    assert "check the user's name" in refused(ExitCode.DENIED, password="wrong")
    assert "pinned is" in refused(ExitCode.DENIED, "--pin", "0" * 64)
    assert "VERIFY_FAILED" in refused(ExitCode.DENIED, "--verify")
    assert "wrong" not in refused(ExitCode.DENIED, "--pin", pin[1], password="wrong ")
    etherfleet("hub", "set", "LIVE", "--offline")
    assert "offline" in refused(ExitCode.FAILED)
    etherfleet("hub", "delete", "LIVE", "--yes")
    assert "check the hub's name" in refused(ExitCode.NOT_FOUND)


def test_a_gateway_that_is_not_there_is_unreachable(etherfleet):
    words = ("connect", "127.0.0.1:1", "X", "--user", "x", "--anonymous", "--user-space", "--once")
    done = etherfleet(*words, code=ExitCode.UNREACHABLE)
    assert "is a gateway running there" in done.stderr


def test_ctrl_c_before_joining_is_an_interruption(home):
    client = Terminal(
        home, "connect", "127.0.0.1:1", "X", "--user", "x", "--anonymous", "--user-space"
    )
    client.until("cannot join 127.0.0.1:1")
    client.until("not joined, trying")
    client.process.send_signal(signal.SIGINT)
    assert client.code() == ExitCode.INTERRUPTED, client.shown
    assert client.shown.count("cannot join") == 1


def missing() -> str:
    """Return why a client cannot make interfaces here; "" if it can."""
    if os.geteuid() != 0 or not Path("/dev/net/tun").exists():
        return "not root, or no /dev/net/tun: TAP devices cannot be made"
    return "" if shutil.which("dnsmasq") else "not installed: dnsmasq (package dnsmasq-base)"


@pytest.fixture
def machines() -> Iterator[tuple[str, str]]:
    """Two namespaces."""
    names = (f"eft-{os.getpid()}-cli-left", f"eft-{os.getpid()}-cli-right")
    for name in names:
        subprocess.run(["ip", "netns", "add", name], check=True)
    yield names
    for name in names:
        subprocess.run(["ip", "netns", "delete", name], check=True)


def ip(netns: str, *words: str) -> str:
    return subprocess.check_output(["ip", "-netns", netns, *words], text=True)


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_two_machines_meet_one_by_dhcp_and_nothing_is_left_behind(
    etherfleet, home, gateway, machines, tmp_path
):
    left, right = machines
    etherfleet("hub", "create", "LAN")
    etherfleet("user", "add", "LAN", "guest", "--anonymous")
    words = ("connect", gateway, "LAN", "--user", "guest", "--anonymous", "--tap", "ef0")
    server = Terminal(home, *words, "--netns", left, "--address", "10.66.0.1/24")
    server.until("joined LAN")
    server.until("10.66.0.1/24")
    log = tmp_path / "dnsmasq.log"
    dnsmasq = subprocess.Popen(
        [
            *("ip", "netns", "exec", left, "dnsmasq", "--keep-in-foreground", "--port=0"),
            *("--conf-file=/dev/null", "--no-ping", "--interface=ef0", "--leasefile-ro"),
            *("--dhcp-range=10.66.0.50,10.66.0.60,1h", f"--log-facility={log}", "--user=root"),
            *("--dhcp-option=option:router,10.66.0.1", f"--pid-file={tmp_path / 'pid'}"),
        ]
    )
    try:
        client = Terminal(home, *words, "--netns", right, "--default-route")
        client.until("by DHCP, for 3600 s, router 10.66.0.1 (used for everything)")
        client.until("· 10.66.0.")
        assert "10.66.0.1 dev ef0" in ip(right, "route", "get", "198.51.100.1")
        subprocess.check_output(["ip", "netns", "exec", right, "ping", "-c", "1", "10.66.0.1"])
        client.process.send_signal(signal.SIGTERM)
        assert client.code() == 0, client.shown
        assert "ef0" not in ip(right, "link")
        end = time.monotonic() + DEADLINE
        while "DHCPRELEASE" not in log.read_text():
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
    finally:
        dnsmasq.terminate()
        dnsmasq.wait()
    server.process.send_signal(signal.SIGINT)
    assert server.code() == 0, server.shown
    assert "Traceback" not in server.shown + client.shown
