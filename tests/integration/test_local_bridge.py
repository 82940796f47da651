"""A hub on the LAN: one gateway, its cards, and what may befall them.

  carol, dave             gateway                      desk
  etherfleet connect      one worker                   192.168.77.1
  10.99.0.1, .2           10.99.0.3
────┴───────────────────────┴────  bridge
                          eth1, and more cards ────────┴────  bridge of the office

ef0 192.168.77.3, .4 ═════ hub LAN ═══ eth1
"""

import shutil
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.stock.gateway import TCP_PORT, Gateway
from tests.stock.namespaces import Endpoint, Lan
from tests.stock.needs import missing
from tests.stock.office import DEVICE, Office
from tests.stock.our_client import DEVICE as TAP
from tests.stock.our_client import OurClient
from tests.stock.traffic import exchange, iperf, ping
from tests.stock.waiting import until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
needs_dnsmasq = pytest.mark.skipif(
    shutil.which("dnsmasq") is None, reason="not installed: dnsmasq (package dnsmasq-base)"
)
needs_tcpdump = pytest.mark.skipif(shutil.which("tcpdump") is None, reason="not installed: tcpdump")

PASSWORD = "not a secret"


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with Lan("carol", "dave", "gateway") as lan:
        yield lan


@pytest.fixture(scope="module")
def office(lan: Lan) -> Iterator[Office]:
    with Office(lan["gateway"]) as office:
        yield office


@pytest.fixture(scope="module")
def gateway(lan: Lan, office: Office) -> Iterator[Gateway]:
    with Gateway(lan["gateway"]) as gateway:
        gateway.create_hub("LAN", "--static", carol=PASSWORD, dave=PASSWORD)
        gateway.create_hub("LAB", carol=PASSWORD)
        gateway.command("bridge", "add", "LAN", DEVICE)
        until(lambda: state(gateway) == "up", "the bridge")
        yield gateway


@pytest.fixture(scope="module")
def carol(lan: Lan, gateway: Gateway) -> Iterator[Endpoint]:
    """Where our client is that has joined the hub."""
    with OurClient(lan["carol"]) as client:
        client.connect(host=gateway.ip, **joining("carol"), address="192.168.77.3/24")
        yield client.endpoint


def joining(user: str, hub: str = "LAN") -> dict[str, object]:
    return {"tcp_port": TCP_PORT, "hub": hub, "user": user, "password": PASSWORD}


def states(gateway: Gateway) -> dict[str, tuple[str | None, str]]:
    """Return state and reason of each bridge by its interface."""
    return {
        rule["interface"]: (rule["nodes"][0]["state"], rule["nodes"][0]["why"])
        for rule in gateway.ask("bridge", "list")
    }


def state(gateway: Gateway, device: str = DEVICE) -> str | None:
    return states(gateway)[device][0]


def reaches(one: Endpoint, other: Endpoint) -> bool:
    return ping(one, other, count=3).received > 0


def test_frames_of_any_size_pass_whole_and_sound(carol, office, gateway, figure):
    assert ping(carol, office.place).lost == 0
    # The desk's kernel sends 64 KB at a time with unfinished checksums; sums are compared.
    exchange(carol, office.place, megabytes=8)
    figure("iperf3, client to LAN", f"{iperf(carol, office.place, seconds=1):.0f} Mbit/s")
    figure("iperf3, LAN to client", f"{iperf(office.place, carol, seconds=1):.0f} Mbit/s")
    dropped = gateway.ask("hub", "show", "LAN")["dropped_frames"]
    assert not {"offload", "frame-too-long", "malformed"} & set(dropped), dropped


def test_datagrams_with_unfinished_checksums_arrive(carol, office, tmp_path):
    """UDP of a veth has no checksum yet when we see it: a receiver would drop it in silence."""
    udp = "import socket; s = socket.socket(type=socket.SOCK_DGRAM); "
    listen = udp + "s.bind(('', 9999)); print(s.recv(99).decode(), flush=True)"
    speak = udp + f"s.sendto(b'heard', ('{carol.ip}', 9999))"
    with carol.namespace.start("python3", "-c", listen, log=tmp_path / "udp.log") as server:

        def is_heard() -> bool:
            office.desk.run("python3", "-c", speak)
            return "heard" in server.output()

        until(is_heard, "the datagram", pause=0.2)


@needs_tcpdump
def test_a_vlan_tag_survives_both_ways(carol, office, tmp_path):
    """The kernel takes tags out of frames before a packet socket sees them."""
    frame = "ff" * 6 + "020000000099" + "8100" + "2005" + "88b6" + "00" * 46
    speak = (
        "import socket, sys; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); "
        "s.bind((sys.argv[1], 0)); s.send(bytes.fromhex(sys.argv[2]))"
    )
    ends = [(carol.namespace, TAP), (office.desk, "eth0")]
    for (sender, out), (receiver, into) in (ends, ends[::-1]):
        command = f"tcpdump -l -n -e -c 1 -i {into} vlan 5 and ether proto 0x88b6".split()
        log = tmp_path / f"{into}.log"
        with receiver.start(*command, log=log) as listening:
            listening.wait_for("listening on")

            def is_seen(sender=sender, out=out, listening=listening) -> bool:
                sender.run("python3", "-c", speak, out, frame)
                return "vlan 5, p 1, ethertype" in listening.output()

            until(is_seen, f"a tagged frame at {into}", pause=0.2)


