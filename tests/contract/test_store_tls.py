"""`rediss://`: the store over TLS, against Debian's server, with a certificate of our own."""

import datetime
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.errors import StoreUnavailable
from coordinator.redis_store import connect
from gateway.node.certificate import make
from tests.stock.waiting import until

SERVER = Path("/usr/bin/redis-server")
pytestmark = pytest.mark.skipif(not SERVER.exists(), reason="Debian's redis-server is missing")


@pytest.fixture(scope="module")
def tls_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """Return the port of a server that speaks nothing but TLS, and its certificate's file."""
    where = tmp_path_factory.mktemp("tls")
    certificate, private_key = make("localhost", datetime.datetime.now(datetime.UTC))
    (where / "cert.pem").write_text(certificate)
    (where / "key.pem").write_text(private_key)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        tcp_port = probe.getsockname()[1]
    server = subprocess.Popen(
        [
            *(SERVER, "--port", "0", "--tls-port", str(tcp_port), "--bind", "127.0.0.1"),
            *("--tls-cert-file", where / "cert.pem", "--tls-key-file", where / "key.pem"),
            *("--tls-ca-cert-file", where / "cert.pem", "--tls-auth-clients", "no"),
            *("--dir", where, "--save", "", "--requirepass", "s3cret"),
        ],
        stdout=subprocess.DEVNULL,
    )

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", tcp_port)) == 0

    try:
        until(listens, "the server to listen")
        yield tcp_port, where / "cert.pem"
    finally:
        server.terminate()
        server.wait(10)


def test_a_store_over_tls_is_reached_when_its_certificate_is_trusted(
    tls_store: tuple[int, Path],
) -> None:
    tcp_port, certificate = tls_store
    url = f"rediss://:s3cret@localhost:{tcp_port}/0?ssl_ca_certs={certificate}"
    store = connect(url, "tls")
    assert store.facts()["redis_mode"] == "standalone"
    store.close()


def test_a_store_with_an_unknown_certificate_is_not_talked_to(
    tls_store: tuple[int, Path],
) -> None:
    tcp_port, _ = tls_store
    store = connect(f"rediss://:s3cret@localhost:{tcp_port}/0", "tls")
    with pytest.raises(StoreUnavailable) as refused:
        store.facts()
    assert "s3cret" not in str(refused.value)
    store.close()
