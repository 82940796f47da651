"""Strike faults one after another, measure, print the table and write it as JSON.

With --lan: the same faults for users of a static hub that all gateways bridge to one LAN.
With --soak: strike a mix of them by chance, and look for two owners of a hub.
"""

import argparse
import json
import random
import sys
import time
from dataclasses import asdict
from pathlib import Path

from scripts.fault_table.lan import LAN_ROWS, LanScene
from scripts.fault_table.lan import PAIRS as ON_LAN
from scripts.fault_table.rows import ROWS, Row, watching_owner
from scripts.fault_table.scene import CLIENTS, SHOP, SUBNETS, Measured, Scene, measuring
from scripts.fault_table.soak import soak
from scripts.fault_table.table import PAIRS as BOTH_HUBS
from scripts.fault_table.table import print_table
from tests.stock.fleet import Fleet
from tests.stock.needs import missing
from tests.stock.office import Office


def main() -> int:
    options = _options()
    if why := missing():
        print(f"faults: {why}", file=sys.stderr)
        return 1
    if options.soak:
        return bool(soak(options.soak, options.seed, options.workers, say))
    rows = LAN_ROWS if options.lan else ROWS
    names = [row.name for row in rows]
    if unknown := set(options.fault or ()) - set(names):
        print(f"faults: no {', '.join(unknown)}; there are {', '.join(names)}", file=sys.stderr)
        return 2
    rows = [row for row in rows if not options.fault or row.name in options.fault]
    found: list[Measured] = []
    retry_s, settings = (5, "[session]\ntimeout_s = 5\n") if options.shortest else (15, "")
    with (
        Fleet(*CLIENTS, workers=options.workers, settings=settings) as fleet,
        Office(*(fleet[name] for name in fleet.hosts), subnet=SUBNETS[SHOP]) as office,
    ):
        scene = (LanScene if options.lan else Scene)(fleet, say, retry_s=retry_s, office=office)
        if isinstance(scene, LanScene):
            scene.join_users()
        for row in rows:
            for run in range(1, options.runs + 1):
                say(f"{row.name}: run {run} of {options.runs}")
                found.append(one_run(scene, row, options.verbose))
                options.json.write_text(json.dumps([asdict(m) for m in found], indent=1) + "\n")
        faults = fleet.faults()
    print_table(rows, found, ON_LAN if options.lan else BOTH_HUBS, shortest=options.shortest)
    for fault in faults:
        print(f"fault of ours: {fault}")
    return bool(faults)


def one_run(scene: Scene, row: Row, verbose: bool) -> Measured:
    """Strike `row` once; never raises for what a fault did, but says so in the notes."""
    measured = Measured(row.name)
    try:
        scene.repair()
        with scene.company() as pairs:
            if row.moves:
                scene.shelter()
            with watching_owner(scene, measured), measuring(pairs, measured):
                row.strike(scene, measured)
            if isinstance(scene, LanScene):
                scene.note_found(measured)
            say(f"   gaps {measured.gaps}  new logins {measured.new_logins} {measured.found or ''}")
            say(
                f"   owner {measured.owner_before} -> {measured.owner_after}"
                f" after {measured.elsewhere_s} s; codes {measured.errors}"
                f" logins {measured.slowest_login_s} {measured.notes}"
            )
            if verbose:
                print(scene.fleet.explain())
                for pair in pairs:
                    for client in pair.clients:
                        print(f"--- {client.namespace.label}\n{client.log()[-3000:]}")
            scene.repair()
    except AssertionError as error:
        measured.notes.append(str(error).splitlines()[0])
        say(f"   run failed: {error}")
    return measured


def say(text: str) -> None:
    """Tell how far it is."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/faults", description=__doc__)
    names = ", ".join(row.name for row in ROWS)
    parser.add_argument("--fault", action="append", metavar="NAME", help=f"only this one: {names}")
    parser.add_argument(
        "--lan", action="store_true", help="the static hub on a LAN, a machine of it pinged"
    )
    parser.add_argument("--runs", type=int, default=3, help="of each fault [default: 3]")
    parser.add_argument("--workers", type=int, default=2, help="per host [default: 2]")
    parser.add_argument("--shortest", action="store_true", help="time-out 5 s, retry interval 5 s")
    parser.add_argument("--json", type=Path, default=Path("build/faults.json"), help="written too")
    parser.add_argument("--verbose", action="store_true", help="print the logs of every run")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="a mix by chance instead")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="of the mix [default: by chance]"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
