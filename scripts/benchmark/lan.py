"""TCP between a stock client and a machine of the LAN, as a user has it: iperf3 over the bridge.

      alpha: vpnclient ── vpnserver, its bridge to eth1   ──┬── desk
                       └─ our gateway, its bridge to eth2 ──┘

The servers take turns, each with a card of its own. The desk sends frames as a real card does: from
a virtual cable with its offloads on, the reference takes frames it cannot use (0.2 Mbit/s).
"""

from collections.abc import Sequence
from contextlib import ExitStack

from gateway.admin import bridges
from scripts.benchmark.figures import Row
from scripts.benchmark.scenarios import HUB
from scripts.benchmark.servers import Ours, Reference, Server
from scripts.benchmark.station import PASSWORD, USER
from scripts.benchmark.stock import FIGURES, one_way
from tests.stock.client import StockClient
from tests.stock.namespaces import Lan
from tests.stock.office import Office
from tests.stock.traffic import ping
from tests.stock.waiting import until

NAME = "bridge"
WAYS = (("bridge-out", "client to LAN"), ("bridge-in", "LAN to client"))


def bridged(rounds: int, seconds: int) -> list[Row]:
    """Return both ways of one TCP connection between a packaged client and the LAN."""
    rows = {
        (name, figure.key): Row(name, f"iperf3 over the local bridge, {way}", figure)
        for name, way in WAYS
        for figure in FIGURES
    }
    with Lan("alpha", "servers") as lan, Office() as office, ExitStack() as stack:
        office.as_on_a_wire()
        reference, ours = Reference(lan["servers"]), Ours(lan["servers"])
        servers: list[Server] = [reference, ours]
        for server, device in zip(servers, ("eth1", "eth2"), strict=True):
            office.plug(lan["servers"], device)
            server.start()
            stack.callback(server.stop)
            server.create_hubs([HUB])
        reference.vpncmd(f"BridgeCreate {HUB} /DEVICE:eth1 /TAP:no")
        with ours.fleet() as fleet:
            bridges.add(fleet, HUB, "eth2")
        for _ in range(rounds):
            for server in servers:
                for (name, _), got in zip(
                    WAYS, _both_ways(lan, office, server, seconds), strict=True
                ):
                    for key, number in got.items():
                        row = rows[name, key]
                        (row.reference if server is reference else row.ours).append(number)
    return list(rows.values())


def _both_ways(
    lan: Lan, office: Office, server: Server, seconds: int
) -> Sequence[dict[str, float]]:
    with StockClient(lan["alpha"]) as alpha:
        alpha.connect(
            host=f"{lan['servers'].ip}/tcp",
            tcp_port=server.tcp_port,
            hub=HUB,
            user=USER,
            password=PASSWORD,
        )
        here, there = alpha.address("192.168.77.3/24"), office.place
        until(lambda: ping(here, there, count=3).received, "an answer from the LAN", 20)
        return [one_way(server, here, there, seconds), one_way(server, there, here, seconds)]
