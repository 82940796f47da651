"""The quickstart: the commands a newcomer would type, run for real, with an account of each.

          gateway: three nodes, one store of its own, hub DEMO on one of them
                      │ 127.0.0.1:5555         │
              etherfleet connect        etherfleet connect
                      │                        │
        as root:    TAP ef-alice             TAP ef-bob
                in netns ef-…-alice      in netns ef-…-bob
        otherwise:  two clients in user space, frames of our own

Everything it makes (state, namespaces, processes) is gone when it ends.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ETHERFLEET = ROOT / ".venv" / "bin" / "etherfleet"
HERE = Path(__file__).resolve()
HUB = "DEMO"
ADDRESSES = {"alice": "10.88.0.1", "bob": "10.88.0.2"}
TRAFFIC_MB = 50
NODES = 3
ANSWER_S = 20.0

_colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(code: str, text: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if _colour else text


def step(number: int, title: str) -> None:
    print(f"\n{paint('1', f'{number}. {title}')}", flush=True)


def command(line: str) -> None:
    print(f"   {paint('36', '$ ' + line)}", flush=True)


def note(text: str) -> None:
    print(f"   {text}", flush=True)


class Failed(Exception):
    """A step of the demonstration did not work; the text says which."""


def wait_for(condition: Callable[[], bool], what: str, seconds: float = ANSWER_S) -> float:
    """Return the seconds until `condition` held."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise Failed(f"waited {seconds:g} s for {what}")
        time.sleep(0.02)
    return time.monotonic() - began


class Demo:
    """The processes of one demonstration and where they keep things."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.dir = Path(tempfile.mkdtemp(prefix="etherfleet-quickstart-"))
        stack.callback(shutil.rmtree, self.dir, ignore_errors=True)
        self.tcp_port = 5555 if _is_free(5555) else _free_port()
        self.passwords = {name: secrets.token_hex(5) for name in ADDRESSES}
        self.env = {
            **os.environ,
            "ETHERFLEET_STATE_DIR": str(self.dir),
            "ETHERFLEET_LISTEN": f"0.0.0.0:{self.tcp_port}",
            "ETHERFLEET_NODE": "demo",
        }
        self.gateway: subprocess.Popen[bytes] | None = None

    def run(self, *words: str, secret: str = "") -> str:
        """Run `etherfleet WORDS` to its end and return what it printed."""
        done = subprocess.run(
            [ETHERFLEET, *words], env=self.env, input=secret, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Failed(f"etherfleet {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def spawn(self, log: str, *words: str, secret: str = "") -> subprocess.Popen[bytes]:
        """Start `etherfleet WORDS` in the background, its output in the file `log`."""
        env = {**self.env, **({"ETHERFLEET_PASSWORD": secret} if secret else {})}
        with (self.dir / log).open("ab") as out:
            process = subprocess.Popen(
                [ETHERFLEET, *words], env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip
        self._stack.callback(_end, process)
        return process

    def start_gateway(self) -> float:
        """Start the gateway; return the seconds until all its nodes served."""
        began = time.monotonic()
        self.gateway = self.spawn("gateway.log", "gateway", "--workers", str(NODES))
        self.run("wait", "--for", f"nodes={NODES}", "--timeout", str(round(ANSWER_S)))
        return time.monotonic() - began

    def owner(self) -> str:
        """Return the node that has the hub."""
        return str(json.loads(self.run("hub", "show", HUB, "--format", "json"))["node"])

    def kill(self, node: str) -> None:
        """End a node's process the hard way."""
        row = json.loads(self.run("node", "show", node, "--format", "json"))
        os.kill(int(row["pid"]), signal.SIGKILL)

    def sessions(self) -> list[dict[str, object]]:
        """Return the sessions of the hub as `etherfleet session list --format json` has them."""
        rows: list[dict[str, object]] = json.loads(
            self.run("session", "list", HUB, "--format", "json")
        )
        return rows

    def log(self, name: str) -> str:
        file = self.dir / name
        return file.read_text(errors="replace") if file.exists() else ""


