"""Calls about cascades: a hub's sessions on hubs elsewhere. Source: spec 6.3, 7.4.

Tools read a cascade, change one thing and write all of it back, so what is never told comes back
empty and means "as it is":

1. Secrets. A hash of zeros, no password, no key: the stored one stays. A new user's name keeps the
   stored hash, too, although it is of the former one: tools set the password behind it.
2. Trust. What says the same as we showed changes nothing, so a pin or authorities that the command
   line set survive. A certificate that is not to be checked is kept until it is.

What we have no part for is refused with 33 when it would matter (a proxy), and passed over when it
would not: data is always encrypted, and when to try again is our own affair.
"""

from collections.abc import Callable
from typing import Any, cast

from coordinator.cascade import Cascade, CascadeAuth, CascadeState, CascadeTrust
from gateway.admin import cascades
from gateway.admin.cascades import (
    Anything,
    CascadeChanges,
    CascadeReport,
    Identity,
    NewCascade,
    Nothing,
    PasswordHash,
    PlainPassword,
    Proof,
    Signed,
    Trust,
    pin_of,
)
from gateway.admin.pem import certificate_to_der, certificate_to_pem, key_to_pem
from gateway.admin.rpc.convert import PREFIX, policy_of, policy_values, to_ms, traffic_values
from gateway.admin.rpc.method import Call, Method, Who, refusal
from gateway.wire.codes import HASH_SIZE, AuthType, ErrorCode
from gateway.wire.rpc_struct import Values

# What the reference says of its own cascades and ours have no setting for.
DEVICE = "_SEHUBLINKCLI_"
FOREVER, RETRY_S = 0xFFFF_FFFF, 10
CONNECTING, ESTABLISHED, RETRYING = 0, 3, 4  # status of a session

AUTH_NUMBERS = {
    CascadeAuth.ANONYMOUS: AuthType.ANONYMOUS,
    CascadeAuth.PASSWORD: AuthType.PASSWORD,
    CascadeAuth.PLAIN_PASSWORD: AuthType.PLAIN_PASSWORD,
    CascadeAuth.CERTIFICATE: AuthType.CERTIFICATE,
}


def create_link(call: Call) -> Values:
    """Make a cascade; it is offline unless the call says otherwise, as tools expect."""
    if not call.text("AccountName"):
        # The reference's code for what it cannot make a cascade of.
        raise refusal(ErrorCode.INTERNAL_ERROR, "the cascade has no name")
    # Of one to be made every setting is named, the proof too.
    new = cast("NewCascade", {**_settings(call, None), "online": call.flag("Online")})
    made = cascades.add(call.fleet, call.hub.name, call.text("AccountName"), call.now, new)
    return _values(made)


def set_link(call: Call) -> Values:
    """Replace a cascade's settings. Whether it is online is a call of its own."""
    name = call.text("AccountName")
    was = cascades.find(call.fleet, call.hub.name, name)
    return _values(cascades.change(call.fleet, was.hub, was.name, call.now, _settings(call, was)))


def get_link(call: Call) -> Values:
    return _values(cascades.find(call.fleet, call.hub.name, call.text("AccountName")))


def enum_link(call: Call) -> Values:
    rows = [_row(report) for report in cascades.reports(call.fleet, call.hub.name)]
    return {"HubName": call.hub.name, "LinkList": rows}


def delete_link(call: Call) -> Values:
    gone = cascades.delete(call.fleet, call.hub.name, call.text("AccountName"))
    return {"HubName": gone.hub, "AccountName": gone.name}


def rename_link(call: Call) -> Values:
    changes: CascadeChanges = {"name": call.text("NewAccountName")}
    old = call.text("OldAccountName")
    cascades.change(call.fleet, call.hub.name, old, call.now, changes)
    return dict(call.values)


def get_link_status(call: Call) -> Values:
    """How a cascade is doing; 61 for one that is offline."""
    report = cascades.report(call.fleet, call.hub.name, call.text("AccountName"))
    if report.state is CascadeState.OFFLINE:
        raise refusal(ErrorCode.CASCADE_OFFLINE, f"cascade {report.cascade.name} is offline")
    return {"HubName_Ex": report.cascade.hub, **_status(report)}


