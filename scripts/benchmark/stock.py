"""TCP between two stock clients, as a user has it: iperf3 through TAP devices and a hub.

      alpha: vpnclient ── servers: vpnserver, our gateway ── beta: vpnclient

Each has a network namespace of its own; the servers take turns.
"""

from collections.abc import Sequence
from contextlib import ExitStack

from scripts.benchmark.figures import Figure, Row
from scripts.benchmark.scenarios import HUB
from scripts.benchmark.servers import Ours, Reference, Server
from scripts.benchmark.station import PASSWORD, USER
from tests.stock.client import StockClient
from tests.stock.namespaces import Endpoint, Lan
from tests.stock.traffic import iperf, ping

FIGURES = (
    Figure("mbit_s", "Mbit/s", 0, at_least=True),
    Figure("cpu_s_gb", "processor s per GB", 2),
)
ADDRESSES = {"alpha": "192.168.77.1", "beta": "192.168.77.2"}


def stock(rounds: int, seconds: int) -> list[Row]:
    """Return both ways of one TCP connection between two packaged clients."""
    ways = (("stock-there", "alpha to beta"), ("stock-back", "beta to alpha"))
    rows = {
        (name, figure.key): Row(name, f"iperf3 through stock clients, {way}", figure)
        for name, way in ways
        for figure in FIGURES
    }
    with Lan("alpha", "beta", "servers") as lan, ExitStack() as stack:
        servers: list[Server] = [Reference(lan["servers"]), Ours(lan["servers"])]
        for server in servers:
            server.start()
            stack.callback(server.stop)
            server.create_hubs([HUB])
        for _ in range(rounds):
            for server in servers:
                for (name, _), got in zip(ways, _both_ways(lan, server, seconds), strict=True):
                    for key, number in got.items():
                        row = rows[name, key]
                        (row.reference if server is servers[0] else row.ours).append(number)
    return list(rows.values())


def _both_ways(lan: Lan, server: Server, seconds: int) -> Sequence[dict[str, float]]:
    with StockClient(lan["alpha"]) as alpha, StockClient(lan["beta"]) as beta:
        ends: list[Endpoint] = []
        for label, client in (("alpha", alpha), ("beta", beta)):
            client.connect(
                host=f"{lan['servers'].ip}/tcp",
                tcp_port=server.tcp_port,
                hub=HUB,
                user=USER,
                password=PASSWORD,
            )
            ends.append(client.address(f"{ADDRESSES[label]}/24"))
        one, other = ends
        ping(one, other, count=5)
        return [one_way(server, one, other, seconds), one_way(server, other, one, seconds)]


def one_way(server: Server, source: Endpoint, target: Endpoint, seconds: int) -> dict[str, float]:
    """Return what iperf3 measured, and what it cost the server."""
    before = server.cost().cpu_s
    megabits = iperf(source, target, seconds=seconds)
    spent = server.cost().cpu_s - before
    return {"mbit_s": megabits, "cpu_s_gb": spent / (megabits / 8000 * seconds)}
