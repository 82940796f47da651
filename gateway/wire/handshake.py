"""The handshake: everything from the first byte to welcome, redirect or refusal.

Both roles are driven alike, with no socket in sight:

    handshake.receive_data(...)         bytes of the peer
    handshake.next_event()              what happened; None: the peer or the driver is next
    handshake.data_to_send()            bytes that must leave, to be taken after each of the others
    handshake.trailing                  after the last event: the beginning of the blocks

A server answers its events (`welcome`, `redirect`, `refuse` and so on); a client has said all it
wants when it is made. This module only gathers the names a driver needs.
"""

from gateway.wire.codes import Direction, ErrorCode
from gateway.wire.events import (
    AdditionalConnectRequested,
    AdminRequested,
    ApiRequested,
    Event,
    Finished,
    HubsRequested,
    Joined,
    LoginRequested,
    PasswordChangeRequested,
    Redirected,
    Welcomed,
)
from gateway.wire.handshake_client import ClientHandshake, NotVpnServer
from gateway.wire.handshake_server import ServerHandshake
from gateway.wire.hello import Hello
from gateway.wire.login import (
    Anonymous,
    CertificateProof,
    Credential,
    Login,
    PlainPassword,
    SecurePassword,
    TicketProof,
)
from gateway.wire.nodeinfo import NodeInfo
from gateway.wire.policy import Policy
from gateway.wire.redirect import Redirect
from gateway.wire.requests import AdditionalConnect, AdminLogin, PasswordChange
from gateway.wire.welcome import Welcome

__all__ = [
    "AdditionalConnect",
    "AdditionalConnectRequested",
    "AdminLogin",
    "AdminRequested",
    "Anonymous",
    "ApiRequested",
    "CertificateProof",
    "ClientHandshake",
    "Credential",
    "Direction",
    "ErrorCode",
    "Event",
    "Finished",
    "Hello",
    "HubsRequested",
    "Joined",
    "Login",
    "LoginRequested",
    "NodeInfo",
    "NotVpnServer",
    "PasswordChange",
    "PasswordChangeRequested",
    "PlainPassword",
    "Policy",
    "Redirect",
    "Redirected",
    "SecurePassword",
    "ServerHandshake",
    "TicketProof",
    "Welcome",
    "Welcomed",
]
