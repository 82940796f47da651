"""A way to the store that stops it in the very moment it is asked for something."""

import os
import signal
import socket
import threading
from pathlib import Path

from coordinator.redis_store import connect


class LateStore:
    """A unix socket in front of the store at `socket_path`.

    Once `stop_at` is set, the first request that holds it finds the store stopped (SIGSTOP): the
    request is in its hands, and is done `for_s` seconds later, when nobody waits for it any more.
    """

    def __init__(self, socket_path: Path, front: Path, for_s: float) -> None:
        self.front = front
        self.stop_at = b""
        self.is_back = threading.Event()
        self._store = socket_path
        self._for_s = for_s
        with_store = connect(f"unix://{socket_path}", "default")
        self._pid = int(with_store.facts()["process_id"])
        with_store.close()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(front))
        self._listening.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listening.accept()
            store = socket.socket(socket.AF_UNIX)
            store.connect(str(self._store))
            for source, target in ((client, store), (store, client)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if self.stop_at and self.stop_at in data:
                    self.stop_at = b""
                    os.kill(self._pid, signal.SIGSTOP)
                    threading.Timer(self._for_s, self._go_on).start()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return  # the other side closed first

    def _go_on(self) -> None:
        os.kill(self._pid, signal.SIGCONT)
        self.is_back.set()
