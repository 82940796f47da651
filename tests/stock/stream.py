"""One end of a transfer, run in a namespace by traffic.py: `receive IP` or `send IP PORT SIZE`.

The receiver prints its port at once; both print "size sha256 seconds" at the end. Half of the
bytes are random and half are text, so that compression has something to do and cannot do all.
"""

import hashlib
import random
import socket
import sys
import time
from collections.abc import Iterator

CHUNK = 65536
TEXT = (b"etherfleet: as much text as it takes to fill a chunk. " * 2000)[:CHUNK]


def main() -> None:
    if sys.argv[1] == "receive":
        report = receive(sys.argv[2])
    else:
        report = send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    print(report)


def receive(ip: str) -> str:
    with socket.create_server((ip, 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        stream, _ = listener.accept()
    digest, size, started = hashlib.sha256(), 0, time.monotonic()
    with stream:
        while data := stream.recv(1 << 18):
            digest.update(data)
            size += len(data)
        stream.sendall(b"!")  # the sender ends only when everything has arrived
    return f"{size} {digest.hexdigest()} {time.monotonic() - started:.3f}"


def send(ip: str, tcp_port: int, size: int) -> str:
    digest, started = hashlib.sha256(), time.monotonic()
    with socket.create_connection((ip, tcp_port), 30) as stream:
        stream.settimeout(None)
        for data in chunks(size):
            digest.update(data)
            stream.sendall(data)
        stream.shutdown(socket.SHUT_WR)
        assert stream.recv(1) == b"!", "the receiver ended early"
    return f"{size} {digest.hexdigest()} {time.monotonic() - started:.3f}"


def chunks(size: int) -> Iterator[bytes]:
    source = random.Random()
    while size > 0:
        for data in (source.randbytes(CHUNK), TEXT):
            yield data[:size]
            size -= min(size, CHUNK)


if __name__ == "__main__":
    main()
