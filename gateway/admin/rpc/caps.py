"""What tools are told we can do: they grey out the rest. Source: spec 6.5.

Clients of the binary protocol read one element `caps_<name>` per capability, JSON clients may read
the table as well. What is not named counts as no.
"""

from collections.abc import Iterator

from coordinator.access import MAX_ACCESS_RULES
from coordinator.groups import MAX_GROUPS
from gateway.admin.rpc.method import Call, Method, Who
from gateway.wire.pack import Element, integer
from gateway.wire.rpc_struct import Values

UNLIMITED = 0xFFFF_FFFF

CAPABILITIES: dict[str, int] = {
    "i_max_packet_size": 1600,
    "i_max_hubs": 100_000,
    "i_max_sessions": 100_000,
    "i_max_users_per_hub": 10_000,
    "i_max_groups_per_hub": MAX_GROUPS,
    "i_max_access_lists": MAX_ACCESS_RULES,
    "i_max_user_creation": UNLIMITED,
    "i_max_clients": UNLIMITED,
    "i_max_bridges": UNLIMITED,
    "i_max_mac_tables": 16_384,
    "i_max_ip_tables": 65_536,
    "i_max_secnat_tables": 0,
    "i_max_l3_sw": 0,
    "i_max_l3_if": 0,
    "i_max_l3_table": 0,
    "b_cluster_controller": 1,
    "b_cluster_hub_type_fixed": 1,
    "b_support_cluster": 0,  # the dialogue that turns a server into a member of something
    "b_support_cluster_admin": 1,
    "b_is_softether": 1,
    "b_vpn_client_connect": 1,
    "b_vpn3": 1,
    "b_vpn4": 1,
    "b_support_policy_ver_3": 1,
    "b_support_limit_multilogin": 1,
    "b_support_hub_admin_option": 1,
    "b_support_hide_hub": 1,
    "b_support_config_hub": 1,
    "b_support_hub_ext_options": 1,
    "b_support_ac": 1,
    "b_support_crl": 1,
    "b_support_ipv6_ac": 1,
    "b_support_ipv6_acl": 1,
    "b_support_ex_acl": 1,  # without it vpncmd refuses rules about IPv6, too
    "b_support_acl_group": 1,
    "b_support_redirect_url_acl": 1,
    "b_support_check_mac": 1,
    "b_support_check_tcp_state": 1,
    "b_support_vlan": 1,
    "b_local_bridge": 1,
    "b_tap_supported": 1,
    "b_support_cascade": 1,
    "b_support_cascade_cert": 1,
    "b_support_cascade_client_cert": 1,
    "b_support_rename_cascade": 1,
    "b_support_config_log": 1,
    "b_support_read_log": 1,
    "b_support_autodelete": 1,  # `logs.keep_days`
    "b_support_syslog": 1,
    "b_support_msg": 1,
}

_WORDS = {
    "i_max_packet_size": "Bytes of an Ethernet frame",
    "i_max_hubs": "Virtual hubs",
    "i_max_sessions": "Sessions",
    "i_max_users_per_hub": "Users of a hub",
    "b_cluster_controller": "Answers for the whole cluster",
}


def get_caps(_: Call) -> Values:
    return {
        "CapsList": [
            {"CapsName": name, "CapsValue": number, "CapsDescrption": _WORDS.get(name, name)}
            for name, number in CAPABILITIES.items()
        ]
    }


def flat_elements(values: Values) -> Iterator[Element]:
    """Return one element per capability: the form that clients of the binary protocol read."""
    for row in values["CapsList"]:
        yield integer(f"caps_{row['CapsName']}", row["CapsValue"])


def flat_json(values: Values) -> dict[str, int]:
    """Return the same for JSON."""
    return {f"caps_{row['CapsName']}_u32": row["CapsValue"] for row in values["CapsList"]}


METHODS = (Method("GetCaps", Who.ANY, get_caps, changes=False),)
