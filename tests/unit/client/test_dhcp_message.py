"""DHCP messages and leases: the formats, and what makes no sense."""

import math
from ipaddress import IPv4Address, IPv4Interface, ip_network

import pytest

from gateway.client.dhcp_lease import Lease, read_lease
from gateway.client.dhcp_message import (
    Kind,
    Message,
    Op,
    Option,
    decode_message,
    encode_message,
)
from gateway.client.route import Route
from gateway.client.udp_frame import decode_udp
from gateway.errors import Malformed

MAC = bytes.fromhex("02005e100001")
SERVER_MAC = bytes.fromhex("02005e1000fe")
ROUTER = bytes([10, 0, 0, 1])

# An ACK of dnsmasq 2.90 to our client, captured on a TAP device.
DNSMASQ_ACK = bytes.fromhex(
    "02005e10000102005e1000fe0800"
    "45c001633682000040112d750a4d00010a4d0039"
    "00430044014f8a19"
    "020106000000000700000000000000000a4d00390a4d00010000000002005e100001"
    + "00"
    * 202
    + "6382536335010536040a4d0001330400000e103a04000000143b0400000028"
    "0104ffffff001c040a4d00ff03040a4d0001790c0cac100a4d0001000a4d0001"
    "1a0205780f0b6875622e6578616d706c6506080a4d000101010101ff"
)


def ack(**options: bytes) -> Message:
    values: dict[int, bytes] = {Option.SERVER: ROUTER, Option.LEASE_TIME: (3600).to_bytes(4, "big")}
    values |= {Option[name]: value for name, value in options.items()}
    your = IPv4Address("10.0.0.7")
    return Message(Op.REPLY, Kind.ACK, 7, MAC, your_address=your, options=values)


def lease_of(**options: bytes) -> Lease:
    lease = read_lease(ack(**options), SERVER_MAC, now=100.0)
    assert lease is not None
    return lease


def test_an_ack_of_dnsmasq_is_a_lease():
    datagram = decode_udp(DNSMASQ_ACK)
    assert datagram is not None
    message = decode_message(datagram.payload)
    assert (message.op, message.kind, message.xid, message.mac) == (Op.REPLY, Kind.ACK, 7, MAC)
    assert read_lease(message, datagram.source_mac, now=100.0) == Lease(
        address=IPv4Interface("10.77.0.57/24"),
        routes=(
            Route(ip_network("172.16.0.0/12"), IPv4Address("10.77.0.1")),
            Route(ip_network("0.0.0.0/0"), IPv4Address("10.77.0.1")),
        ),
        dns=(IPv4Address("10.77.0.1"), IPv4Address("1.1.1.1")),
        domain="hub.example",
        mtu=1400,
        lease_s=3600.0,
        renew_at=120.0,
        rebind_at=140.0,
        expires_at=3700.0,
        server=IPv4Address("10.77.0.1"),
        server_mac=SERVER_MAC,
    )


def test_a_message_comes_back_and_is_never_shorter_than_bootp():
    message = Message(
        Op.REQUEST,
        Kind.DISCOVER,
        0xFFFFFFFF,
        MAC,
        client_address=IPv4Address("10.0.0.7"),
        seconds=65535,
        is_broadcast=True,
        options={Option.CLIENT: b"\x01" + MAC, Option.HOST_NAME: b"", 250: b"x" * 600},
    )
    assert decode_message(encode_message(message)) == message
    assert len(encode_message(Message(Op.REQUEST, Kind.RELEASE, 1, MAC))) == 300


def test_options_go_on_in_file_and_sname_where_overload_says_so():
    plain = encode_message(ack(OVERLOAD=b"\x03", DOMAIN=b"hub."))
    file = bytes([Option.DOMAIN, 7]) + b"example" + b"\xff"
    sname = bytes([Option.DNS, 4]) + ROUTER
    packed = plain[:44] + sname.ljust(64, b"\0") + file.ljust(128, b"\0") + plain[236:]
    options = decode_message(packed).options
    assert options[Option.DOMAIN] == b"hub.example"
    assert options[Option.DNS] == ROUTER


@pytest.mark.parametrize(
    ("at", "value", "why"),
    [
        (0, b"\x03", "3 is not a valid Op"),
        (1, b"\x06", "hardware type 6"),
        (2, b"\x10", "address of 16 bytes"),
        (236, b"\x00", "magic cookie"),
        (242, b"\x09", "9 is not a valid Kind"),
        (240, b"\x34", "0 is not a valid Kind"),
        (244, b"\xff", "option 54: 255 bytes announced"),
    ],
)
def test_what_is_not_dhcp_is_malformed(at, value, why):
    payload = encode_message(ack())
    with pytest.raises(Malformed, match=why):
        decode_message(payload[:at] + value + payload[at + 1 :])


