"""Log files of a gateway on another machine, read by stock vpncmd over this one.

    vpncmd ──► berlin ── logs/berlin          store
               oslo ──── logs/oslo     (an embedded Valkey of berlin's)

The two share no directory: what oslo wrote comes by a call between gateways, in pieces.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from coordinator.model import AuthKind, Hub, HubKind, User
from coordinator.times import utc_now
from gateway.admin import nodes
from gateway.admin.administrators import set_fleet_password
from gateway.admin.nodes import Health
from gateway.node.log_shelf import PIECE
from gateway.wire.auth import admin_password_hash
from tests.hostile.stranger import Stranger
from tests.machines import Machines
from tests.stock.vpncmd import VpncmdError, batch
from tests.stock.waiting import until

pytestmark = pytest.mark.skipif(
    shutil.which("vpncmd") is None, reason="not installed: vpncmd (package softether-vpncmd)"
)

AT_FLEET, AT_HUB = ("/PASSWORD:fleet-pw",), ("/HUB:LAB", "/PASSWORD:hub-pw")
OLD = "security_log/LAB/sec_20260101.log"
FORMER = "security_log/LAB/sec_20251231.log"  # of a hub of this name that is no more

Commands = Callable[..., list[str]]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ef-") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def machines(home: Path) -> Iterator[Machines]:
    text = '[gateway]\nredirect = "never"\n[logs]\ndirectory = "{}"\n'
    settings = {node: text.format(home / "logs" / node) for node in ("berlin", "oslo")}
    with Machines(home, settings) as running:
        fleet = running.fleet
        set_fleet_password(fleet, "fleet-pw", utc_now())
        for hub in ("LAB", "SHOP"):
            fleet.directory.create_hub(Hub(hub, HubKind.STATIC), utc_now())
            fleet.directory.create_user(User(hub, "alice", auth=AuthKind.ANONYMOUS), utc_now())
        fleet.administration.set_hub("LAB", utc_now(), secret=admin_password_hash("hub-pw"))
        yield running


@pytest.fixture(scope="module")
def vpncmd(machines: Machines, home: Path) -> Commands:
    """Carry out commands at berlin; `at` is how to log in."""

    def run(*words: str, check: bool = True) -> str:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=home)
        assert not check or done.returncode == 0, done.stdout
        return done.stdout

    def carry_out(*commands: str, at: tuple[str, ...] = AT_FLEET) -> list[str]:
        target = ("/SERVER", f"127.0.0.1:{machines.ports['berlin']}", *at)
        return batch(run, target, str(home / "script"), commands)

    return carry_out


@pytest.fixture(scope="module")
def old(machines: Machines, home: Path) -> bytes:
    """What is in a file of oslo's alone: more than one piece, and not whole pieces."""
    begun = f"{datetime.now():%Y-%m-%d %H:%M:%S}".encode()
    text = b"".join(b"%s.000 line %06d\n" % (begun, n) for n in range(8_000))
    assert len(text) > 3 * PIECE
    file = home / "logs" / "oslo" / OLD
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text)
    (home / "logs" / "oslo" / FORMER).write_text("2025-12-31 23:59:59.000 somebody else's\n")
    return text


def test_what_another_machine_wrote_is_read(
    machines: Machines, vpncmd: Commands, home: Path, old: bytes
) -> None:
    with Stranger(machines.ports["oslo"]) as alice:
        alice.login("alice", hub="SHOP")
        (seen,) = until(lambda: has(vpncmd("LogFileList"), "/SHOP/"), "oslo's log", 20, pause=0.3)
    assert OLD in seen
    assert FORMER in seen
    (path,) = {word for word in seen.replace("|", " ").split() if "/SHOP/" in word}
    vpncmd(f"LogFileGet {path} /SERVER:oslo /SAVEPATH:shop.log")
    assert '"alice"' in (home / "shop.log").read_text()
    assert not list((home / "logs" / "berlin").glob("*/SHOP/*"))
    vpncmd(f"LogFileGet {OLD} /SERVER:OSLO /SAVEPATH:old.log")
    assert (home / "old.log").read_bytes() == old
    vpncmd(f"LogFileGet {OLD} /SAVEPATH:found.log")  # nobody said where
    assert (home / "found.log").read_bytes() == old
    with pytest.raises(VpncmdError):
        vpncmd(f"LogFileGet {OLD} /SERVER:berlin /SAVEPATH:none.log")


def test_a_hub_s_administrator_reads_his_hub_s_files_wherever_they_are(
    vpncmd: Commands, home: Path, old: bytes
) -> None:
    (seen,) = vpncmd("LogFileList", at=AT_HUB)
    assert OLD in seen
    assert "SHOP" not in seen
    assert FORMER not in seen
    assert "oslo" not in seen
    (handle,) = {word for word in seen.replace("|", " ").split() if word.startswith("gateway-")}
    vpncmd(f"LogFileGet {OLD} /SERVER:{handle} /SAVEPATH:own.log", at=AT_HUB)
    assert (home / "own.log").read_bytes() == old
    with pytest.raises(VpncmdError):
        vpncmd(f"LogFileGet {FORMER} /SERVER:{handle} /SAVEPATH:former.log", at=AT_HUB)


def test_a_machine_that_does_not_answer_is_named(
    machines: Machines, vpncmd: Commands, old: bytes, figure: Callable[[str, str], None]
) -> None:
    pid = machines.processes["oslo"].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        (seen,) = vpncmd("LogFileList")
        took = time.monotonic() - began
        with pytest.raises(VpncmdError):
            vpncmd(f"LogFileGet {OLD} /SERVER:oslo /SAVEPATH:none.log")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert "(oslo does not answer)" in seen
    figure("vpncmd LogFileList, one of two gateways frozen", f"{took:.2f} s")


def test_a_machine_that_died_is_missed(machines: Machines, vpncmd: Commands, old: bytes) -> None:
    """Until somebody removes it, or for an hour."""
    machines.kill("oslo")
    reports = lambda: nodes.reports(machines.fleet)  # noqa: E731  # short
    until(lambda: any(r.health is Health.DEAD for r in reports()), "oslo to be dead", 20)
    members, logs = vpncmd("ClusterMemberList", "LogFileList")
    assert "oslo (does not answer)" in members
    assert "(oslo does not answer)" in logs
    assert "oslo" not in vpncmd("LogFileList", at=AT_HUB)[0]


def has(answers: list[str], text: str) -> list[str]:
    """Return answers that have it."""
    return [answer for answer in answers if text in answer]
