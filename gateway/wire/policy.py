"""The security policy of a session, as a welcome tells it. Source: spec 4.

`Policy()` is what a real server gives a plain client; a bridge's session has `no_bridge` and
`no_routing` off.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from gateway.wire.pack import Element, Pack, integer


@dataclass(frozen=True, slots=True)
class Policy:
    """What one session may do. Numbers: 0 is "no limit"; times in seconds, rates in bit/s."""

    access: bool = True
    dhcp_filter: bool = False
    dhcp_no_server: bool = False
    dhcp_force: bool = False
    no_bridge: bool = True
    no_routing: bool = True
    privacy_filter: bool = False
    no_server: bool = False
    check_mac: bool = False
    check_ip: bool = False
    arp_dhcp_only: bool = False
    monitor_port: bool = False
    no_broadcast_limiter: bool = False
    fix_password: bool = False
    no_qos: bool = False
    rs_and_ra_filter: bool = False
    ra_filter: bool = False
    dhcpv6_filter: bool = False
    dhcpv6_no_server: bool = False
    no_routing_v6: bool = False
    check_ipv6: bool = False
    no_server_v6: bool = False
    no_save_password: bool = False
    filter_ipv4: bool = False
    filter_ipv6: bool = False
    filter_non_ip: bool = False
    no_ipv6_default_router_in_ra: bool = False
    no_ipv6_default_router_in_ra_when_ipv6: bool = False
    max_connection: int = 32
    time_out: int = 20
    max_mac: int = 0
    max_ip: int = 0
    max_upload: int = 0
    max_download: int = 0
    multi_logins: int = 0
    max_ipv6: int = 0
    auto_disconnect: int = 0
    vlan_id: int = 0
    ver3: bool = True


# Field by field in the order above: what follows "policy:" on the wire.
_NAMES = (
    "Access DHCPFilter DHCPNoServer DHCPForce NoBridge NoRouting PrivacyFilter NoServer CheckMac"
    " CheckIP ArpDhcpOnly MonitorPort NoBroadcastLimiter FixPassword NoQoS RSandRAFilter RAFilter"
    " DHCPv6Filter DHCPv6NoServer NoRoutingV6 CheckIPv6 NoServerV6 NoSavePassword FilterIPv4"
    " FilterIPv6 FilterNonIP NoIPv6DefaultRouterInRA NoIPv6DefaultRouterInRAWhenIPv6 MaxConnection"
    " TimeOut MaxMac MaxIP MaxUpload MaxDownload MultiLogins MaxIPv6 AutoDisconnect VLanId Ver3"
)

WIRE_NAMES: dict[str, str] = dict(
    zip((field.name for field in fields(Policy)), _NAMES.split(), strict=True)
)
"""Field name to the name operators and peers use for it, such as `no_qos` to `NoQoS`."""


def encode_policy(policy: Policy) -> Iterator[Element]:
    """Return the `policy:` elements of a welcome."""
    for field, name in WIRE_NAMES.items():
        yield integer(f"policy:{name}", int(getattr(policy, field)))


def read_policy(pack: Pack) -> Policy:
    """Return the policy in a welcome; what is absent is 0, as a real client takes it."""
    plain = Policy()
    numbers = {field: pack.integer(f"policy:{name}") for field, name in WIRE_NAMES.items()}
    return Policy(**{f: type(getattr(plain, f))(number) for f, number in numbers.items()})
