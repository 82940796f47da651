"""A site that a cascade is led to and should not be: it answers, and nothing good comes of it.

    with Site("circle") as site:
        ...  # a cascade to 127.0.0.1:site.tcp_port

circle     redirects every login, with a ticket as without, to itself
nonsense   speaks TLS, and then something else than HTTP
eviction   lets everybody in and closes at once
head       answers with a head that does not end
garbage    lets everybody in and sends what are no blocks, without end
babble     lets everybody in and sends broadcasts of ever new stations, without end
"""

import contextlib
import datetime
import os
import socket
import ssl
import threading
from ipaddress import IPv4Address
from typing import Self

from gateway.node import certificate
from gateway.transport.contexts import server_context
from gateway.wire.blocks import encode_blocks
from gateway.wire.codes import ErrorCode
from gateway.wire.handshake import LoginRequested, ServerHandshake
from gateway.wire.hello import Hello
from gateway.wire.redirect import Redirect
from gateway.wire.welcome import Welcome


class Site:
    """Serves on 127.0.0.1 until the `with` block ends; `visits` counts connections."""

    def __init__(self, manner: str) -> None:
        self._manner = manner
        self._pem = certificate.make("site", datetime.datetime.now(datetime.UTC))
        self._context = server_context(*self._pem)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.tcp_port = self._listener.getsockname()[1]
        self.visits = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:  # closed
                return
            self.visits += 1
            with contextlib.suppress(OSError), sock:
                sock.settimeout(10)
                with self._context.wrap_socket(sock, server_side=True) as stream:
                    self._converse(stream)

    def _converse(self, stream: ssl.SSLSocket) -> None:
        if self._manner == "nonsense":
            stream.sendall(b"220 mail.example.org ESMTP\r\n" * 100)
            stream.recv(1000)
            return
        if self._manner == "head":
            stream.recv(65536)
            stream.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                stream.sendall(b"X-More: and more\r\n" * 1000)
        handshake = ServerHandshake(Hello(product="VPN Site", random=os.urandom(20)))
        while (event := handshake.next_event()) is None:
            stream.sendall(handshake.data_to_send())
            data = stream.recv(65536)
            if not data:
                return
            handshake.receive_data(data)
        if not isinstance(event, LoginRequested):
            handshake.refuse(ErrorCode.SESSION_TIMEOUT)
        elif self._manner == "circle":
            der = certificate.leaf_der(self._pem[0])
            here = IPv4Address("127.0.0.1"), (self.tcp_port,)
            handshake.redirect(Redirect(*here, os.urandom(20), der))
        else:
            handshake.welcome(Welcome("SID-X-1", "CID-1", os.urandom(20), 20_000))
        stream.sendall(handshake.data_to_send())
        while self._manner == "garbage":
            stream.sendall(os.urandom(65536))
        while self._manner == "babble":
            stations = (b"\x02" + os.urandom(5) for _ in range(500))
            stream.sendall(encode_blocks([b"\xff" * 6 + mac + bytes(48) for mac in stations]))
