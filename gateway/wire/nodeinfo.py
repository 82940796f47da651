"""Node information: what a client says about itself, the server and a proxy. Source: spec 3.2.

For information only; no decision rests on it. Its numbers are byte-swapped once more.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.wire.fields import (
    NO_ADDRESS,
    Address,
    client_text,
    encode_address,
    read_address,
    swapped,
)
from gateway.wire.pack import Element, Pack, data, integer, text


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """Both ends as the client sees them; the client's own name and host are in its login."""

    os_name: str = ""
    os_version: str = ""
    os_product_id: str = ""
    client_address: Address = NO_ADDRESS
    client_tcp_port: int = 0
    server_name: str = ""
    server_version: int = 0
    server_build: int = 0
    server_host: str = ""
    server_address: Address = NO_ADDRESS
    server_tcp_port: int = 0
    proxy_host: str = ""
    proxy_address: Address = NO_ADDRESS
    proxy_tcp_port: int = 0
    machine_id: bytes = bytes(16)
    "16 bytes"


NO_NODE_INFO = NodeInfo()

# Field to element, by kind. `HubName` is missing: a second `hubname` is dropped by real senders.
_TEXTS = {
    "os_name": "ClientOsName",
    "os_version": "ClientOsVer",
    "os_product_id": "ClientOsProductId",
    "server_name": "ServerProductName",
    "server_host": "ServerHostname",
    "proxy_host": "ProxyHostname",
}
_NUMBERS = {
    "client_tcp_port": "ClientPort",
    "server_version": "ServerProductVer",
    "server_build": "ServerProductBuild",
    "server_tcp_port": "ServerPort2",
    "proxy_tcp_port": "ProxyPort",
}
_ADDRESSES = {
    "client_address": "ClientIpAddress",
    "server_address": "ServerIpAddress",
    "proxy_address": "ProxyIpAddress",
}


def encode_node_info(
    info: NodeInfo, *, client_name: str, client_version: int, client_build: int, host_name: str
) -> Iterator[Element]:
    """Return the node information of a login, and the system's numbers real clients add."""
    yield text("ClientProductName", client_name)
    yield integer("ClientProductVer", swapped(client_version))
    yield integer("ClientProductBuild", swapped(client_build))
    yield text("ClientHostname", host_name)
    yield data("UniqueId", info.machine_id)
    for field, name in _TEXTS.items():
        yield text(name, getattr(info, field))
    for field, name in _NUMBERS.items():
        yield integer(name, swapped(getattr(info, field)))
    for field, name in _ADDRESSES.items():
        address: Address = getattr(info, field)
        yield from encode_address(name, address)
        yield data(f"{name}6", address.packed if address.version == 6 else bytes(16))
    yield text("V_Title", info.os_name)
    for name in ("IsWindows", "IsNT", "IsServer", "IsBeta"):
        yield integer(f"V_{name}", 0)  # what a client on Linux says
    for name in ("VerMajor", "VerMinor", "Build", "ServicePack"):
        yield integer(f"V_{name}", 0)


def read_node_info(pack: Pack) -> NodeInfo:
    """Return the node information of a login; what is absent is empty or 0."""
    texts = {field: client_text(pack, name) for field, name in _TEXTS.items()}
    numbers = {field: swapped(pack.integer(name)) for field, name in _NUMBERS.items()}
    addresses = {field: read_address(pack, name) for field, name in _ADDRESSES.items()}
    machine_id = pack.data("UniqueId", 16) or bytes(16)
    return NodeInfo(machine_id=machine_id, **texts, **numbers, **addresses)  # type: ignore[arg-type]  # the tables name each field's kind
