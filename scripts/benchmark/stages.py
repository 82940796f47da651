"""Where the time of a forwarded GB goes inside the gateway, without sockets: stage by stage.

    .venv/bin/python -m scripts.benchmark.stages

Prints processor seconds per GB of frames. Everything else a server spends (`./scripts/bench`) is
the kernel's and the loop's. The column `split` is all that a compiled core could save.
"""

import datetime
import time
from collections.abc import Callable
from typing import Any

from gateway.hub.switch import Switch, SwitchSettings
from gateway.node.certificate import make
from gateway.transport import tls
from gateway.transport.contexts import client_context, server_context
from gateway.transport.tls import PLAINTEXT, PLAINTEXT_START, TlsEngine
from gateway.wire.blocks import BlockScanner, encode_blocks
from scripts.benchmark.station import BROADCAST, frame, mac

SECONDS = 1.0
CHUNK = 240 * 1024
CASES = ((1514, 1), (1514, 16), (1514, 64), (256, 16), (64, 16))
STAGES = ("TLS in", "split", "look up", "TLS out")


def pair() -> tuple[TlsEngine, TlsEngine]:
    """Return the server's and the client's end of a TLS stream."""
    pem, key = make("benchmark", datetime.datetime.now(datetime.UTC))
    server = TlsEngine(server_context(pem, key), server_side=True)
    client = TlsEngine(client_context(), server_side=False, server_name="benchmark")
    is_done = False
    while not is_done:
        is_done = client.handshake()
        _pass(client, server)
        is_done = server.handshake() and is_done
        _pass(server, client)
    return server, client


def _pass(source: TlsEngine, target: TlsEngine) -> int:
    data = source.take()
    tls.CIPHERTEXT_VIEW[: len(data)] = data
    target.feed(len(data))
    return len(data)


def measure(size: int, batch: int) -> list[float]:
    """Return seconds per GB of each stage, for chunks of messages of `batch` frames."""
    server_in, client_in = pair()
    server_out, client_out = pair()
    switch = Switch(SwitchSettings())
    one, other = switch.attach(1), switch.attach(2)
    for port, number in ((one, 1), (other, 2)):
        switch.forward(port, BROADCAST + mac(number), 1, 64, 0.0)
    message = encode_blocks([frame(mac(2), mac(1), size)] * batch)
    scanner = BlockScanner()
    spent = [0.0] * len(STAGES)
    octets = 0
    until = time.perf_counter() + SECONDS

    def timed(stage: int, step: Callable[..., Any], *arguments: object) -> Any:
        began = time.perf_counter()
        value = step(*arguments)
        spent[stage] += time.perf_counter() - began
        return value

    while time.perf_counter() < until:
        for _ in range(max(1, CHUNK // len(message))):
            client_in.encrypt(message)
        data = client_in.take()
        tls.CIPHERTEXT_VIEW[: len(data)] = data
        end = timed(0, server_in.decrypt, len(data))
        for addresses, frames, total, run in timed(
            1, scanner.scan, PLAINTEXT, PLAINTEXT_START, end
        ):
            octets += total
            timed(2, switch.forward, one, addresses, frames, total, 0.0)
            for piece in timed(3, server_out.seal, run):
                tls.CIPHERTEXT_VIEW[: len(piece)] = piece
                client_out.decrypt(len(piece))
    return [seconds / octets * 1e9 for seconds in spent]


def main() -> None:
    """Print a table."""
    print(f"| frames | batch | {' | '.join(STAGES)} | together |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for size, batch in CASES:
        spent = measure(size, batch)
        cells = " | ".join(f"{seconds:.3f}" for seconds in [*spent, sum(spent)])
        print(f"| {size} B | {batch} | {cells} |")


if __name__ == "__main__":
    main()
