"""Administrators, one thing at a time on a blocking socket: the binary protocol, and HTTP."""

import http.client
import json
from collections.abc import Callable
from typing import Any, Self

from gateway.wire.auth import admin_password_hash, secure_password
from gateway.wire.codes import HELLO_VERSION
from gateway.wire.fields import raise_error
from gateway.wire.hello import read_hello
from gateway.wire.http import encode_pack_request, encode_signature, read_pack_response
from gateway.wire.jsonrpc import to_pack
from gateway.wire.pack import Element, Pack, text
from gateway.wire.reader import Reader, from_u32, to_u32
from gateway.wire.requests import AdminLogin, encode_admin_login
from gateway.wire.rpc import FUNCTION
from gateway.wire.rpc_struct import Values
from gateway.wire.rpc_structs import STRUCTS
from tests.hostile.stranger import CONTEXT, Stranger


class Administrator(Stranger):
    """A connection that speaks the binary protocol."""

    def enter(self, password: str = "", hub: str | None = None) -> bool:
        """Log in; say whether the password was told to be empty. Raises Refused."""
        self.send(encode_signature("127.0.0.1", b"VPNCONNECT"))
        random = read_hello(self._pack()).random
        proof = secure_password(admin_password_hash(password), random)
        login = AdminLogin(hub, proof, True, "A test", HELLO_VERSION, 1)
        self.send(encode_pack_request("127.0.0.1", encode_admin_login(login)))
        welcome = self._pack()
        raise_error(welcome)
        return welcome.flag("empty_password")

    def wish(self, make: Callable[[bytes], Pack]) -> Pack:
        """Ask for something else than a session; `make` is given the nonce of the hello."""
        self.send(encode_signature("127.0.0.1", b"VPNCONNECT"))
        self.send(encode_pack_request("127.0.0.1", make(read_hello(self._pack()).random)))
        return self._pack()

    def call(self, function: str, **params: object) -> Values:
        """Call a function with parameters by their JSON names. Raises Refused."""
        return self.answer(function, self.ask(function, *to_pack(params)))

    def ask(self, function: str, *elements: Element) -> Pack:
        """Call a function and return the answer as it came."""
        return self.exchange(Pack([*elements, text(FUNCTION, function)]).to_bytes())

    def exchange(self, wire: bytes) -> Pack:
        """Send one call as it is and return the answer as it came."""
        self.send(to_u32(len(wire)) + wire)
        return self.receive()

    def receive(self) -> Pack:
        """Return the next answer."""
        return Pack.from_bytes(self._exactly(from_u32(self._exactly(4))))

    @staticmethod
    def answer(function: str, pack: Pack) -> Values:
        raise_error(pack)
        return STRUCTS[function].read(pack)

    def _pack(self) -> Pack:
        reader: Reader[Pack] = Reader(1 << 20)
        reader.begin(read_pack_response())
        while (found := reader.advance()) is None:
            data = self.sock.recv(65536)
            assert data, "closed instead of an answer"
            reader.receive(data)
        return found

    def _exactly(self, size: int) -> bytes:
        got = b""
        while len(got) < size:
            data = self.sock.recv(size - len(got))
            assert data, f"closed after {len(got)} of {size} bytes"
            got += data
        return got


class JsonClient:
    """One connection to the HTTP interface, kept for as long as the gateway keeps it."""

    def __init__(
        self, tcp_port: int, password: str = "", hub: str = "", *, source: str = "127.0.0.1"
    ) -> None:
        self._connection = http.client.HTTPSConnection(
            "127.0.0.1", tcp_port, context=CONTEXT, timeout=10, source_address=(source, 0)
        )
        self.headers = {"X-VPNADMIN-HUBNAME": hub, "X-VPNADMIN-PASSWORD": password}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._connection.close()

    def request(
        self,
        method: str,
        target: str = "/api/",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Return status and body of the answer."""
        shown = self.headers if headers is None else headers
        self._connection.request(method, target, body, shown)
        response = self._connection.getresponse()
        return response.status, response.read()

    @property
    def local_port(self) -> int:
        """Return the TCP port of this end, once a request was made."""
        return int(self._connection.sock.getsockname()[1])

    def call(self, function: str, id: object = "1", **params: object) -> Any:
        """Return the answer to a call: its result, or its error's code."""
        asked = {"jsonrpc": "2.0", "id": id, "method": function, "params": params}
        status, body = self.request("POST", "/api/", json.dumps(asked).encode())
        assert status == 200, (status, body)
        answer = json.loads(body)
        assert answer["id"] == id
        return answer["result"] if "result" in answer else answer["error"]["code"]
