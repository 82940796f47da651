"""What a running gateway tells those who watch it.

stranger ── TLS ──► gateway (one process) ── unix socket ──► embedded Valkey
                        ▲ /metrics, /livez, /readyz ── this process
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from coordinator.hub_log import HubLog, Keep, LogSwitch, Syslog, SyslogSave
from coordinator.model import NodeMode
from coordinator.times import utc_now
from gateway.errors import Refused
from tests.hostile.gateway import Gateway
from tests.hostile.stranger import ALICE, ANYBODY, Stranger, frame
from tests.stock.waiting import until

SETTINGS = '[metrics]\nlisten = "127.0.0.1:0"\n'


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with (
        tempfile.TemporaryDirectory(prefix="ef-") as home,
        Gateway(Path(home), SETTINGS) as running,
    ):
        yield running
        running.assert_no_fault()


def get(gateway: Gateway, path: str, method: str = "GET") -> tuple[int, str]:
    """Ask the gateway's metrics port; return status and body."""
    at = re.search(r'"at": "127.0.0.1:(\d+)", "event": "metrics served"', gateway.text())
    assert at is not None, gateway.text()
    request = urllib.request.Request(f"http://127.0.0.1:{at[1]}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def scrape(gateway: Gateway) -> dict[str, float]:
    """Return every sample by name and labels, `name{a=b}`."""
    status, text = get(gateway, "/metrics")
    assert status == 200
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_a_scrape_counts_what_clients_did(gateway: Gateway) -> None:
    before = scrape(gateway)
    with Stranger(gateway.tcp_port) as alice, Stranger(gateway.tcp_port) as bob:
        alice.login("alice")
        bob.login("bob")
        alice.send_frames(frame(ANYBODY, ALICE, b"who is there"))
        (heard,) = bob.receive_frames(1)
        with Stranger(gateway.tcp_port) as eve, pytest.raises(Refused):
            eve.login("eve")
        now = scrape(gateway)
        assert now["etherfleet_sessions{hub=LAB}"] == 2
        assert now["etherfleet_connections"] == 2
        assert now["etherfleet_hubs_owned"] == 1
        assert now["etherfleet_logins_total{result=accepted}"] == 2
        assert now["etherfleet_logins_total{result=auth-failed}"] == 1
        traffic = "etherfleet_{}_total{{cast=broadcast,direction={},hub=LAB}}"
        assert now[traffic.format("frames", "received")] == 1
        assert now[traffic.format("bytes", "received")] == len(heard)
        assert now[traffic.format("frames", "sent")] == 1
        assert 0 < now["etherfleet_lease_remaining_seconds"] < 10
        assert now["etherfleet_lease_renewals_total"] > 0
        assert now["etherfleet_node_mode{mode=serving}"] == 1
        assert now["process_open_fds"] > 0
    assert "etherfleet_sessions{hub=LAB}" not in before
    (build,) = (name for name in now if name.startswith("etherfleet_build_info"))
    assert "node=node-1" in build


def test_numbers_stay_when_session_and_hub_are_gone(gateway: Gateway) -> None:
    for record in gateway.fleet.sessions.of_hub("LAB"):
        gateway.fleet.sessions.kick("LAB", record.name)
    name = "etherfleet_frames_total{cast=broadcast,direction=received,hub=LAB}"
    until(lambda: scrape(gateway)["etherfleet_hubs_alive"] == 0, "the hub to go", 10)
    assert scrape(gateway)[name] == 1
    assert scrape(gateway)["etherfleet_sessions_ended_total{reason=kicked}"] == 2


def test_no_user_and_no_secret_is_told(gateway: Gateway) -> None:
    _, text = get(gateway, "/metrics")
    assert not re.search("alice|bob|eve|pw-", text)


def test_only_reading_and_only_what_there_is(gateway: Gateway) -> None:
    assert get(gateway, "/") == (404, "there are: /metrics /livez /readyz\n")
    assert get(gateway, "/metrics", "POST")[0] == 405


def test_a_node_is_ready_unless_it_is_taken_out_of_service(gateway: Gateway) -> None:
    assert get(gateway, "/livez") == (200, "alive\n")
    assert get(gateway, "/readyz") == (200, "ready\n")
    gateway.fleet.nodes.set_mode("node-1", NodeMode.CORDONED, utc_now())
    until(lambda: get(gateway, "/readyz") == (503, "this node is cordoned\n"), "the order", 10)
    gateway.fleet.nodes.set_mode("node-1", NodeMode.SERVING, utc_now())
    until(lambda: get(gateway, "/readyz")[0] == 200, "the next order", 10)


def test_a_store_that_is_away_is_counted_and_does_not_end_the_node(gateway: Gateway) -> None:
    pid = gateway.store_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        name = "etherfleet_lease_renewals_failed_total"
        until(lambda: scrape(gateway)[name] > 0, "a renewal to fail", 10)
        assert scrape(gateway)["etherfleet_store_errors_total{error=StoreUnavailable}"] > 0
        assert get(gateway, "/livez")[0] == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: get(gateway, "/readyz")[0] == 200, "the node to be ready again", 10)


def test_a_port_that_is_taken_keeps_nobody_out(gateway: Gateway) -> None:
    at = re.search(r'"at": "(127.0.0.1:\d+)", "event": "metrics served"', gateway.text())
    assert at is not None
    settings = f'[metrics]\nlisten = "{at[1]}"\n'
    with (
        tempfile.TemporaryDirectory(prefix="ef-") as home,
        Gateway(Path(home), settings) as second,
        Stranger(second.tcp_port) as alice,
    ):
        alice.login("alice")
        until(lambda: "metrics not served yet" in second.text(), "the log to tell", 10)


