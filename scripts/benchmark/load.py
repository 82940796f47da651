"""A load process: stations in one loop, no threads, nothing between them and the sockets.

    python -m scripts.benchmark.load

Reads a job (one line of JSON) from standard input, logs in, prints `ready`. Then lines: `go` starts
the flows, `pause` halts them and prints their results in one line of JSON, `stop` ends the process.
"""

import json
import os
import select
import sys
import time
from pathlib import Path
from typing import Any

from scripts.benchmark.counters import Counters
from scripts.benchmark.flows import ClosedLoop, Flow, OpenLoop, RoundTrips, Sink
from scripts.benchmark.station import Station, mac

TICK_S, PAUSED_TICK_S = 0.01, 0.5
KEEP_ALIVE_S = 4.0
PROBE_PRIORITY = 1  # real-time: before everybody else


def make(job: dict[str, Any], tcp_port: int, counters: Counters) -> Flow:
    """Log the stations of one flow in; `first` numbers them."""
    first, receivers = job["first"], job.get("receivers", 1)

    def station(number: int) -> Station:
        return Station(tcp_port, job["hub"], number)

    match job["kind"]:
        case "closed":
            to = [station(first + 1 + n) for n in range(receivers)]
            return ClosedLoop(station(first), to, counters, job)
        case "open":
            return OpenLoop(station(first), mac(job["to"]), counters, job)
        case "sink":
            return Sink([station(first + n) for n in range(receivers)], counters, job)
        case "trips":
            return RoundTrips(station(first), station(first + 1), counters, job)
    raise ValueError(f"no flow of kind {job['kind']}")


class Loop:
    """Serves whichever station is ready, one read each in turn."""

    def __init__(self, flows: list[Flow]) -> None:
        self._flows = flows
        self._poll = select.epoll()
        self._poll.register(sys.stdin.fileno(), select.EPOLLIN)
        self._by_number: dict[int, tuple[Flow, Station]] = {}
        self._blocked: set[int] = set()
        self._tick_s = PAUSED_TICK_S
        for flow in flows:
            for station in flow.stations:
                self._by_number[station.fileno()] = (flow, station)
                self._poll.register(station.fileno(), select.EPOLLIN)

    def run(self) -> None:
        """Serve until told to stop."""
        ticked = said = time.monotonic()
        while True:
            for number, events in self._poll.poll(self._tick_s):
                if number in self._by_number:
                    self._serve(*self._by_number[number], events)
                elif self._is_stop():
                    return
            now = time.monotonic()
            if now - ticked >= self._tick_s:
                ticked = now
                for flow in self._flows:
                    flow.tick(now)
                    self._watch(flow)
            if now - said >= KEEP_ALIVE_S:
                said = now
                for _, station in self._by_number.values():
                    station.keep_alive()

    def _serve(self, flow: Flow, station: Station, events: int) -> None:
        if events & select.EPOLLOUT:
            station.resume()
            if not station.is_blocked:
                flow.writable(station)
        if events & select.EPOLLIN:
            flow.readable(station)
        self._watch(flow)

    def _watch(self, flow: Flow) -> None:
        """Wait for room where the kernel was full, and stop waiting where it is not."""
        station = flow.stations[0]  # the one that sends much
        number = station.fileno()
        if station.is_blocked and number not in self._blocked:
            self._blocked.add(number)
            self._poll.modify(number, select.EPOLLIN | select.EPOLLOUT)
        elif not station.is_blocked and number in self._blocked:
            self._blocked.remove(number)
            self._poll.modify(number, select.EPOLLIN)

    def _is_stop(self) -> bool:
        match sys.stdin.readline().strip():
            case "go":
                self._tick_s = TICK_S
                for flow in self._flows:
                    flow.start()
            case "pause":
                self._tick_s = PAUSED_TICK_S  # the other server's turn: be no burden on it
                for flow in self._flows:
                    flow.pause()
                print(json.dumps([flow.result() for flow in self._flows]), flush=True)
            case _:
                return True
        return False


def main() -> None:
    """Do one job."""
    job = json.loads(sys.stdin.readline())
    if any(flow["kind"] == "trips" for flow in job["flows"]):
        # What is measured is the server, not how long the probe waits for a processor. A nice value
        # would not do: where sessions are groups of the scheduler it counts within a session only.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PROBE_PRIORITY))
    counters = Counters(Path(job["counters"]))
    flows = [make(flow, job["tcp_port"], counters) for flow in job["flows"]]
    for flow in flows:
        for station in flow.stations:
            station.introduce()
    print("ready", flush=True)
    Loop(flows).run()
    for flow in flows:
        for station in flow.stations:
            station.close()


if __name__ == "__main__":
    main()
