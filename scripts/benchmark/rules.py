"""What rules cost a frame: `python -m scripts.benchmark.rules`.

Runs of 16 frames go through the inspecting path alone, without TLS, sockets or the switch. Printed
are processor nanoseconds a frame; the figure is the best of several, which other work disturbs
least.
"""

import time

from coordinator.access import AccessRule
from coordinator.masks import read_network
from gateway.hub.access import Who
from gateway.hub.rules import Terms
from gateway.hub.switch import Switch, SwitchSettings
from gateway.node.inspect import admit
from gateway.wire.blocks import Run, encode_blocks
from gateway.wire.policy import Policy
from tests.frames import ipv4, tcp, udp

ENDS = ("10.0.0.1", "10.0.0.2")
FLOWS = {
    "1514 B, known flow": [ipv4(*ENDS, 6, tcp(1000, 5201, payload=bytes(1460)))] * 16,
    "60 B, known flow": [ipv4(*ENDS, 17, udp(1000, 5201, bytes(18)))] * 16,
    "60 B, a new flow each": [
        ipv4(*ENDS, 6, tcp(port, 5201, payload=bytes(6))) for port in range(1, 20_001)
    ],
}
POLICIES: dict[str, dict[str, int]] = {
    "policy NoServer": {"no_server": 1},
    "policy MaxUpload": {"max_upload": 10**11},
    "policy CheckIP": {"check_ip": 1},
}
ROUNDS, ROUND_S = 7, 0.15


def main() -> None:
    """Print a table."""
    print(f"{'':<28}" + "".join(f"{name:>24}" for name in FLOWS))
    for count in (1, 10, 100, 1000):
        _print_row(f"access list of {count}", _switch(count, {}))
    for name, policy in POLICIES.items():
        _print_row(name, _switch(0, policy))


def _switch(rules: int, policy: dict[str, int]) -> Switch:
    """Return a switch with a port under rules of which none matches what is sent."""
    switch = Switch(SwitchSettings())
    # Fields of a policy by name, some of them flags.
    plain = Policy(no_bridge=False, no_routing=False, **policy)  # type: ignore[arg-type]
    switch.attach(None, terms=Terms(Who("alice"), plain))
    access = [
        AccessRule(
            number,
            discard=True,
            protocol=6,
            source=read_network(f"192.0.{number % 200}.0/24"),
            destination_ports=(number, number),
        )
        for number in range(1, rules + 1)
    ]
    switch.rules.change(access, {})
    return switch


def _print_row(title: str, switch: Switch) -> None:
    print(
        f"{title:<28}" + "".join(f"{_cost(switch, frames):>21.0f} ns" for frames in FLOWS.values())
    )


def _cost(switch: Switch, frames: list[bytes]) -> float:
    (port,) = switch.ports
    assert port.entry is not None, "nothing is asked"
    parts = [frames[i : i + 16] for i in range(0, len(frames), 16)]
    runs: list[Run] = [
        (part[0][:12], len(part), sum(map(len, part)), encode_blocks(part)) for part in parts
    ]
    best = float("inf")
    for _ in range(ROUNDS):
        began, count = time.process_time(), 0
        while (took := time.process_time() - began) < ROUND_S:
            for run in runs:
                admit(switch, port, port.entry, run, 0.0, [])
                count += run[1]
        best = min(best, took / count)
    return best * 1e9


if __name__ == "__main__":
    main()