def test_a_cut_message_is_malformed():
    payload = encode_message(ack())
    for size in range(240):
        with pytest.raises(Malformed, match=f"of {size} bytes, 240 needed"):
            decode_message(payload[:size])


@pytest.mark.parametrize(
    ("mask", "length"),
    [
        (b"\xff\xff\xff\xff", 32),
        (b"\xff\xff\xfe\x00", 23),
        (b"\x80\x00\x00\x00", 1),
        (b"\x00\x00\x00\x00", 8),  # impossible: the class of 10.0.0.7
        (b"\xff\x00\xff\x00", 8),
        (b"\xff\xff", 8),
        (b"", 8),
    ],
)
def test_a_mask_is_a_prefix_or_the_addresss_old_class(mask, length):
    assert lease_of(SUBNET_MASK=mask).address.network.prefixlen == length


def test_times_are_halves_and_eighths_where_the_server_names_no_possible_ones():
    def times(t1: int, t2: int) -> tuple[float, float]:
        lease = lease_of(RENEW_TIME=t1.to_bytes(4, "big"), REBIND_TIME=t2.to_bytes(4, "big"))
        return lease.renew_at - 100, lease.rebind_at - 100

    assert times(60, 120) == (60, 120)
    for impossible in [(0, 120), (120, 60), (60, 3600), (60, 60)]:
        assert times(*impossible) == (1800, 3150)


def test_a_lease_can_be_for_ever():
    lease = lease_of(LEASE_TIME=b"\xff" * 4)
    assert (lease.renew_at, lease.rebind_at, lease.expires_at) == (math.inf,) * 3


def test_a_lease_without_a_time_is_an_hour_and_one_of_no_time_is_none():
    assert lease_of(LEASE_TIME=b"").lease_s == 3600
    assert read_lease(ack(LEASE_TIME=bytes(4)), SERVER_MAC, 0.0) is None
    assert read_lease(ack(SERVER=b""), SERVER_MAC, 0.0) is None


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "255.255.255.255"]
)
def test_an_address_no_host_can_have_is_no_lease(address):
    message = Message(
        Op.REPLY, Kind.ACK, 7, MAC, IPv4Address(0), IPv4Address(address), options=ack().options
    )
    assert read_lease(message, SERVER_MAC, 0.0) is None


def test_classless_routes_overrule_the_router():
    lease = lease_of(
        ROUTER=bytes([10, 0, 0, 9]),
        CLASSLESS_ROUTES=b"\x00"
        + ROUTER
        + b"\x0c\xac\x10"
        + ROUTER
        + b"\x18\xc0\xa8\x05"
        + bytes(4),
    )
    assert [str(route) for route in lease.routes] == [
        "default via 10.0.0.1",
        "172.16.0.0/12 via 10.0.0.1",
        "192.168.5.0/24 on link",
    ]
    assert lease.router == IPv4Address("10.0.0.1")


@pytest.mark.parametrize(
    "nonsense", [b"\x21" + bytes(9), b"\x18\x0a", b"\x00\xff\xff\xff\xff", b""]
)
def test_classless_routes_that_make_no_sense_leave_the_router_in_charge(nonsense):
    lease = lease_of(ROUTER=ROUTER + bytes(4), CLASSLESS_ROUTES=nonsense)
    assert lease.routes == (Route(ip_network("0.0.0.0/0"), IPv4Address("10.0.0.1")),)
    assert lease_of(ROUTER=bytes(4)).router is None


@pytest.mark.parametrize(
    ("option", "domain"),
    [
        (b"hub.example\0", "hub.example"),
        (b"hub.example.", "hub.example"),
        (b"_x.a-b.example", "_x.a-b.example"),
        (b"evil\nnameserver 10.6.6.6", ""),
        (b"a..b", ""),
        (b"\xff\xfe", ""),
        ("bücher.example".encode(), ""),
        (b"a" * 254, ""),
        (b"", ""),
    ],
)
def test_a_domain_is_plain_or_absent(option, domain):
    assert lease_of(DOMAIN=option).domain == domain


def test_a_tiny_mtu_is_no_mtu():
    assert lease_of(MTU=b"\x02\x3f").mtu is None
    assert lease_of(MTU=b"\x02\x40").mtu == 576
