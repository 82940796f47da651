"""What happened at a hub, as lines of its security log, in the reference's words where it has them.

Source: a log that the reference (5.01) wrote of the same logins.
"""

from collections.abc import Iterator

from coordinator.model import SessionRecord, Traffic
from gateway.errors import Refused
from gateway.wire.certificates import describe
from gateway.wire.codes import ErrorCode
from gateway.wire.login import (
    Anonymous,
    CertificateProof,
    Login,
    PlainPassword,
    SecurePassword,
    TicketProof,
)

_PROOFS = {
    Anonymous: "Anonymous authentication",
    SecurePassword: "Password authentication",
    PlainPassword: "External server authentication",
    CertificateProof: "Certificate authentication",
    TicketProof: "Ticket authentication",
}


def admitted(login: Login, record: SessionRecord, connection: str) -> Iterator[str]:
    """Return the lines of a login that became a session."""
    host, port = _split(record.address)
    kind = "IPv6" if ":" in host else "IPv4"
    yield _attempt(login, record.address, f' "{connection}"')
    if isinstance(login.credential, CertificateProof):
        yield (
            "The Virtual Hub's Security Account Manager has received the following certificate "
            "from the VPN Client and accepted its contents as the certificate for when user "
            f'"{login.user}" logs in: {describe(login.credential.cert_der)}'
        )
    yield f'Connection "{connection}": Successfully authenticated as user "{record.user}".'
    yield (
        f'Connection "{connection}": The new session "{record.name}" has been created. '
        f"(IP address: {host}, Port number: {port}, "
        f'Physical underlying protocol: "Standard TCP/IP ({kind})")'
    )
    yield (
        f'Session "{record.name}": The parameter has been set. '
        f"Max number of TCP connections: {record.max_connection}, "
        f"Use of encryption: {_yes(record.use_encrypt)}, "
        f"Use of compression: {_yes(record.use_compress)}, "
        f"Use of Half duplex communication: {_yes(record.half_connection)}, "
        f"Timeout: {record.timeout_ms // 1000} seconds."
    )
    yield (
        f'Session "{record.name}": VPN Client details: '
        f'(Client product name: "{record.client_name}", '
        f"Client version: {record.client_version}, Client build number: {record.client_build}, "
        f'Client host name: "{record.host_name}", Virtual Hub name: "{record.hub}", '
        f'Client unique ID: "{record.unique_id.hex().upper()}")'
    )


def refused(login: Login, address: str, error: Refused) -> Iterator[str]:
    """Return the lines of a login that became none."""
    host = _split(address)[0]
    yield _attempt(login, address, "")
    if isinstance(login.credential, CertificateProof) and error.reason == "certificate-revoked":
        yield (
            "Although the Virtual Hub's Security Account Manager has received the following "
            "certificate, has refused its contents as the certificate for when user "
            f'"{login.user}" logs in because this certificate\'s contents matches the contents '
            "that are registered in the Virtual Hub's certificates revocation list: "
            f"{describe(login.credential.cert_der)}"
        )
    if error.code == ErrorCode.AUTH_FAILED:
        yield (
            "User authentication failed. "
            f'The user name that has been provided was "{login.user}", from {host}.'
        )
    else:
        yield f'User "{login.user}" from {host} was refused ({error.reason}, code {error.code}).'


def password_changed(user: str, address: str) -> str:
    """Return the line of a user who gave himself another password."""
    return f'User "{user}" from {_split(address)[0]} has changed the password.'


def password_kept(user: str, address: str, error: Refused) -> str:
    """Return the line of somebody who would have changed a user's password and did not."""
    host = _split(address)[0]
    why = f"{error.reason}, code {error.code}"
    return f'The password of user "{user}" was not changed, as asked from {host} ({why}).'


def redirected(login: Login, address: str, to: str) -> str:
    """Return the line of a login that goes on at another node."""
    return f'User "{login.user}" from {_split(address)[0]} was sent to the node at {to}.'


def resumed(record: SessionRecord, was_on: str) -> str:
    """Return the line of a session that came back without a login."""
    return f'Session "{record.name}": The session has been taken over from node "{was_on}".'


def ended(record: SessionRecord, traffic: Traffic, reason: str) -> Iterator[str]:
    """Return the line of a session's end; `traffic` is what it carried here."""
    received = traffic.received_unicast_bytes + traffic.received_broadcast_bytes
    sent = traffic.sent_unicast_bytes + traffic.sent_broadcast_bytes
    yield (
        f'Session "{record.name}": The session has been terminated ({reason}). '
        "The statistical information is as follows: "
        f"Total outgoing data size: {sent} bytes, Total incoming data size: {received} bytes."
    )


def _attempt(login: Login, address: str, connection: str) -> str:
    host, port = _split(address)
    version = f"{login.client_version // 100}.{login.client_version % 100:02}"
    return (
        f"The connection{connection} (IP address: {host}, Host name: {host}, Port number: {port}, "
        f'Client name: "{login.client_name}", Version: {version}, Build: {login.client_build}) '
        "is attempting to connect to the Virtual Hub. "
        f'The auth type provided is "{_PROOFS[type(login.credential)]}" '
        f'and the user name is "{login.user}".'
    )


def _split(address: str) -> tuple[str, str]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), port


def _yes(value: bool) -> str:
    return "Yes" if value else "No"
