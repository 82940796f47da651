"""TLS settings of both sides. SoftEther programs speak TLS 1.2 and 1.3, without ALPN."""

import os
import ssl
import tempfile


def server_context(certificate_pem: str, private_key_pem: str) -> ssl.SSLContext:
    """Return the context of a listener that shows this certificate (leaf first, then its chain).

    Raises ssl.SSLError when key and certificate do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    # A resumption ticket is never used by a stock client and costs it a read in the data phase.
    context.num_tickets = 0
    # OpenSSL loads key and certificate from files only; these live for two lines, for us alone.
    descriptor, path = tempfile.mkstemp(prefix="etherfleet-", suffix=".pem")
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(private_key_pem.rstrip() + "\n" + certificate_pem)
        context.load_cert_chain(path)
    finally:
        os.unlink(path)
    return context


def client_context(
    *, verify: bool = False, ca_file: str | None = None, ca_pem: str = ""
) -> ssl.SSLContext:
    """Return the context of a client: `verify` checks name and chain, against the authorities in
    `ca_file` or `ca_pem` if given, else against those the system trusts.

    Without `verify` any certificate is accepted, as stock clients do; pin it where it matters.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if verify:
        if ca_file:
            context.load_verify_locations(ca_file)
        elif ca_pem:
            context.load_verify_locations(cadata=ca_pem)
        else:
            context.load_default_certs()
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