def _switch(online: bool) -> Callable[[Call], Values]:
    def switch(call: Call) -> Values:
        changes: CascadeChanges = {"online": online}
        name = call.text("AccountName")
        made = cascades.change(call.fleet, call.hub.name, name, call.now, changes)
        return {"HubName": made.hub, "AccountName": made.name}

    return switch


# -- what is asked --------------------------------------------------------------------------------


def _settings(call: Call, was: Cascade | None) -> CascadeChanges:
    """Return what a call wants of a cascade that is so, or is to be made. Raises Refused."""
    if call.number("ProxyType") or call.text("CustomHttpHeader"):
        raise refusal(ErrorCode.NOT_SUPPORTED, "a cascade through a proxy is not served")
    wanted: CascadeChanges = {
        # The graphical tool marks a host that is to be reached by TCP alone so.
        "host": call.text("Hostname").partition("/")[0],
        "tcp_port": call.number("Port"),
        "target_hub": call.text("HubName"),
        "user": call.text("Username"),
        "max_connection": call.number("MaxConnection") or 1,
        "use_compress": call.flag("UseCompress"),
        "half_connection": call.flag("HalfConnection"),
    }
    if any(name.startswith(PREFIX) for name in call.values):
        former = dict.fromkeys(was.policy) if was is not None else {}
        wanted["policy"] = {**former, **policy_of(call.values)}
    if (proof := _proof(call, was)) is not None:
        wanted["proof"] = proof
    if (trust := _trust(call, was)) is not None:
        wanted["trust"] = trust
    return wanted


def _proof(call: Call, was: Cascade | None) -> Proof | None:
    """Return by what it is to log in; None: as it does. Raises Refused."""
    number = call.number("AuthType")
    is_same = was is not None and AUTH_NUMBERS[was.auth] == number
    match number:
        case AuthType.ANONYMOUS:
            return Nothing()
        case AuthType.PASSWORD:
            hashed = call.data("HashedPassword")
            if any(hashed):
                return PasswordHash(hashed)
            stored = was.secret if was is not None and is_same else None
            return PasswordHash(stored or bytes(HASH_SIZE))
        case AuthType.PLAIN_PASSWORD:
            plain = call.text("PlainPassword")
            return None if is_same and not plain else PlainPassword(plain)
        case AuthType.CERTIFICATE:
            key = call.data("ClientK")
            if is_same and not any(key):
                return None
            return Identity(certificate_to_pem(call.data("ClientX")), key_to_pem(key))
    raise refusal(ErrorCode.NOT_SUPPORTED, f"cascades of authentication type {number}")


def _trust(call: Call, was: Cascade | None) -> Trust | None:
    """Return whom it is to believe; None: whom it does."""
    is_checked, der = call.flag("CheckServerCert"), call.data("ServerCert")
    if was is not None and (is_checked, der) == _shown_trust(was):
        return None
    certificate = certificate_to_pem(der) if der else ""
    if not is_checked:
        return Anything(certificate)
    return pin_of(certificate) if certificate else Signed()


def _shown_trust(cascade: Cascade) -> tuple[bool, bytes]:
    certificate = cascade.server_certificate
    der = certificate_to_der(certificate) if certificate else b""
    return cascade.trust is not CascadeTrust.ANY, der


# -- what is answered -----------------------------------------------------------------------------


def _values(cascade: Cascade) -> Values:
    """Return a cascade as it is set, without its secret."""
    is_checked, der = _shown_trust(cascade)
    found: Values = {
        "HubName_Ex": cascade.hub,
        "Online": cascade.online,
        "AccountName": cascade.name,
        "Hostname": cascade.host,
        "Port": cascade.tcp_port,
        "HubName": cascade.target_hub,
        "CustomHttpHeader": "",
        "DeviceName": DEVICE,
        "NumRetry": FOREVER,
        "RetryInterval": RETRY_S,
        "MaxConnection": cascade.max_connection,
        "UseEncrypt": True,
        "UseCompress": cascade.use_compress,
        "HalfConnection": cascade.half_connection,
        "NoRoutingTracking": True,
        "AdditionalConnectionInterval": 1,
        "RequireBridgeRoutingMode": True,
        "NoUdpAcceleration": True,
        "AuthType": int(AUTH_NUMBERS[cascade.auth]),
        "Username": cascade.user,
        "CheckServerCert": is_checked,
        **policy_values(cascade.policy),
    }
    match cascade.auth:
        case CascadeAuth.PASSWORD:
            found["HashedPassword"] = bytes(HASH_SIZE)
        case CascadeAuth.PLAIN_PASSWORD:
            found["PlainPassword"] = ""
        case CascadeAuth.CERTIFICATE:
            found["ClientX"] = certificate_to_der(cascade.certificate)
    return {**found, "ServerCert": der} if der else found


