"""The inspecting path: what passes under rules, between ports that write down what they get."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.access import AccessRule
from gateway.hub.access import Who
from gateway.hub.frame_facts import DHCP_ACK, read_facts
from gateway.hub.port import Port
from gateway.hub.rewrite import add_tag
from gateway.hub.rules import Terms, most_macs
from gateway.hub.switch import Switch, SwitchSettings
from gateway.node.inspect import admit, forward_inspected, place_sink
from gateway.wire.blocks import encode_blocks, iterate_frames
from gateway.wire.policy import Policy
from tests.frames import MAC_A, MAC_B, arp, dhcp, ethernet, ipv4, tcp, udp
from tests.unit.hub.test_frame_facts import FRAMES

WEB = ipv4("10.0.0.1", "10.0.0.2", 6, tcp(1000, 80))
MAIL = ipv4("10.0.0.1", "10.0.0.2", 6, tcp(1000, 25))
DNS = ipv4("10.0.0.1", "10.0.0.2", 17, udp(1000, 53))


class Station:
    """Owns a port and keeps what it is given."""

    def __init__(self):
        self.got = []
        self.flushed = 0

    def deliver(self, message, frames):
        got = list(iterate_frames(message))
        assert len(got) == frames
        self.got += got
        return True

    def flush(self):
        self.flushed += 1


class Network:
    """A switch with a port for each user named, who has spoken by his own address."""

    def __init__(self, **policies):
        self.switch = Switch(SwitchSettings())
        self.switch.rules.on_exit_changed = place_sink(self.switch)
        self.now = 0.0
        self.stations = {name: Station() for name in policies}
        self.ports: dict[str, Port] = {}
        for number, (name, policy) in enumerate(policies.items(), 1):
            terms = self.terms(name, **policy)
            self.ports[name] = self.switch.attach(self.stations[name], terms=terms)
            hello = b"\xff" * 6 + b"\x5e\0\0\0\0" + bytes([number])
            self.switch.forward(self.ports[name], hello, 1, 60, 0.0)

    @staticmethod
    def terms(name, group="", **policy):
        policy = Policy(no_bridge=False, no_routing=False, **policy)
        return Terms(Who(name, group), policy)

    def change(self, name, **policy):
        terms = self.terms(name, **policy)
        self.switch.change(self.ports[name], max_macs=0, storm_guard=True, terms=terms)

    def send(self, name, *frames):
        """Send neighbouring frames of one pair of stations in by a port, as one run."""
        port = self.ports[name]
        run = (frames[0][:12], len(frames), sum(map(len, frames)), encode_blocks(frames))
        touched = []
        if port.entry is not None:
            forward_inspected(self.switch, port, port.entry, [run], self.now, touched)
        else:
            for target in self.switch.forward(port, *run[:3], self.now):
                if target.sink.deliver(run[3], run[1]):
                    touched.append(target.sink)
        for owner in touched:
            owner.flush()

    def got(self, name):
        station = self.stations[name]
        got, station.got = station.got, []
        return got

    @property
    def dropped(self):
        return dict(self.switch.dropped)


def test_without_rules_no_port_is_inspected():
    net = Network(alice={}, bob={"max_connection": 8, "max_mac": 3})
    assert all(port.entry is None and port.exit is None for port in net.ports.values())
    assert all(port.sink is port.owner for port in net.ports.values())
    net.switch.rules.change([AccessRule(1, active=False)], {"NoArpPolling": 1})
    assert all(port.entry is None for port in net.ports.values())


def test_rules_come_into_force_and_go_while_ports_stand():
    net = Network(alice={}, bob={})
    net.send("alice", WEB)
    no_web = AccessRule(1, discard=True, protocol=6, destination_ports=(80, 80))
    net.switch.rules.change([no_web], {})
    net.send("alice", WEB, MAIL, WEB, DNS)
    assert net.got("bob") == [WEB, MAIL, DNS]
    assert net.dropped == {"access-list": 2}
    assert net.ports["alice"].received.unicast_frames == 5
    net.switch.rules.change([], {})
    assert net.ports["alice"].entry is None
    net.send("alice", WEB)
    assert net.got("bob") == [WEB]


def hold(net):
    """Let a test be the clock: return what is under way, by its delay."""
    held = []

    def impair(impairment, size, arrive):
        after_s = impairment.fate(lambda: 0.5)
        if after_s is None:
            return "access-list-loss"
        held.append((after_s, arrive))
        return ""

    net.switch.rules.impair = impair
    return held


def test_a_frame_that_a_rule_delays_comes_in_when_it_arrives():
    net = Network(alice={"vlan_id": 7}, bob={})
    held = hold(net)
    late = AccessRule(1, protocol=6, destination_ports=(80, 80), delay_ms=200, loss_percent=10)
    net.switch.rules.change([late], {})
    net.send("alice", WEB, MAIL)
    (mail,) = net.got("bob")
    assert mail == add_tag(MAIL, 7)
    assert net.ports["alice"].received.unicast_frames == 1
    ((after_s, arrive),) = held
    assert after_s == 0.2
    arrive(0.2)
    assert net.got("bob") == [add_tag(WEB, 7)]
    assert net.stations["bob"].flushed == 2
    assert net.ports["alice"].received.unicast_frames == 2
    assert net.dropped == {}


def test_a_frame_that_a_rule_loses_is_counted():
    net = Network(alice={}, bob={})
    hold(net)
    net.switch.rules.change([AccessRule(1, protocol=6, loss_percent=51)], {})
    net.send("alice", WEB, DNS)
    assert net.got("bob") == [DNS]
    assert net.dropped == {"access-list-loss": 1}


def test_a_delay_towards_one_user_is_for_that_port_alone():
    net = Network(alice={}, bob={}, carol={})
    held = hold(net)
    net.switch.rules.change([AccessRule(1, destination_user="bob", delay_ms=100)], {})
    shout = ipv4("10.0.0.1", "10.0.0.255", 17, udp(9, 9), to=b"\xff" * 6)
    net.send("alice", shout)
    assert (net.got("bob"), net.got("carol")) == ([], [shout])
    held[0][1](0.1)
    assert (net.got("bob"), net.got("carol")) == ([shout], [])
    net.send("alice", shout)
    net.switch.detach(net.ports["bob"])
    held[1][1](0.2)
    assert net.got("bob") == []
    assert net.dropped == {"detached": 1}


PAGE = AccessRule(1, protocol=6, destination_ports=(80, 80), redirect_url="http://page/")
GET = ipv4("10.0.0.1", "10.0.0.2", 6, tcp(1000, 80, payload=b"GET / HTTP/1.0\r\n\r\n"))


def test_who_asks_for_a_page_is_answered_and_who_was_asked_is_not_bothered():
    net = Network(alice={"no_server": True, "vlan_id": 7}, bob={})
    net.switch.rules.visitor_of = lambda port: "alice" if port is net.ports["alice"] else None
    net.switch.rules.change([PAGE], {})
    opening = ipv4("10.0.0.1", "10.0.0.2", 6, tcp(1000, 80, 0x02))
    net.send("alice", opening, WEB, GET, MAIL)
    (answer,) = net.got("alice")
    assert b"\r\nLocation: http://page/\r\n" in answer
    first, bare, reset, mail = net.got("bob")
    assert [first, bare, mail] == [add_tag(frame, 7) for frame in (opening, WEB, MAIL)]
    assert read_facts(reset).tcp_flags == 0x14
    assert net.dropped == {"redirected": 1}
    assert (net.stations["alice"].flushed, net.stations["bob"].flushed) == (1, 1)
    assert net.ports["alice"].sent.unicast_frames == 1


def test_what_cannot_be_answered_is_as_without_the_url():
    net = Network(alice={}, bob={})
    held = hold(net)
    net.switch.rules.visitor_of = lambda _port: "alice"
    dns = ipv4("10.0.0.1", "10.0.0.2", 17, udp(1, 53))
    net.switch.rules.change([replace(PAGE, protocol=0, destination_ports=(0, 0), delay_ms=5)], {})
    net.send("alice", WEB, GET, dns)
    assert [read_facts(frame).tcp_flags for frame in net.got("bob")] == [0x14]
    assert len(held) == 2
    net.switch.rules.change([replace(PAGE, discard=True)], {})
    net.send("alice", WEB)
    net.switch.rules.change([replace(PAGE, destination_user="bob")], {})
    net.send("alice", GET)
    assert net.got("bob") == [GET], "the reference redirects nobody by a rule about destinations"
    assert net.dropped == {"redirected": 1, "access-list": 1}


def test_who_is_no_client_is_stopped_and_not_answered():
    net = Network(alice={}, bob={})
    net.switch.rules.change([PAGE], {})
    net.send("alice", WEB, GET)
    assert (net.got("alice"), net.got("bob")) == ([], [WEB])
    assert net.dropped == {"access-list": 1}


def test_a_question_costs_bandwidth_before_it_is_answered():
    net = Network(alice={"max_upload": 8 * 2000}, bob={})
    net.switch.rules.visitor_of = lambda _port: "alice"
    net.switch.rules.change([PAGE], {})
    big = ipv4("10.0.0.1", "10.0.0.2", 6, tcp(1000, 80, payload=bytes(1400)))
    net.send("alice", big, big)
    assert len(net.got("alice")) == 1
    assert net.dropped == {"redirected": 1, "upload-limit": 1}


def test_what_a_rule_delays_counts_for_the_limit_of_bandwidth():
    net = Network(alice={"max_upload": 8 * 2000}, bob={})
    held = hold(net)
    net.switch.rules.change([AccessRule(1, protocol=17, delay_ms=100)], {})
    big = ipv4("10.0.0.1", "10.0.0.2", 17, udp(9, 9) + bytes(1400))
    net.send("alice", big, big, big)
    assert len(held) == 1
    assert net.dropped == {"upload-limit": 2}


def test_a_run_that_passes_goes_on_as_it_came():
    net = Network(alice={}, bob={})
    net.switch.rules.change([AccessRule(1, discard=True, protocol=17)], {})
    port = net.ports["alice"]
    run = (WEB[:12], 3, 3 * len(WEB), encode_blocks([WEB]) + encode_blocks([WEB, MAIL]))
    assert admit(net.switch, port, port.entry, run, 0.0, []) is run


def test_policies_change_on_a_port_that_stands():
    net = Network(alice={}, bob={})
    answer = ipv4("10.0.0.1", "10.0.0.2", 6, tcp(80, 1000, 0x12))
    net.send("alice", answer)
    net.change("alice", no_server=True)
    net.send("alice", answer, WEB)
    net.change("alice")
    net.send("alice", answer)
    assert net.got("bob") == [answer, WEB, answer]
    assert net.dropped == {"no-server": 1}


def test_filters_hold_on_exit_too():
    net = Network(alice={}, bob={"dhcp_filter": True}, carol={})
    ask = dhcp(1, 1)
    net.send("alice", ask)
    assert (net.got("bob"), net.got("carol")) == ([], [ask])
    assert net.dropped == {"dhcp-filter": 1}
    net.send("alice", WEB)
    assert net.got("bob") == [WEB]
    assert net.stations["bob"].flushed == 1


def test_privacy_is_between_those_who_both_have_it():
    private = {"privacy_filter": True}
    net = Network(alice=private, bob=private, carol={})
    net.switch.rules.change([], {"DropArpInPrivacyFilterMode": 0})
    ask = arp("10.0.0.1", "10.0.0.2", to=MAC_B)
    to_carol = b"\x5e\0\0\0\0\x03" + WEB[6:]
    net.send("alice", WEB, ask)
    net.send("alice", to_carol)
    assert net.got("bob") == [ask]
    assert net.got("carol") == [to_carol]
    assert net.dropped == {"privacy-filter": 1}
    net.change("bob")
    net.send("alice", WEB)
    assert net.got("bob") == [WEB]


def test_privacy_may_spare_the_same_user():
    private = {"privacy_filter": True}
    net = Network(alice=private, bob=private)
    net.switch.rules.change([], {"AllowSameUserInPrivacyFilterMode": 1})
    net.send("alice", WEB)
    assert net.got("bob") == []
    net.switch.change(
        net.ports["bob"],
        max_macs=0,
        storm_guard=True,
        terms=net.terms("alice", privacy_filter=True),
    )
    net.send("alice", WEB)
    assert net.got("bob") == [WEB]


def test_a_rule_about_a_destination_user_holds_for_his_port_alone():
    net = Network(alice={}, bob={"group": "staff"}, carol={})
    net.switch.rules.change([AccessRule(1, discard=True, destination_user="Staff")], {})
    flood = b"\x5e\0\0\0\0\x99" + WEB[6:]
    net.send("alice", flood)
    assert (net.got("bob"), net.got("carol")) == ([], [flood])


def test_bandwidth_is_held_to_and_urgent_frames_are_not():
    net = Network(alice={"max_upload": 80_000}, bob={})
    net.send("alice", *[WEB + bytes(946)] * 20)  # 20 kB of 10 kB that may pass at once
    assert len(net.got("bob")) == 10
    assert net.dropped == {"upload-limit": 10}
    ping = ipv4("10.0.0.1", "10.0.0.2", 1, bytes(8))
    net.send("alice", ping, arp("10.0.0.1", "10.0.0.2", to=MAC_B))
    assert len(net.got("bob")) == 2
    net.now = 0.5
    net.send("alice", *[WEB + bytes(946)] * 20)
    assert len(net.got("bob")) == 5


def test_a_limit_that_stays_is_not_refilled_by_other_changes():
    net = Network(alice={"max_upload": 80_000}, bob={})
    net.send("alice", *[WEB + bytes(946)] * 20)
    net.change("alice", max_upload=80_000, no_server=True)
    net.switch.rules.change([AccessRule(1, protocol=17)], {})
    net.send("alice", WEB + bytes(946))
    assert len(net.got("bob")) == 10


def test_what_leaves_is_limited_at_the_one_who_gets_it():
    net = Network(alice={}, bob={"max_download": 80_000}, carol={})
    net.send("alice", *[WEB + bytes(946)] * 20)
    assert len(net.got("bob")) == 10
    assert net.dropped == {"download-limit": 10}


def test_a_vlan_is_put_on_and_taken_off():
    net = Network(alice={"vlan_id": 7}, bob={"vlan_id": 7}, carol={"vlan_id": 8}, trunk={})
    flood = b"\x5e\0\0\0\0\x99" + WEB[6:]
    net.send("alice", flood)
    assert net.got("bob") == [flood]
    assert net.got("carol") == []
    assert net.got("trunk") == [flood[:12] + b"\x81\x00\x00\x07" + flood[12:]]
    net.send("trunk", MAC_B + b"\x5e\0\0\0\0\x04" + WEB[12:])
    assert net.got("bob") == []
    assert net.dropped == {"other-vlan": 2}


def test_routers_are_nobodys_default_where_that_is_set():
    net = Network(alice={}, bob={"no_ipv6_default_router_in_ra": True})
    frame = FRAMES["advertisement"][:6] + MAC_A + FRAMES["advertisement"][12:]
    offered = frame[:60] + b"\x07\x08" + frame[62:]
    net.send("alice", offered)
    (got,) = net.got("bob")
    assert got[60:62] == b"\0\0"
    assert got[:56] == offered[:56]


def test_addresses_are_checked_against_those_of_all_ports():
    net = Network(alice={}, bob={})
    net.change("bob", check_ip=True)
    assert net.ports["alice"].entry is not None  # bob's policy asks about her
    net.send("alice", WEB)
    stolen = ipv4("10.0.0.1", "10.0.0.9", 17, udp(1, 2), to=MAC_A, by=MAC_B)
    own = ipv4("10.0.0.2", "10.0.0.9", 17, udp(1, 2), to=MAC_A, by=MAC_B)
    net.send("bob", stolen, own)
    assert net.got("alice") == [own]
    assert net.dropped == {"ip-conflict": 1}
    net.change("bob")
    assert net.ports["alice"].entry is None


def test_only_addresses_of_a_dhcp_server_where_that_is_forced():
    net = Network(alice={"dhcp_force": True}, server={})
    net.send("alice", WEB, WEB)
    assert net.got("server") == []
    net.send(
        "server",
        dhcp(2, DHCP_ACK, given="10.0.0.1", mac=MAC_A)[:6]
        + MAC_B
        + dhcp(2, DHCP_ACK, given="10.0.0.1", mac=MAC_A)[12:],
    )
    net.send("alice", WEB)
    assert net.got("server") == [WEB]
    assert net.dropped == {"ip-not-leased": 2}


def test_addresses_of_stations_are_checked_where_that_is_set():
    net = Network(alice={}, bob={"check_mac": True})
    stolen = ethernet(bytes(46), 0x88B5, to=MAC_B, by=MAC_A)
    net.send("bob", stolen)
    assert net.dropped == {"mac-conflict": 1}
    net.now = 14.0
    net.send("bob", ethernet(bytes(46), 0x88B5, to=b"\x5e\0\0\0\0\x99", by=MAC_A))
    assert net.dropped == {"mac-conflict": 1}


def test_a_plain_client_has_few_addresses():
    assert most_macs(Policy()) == 3
    assert most_macs(Policy(max_mac=2)) == 2
    assert most_macs(Policy(max_mac=9)) == 3
    assert most_macs(Policy(no_bridge=False)) == 0
    assert most_macs(Policy(no_bridge=False, max_mac=9)) == 9


def test_what_a_port_that_goes_asked_of_others_goes_with_it():
    net = Network(alice={}, bob={"check_ip": True})
    assert net.ports["alice"].entry is not None
    net.switch.detach(net.ports["bob"])
    assert net.ports["alice"].entry is None
    assert net.ports["bob"].entry is None


@pytest.mark.parametrize(
    "policy", [{"filter_ipv6": True}, {"max_upload": 10**9}, {"check_ip": True}]
)
@given(
    st.lists(
        st.sampled_from(list(FRAMES.values())).map(lambda f: MAC_B + MAC_A + f[12:])
        | st.binary(min_size=2, max_size=60).map(lambda tail: MAC_B + MAC_A + tail),
        min_size=1,
        max_size=20,
    ),
    st.lists(st.integers(1, 4), min_size=20, max_size=20),
)
def test_any_run_is_filtered_as_its_frames_are(policy, frames, cuts):
    net = Network(alice=policy, bob={})
    net.switch.rules.change([AccessRule(1, discard=True, protocol=6)], {})
    message, rest = b"", list(frames)
    for cut in cuts:  # several messages, as runs may be
        message += encode_blocks(rest[:cut]) if rest[:cut] else b""
        rest = rest[cut:]
    port = net.ports["alice"]
    run = (frames[0][:12], len(frames), sum(map(len, frames)), message)
    admitted = admit(net.switch, port, port.entry, run, 0.0, [])
    kept = [
        frame
        for frame in frames
        if not (read_facts(frame).protocol == 6 and read_facts(frame).layer == 2)
        and not (policy.get("filter_ipv6") and read_facts(frame).ethertype == 0x86DD)
    ]
    got = list(iterate_frames(admitted[3])) if admitted is not None else []
    assert got == kept
    if admitted is not None:
        assert admitted[1:3] == (len(kept), sum(map(len, kept)))
    assert sum(net.dropped.values()) == len(frames) - len(kept)
