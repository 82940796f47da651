"""A crowd: many sessions that log in, stay and say nothing.

    python -m scripts.benchmark.crowd

Reads a job (one line of JSON) from standard input and prints `ready`. Then lines: `grow N` logs in
until N sessions stand or one is not let in, and prints how many stand; `stop` ends the process.
"""

import os

os.environ["GEVENT_RESOLVER"] = "block"  # no thread to look 127.0.0.1 up

from gevent import monkey  # it reads the line above

monkey.patch_all()

import gc  # noqa: E402  # nothing may import sockets before the patch
import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

import gevent  # noqa: E402
from gevent.fileobject import FileObjectThread  # noqa: E402
from gevent.pool import Pool  # noqa: E402

from gateway.errors import EtherFleetError  # noqa: E402
from scripts.benchmark.station import Station  # noqa: E402

AT_ONCE = 16
KEEP_ALIVE_S = 7.0  # what stock clients come to on average, with a time-out of 20 s


class Crowd:
    """Sessions on one hub."""

    def __init__(self, tcp_port: int, hub: str) -> None:
        self._where = (tcp_port, hub)
        self._stations: list[Station] = []
        self._is_full = False

    def grow(self, count: int) -> int:
        """Log in until `count` sessions stand or one is not let in; return how many do."""
        pool = Pool(AT_ONCE)
        self._is_full = False
        for number in range(len(self._stations), count):
            pool.spawn(self._log_in, number)
            if self._is_full:
                break
        pool.join(raise_error=True)
        return len(self._stations)

    def keep_alive(self) -> None:
        """Keep every session, for ever, evenly spread."""
        while True:
            began = time.monotonic()
            for number, station in enumerate(list(self._stations), start=1):
                station.keep_alive()
                due = began + KEEP_ALIVE_S * number / len(self._stations)
                gevent.sleep(max(0.0, due - time.monotonic()))
            gevent.sleep(max(0.1, began + KEEP_ALIVE_S - time.monotonic()))

    def close(self) -> None:
        """End every session."""
        for station in self._stations:
            station.close()

    def _log_in(self, number: int) -> None:
        try:
            self._stations.append(Station(*self._where, number))
        except EtherFleetError as error:
            print(f"crowd: {len(self._stations)} sessions stand, then: {error}", file=sys.stderr)
            self._is_full = True


def main() -> None:
    """Do as told."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # as the gateway does: no time for cycles that are not there
    commands = FileObjectThread(sys.stdin.fileno())
    job = json.loads(commands.readline())
    crowd = Crowd(job["tcp_port"], job["hub"])
    gevent.spawn(crowd.keep_alive)
    print("ready", flush=True)
    for line in iter(commands.readline, ""):
        word, _, number = line.strip().partition(" ")
        if word == "grow":
            print(crowd.grow(int(number)), flush=True)
        else:
            break
    crowd.close()


if __name__ == "__main__":
    main()
