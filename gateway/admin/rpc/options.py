"""The options by which the fleet's administrators bound what a hub's administrator may do.

All of them are known by name and kept; which of them act is said in docs/vpncmd.md.
"""

from collections.abc import Mapping

from gateway.admin import administrators, hubs
from gateway.admin.options import DEFAULTS
from gateway.admin.options import OPTIONS as IN_FORCE
from gateway.admin.rpc.method import Call, Method, Who, refusal
from gateway.wire.codes import ErrorCode
from gateway.wire.rpc_struct import Values

OPTIONS = {
    "allow_hub_admin_change_option": "the hub's administrator may change these options",
    "max_users": "most users of the hub",
    "max_multilogins_per_user": "most sessions of one user",
    "max_groups": "most groups of the hub",
    "max_accesslists": "most rules of the access list",
    "max_sessions_client_bridge_apply": "max_sessions_client and max_sessions_bridge hold",
    "max_sessions": "most sessions",
    "max_sessions_client": "most sessions of clients",
    "max_sessions_bridge": "most sessions of bridges",
    "max_bitrates_download": "most bits per second to a session",
    "max_bitrates_upload": "most bits per second from a session",
    "deny_empty_password": "users without a password stay out",
    "deny_bridge": "no session may bridge",
    "deny_routing": "no session may route",
    "deny_qos": "no session has priority for voice",
    "deny_change_user_password": "users may not change their passwords",
    "no_change_users": "users may not be made, changed or deleted",
    "no_change_groups": "groups may not be made, changed or deleted",
    "no_securenat": "the virtual DHCP and NAT may not be switched",
    "no_securenat_enablenat": "the virtual NAT may not be switched",
    "no_securenat_enabledhcp": "the virtual DHCP may not be switched",
    "no_cascade": "cascades may not be made or changed",
    "no_online": "the hub may not be switched on",
    "no_offline": "the hub may not be switched off",
    "no_change_log_config": "what is logged may not be changed",
    "no_disconnect_session": "sessions may not be ended",
    "no_delete_iptable": "IP addresses may not be forgotten",
    "no_delete_mactable": "MAC addresses may not be forgotten",
    "no_enum_session": "sessions may not be listed",
    "no_query_session": "sessions may not be looked at",
    "no_change_admin_password": "the administrator's password may not be changed",
    "no_change_log_switch_type": "when log files change may not be changed",
    "no_change_access_list": "the access list may not be changed",
    "no_change_access_control_list": "the list of source addresses may not be changed",
    "no_change_cert_list": "the trusted certificates may not be changed",
    "no_change_crl_list": "the revoked certificates may not be changed",
    "no_read_log_file": "log files may not be read",
    "deny_hub_admin_change_ext_option": "extended options may not be changed",
    "no_delay_jitter_packet_loss": "rules may not delay or lose frames",
    "no_change_msg": "the message to clients may not be changed",
    "no_access_list_include_file": "rules may not name users by files",
}
EXTENDED = """
    NoAddressPollingIPv4 NoAddressPollingIPv6 NoIpTable NoMacAddressLog ManageOnlyPrivateIP
    ManageOnlyLocalUnicastIPv6 DisableIPParsing YieldAfterStorePacket NoSpinLockForPacketDelay
    BroadcastStormDetectionThreshold ClientMinimumRequiredBuild FilterPPPoE FilterOSPF FilterIPv4
    FilterIPv6 FilterNonIP NoIPv4PacketLog NoIPv6PacketLog FilterBPDU
    NoIPv6DefaultRouterInRAWhenIPv6 NoLookBPDUBridgeId NoManageVlanId VlanTypeId FixForDLinkBPDU
    RequiredClientId AdjustTcpMssValue DisableAdjustTcpMss NoDhcpPacketLogOutsideHub
    DisableHttpParsing DisableUdpAcceleration DisableUdpFilterForLocalBridgeNic
    ApplyIPv4AccessListOnArpPacket RemoveDefGwOnDhcpForLocalhost SecureNAT_MaxTcpSessionsPerIp
    SecureNAT_MaxTcpSynSentPerIp SecureNAT_MaxUdpSessionsPerIp SecureNAT_MaxDnsSessionsPerIp
    SecureNAT_MaxIcmpSessionsPerIp AccessListIncludeFileCacheLifetime DisableKernelModeSecureNAT
    DisableIpRawModeSecureNAT DisableUserModeSecureNAT DisableCheckMacOnLocalBridge
    DisableCorrectIpOffloadChecksum BroadcastLimiterStrictMode MaxLoggedPacketsPerMinute
    DoNotSaveHeavySecurityLogs DropBroadcastsInPrivacyFilterMode DropArpInPrivacyFilterMode
    SuppressClientUpdateNotification FloodingSendQueueBufferQuota AssignVLanIdByRadiusAttribute
    DenyAllRadiusLoginWithNoVlanAssign SecureNAT_RandomizeAssignIp DetectDormantSessionInterval
    NoPhysicalIPOnPacketLog UseHubNameAsDhcpUserClassOption UseHubNameAsRadiusNasId
"""
"""In the reference's order."""
EXTENDED_DEFAULTS = {
    # What the reference shows of a new hub. Without effect here, but tools write all back.
    "NoMacAddressLog": 1,
    "ManageOnlyPrivateIP": 1,
    "ManageOnlyLocalUnicastIPv6": 1,
    "NoIPv6DefaultRouterInRAWhenIPv6": 1,
    "VlanTypeId": 0x8100,
    "NoDhcpPacketLogOutsideHub": 1,
    "RemoveDefGwOnDhcpForLocalhost": 1,
    "AccessListIncludeFileCacheLifetime": 30,
    "FloodingSendQueueBufferQuota": 32 * 1_048_576,
    **DEFAULTS,
}
MAX_ITEMS = 4096  # in one request


