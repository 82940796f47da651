"""Several of our clients in one process, in user space; run in a namespace by crowd.py.

    python -m tests.stock.crowd_inside TCP_PORT MEMBERS IP...

MEMBERS is a file: a JSON list of `name`, `hub`, `password`. Each member stays joined by whichever
address answers and sends a frame to everybody twenty times a second, with its name and the time.
Four times a second a line of JSON says what all of them know, by member.
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402

from gateway import logs  # noqa: E402
from gateway.client.account import Account  # noqa: E402
from gateway.client.dial import Trust  # noqa: E402
from gateway.client.keeper import Keeper  # noqa: E402
from gateway.client.resolve import EndpointRing, Target  # noqa: E402
from gateway.client.session import ClientSession  # noqa: E402
from gateway.transport.contexts import client_context  # noqa: E402
from gateway.wire.blocks import Run, encode_blocks, iterate_frames  # noqa: E402

SEND_EVERY_S = 0.05
TELL_EVERY_S = 0.25
EVERYBODY = b"\xff" * 6
ETHERTYPE = b"\x88\xb5"  # IEEE 802: for experiments on one's own network
HEAD = 14  # bytes of an Ethernet header


class Member:
    """One client, and when it last heard of each other one."""

    def __init__(self, number: int, name: str, ring: EndpointRing, account: Account) -> None:
        self.name = name
        self.heard: dict[str, float] = {}
        self._head = EVERYBODY + bytes((2, 0, 0, 0, number >> 8, number & 255)) + ETHERTYPE
        self._resumed = 0
        self._keeper = Keeper(
            ring,
            account,
            Trust(client_context()),
            receive=self._receive,
            joined=lambda session: None,
            left=self._left,
        )

    def run(self) -> None:
        gevent.spawn(self._chatter)
        self._keeper.run()

    def tell(self) -> dict[str, object]:
        session = self._keeper.session
        return {
            "session": session.welcome.session_name if session is not None else "",
            "logins": self._keeper.logins,
            "resumed": self._resumed + (session.resumed if session is not None else 0),
            "heard": self.heard,
        }

    def _left(self, session: ClientSession) -> None:
        self._resumed += session.resumed
        self._keeper.session = None

    def _chatter(self) -> None:
        while True:
            gevent.sleep(SEND_EVERY_S)
            session = self._keeper.session
            if session is not None:
                said = f"{self.name} {time.monotonic():.6f} ".encode()
                session.send(encode_blocks([self._head + said.ljust(46)]), 1)
                session.flush()

    def _receive(self, runs: Sequence[Run]) -> None:
        for _addresses, _frames, _size, message in runs:
            for frame in iterate_frames(message):
                if frame[12:HEAD] == ETHERTYPE:
                    name, sent, *_ = frame[HEAD:].split(b" ", 2)
                    self.heard[name.decode()] = float(sent)


def main() -> None:
    tcp_port, path, *ips = sys.argv[1:]
    logs.configure("info")
    resolver = partial(_resolve, ips)
    members = []
    for number, row in enumerate(json.loads(Path(path).read_text()), start=1):
        ring = EndpointRing(Target("fleet.test", int(tcp_port)), resolver)
        account = Account.of(row["hub"], row["name"], row["password"])
        members.append(Member(number, row["name"], ring, account))
    for member in members:
        gevent.spawn(member.run)
    while True:
        told = {member.name: member.tell() for member in members}
        print(json.dumps({"at": time.monotonic(), "members": told}), flush=True)
        gevent.sleep(TELL_EVERY_S)


def _resolve(ips: Sequence[str], _host: str, tcp_port: int) -> list[tuple[Any, ...]]:
    """Answer as `getaddrinfo` would, if a name had these addresses."""
    return [(None, None, None, "", (ip, tcp_port)) for ip in ips]


if __name__ == "__main__":
    main()