def _row(report: CascadeReport) -> dict[str, Any]:
    cascade, status = report.cascade, report.status
    is_connected = report.state is CascadeState.CONNECTED
    return {
        "AccountName": cascade.name,
        "ConnectedHubName": cascade.target_hub,
        "Hostname": cascade.host,
        "Online": cascade.online,
        "ConnectedTime": to_ms(status.connected) if status is not None and is_connected else None,
        "Connected": is_connected,
        "LastError": _error(report),
        "TargetHubName": cascade.target_hub,
    }


def _error(report: CascadeReport) -> int:
    """Return why it does not stand, as a number; 0 while it does or is about to.

    A loop has no number of its own: tools hear that the hub refuses."""
    match report.state:
        case CascadeState.RETRYING if report.status is not None:
            return report.status.error or ErrorCode.DISCONNECTED
        case CascadeState.LOOPED:
            return ErrorCode.BRIDGE_MODE_DENIED
    return 0


def _status(report: CascadeReport) -> Values:
    cascade, status = report.cascade, report.status
    found: Values = {
        "AccountName": cascade.name,
        "ServerName": cascade.host,
        "ServerPort": cascade.tcp_port,
        "SessionStatus": RETRYING if report.state is CascadeState.RETRYING else CONNECTING,
        "UseEncrypt": True,
        "IsBridgeMode": True,
        **policy_values(cascade.policy),
    }
    if status is None:
        return found
    traffic = status.traffic
    sent = traffic.sent_unicast_bytes + traffic.sent_broadcast_bytes
    received = traffic.received_unicast_bytes + traffic.received_broadcast_bytes
    found |= {
        "Active": True,
        "StartTime": to_ms(status.started),
        "FirstConnectionEstablisiedTime": to_ms(status.first_connected),
        "NumConnectionsEstablished": status.logins,
        **dict.fromkeys(("TotalSendSize", "TotalSendSizeReal"), sent),
        **dict.fromkeys(("TotalRecvSize", "TotalRecvSizeReal"), received),
        **traffic_values(traffic),
    }
    if report.state is not CascadeState.CONNECTED:
        return found
    host, _, port = status.server.rpartition(":")
    return found | {
        "Connected": True,
        "SessionStatus": ESTABLISHED,
        "ServerName": host.strip("[]") or cascade.host,
        "ServerPort": int(port) if port.isdigit() else cascade.tcp_port,
        "CipherName": status.cipher,
        "SessionName": status.session,
        "ConnectionName": status.connection,
        "HalfConnection": status.half_connection,
        "UseCompress": status.use_compress,
        "MaxTcpConnections": status.max_connection,
        "NumTcpConnections": status.connections,
        "UnderlayProtocol": "Standard TCP/IP",
        "CurrentConnectionEstablishTime": to_ms(status.connected),
        **policy_values(status.far_policy),
    }


_CHANGE = ("no_cascade",)
_NAME = ("AccountName",)
_HERE = "HubName_Ex"  # in structs where `HubName` is the other side's

METHODS = (
    Method("CreateLink", Who.HUB, create_link, hub_field=_HERE, forbidden_by=_CHANGE),
    Method("GetLink", Who.HUB, get_link, hub_field=_HERE, changes=False),
    Method("SetLink", Who.HUB, set_link, hub_field=_HERE, forbidden_by=_CHANGE),
    Method("EnumLink", Who.HUB, enum_link, changes=False),
    Method("SetLinkOnline", Who.HUB, _switch(True), needs=_NAME, forbidden_by=_CHANGE),
    Method("SetLinkOffline", Who.HUB, _switch(False), needs=_NAME, forbidden_by=_CHANGE),
    Method("DeleteLink", Who.HUB, delete_link, needs=_NAME, forbidden_by=_CHANGE),
    Method(
        "RenameLink",
        Who.HUB,
        rename_link,
        needs=("OldAccountName", "NewAccountName"),
        forbidden_by=_CHANGE,
    ),
    Method("GetLinkStatus", Who.HUB, get_link_status, needs=_NAME, hub_field=_HERE, changes=False),
)
