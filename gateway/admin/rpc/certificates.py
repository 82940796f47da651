"""Calls about the certificate that gateways show."""

from coordinator.errors import InvalidValue
from coordinator.model import FleetCertificate
from gateway.admin import certificates
from gateway.admin.pem import certificate_to_pem, key_to_pem
from gateway.admin.rpc.method import Call, Method, Who, refusal
from gateway.wire.codes import ErrorCode
from gateway.wire.rpc_struct import Values

MAX_COMMON_NAME = 64  # characters; X.520, ub-common-name


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


def regenerate_server_cert(call: Call) -> Values:
    """Have all gateways show a new one, signed by itself, of the common name that is given."""
    live, name = call.context.live, call.text("StrValue")
    if not live.may_change_certificate:
        raise refusal(ErrorCode.NOT_SUPPORTED, "the gateway's settings name its certificate")
    if not 1 <= len(name) <= MAX_COMMON_NAME or not (name.isascii() and name.isprintable()):
        raise InvalidValue(
            f"common name: {len(name)} characters, 1 to {MAX_COMMON_NAME} of ASCII allowed"
        )
    made = live.make_certificate(name)
    certificates.replace(call.fleet, FleetCertificate(*made), call.now)
    return dict(call.values)


METHODS = (
    Method("GetServerCert", Who.ANY, get_server_cert, changes=False),
    Method("SetServerCert", Who.FLEET, set_server_cert),
    Method("RegenerateServerCert", Who.FLEET, regenerate_server_cert),
)
