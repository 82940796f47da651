"""`./scripts/bench`: run the scenarios, print the ratios, write them down.

The reference and our gateway run side by side in a network namespace, on loopback, and are loaded
in turns, slice by slice; so whatever else slows the machine down slows both.
"""

import argparse
import datetime
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from scripts.benchmark import lan as lan_bridge
from scripts.benchmark import report
from scripts.benchmark.driver import ROOT, Load
from scripts.benchmark.figures import Row
from scripts.benchmark.renewals import renewals
from scripts.benchmark.scenarios import FLOODED, FLOWS, HUB, WORKERS, FlowScenario
from scripts.benchmark.servers import OUR_PORT, Ours, Reference, Server
from scripts.benchmark.sessions import idle, logins
from scripts.benchmark.stock import stock
from tests.stock.namespaces import Lan, Namespace
from tests.stock.needs import missing

PAGE = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "docs" / "performance.json"
PASSES = 3  # through the load: a machine that is shared is faster in some minutes than in others
OTHERS = ("logins", "idle", "renewals", "stock", lan_bridge.NAME, WORKERS.name)


def main() -> int:
    """Return 0, or 2 when it cannot run here."""
    options = _options()
    if why := missing():
        print(f"bench: {why}", file=sys.stderr)
        return 2
    chosen = [scenario.name for scenario in FLOWS] + list(OTHERS)
    if options.quick:
        chosen = [scenario.name for scenario in FLOWS if scenario.is_quick] + [
            "logins",
            "idle",
            "renewals",
        ]
    if options.scenario:
        unknown = set(options.scenario) - {*(s.name for s in FLOWS), *OTHERS}
        if unknown:
            names = ", ".join([*(s.name for s in FLOWS), *OTHERS])
            print(f"bench: no scenario {', '.join(unknown)}; there are {names}", file=sys.stderr)
            return 2
        chosen = options.scenario
    # To be told to end is no reason to leave servers and namespaces behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rows, about = _run(chosen, options)
    described = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": report.machine(),
        **about,
    }
    print()
    print(report.table(rows))
    if options.json:
        Path(options.json).write_text(report.to_json(rows, described))
    if not (options.quick or options.scenario):
        RESULTS.write_text(report.to_json(rows, described))
        report.write_page(PAGE, rows, described)
        print(f"\nwritten: {PAGE.relative_to(ROOT)}, {RESULTS.relative_to(ROOT)}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="what matters most, in five minutes")
    parser.add_argument("--scenario", action="append", metavar="NAME", help="only this one")
    parser.add_argument("--rounds", type=int, default=0, help="slices of each server")
    parser.add_argument("--seconds", type=float, default=0.0, help="of a slice")
    parser.add_argument("--json", metavar="FILE", help="write the results there as well")
    return parser.parse_args()


def _run(chosen: Sequence[str], options: argparse.Namespace) -> tuple[list[Row], dict[str, str]]:
    rounds = options.rounds or (6 if options.quick else 12)
    seconds = options.seconds or (0.5 if options.quick else 1.0)
    rows: list[Row] = []
    flows = [scenario for scenario in FLOWS if scenario.name in chosen]
    with Lan("bench") as lan, ExitStack() as stack:
        hubs = [HUB]
        servers = _start(_both(lan["bench"]), hubs, stack)
        about = {server.name: server.describe() for server in servers}
        for _ in range(PASSES):
            for scenario in flows:
                fresh = [hub for hub in scenario.hubs if hub not in hubs]
                hubs += fresh
                for server in servers:
                    server.create_hubs(fresh)
                slices = max(1, rounds * scenario.turns // PASSES)
                _add(rows, _tell(_flow(scenario, servers, slices, seconds)))
            if "logins" in chosen:
                turns = max(1, rounds // 2 // PASSES)
                _add(rows, _tell(logins(servers, turns, 3 * seconds)))
    if "idle" in chosen:
        counts = (100, 1000) if options.quick else (100, 1000, 5000)
        # Fresh servers: memory that frames once needed would hide what sessions need.
        with Lan("bench") as lan, ExitStack() as stack:
            servers = _start(_both(lan["bench"]), [HUB], stack)
            rows += _tell(idle(servers, counts, 1000, max(1, rounds // 2), 10 * seconds))
    if "renewals" in chosen:
        with Lan("bench") as lan, ExitStack() as stack:
            ours = Ours(lan["bench"])
            _start([ours], [HUB], stack)
            rows += _tell(renewals(ours, FLOODED, 10 if options.quick else 60))
    if WORKERS.name in chosen:
        with Lan("bench") as lan, ExitStack() as stack:
            servers = _start(
                [
                    Ours(lan["bench"], workers=1),
                    Ours(lan["bench"], workers=2, tcp_port=OUR_PORT + 100),
                ],
                WORKERS.hubs,
                stack,
            )
            rows += _tell(_flow(WORKERS, servers, rounds, seconds))
    if "stock" in chosen:
        rows += _tell(stock(3, 5))
    if lan_bridge.NAME in chosen:
        rows += _tell(lan_bridge.bridged(options.rounds or 3, round(options.seconds) or 5))
    return rows, about


def _both(namespace: Namespace) -> list[Server]:
    return [Reference(namespace), Ours(namespace)]


def _start(servers: list[Server], hubs: Sequence[str], stack: ExitStack) -> list[Server]:
    for server in servers:
        server.start()
        stack.callback(server.stop)
        server.create_hubs(hubs)
    return servers


def _flow(
    scenario: FlowScenario, servers: Sequence[Server], slices: int, seconds: float
) -> list[Row]:
    rows = [Row(scenario.name, scenario.title, figure) for figure in scenario.figures]
    with ExitStack() as stack:
        loads = [stack.enter_context(Load(server, scenario.jobs)) for server in servers]
        for _ in range(slices):
            theirs, mine = (scenario.sample(load.run(seconds)) for load in loads)
            for row in rows:
                row.reference.append(theirs[row.figure.key])
                row.ours.append(mine[row.figure.key])
    return rows


def _add(rows: list[Row], more: list[Row]) -> None:
    """Add what another pass saw to the rows of those before."""
    known = {(row.scenario, row.figure.key): row for row in rows}
    for row in more:
        if (before := known.get((row.scenario, row.figure.key))) is None:
            rows.append(row)
        else:
            before.reference += row.reference
            before.ours += row.ours


def _tell(rows: list[Row]) -> list[Row]:
    """Show that something happens."""
    for row in rows:
        ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
        print(f"{row.title}: {row.figure.title}: {ratio}", file=sys.stderr, flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
