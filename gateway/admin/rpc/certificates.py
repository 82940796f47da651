"""Calls about the certificate that gateways show."""

from coordinator.errors import InvalidValue
from coordinator.model import FleetCertificate
from gateway.admin import certificates
from gateway.admin.pem import certificate_to_pem, key_to_pem
from gateway.admin.rpc.method import Call, Method, Who, refusal
from gateway.wire.codes import ErrorCode
from gateway.wire.rpc_struct import Values


def get_server_cert(call: Call) -> Values:
    """The certificate; never its key, which the reference sends on every connect."""
    return {"Cert": call.context.live.certificate_der()}


def set_server_cert(call: Call) -> Values:
    """Have all gateways show another; 33 where the settings name it, 4 for what cannot be shown."""
    live = call.context.live
    if not live.may_change_certificate:
        raise refusal(ErrorCode.NOT_SUPPORTED, "the gateway's settings name its certificate")
    try:
        given = certificate_to_pem(call.data("Cert")), key_to_pem(call.data("Key"))
        why = live.why_not_shown(*given)
    except InvalidValue as error:
        why = str(error)
    if why:
        raise refusal(ErrorCode.PROTOCOL_ERROR, why)
    certificates.replace(call.fleet, FleetCertificate(*given), call.now)
    # Else vpncmd tells of a directory for certificates in between, which is not here.
    return {"Cert": call.data("Cert"), "Flag1": 1}


METHODS = (
    Method("GetServerCert", Who.ANY, get_server_cert, changes=False),
    Method("SetServerCert", Who.FLEET, set_server_cert),
)
