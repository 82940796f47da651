"""Traffic of the quickstart, run inside a namespace: a server, and three ways to ask it.

serve ADDRESS              echo datagrams, swallow streams, until killed
echo ADDRESS COUNT         datagrams one after the other, their round-trip times
transfer ADDRESS MEGABYTES a stream of random bytes, compared by checksum
crash ADDRESS COUNT        datagrams every 50 ms, whatever happens meanwhile: the longest gap
"""

import hashlib
import os
import select
import socket
import sys
import threading
import time
from itertools import pairwise

PORT = 7007


def serve(address: str) -> None:
    echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    echo.bind((address, PORT))
    listening = socket.create_server((address, PORT))
    threading.Thread(target=_echo, args=(echo,), daemon=True).start()
    print("ready", flush=True)
    while True:
        stream, _ = listening.accept()
        digest = hashlib.sha256()
        while data := stream.recv(1 << 18):
            digest.update(data)
        stream.sendall(digest.digest())
        stream.close()


def _echo(sock: socket.socket) -> None:
    while True:
        data, peer = sock.recvfrom(2048)
        sock.sendto(data, peer)


def echo(address: str, count: int) -> str:
    sock = _connected(address)
    times = []
    for _ in range(count):
        began = time.perf_counter()
        sock.send(b"x" * 56)
        if select.select([sock], [], [], 5)[0]:
            sock.recv(2048)
            times.append((time.perf_counter() - began) * 1000)
    if len(times) < count:
        sys.exit(f"{count - len(times)} of {count} datagrams were lost")
    times.sort()
    return f"{count} datagrams there and back: {times[count // 2]:.2f} ms median, none lost"


def transfer(address: str, megabytes: int) -> str:
    block = os.urandom(1_000_000)
    digest = hashlib.sha256()
    stream = socket.create_connection((address, PORT), 10)
    began = time.perf_counter()
    for _ in range(megabytes):
        stream.sendall(block)
        digest.update(block)
    stream.shutdown(socket.SHUT_WR)
    answer = stream.recv(32, socket.MSG_WAITALL)
    took = time.perf_counter() - began
    if answer != digest.digest():
        sys.exit("the checksums differ")
    rate = megabytes * 8 / took
    return f"{megabytes} MB over TCP in {took:.2f} s: {rate:.0f} Mbit/s, checksum equal"


def crash(address: str, count: int) -> str:
    sock = _connected(address)
    began = time.perf_counter()
    answers: dict[int, float] = {}
    sent = 0
    until = began + count * 0.05 + 4
    while time.perf_counter() < until and len(answers) < count:
        now = time.perf_counter()
        if sent < count and now >= began + sent * 0.05:
            sock.send(sent.to_bytes(4, "big"))
            sent += 1
        if select.select([sock], [], [], 0.01)[0]:
            answers[int.from_bytes(sock.recv(2048), "big")] = time.perf_counter()
    if not answers:
        sys.exit("no datagram came back")
    times = sorted([began, *answers.values()])
    gap = max(b - a for a, b in pairwise(times))
    lost = count - len(answers)
    return f"{count} datagrams, one each 50 ms: {lost} lost, longest gap {gap:.2f} s"


def _connected(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((address, PORT))
    return sock


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    test = {"echo": echo, "transfer": transfer, "crash": crash}[sys.argv[1]]
    print(test(sys.argv[2], int(sys.argv[3])))
