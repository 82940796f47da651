"""TAP devices, host links and the DHCP client against the kernel and a stock DHCP server.

      server namespace              this process              client namespace
      dnsmasq 10.77.0.1             plays the hub             the host's own stack
      srv0 (TAP) ══════════════ frames ══ copied ══ frames ══════════════ cli0 (TAP)

The DHCP client has a clock of its own here: the test turns it forward to the renewal.
"""

import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, ip_address, ip_interface, ip_network
from pathlib import Path

import pytest

from gateway.client.dhcp import DhcpClient
from gateway.client.dhcp_events import Event, Leased, Rejected, Renewed
from gateway.client.host_link import HostLink, apply, link_from_lease, plan, plan_removal
from gateway.client.host_state import HostLinkError, read_state, run_ip
from gateway.client.port import EthernetPort, PortError
from gateway.client.route import Route
from gateway.client.tap import Tap
from gateway.wire.ethernet import format_mac

SERVER_MAC = bytes.fromhex("02005e1000fe")
CLIENT_MAC = bytes.fromhex("02005e100001")
DEADLINE = 10  # seconds for anything to happen


def missing() -> str:
    """Return why TAP devices cannot be made here; "" if they can."""
    if os.geteuid() != 0:
        return "not root: TAP devices cannot be made"
    if not Path("/dev/net/tun").exists() or shutil.which("ip") is None:
        return "/dev/net/tun or iproute2 is missing"
    return ""


pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
needs_dnsmasq = pytest.mark.skipif(
    shutil.which("dnsmasq") is None, reason="not installed: dnsmasq (package dnsmasq-base)"
)


def namespace(number: int, label: str) -> Iterator[str]:
    """Make a namespace for the time of a test; named so that a later run can sweep it."""
    name = f"eft-{os.getpid()}-{number}-{label}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        yield name
    finally:
        if Path("/run/netns", name).exists():
            subprocess.run(["ip", "netns", "delete", name], check=True)


@pytest.fixture
def server_ns() -> Iterator[str]:
    yield from namespace(900, "dhcpd")


@pytest.fixture
def client_ns() -> Iterator[str]:
    yield from namespace(901, "tap")


@pytest.fixture
def server(server_ns: str) -> Iterator[Tap]:
    with Tap.open("srv0", mac=SERVER_MAC, netns=server_ns) as tap:
        apply(plan(HostLink("srv0", (ip_interface("10.77.0.1/24"),)), read("srv0", tap)), tap.netns)
        yield tap


@pytest.fixture
def client(client_ns: str) -> Iterator[Tap]:
    with Tap.open("cli0", mac=CLIENT_MAC, netns=client_ns) as tap:
        yield tap