def test_top_shows_who_carries_how_much(gateway: Gateway) -> None:
    with Stranger(gateway.tcp_port) as alice, Stranger(gateway.tcp_port) as bob:
        alice.login("alice")
        bob.login("bob")
        top = subprocess.Popen(
            [*(sys.executable, "-m", "gateway", "top", "--once", "--json")],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "ETHERFLEET_STATE_DIR": str(gateway.store)},
        )
        while top.poll() is None:
            alice.send_frames(frame(ANYBODY, ALICE, b"busy"))
            bob.receive_frames(1)
            time.sleep(0.02)
        assert top.stdout is not None
        told = json.loads(top.stdout.read())
        top.stdout.close()
    assert top.returncode == 0
    busiest, *_ = told["sessions"]
    assert told["hubs"][0]["received_frames_s"] > 1
    assert told["nodes"][0]["received_bytes_s"] > 10
    rates = {one["user"]: one for one in told["sessions"]}
    assert rates["alice"]["received_frames_s"] > 1
    assert rates["bob"]["received_frames_s"] == 0
    assert rates["bob"]["sent_frames_s"] > 1
    assert busiest["hub"] == "LAB"


def test_events_name_their_node_and_those_about_a_session_what_it_is(gateway: Gateway) -> None:
    with Stranger(gateway.tcp_port) as alice, Stranger(gateway.tcp_port) as eve:
        alice.login("alice")
        with pytest.raises(Refused):
            eve.login("eve")
    events = [json.loads(line) for line in gateway.text().splitlines() if line[:1] == "{"]
    assert {event.get("node") for event in events} == {"node-1"}
    started = [event for event in events if event["event"] == "session started"][-1]
    about = {"hub": "LAB", "session": started["session"], "user": "alice"}
    epoch = started["epoch"]
    assert epoch == max(e["epoch"] for e in events if e["event"] == "hub taken up")
    for name in ("session started", "connection joined"):
        (last,) = [e for e in events if e["event"] == name][-1:]
        assert last.items() >= {**about, "epoch": epoch}.items(), name
    refused = [event for event in events if event["event"] == "refused"][-1]
    assert refused.items() >= {"hub": "LAB", "user": "eve", "reason": "auth-failed"}.items()


@pytest.fixture
def syslog_server() -> Iterator[socket.socket]:
    """A syslog server on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        yield sock


def test_a_hub_writes_who_came_and_what_was_sent(
    gateway: Gateway, syslog_server: socket.socket
) -> None:
    fleet, logs = gateway.fleet, gateway.store
    udp_port = syslog_server.getsockname()[1]
    fleet.syslog.set(Syslog(SyslogSave.PACKET, "127.0.0.1", udp_port))
    log = HubLog(packet=True, packet_switch=LogSwitch.NONE, security_switch=LogSwitch.NONE)
    gateway.set_hub(log=log.with_packets({"ethernet": Keep.FULL}))
    with Stranger(gateway.tcp_port) as alice, Stranger(gateway.tcp_port) as eve:
        welcome = alice.login("alice")
        with pytest.raises(Refused):
            eve.login("eve")
        packets = logs / "packet_log/LAB/pkt.log"
        message = frame(ANYBODY, ALICE, b"for the log")

        def is_logged() -> bool:  # from when the node has heard that it is wanted
            alice.send_frames(message)
            return packets.exists()

        until(is_logged, "the packet log", 15, pause=0.3)

        missing = {b' security - [HUB "LAB"] ', b' packet - [HUB "LAB"] ', b' server - {"'}
        syslog_server.setblocking(False)

        def is_heard() -> bool:  # from when the node has heard of the server
            alice.send_frames(message)
            with Stranger(gateway.tcp_port) as again, pytest.raises(Refused):
                again.login("eve")
            with suppress(BlockingIOError):
                while missing:
                    said = syslog_server.recv(4096)
                    missing.difference_update([mark for mark in missing if mark in said])
            return not missing

        until(is_heard, "the syslog server to hear of everything", 20, lambda: missing, pause=0.3)
        for record in fleet.sessions.of_hub("LAB"):
            fleet.sessions.kick("LAB", record.name)

        def told() -> str:  # in files by day as well, until the node has heard of the change
            files = sorted((logs / "security_log/LAB").glob("sec*.log"))
            assert all(file.stat().st_mode & 0o077 == 0 for file in files)
            return "\n".join(file.read_text() for file in files)

        ended = f'Session "{welcome.session_name}": The session has been terminated (kicked)'
        until(lambda: ended in told(), "the session's end to be logged", 15)
    cells = packets.read_text().splitlines()[0].split(",")
    assert cells[2:4] == [welcome.session_name, "-"]
    assert bytes.fromhex(cells[17]) == message
    assert cells[18:] == ["127.0.0.1", "-"]
    for line in (
        f'The new session "{welcome.session_name}" has been created. (IP address: 127.0.0.1',
        f'Session "{welcome.session_name}": The parameter has been set.',
        'User authentication failed. The user name that has been provided was "eve"',
    ):
        assert line in told()
    assert "pw-alice" not in told()
    gateway.set_hub(log=HubLog(security=False))
    fleet.syslog.set(Syslog())
