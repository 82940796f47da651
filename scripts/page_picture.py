"""The picture of the administrators' page: three gateways, some hubs, sessions with traffic."""

import math
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from coordinator.fleet import Fleet
from coordinator.model import Hub, HubKind, NodeMode, User
from coordinator.times import utc_now
from gateway.admin import nodes
from gateway.admin.administrators import set_fleet_password
from gateway.client.account import Account
from gateway.wire.auth import user_password_hash
from gateway.wire.handshake import ClientHandshake, Login, Redirected, TicketProof, Welcomed
from tests.browser import Browser
from tests.hostile.stranger import Stranger, frame
from tests.machines import Machines
from tests.stock.waiting import until

PICTURE = Path("docs/page.png")
PASSWORD = "not a secret"
SETTINGS = "[gateway]\nadmin_page = true\n[session]\ntimeout_s = 60\n"
WATCH_S = 75.0  # until the lines have a shape
FRAME_BYTES = 1200
TICK_S = 0.05
SPEAK_S = 5.0
HUBS = {
    "OFFICE": HubKind.DYNAMIC,
    "LAB": HubKind.DYNAMIC,
    "CAMPUS": HubKind.STATIC,
    "GUESTS": HubKind.DYNAMIC,
}


@dataclass(frozen=True, slots=True)
class Flow:
    """One client sends to another of the same hub, so many frames a tick at most."""

    hub: str
    sender: str
    receiver: str
    frames: int


FLOWS = (
    Flow("OFFICE", "anna", "printer", 24),
    Flow("OFFICE", "bela", "nas", 60),
    Flow("LAB", "chiara", "rack-7", 90),
    Flow("CAMPUS", "dmitri", "emma", 40),
)


def main(picture: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="ef-") as home, ExitStack() as stack:
        settings = dict.fromkeys(("berlin", "oslo", "paris"), SETTINGS)
        machines = stack.enter_context(Machines(Path(home), settings))
        _furnish(machines.fleet)
        stopping = threading.Event()
        for number, flow in enumerate(FLOWS):
            stack.enter_context(_run(flow, number, machines.ports["oslo"], stopping))
        stack.callback(stopping.set)
        nodes.set_mode(machines.fleet, "paris", NodeMode.CORDONED, utc_now())
        browser = stack.enter_context(Browser(width=1280, height=1290))
        browser.open(f"https://127.0.0.1:{machines.ports['berlin']}/admin/")
        browser.type("#name", "administrator")
        browser.type("#password", PASSWORD)
        browser.click("#login button")
        until(lambda: len(browser.rows("#sessions")) == 2 * len(FLOWS), "the sessions", 30)
        time.sleep(WATCH_S)
        picture.write_bytes(browser.picture())
    print(f"{picture}: {picture.stat().st_size / 1000:.0f} kB")


def _furnish(fleet: Fleet) -> None:
    set_fleet_password(fleet, PASSWORD, utc_now())
    for name, kind in HUBS.items():
        fleet.directory.create_hub(Hub(name, kind), utc_now())
    for flow in FLOWS:
        for user in (flow.sender, flow.receiver):
            secret = user_password_hash(PASSWORD, user)
            fleet.directory.create_user(User(flow.hub, user, secret=secret), utc_now())


def _run(flow: Flow, number: int, tcp_port: int, stopping: threading.Event) -> ExitStack:
    """Let both clients in and begin to send; leaving the stack closes their connections."""
    stack = ExitStack()
    here, there = 0x5E_00_00_00_01_00 + number, 0x5E_00_00_00_02_00 + number
    sender = stack.enter_context(_enter(tcp_port, flow.hub, flow.sender, number))
    receiver = stack.enter_context(_enter(tcp_port, flow.hub, flow.receiver, 100 + number))

    def send() -> None:
        began = time.monotonic()
        payload = bytes(FRAME_BYTES)
        while not stopping.wait(TICK_S):
            phase = (time.monotonic() - began) / (9 + 2 * number)
            count = round(flow.frames * (0.6 + 0.4 * math.sin(phase + number)))
            sender.send_frames(*([frame(there, here, payload)] * count))

    def receive() -> None:
        due = 0.0
        receiver.sock.settimeout(2 * WATCH_S)
        while not stopping.is_set():
            if time.monotonic() >= due:  # who is silent for long is forgotten by the hub
                receiver.send_frames(frame(here, there, b"hello"))
                due = time.monotonic() + SPEAK_S
            try:
                receiver.sock.recv(1 << 18)
            except OSError:
                if not stopping.is_set():
                    raise

    for work in (send, receive):
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        stack.callback(thread.join, 1.0)
    return stack


def _enter(tcp_port: int, hub: str, user: str, number: int) -> Stranger:
    """Log in, and go where the gateway says."""
    account = Account.of(hub, user, PASSWORD, host_name=f"{user}.example")
    source = f"127.0.{10 + number // 100}.{20 + number % 100}"
    stranger = Stranger(tcp_port, source=source)
    asked = lambda hello: replace(account.login(hello), client_name="Stranger")  # noqa: E731  # short
    event = stranger.talk(ClientHandshake(asked, host="127.0.0.1"))
    if isinstance(event, Redirected):
        stranger.sock.close()
        stranger = Stranger(event.redirect.tcp_ports[0], source=source)
        proof = Login(hub, user, TicketProof(event.redirect.ticket), host_name=f"{user}.example")
        event = stranger.talk(ClientHandshake(lambda _: proof, host="127.0.0.1"))
    assert isinstance(event, Welcomed)
    return stranger


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