@needs_dnsmasq
def test_an_address_comes_from_the_dhcp_server_of_the_lan(lan, office, gateway, tmp_path):
    options = (
        "--no-daemon --conf-file=/dev/null --port=0 --interface=eth0 --bind-interfaces "
        "--dhcp-authoritative --no-ping --dhcp-range=192.168.77.50,192.168.77.59,255.255.255.0,1h "
        f"--dhcp-leasefile={tmp_path}/leases --user=root"
    ).split()
    with office.desk.start("dnsmasq", *options, log=tmp_path / "dnsmasq.log") as server:
        server.wait_for("sockets bound")
        with OurClient(lan["dave"]) as dave:
            dave.connect(host=gateway.ip, **joining("dave"), address=None)
            assert dave.endpoint.ip.startswith("192.168.77.5")
            assert reaches(dave.endpoint, office.place)


def test_a_card_that_goes_down_or_away_is_told_in_a_line_and_comes_back(
    lan, office, gateway, carol
):
    host = lan["gateway"]
    host.run("ip", "link", "set", DEVICE, "down")
    until(lambda: state(gateway) == "down", "the state", 5, lambda: states(gateway))
    assert "eth1 is down; the node carries no sessions of it" in status(gateway)
    host.run("ip", "link", "set", DEVICE, "name", "eth7")
    until(lambda: states(gateway)[DEVICE] == ("missing", "no interface eth1"), "the state", 5)
    host.run("ip", "link", "set", "eth7", "name", DEVICE, "up")
    until(lambda: state(gateway) == "up" and reaches(carol, office.place), "the bridge", 10)
    office.unplug(host)
    until(lambda: state(gateway) == "missing", "the state", 5)
    office.plug(host)
    until(lambda: state(gateway) == "up" and reaches(carol, office.place), "the bridge", 10)
    told = [e for e in gateway.ask("history", "--last", "50") if e["what"] == "bridge"]
    assert any("no interface eth1" in event["why"] for event in told)


def test_an_interface_that_is_none_of_ours_or_too_small_is_said(lan, office, gateway, carol):
    host = lan["gateway"]
    gateway.command("bridge", "add", "LAB", "lo")
    gateway.command("bridge", "add", "LAB", "eth9")
    host.run("ip", "link", "set", DEVICE, "mtu", "1200")
    expected = {
        "lo": ("failed", "lo is no Ethernet interface"),
        "eth9": ("missing", "no interface eth9"),
        DEVICE: ("up", "mtu 1200: longer frames are lost"),
    }
    until(lambda: states(gateway) == expected, "the states", 5, lambda: states(gateway))
    assert reaches(carol, office.place)
    found = gateway.ask("doctor", code=2)["findings"]
    seen = [finding["seen"] for finding in found if finding["check"] == "bridges"]
    assert any("no interface eth9; it carries no sessions of it" in line for line in seen), seen
    for device in ("lo", "eth9"):
        gateway.command("bridge", "remove", "LAB", device, "--yes")
    host.run("ip", "link", "set", DEVICE, "mtu", "1500")
    until(lambda: states(gateway) == {DEVICE: ("up", "")}, "the states", 5)


def test_two_bridges_to_one_lan_are_cut_within_two_seconds_and_heal(lan, office, gateway, carol):
    office.plug(lan["gateway"], "eth2")
    gateway.command("bridge", "add", "LAN", "eth2")
    until(
        lambda: sorted(str(s) for s, _ in states(gateway).values()) == ["loop", "up"],
        "one of them to be shut", 5, lambda: states(gateway),
    )  # fmt: skip
    opened = [e for e in gateway.events("bridge up") if e["interface"] == "eth2"][-1]
    shut = next(e for e in gateway.events() if e["event"].startswith("bridge shut"))
    assert seconds(shut) - seconds(opened) < 2
    assert "opens again when the loop is gone" in status(gateway)
    assert reaches(carol, office.place)
    gateway.command("bridge", "remove", "LAN", "eth2", "--yes")
    until(lambda: states(gateway) == {DEVICE: ("up", "")}, "it to heal", 15)
    until(lambda: reaches(carol, office.place), "an answer")


def test_a_tap_device_reaches_the_gateway_itself(lan, gateway, carol):
    host = lan["gateway"]
    gateway.command("bridge", "add", "LAN", "office0", "--tap")
    until(lambda: state(gateway, "office0") == "up", "the device", 5, lambda: states(gateway))
    host.run("ip", "address", "add", "192.168.77.200/24", "dev", "office0")
    assert reaches(carol, host.at("192.168.77.200"))
    exchange(carol, host.at("192.168.77.200"), megabytes=1)
    gateway.command("bridge", "remove", "LAN", "office0", "--yes")
    until(lambda: "office0" not in host.run("ip", "-br", "link"), "the device to be gone", 5)


def test_a_dynamic_hub_is_bridged_while_it_is_in_use(lan, office, gateway):
    gateway.command("bridge", "remove", "LAN", DEVICE, "--yes")
    gateway.command("bridge", "add", "LAB", DEVICE)
    with OurClient(lan["dave"]) as client:
        client.connect(host=gateway.ip, **joining("carol", "LAB"), address="192.168.77.5/24")
        until(lambda: reaches(client.endpoint, office.place), "an answer", 5)
    gateway.command("hub", "set", "LAB", "--offline")
    until(lambda: any(e["why"] == "hub-offline" for e in gateway.events("bridge down")), "its end")


def status(gateway: Gateway) -> str:
    """Return what `etherfleet status` warns of."""
    return "\n".join(gateway.ask("status", code=1)["warnings"])


def seconds(event: dict[str, str]) -> float:
    return datetime.fromisoformat(event["timestamp"]).timestamp()