def demonstrate(demo: Demo, in_namespaces: bool) -> None:
    """Go through the steps. Raises Failed."""
    step(1, f"A gateway of {NODES} nodes, with a store of its own")
    command(f"etherfleet gateway --workers {NODES} --listen 0.0.0.0:{demo.tcp_port}")
    note(f"ready after {demo.start_gateway():.1f} s; TLS certificate made and kept in the store")

    step(2, "A hub with two users")
    command(f"etherfleet hub create {HUB}")
    demo.run("hub", "create", HUB)
    for user, password in demo.passwords.items():
        command(f"etherfleet user add {HUB} {user}")
        demo.run("user", "add", HUB, user, "--password-file", "-", secret=password)
    note("passwords are in the store only sealed with the fleet key")

    step(3, "Two clients join")
    with _clients(demo, in_namespaces) as probe:
        wait_for(lambda: len(demo.sessions()) == 2, "two sessions")
        for line in demo.run("session", "list", HUB).splitlines():
            note(line)

        step(4, "Traffic between them, through the gateway")
        note(probe("echo", "20"))
        note(probe("transfer", str(TRAFFIC_MB)))

        owner = demo.owner()
        step(5, f"{owner}, which has the hub, is killed (SIGKILL) under traffic")
        names = sorted(str(row["name"]) for row in demo.sessions())
        note(probe("crash", "60", while_running=lambda: _crash(demo, owner)))
        again = sorted(str(row["name"]) for row in demo.sessions())
        if names != again:
            raise Failed(f"sessions changed: {names} became {again}")
        note(f"same sessions as before ({', '.join(names)}): nobody logged in again")

        owner = demo.owner()
        step(6, f"{owner} is drained: its hub moves to another node")
        command(f"etherfleet node drain {owner}")
        note(probe("crash", "100", while_running=lambda: _drain(demo, owner)))
        note(f"hub {HUB} is on {demo.owner()} now")

        step(7, "The whole fleet at a glance")
        command("etherfleet status")
        for line in demo.run("status").splitlines():
            note(line)


def _crash(demo: Demo, node: str) -> None:
    time.sleep(0.7)
    demo.kill(node)


def _drain(demo: Demo, node: str) -> None:
    time.sleep(0.7)
    demo.run("node", "drain", node, "--yes")


@contextmanager
def _clients(demo: Demo, in_namespaces: bool) -> Iterator[Callable[..., str]]:
    """Join alice and bob; yield a function that runs one traffic test and returns a sentence."""
    if not in_namespaces:
        yield from _user_space_clients(demo)
        return
    names = {user: f"ef-{os.getpid()}-{user}" for user in ADDRESSES}
    with ExitStack() as stack:
        for user, netns in names.items():
            _ip("netns", "add", netns)
            stack.callback(_ip, "netns", "delete", netns, check=False)
            command(
                f"etherfleet connect 127.0.0.1:{demo.tcp_port} {HUB} --user {user}"
                f" --address {ADDRESSES[user]}/24 --netns {netns}"
            )
            client = demo.spawn(
                f"{user}.log", "connect", f"127.0.0.1:{demo.tcp_port}", HUB, "--user", user,
                "--address", f"{ADDRESSES[user]}/24", "--netns", netns,
                secret=demo.passwords[user],
            )  # fmt: skip
            stack.callback(_end, client)
            wait_for(lambda netns=netns, user=user: ADDRESSES[user] in _ip(
                "netns", "exec", netns, "ip", "addr"), f"{user}'s interface")  # type: ignore[misc]  # fmt: skip
        yield lambda *words, while_running=None: _run_in_namespaces(names, words, while_running)


def _run_in_namespaces(
    names: dict[str, str], words: tuple[str, ...], while_running: Callable[[], None] | None
) -> str:
    """Serve in bob's namespace, ask from alice's."""
    tool = [sys.executable, str(HERE.with_name("quickstart_traffic.py"))]
    server = subprocess.Popen(
        ["ip", "netns", "exec", names["bob"], *tool, "serve", ADDRESSES["bob"]],
        stdout=subprocess.PIPE,
    )
    try:
        assert server.stdout is not None
        server.stdout.readline()  # it listens
        asking = [
            "ip",
            "netns",
            "exec",
            names["alice"],
            *tool,
            words[0],
            ADDRESSES["bob"],
            words[1],
        ]
        return _finish(subprocess.Popen(asking, stdout=subprocess.PIPE, text=True), while_running)
    finally:
        _end(server)


