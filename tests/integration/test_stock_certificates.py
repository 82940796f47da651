"""The stock VPN Client logs in by certificates, its own and such as an authority signed.

      alpha              gateway
      vpnclient ── TLS ──  our gateway, hub LAB: `own` by one certificate, `staff` by an authority's
      10.99.0.1          10.99.0.2

Certificates are made here and, once, by the stock vpncmd itself.
"""

from collections.abc import Iterator

import pytest

from tests.certificates import Holder, issue, name, rsa_key
from tests.stock.client import StockClient
from tests.stock.gateway import TCP_PORT, Gateway
from tests.stock.namespaces import Lan
from tests.stock.needs import missing
from tests.stock.our_client import OurClient
from tests.stock.waiting import until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

AUTH_FAILED = 9
CA = issue(name(CN="Lab CA", O="Example"), key=rsa_key(which=1), may_sign=True)
ALICE = issue(name(CN="alice"), CA, serial=0x0155)
EVE = issue(name(CN="alice"), key=rsa_key(which=2), serial=0x0155)


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with Lan("alpha", "gateway") as lan:
        yield lan


@pytest.fixture(scope="module")
def gateway(lan: Lan) -> Iterator[Gateway]:
    with Gateway(lan["gateway"]) as gateway:
        gateway.create_hub("LAB")
        for file, holder in (("ca.pem", CA), ("alice.pem", ALICE)):
            (gateway.directory / file).write_text(holder.pem)
        own = str(gateway.directory / "alice.pem")
        gateway.command("user", "add", "LAB", "own", "--certificate", own)
        gateway.command("user", "add", "LAB", "staff", "--common-name", "alice")
        gateway.command("ca", "add", "LAB", str(gateway.directory / "ca.pem"))
        yield gateway


@pytest.fixture
def client(lan: Lan) -> Iterator[StockClient]:
    with StockClient(lan["alpha"]) as client:
        yield client


def identity(holder: Holder) -> tuple[str, str]:
    return holder.pem, holder.key_pem


def refused(client: StockClient, user: str, holder: Holder) -> bool:
    """Say whether a login is answered with 9; the client is not connected then."""
    client.show(user, identity(holder))
    tried = client.errors().count(AUTH_FAILED)
    client.vpncmd("AccountConnect lab")
    until(lambda: client.errors().count(AUTH_FAILED) > tried, "a refusal", 15, client.explain)
    client.disconnect()
    return True


def security_log(gateway: Gateway) -> str:
    (directory,) = gateway.directory.glob("**/security_log/LAB")
    return "".join(path.read_text() for path in directory.iterdir())


def test_a_stock_client_is_let_in_by_its_certificate_and_by_no_other(
    gateway: Gateway, client: StockClient
) -> None:
    here = {"host": f"{gateway.ip}/tcp", "tcp_port": TCP_PORT, "hub": "LAB"}
    client.connect(**here, user="own", identity=identity(ALICE))
    assert list(gateway.sessions("LAB")) == ["SID-OWN-1"]
    accepted = 'accepted its contents as the certificate for when user "own" logs in: CN=alice'
    until(lambda: accepted in security_log(gateway), "the line of the login", 10)

    # The session outlives what let it in; the next login is judged by what is there then.
    gateway.command("user", "set", "LAB", "own", "--common-name", "nobody")
    assert client.connected
    client.disconnect()
    client.show("staff", identity(ALICE))
    client.reconnect()
    client.disconnect()
    assert client.logins == 2
    assert AUTH_FAILED not in client.errors()

    assert refused(client, "own", ALICE)
    assert refused(client, "staff", EVE)
    gateway.command("ca", "revoke", "LAB", "--serial", "0155")
    assert refused(client, "staff", ALICE)
    assert gateway.events("refused")[-1]["reason"] == "certificate-revoked"
    said = "certificates revocation list: CN=alice"
    until(lambda: said in security_log(gateway), "the line of the refusal", 10)


def test_what_vpncmd_makes_lets_a_client_in_and_it_stays(
    gateway: Gateway, client: StockClient
) -> None:
    """Without a serial number it makes number 0, which no certificate should have."""
    files = [str(client.daemon.directory / name) for name in ("made.pem", "made.key")]
    words = [
        "/CN:made",
        "/O:none",
        "/OU:none",
        "/C:none",
        "/ST:none",
        "/L:none",
        "/SERIAL:none",
        "/EXPIRES:0",
    ]
    saved = (f"/SAVECERT:{files[0]}", f"/SAVEKEY:{files[1]}")
    client.daemon.run("vpncmd", "/TOOLS", "/CMD", "MakeCert2048", *words, *saved)
    gateway.command("user", "add", "LAB", "made", "--certificate", files[0])
    client.vpncmd("NicCreate lab")
    client.vpncmd(
        f"AccountCreate lab /SERVER:{gateway.ip}/tcp:{TCP_PORT} /HUB:LAB /USERNAME:made"
        " /NICNAME:lab",
        f"AccountCertSet lab /LOADCERT:{files[0]} /LOADKEY:{files[1]}",
        "AccountConnect lab",
    )
    client.wait_connected()
    # What it proved once is not asked again when it comes back to its session.
    gateway.command("ca", "revoke", "LAB", files[0])
    gateway.stop()
    gateway.start()
    until(lambda: gateway.events("session resumed"), "the session to be resumed", 20)
    assert client.logins == 1


def test_our_client_is_let_in_by_a_certificate_too(lan: Lan, gateway: Gateway) -> None:
    holder = issue(name(CN="ours"), key=rsa_key(which=2), serial=7)
    file = gateway.directory / "ours.pem"
    file.write_text(holder.pem)
    gateway.command("user", "add", "LAB", "ours", "--certificate", str(file))
    here = {"host": gateway.ip, "tcp_port": TCP_PORT, "hub": "LAB", "address": "192.168.77.5/24"}
    with OurClient(lan["alpha"]) as client:
        client.connect(**here, user="ours", identity=identity(holder))
        assert client.session in gateway.sessions("LAB")