@pytest.fixture
def dnsmasq(server: Tap, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """A DHCP server on srv0; calling the fixture returns its log so far."""
    log = tmp_path / "dnsmasq.log"
    options = (
        "--no-daemon --conf-file=/dev/null --port=0 --interface=srv0 --bind-interfaces "
        "--dhcp-authoritative --no-ping --dhcp-range=10.77.0.50,10.77.0.60,255.255.255.0,1h "
        f"--dhcp-leasefile={tmp_path}/leases --dhcp-option=option:dns-server,10.77.0.1 "
        "--dhcp-option=option:domain-name,hub.example --dhcp-option=option:mtu,1400 "
        "--dhcp-option=option:classless-static-route,172.16.0.0/12,10.77.0.1 --user=root"
    ).split()
    assert server.netns is not None
    argv = ["ip", "netns", "exec", server.netns, "dnsmasq", *options]
    with log.open("w") as output:
        process = subprocess.Popen(argv, stdout=output, stderr=output)
    try:
        until(lambda: "sockets bound" in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield log.read_text
    finally:
        process.terminate()
        process.wait(DEADLINE)


class Station:
    """Our DHCP client as the only station of a hub that has `tap` on its other port."""

    def __init__(self, tap: Tap) -> None:
        self.now = 0.0
        self.tap = tap
        self.dhcp = DhcpClient(
            CLIENT_MAC,
            xid=lambda: int.from_bytes(os.urandom(4), "big"),
            uniform=lambda low, high: low,
            host_name="eft-station",
        )

    def next_event(self) -> Event:
        """Carry frames until the client has something to tell."""
        deadline = time.monotonic() + DEADLINE
        while (event := self.dhcp.next_event()) is None:
            assert time.monotonic() < deadline, f"still {self.dhcp.state}"
            self.tap.write_frames(self.dhcp.frames_to_send())
            select.select([self.tap], [], [], 0.2)
            for frame in self.tap.read_frames(100):
                self.dhcp.receive_frame(frame, self.now)
        return event


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def read(device: str, tap: Tap):
    return read_state(device, tap.netns)


def facts(tap: Tap) -> dict[str, object]:
    (record,) = json.loads(run_ip(["-json", "link", "show", "dev", tap.name], tap.netns))
    return dict(record)


def links_here() -> set[str]:
    return {record["ifname"] for record in json.loads(run_ip(["-json", "link"]))}


def carry(one: Tap, other: Tap, process: "subprocess.Popen[str]") -> str:
    """Be the hub between two devices while `process` runs; return what it printed."""
    deadline = time.monotonic() + DEADLINE
    while process.poll() is None and time.monotonic() < deadline:
        select.select([one, other], [], [], 0.05)
        other.write_frames(one.read_frames(64))
        one.write_frames(other.read_frames(64))
    process.kill()
    return process.communicate()[0]


# -- the device ---------------------------------------------------------------------------------


def test_a_device_has_the_name_address_and_mtu_it_was_asked_for(client_ns):
    with Tap.open("cli7", mac=CLIENT_MAC, mtu=1400, netns=client_ns) as tap:
        port: EthernetPort = tap
        assert port.fileno() == tap.fileno() > 0
        assert tap.name == "cli7"
        assert facts(tap)["address"] == format_mac(CLIENT_MAC)
        assert facts(tap)["mtu"] == 1400


def test_the_kernel_picks_a_free_name_and_we_a_local_address(client_ns):
    with Tap.open(netns=client_ns) as one, Tap.open(netns=client_ns) as other:
        assert len({one.name, other.name}) == 2
        assert one.mac != other.mac
        for tap in (one, other):
            assert tap.name.startswith("ef")
            assert tap.mac[0] & 0b11 == 0b10
            assert facts(tap)["address"] == format_mac(tap.mac)


def test_a_device_in_our_own_namespace_goes_away_with_its_descriptor():
    name = f"eft{os.getpid()}"
    with Tap.open(name) as tap:
        assert tap.name in links_here()
        with pytest.raises(PortError, match="another program has that name"):
            Tap.open(name)
    assert name not in links_here()
    tap.close()
    with pytest.raises(PortError, match="gone"):
        tap.read_frames(1)


def test_two_namespaces_can_have_devices_of_one_name(server_ns, client_ns):
    with Tap.open("same0", netns=server_ns) as one, Tap.open("same0", netns=client_ns) as other:
        assert one.name == other.name == "same0"
        with pytest.raises(PortError, match="cannot move the TAP device 'same0' into namespace"):
            Tap.open("same0", netns=client_ns)


def test_a_namespace_is_named_or_given_by_its_path(client_ns):
    with Tap.open("cli0", netns=f"/run/netns/{client_ns}") as tap:
        state = read_state("cli0", tap.netns)
        apply(plan(HostLink("cli0", (ip_interface("10.9.9.9/24"),)), state), tap.netns)
        assert read_state("cli0", client_ns).addresses == {ip_interface("10.9.9.9/24")}


def test_a_device_that_cannot_be_made_leaves_nothing_behind(client_ns):
    before = links_here()
    with pytest.raises(PortError, match="no-such-place"):
        Tap.open("cli0", netns="no-such-place")
    for name in ("", "..", "a/b", "a b", "x" * 16, "%d%d", "%s"):
        with pytest.raises(PortError, match="for example ef%d"):
            Tap.open(name)
    with pytest.raises(PortError, match="576-1582 allowed"):
        Tap.open(mtu=9000)
    assert links_here() == before


def test_what_the_host_cannot_take_is_dropped_and_counted(client):
    assert client.write_frames([bytes(60)] * 3) == 0
    assert client.drops == {"down": 3}
    run_ip(["link", "set", "dev", "cli0", "up"], client.netns)
    assert client.write_frames([bytes(60), bytes(5), bytes(60)]) == 2
    assert client.drops == {"down": 3, "malformed": 1}


def test_frames_come_in_batches_of_at_most_the_limit(client):
    host_with_a_neighbour(client)
    ping(client, "10.9.9.8", "-c", "6", "-i", "0.01", "-W", "1").wait(DEADLINE)
    batches = list(iter(lambda: client.read_frames(2), []))
    assert all(len(batch) <= 2 for batch in batches)
    frames = [frame for batch in batches for frame in batch]
    assert {frame[6:12] for frame in frames} == {CLIENT_MAC}
    assert [frame[:6] for frame in frames].count(SERVER_MAC) == 6
    assert client.read_frames(2) == []


def host_with_a_neighbour(tap: Tap) -> None:
    """Give the host 10.9.9.9 and the MAC of 10.9.9.8, so that pings leave without an ARP."""
    apply(plan(HostLink("cli0", (ip_interface("10.9.9.9/24"),)), read("cli0", tap)), tap.netns)
    neighbour = ["10.9.9.8", "lladdr", format_mac(SERVER_MAC), "dev", "cli0"]
    run_ip(["neighbour", "add", *neighbour], tap.netns)


def test_a_frame_longer_than_the_wire_allows_is_dropped_and_counted(client):
    host_with_a_neighbour(client)
    run_ip(["link", "set", "dev", "cli0", "mtu", "3000"], client.netns)
    ping(client, "10.9.9.8", "-c", "1", "-W", "1", "-s", "2000").wait(DEADLINE)
    frames = client.read_frames(100)
    assert client.drops == {"frame-too-long": 1}
    assert all(len(frame) <= 1600 for frame in frames)


def test_a_device_taken_away_with_its_namespace_is_gone_not_silent(client):
    assert client.netns is not None
    subprocess.run(["ip", "netns", "delete", client.netns], check=True)
    poll = select.poll()
    poll.register(client, select.POLLIN)
    assert poll.poll(DEADLINE * 1000), "a waiting reader must be woken"
    until_gone(lambda: client.read_frames(1))
    until_gone(lambda: client.write_frames([bytes(60)]))


def until_gone(use: Callable[[], object]) -> None:
    with pytest.raises(PortError, match="the TAP device cli0 is gone"):
        until(lambda: use() and False)


def ping(tap: Tap, address: str, *options: str) -> "subprocess.Popen[str]":
    assert tap.netns is not None
    argv = ["ip", "netns", "exec", tap.netns, "ping", "-n", *options, address]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


# -- the host's side ----------------------------------------------------------------------------


def test_a_plan_applied_is_a_plan_reached_and_a_removal_leaves_nothing(client, server):
    """The client's namespace has a network of its own here, so there is something to protect."""
    with Tap.open("lan0", netns=client.netns) as lan:
        lan_link = HostLink("lan0", (ip_interface("192.0.2.2/24"),))
        apply(plan(lan_link, read("lan0", client)), client.netns)
        run_ip(["route", "add", "default", "via", "192.0.2.1", "metric", "100"], client.netns)
        untouched = read("lan0", lan).routes
        router = ip_address("10.77.0.1")
        link = HostLink(
            "cli0",
            (ip_interface("10.77.0.9/24"), ip_interface("fd77::9/64")),
            (
                Route(ip_network("0.0.0.0/0"), router),
                Route(ip_network("172.16.0.0/12"), router),
                Route(ip_network("10.99.0.0/16"), ip_address("10.98.0.1")),  # declared on the link
                Route(ip_network("fd99::/48"), ip_address("fd77::1")),
                Route(ip_network("10.55.0.0/16")),
            ),
            mtu=1400,
            default_route=True,
            keep_reachable=(ip_address("198.51.100.9"), ip_address("10.77.0.200")),
        )
        apply(plan(link, read("cli0", client)), client.netns)
        state = read("cli0", client)
        assert plan(link, state) == []
        assert (state.mtu, state.is_up) == (1400, True)
        assert state.addresses == set(link.addresses)
        assert device_to(client, "198.51.100.9") == "lan0"
        assert device_to(client, "10.77.0.200") == "lan0"
        assert device_to(client, "203.0.113.1") == "cli0"

        moved = HostLink("cli0", (ip_interface("10.77.0.10/24"),), link.routes[1:2], mtu=1400)
        apply(plan(moved, read("cli0", client)), client.netns)
        state = read("cli0", client)
        assert (plan(moved, state), state.addresses) == ([], {ip_interface("10.77.0.10/24")})
        assert device_to(client, "203.0.113.1") == "lan0"

        apply(plan(link, state), client.netns)
        apply(plan_removal(link, read("cli0", client)), client.netns)
        assert set(read("cli0", client).routes) == set(untouched)


def device_to(tap: Tap, address: str) -> str:
    (record,) = json.loads(run_ip(["-json", "route", "get", address], tap.netns))
    return str(record["dev"])


def test_a_command_that_fails_names_itself():
    with pytest.raises(
        HostLinkError, match=r"`ip -json address show dev no-such0` failed: .*exist"
    ):
        read_state("no-such0")


# -- DHCP ---------------------------------------------------------------------------------------


@needs_dnsmasq
def test_a_stock_server_grants_renews_confirms_and_takes_back(server, dnsmasq):
    station = Station(server)
    station.dhcp.start(station.now)
    leased = station.next_event()
    assert isinstance(leased, Leased)
    lease = leased.lease
    assert lease.address.network == ip_network("10.77.0.0/24")
    assert [str(route) for route in lease.routes] == ["172.16.0.0/12 via 10.77.0.1"]
    assert (lease.dns, lease.domain, lease.mtu) == ((lease.server,), "hub.example", 1400)
    assert (lease.lease_s, lease.server_mac) == (3600, SERVER_MAC)

    station.now = station.dhcp.next_timer() or 0.0  # half an hour in no time
    station.dhcp.handle_timer(station.now)
    answer_arp_for(station)
    renewed = station.next_event()
    assert isinstance(renewed, Renewed)
    assert renewed.lease.expires_at == station.now + 3600

    station.dhcp.pause()  # the session was lost ...
    station.now += 5
    station.dhcp.start(station.now)  # ... and is back
    confirmed = station.next_event()
    assert isinstance(confirmed, Renewed)
    assert confirmed.lease.address == lease.address

    station.dhcp.stop()
    server.write_frames(station.dhcp.frames_to_send())
    until(lambda: f"DHCPRELEASE(srv0) {lease.address.ip}" in dnsmasq())


def answer_arp_for(station: Station) -> None:
    """Tell the server's host where the station is, as the host's own stack does in real life."""
    lease = station.dhcp.lease
    assert lease is not None
    neighbour = [str(lease.address.ip), "lladdr", format_mac(CLIENT_MAC), "dev", "srv0"]
    run_ip(["neighbour", "replace", *neighbour], station.tap.netns)


@needs_dnsmasq
def test_a_stock_server_refuses_an_address_of_another_network_and_gives_one_of_its_own(
    server, dnsmasq
):
    station = Station(server)
    station.dhcp.start(station.now, IPv4Address("192.168.9.9"))
    refused = station.next_event()
    assert isinstance(refused, Rejected)
    assert "wrong network" in refused.text
    leased = station.next_event()
    assert isinstance(leased, Leased)
    assert leased.lease.server == IPv4Address("10.77.0.1")
    assert "DHCPNAK(srv0) 192.168.9.9" in dnsmasq()


@needs_dnsmasq
def test_a_leased_address_on_the_host_carries_traffic(server, client, dnsmasq):
    station = Station(server)
    station.dhcp.start(station.now)
    leased = station.next_event()
    assert isinstance(leased, Leased)
    link = link_from_lease("cli0", leased.lease)
    apply(plan(link, read("cli0", client)), client.netns)
    assert read("cli0", client).mtu == 1400
    said = carry(client, server, ping(client, "10.77.0.1", "-c", "3", "-i", "0.1"))
    assert " 3 received" in said, said
    assert device_to(client, "172.16.5.5") == "cli0"