def _user_space_clients(demo: Demo) -> Iterator[Callable[..., str]]:
    """Run alice and bob in one process that takes the name of a test and answers a sentence."""
    note("without root: alice and bob are clients of our library in user space, no TAP devices")
    tool = [sys.executable, str(HERE.with_name("quickstart_user_space.py"))]
    env = {**demo.env, **{f"PASSWORD_{u.upper()}": p for u, p in demo.passwords.items()}}
    pair = subprocess.Popen(
        [*tool, str(demo.tcp_port), HUB], env=env, text=True, bufsize=1,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert pair.stdin is not None
    assert pair.stdout is not None
    requests, answers = pair.stdin, pair.stdout

    def probe(*words: str, while_running: Callable[[], None] | None = None) -> str:
        print(*words, file=requests)
        if while_running is not None:
            while_running()
        word, _, sentence = answers.readline().strip().partition(" ")
        if word != "ok":
            raise Failed(sentence or "the clients ended")
        return sentence

    try:
        answers.readline()  # both have joined
        yield probe
    finally:
        _end(pair)


def _finish(asking: "subprocess.Popen[str]", while_running: Callable[[], None] | None) -> str:
    try:
        if while_running is not None:
            while_running()
        said, _ = asking.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        raise Failed("traffic did not end within 60 s") from None
    finally:
        _end(asking)
    if asking.returncode:
        raise Failed(said.strip() or "no traffic passed")
    return said.strip()


def explain(demo: Demo) -> None:
    """Print how to go on from here with a stock client and with redis-cli."""
    address = _own_address()
    print(f"\n{paint('1', 'Connect a stock SoftEther VPN Client')}")
    note(f"host {address}, port {demo.tcp_port}, hub {HUB}, user alice, "
         f"standard password {demo.passwords['alice']}; on Linux:")  # fmt: skip
    for line in (
        "vpncmd localhost /CLIENT /CMD NicCreate demo",
        f"vpncmd localhost /CLIENT /CMD AccountCreate demo /SERVER:{address}:{demo.tcp_port}"
        f" /HUB:{HUB} /USERNAME:alice /NICNAME:demo",
        f"vpncmd localhost /CLIENT /CMD AccountPasswordSet demo"
        f" /PASSWORD:{demo.passwords['alice']} /TYPE:standard",
        "vpncmd localhost /CLIENT /CMD AccountConnect demo",
    ):
        command(line)
    print(f"\n{paint('1', 'Look at the state')}")
    store = demo.dir / "valkey.sock"
    for line in (
        f"redis-cli -s {store} HGETALL 'ef:{{default}}:hub:{HUB.lower()}'",
        f"redis-cli -s {store} HGETALL 'ef:{{default}}:user:{HUB.lower()}:alice'",
        f"etherfleet --state-dir {demo.dir} session list {HUB}",
        f"etherfleet --state-dir {demo.dir} redis keys",
    ):
        command(line)


def stay(demo: Demo) -> None:
    """Show the fleet whenever it has changed, until Ctrl-C."""
    print(f"\n{paint('1', 'Running until Ctrl-C')}", flush=True)
    shown = ""
    while True:
        table = demo.run("hub", "list")
        if table != shown:
            print(f"   {time.strftime('%H:%M:%S')}")
            for line in table.splitlines():
                note(line)
            shown = table
        time.sleep(5)


def _own_address() -> str:
    """Return the address of the interface that leads out, else the loopback one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a datagram socket sends nothing by connecting
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _is_free(tcp_port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", tcp_port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])


def _end(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    """Ask a process to end; insist after five seconds."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _ip(*words: str, check: bool = True) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise Failed(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def _can_make_namespaces() -> bool:
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun") or shutil.which("ip") is None:
        return False
    name = f"ef-{os.getpid()}-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if made.returncode:
        return False
    _ip("netns", "delete", name, check=False)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--once", action="store_true", help="end after the demonstration")
    parser.add_argument(
        "--user-space", action="store_true", help="no TAP devices, even where we are root"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(paint("1", "EtherFleet quickstart"))
    with ExitStack() as stack:
        demo = Demo(stack)
        try:
            demonstrate(demo, _can_make_namespaces() and not options.user_space)
            explain(demo)
            if options.once:
                print(f"\n{paint('32', 'Everything worked.')}")
                return 0
            stay(demo)
        except Failed as error:
            print(f"quickstart: {error}", file=sys.stderr)
            print(demo.log("gateway.log")[-2000:], file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nStopping; everything this made goes away.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