def get_hub_admin_options(call: Call) -> Values:
    return _values(call, call.administration.options)


def get_default_hub_admin_options(call: Call) -> Values:
    return {**_values(call, {}), "HubName": call.text("HubName")}


def set_hub_admin_options(call: Call) -> Values:
    """Set the options that are named; others stay, and names nobody knows are passed over."""
    may_change = call.administration.options.get("allow_hub_admin_change_option")
    if not call.caller.is_fleet_admin and not may_change:
        raise refusal(ErrorCode.NOT_ENOUGH_RIGHTS)
    given = _given(call)
    known = {name: number for name, number in given.items() if name in OPTIONS}
    administrators.set_hub(call.fleet, call.hub.name, call.now, options=known)
    return _values(call, {**call.administration.options, **known})


def get_hub_ext_options(call: Call) -> Values:
    """The reference's extended options; those in force are described."""
    held = call.hub.options
    names = dict.fromkeys([*EXTENDED.split(), *IN_FORCE, *held])
    rows = [
        {
            "Name": n,
            "Value": held.get(n, EXTENDED_DEFAULTS.get(n, 0)),
            "Descrption": IN_FORCE.get(n, "no effect here"),
        }
        for n in names
    ]
    return {"NumItem": len(rows), "HubName": call.hub.name, "AdminOptionList": rows}


def set_hub_ext_options(call: Call) -> Values:
    """Set the options that are named; names nobody knows are passed over."""
    known = {name.lower(): name for name in (*EXTENDED.split(), *IN_FORCE)}
    given = _given(call)
    changes = {known[name]: number for name, number in given.items() if name in known}
    hubs.change(call.fleet, call.hub.name, call.now, options=changes)
    return dict(call.values)


def _given(call: Call) -> dict[str, int]:
    """Return the options in a request, by their names in lower case. Raises Refused."""
    rows = call.rows("AdminOptionList")
    if len(rows) > MAX_ITEMS:
        raise refusal(ErrorCode.TOO_MANY_ITEMS, f"{len(rows)} options, {MAX_ITEMS} allowed")
    return {str(row.get("Name", "")).lower(): int(row.get("Value", 0)) for row in rows}


def _values(call: Call, options: Mapping[str, int]) -> Values:
    return {
        "NumItem": len(OPTIONS),
        "HubName": call.found_hub.name if call.found_hub is not None else "",
        "AdminOptionList": [
            {"Name": name, "Value": options.get(name, 0), "Descrption": OPTIONS[name]}
            for name in sorted(OPTIONS)
        ],
    }


METHODS = (
    Method("GetHubAdminOptions", Who.HUB, get_hub_admin_options, changes=False),
    Method("SetHubAdminOptions", Who.HUB, set_hub_admin_options),
    Method("GetDefaultHubAdminOptions", Who.ANY, get_default_hub_admin_options, changes=False),
    Method("GetHubExtOptions", Who.HUB, get_hub_ext_options, changes=False),
    Method(
        "SetHubExtOptions",
        Who.HUB,
        set_hub_ext_options,
        forbidden_by=("deny_hub_admin_change_ext_option",),
    ),
)
