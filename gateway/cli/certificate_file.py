"""Certificates and keys in files that an operator names."""

from pathlib import Path

from gateway.errors import EtherFleetError

MAX_FILE = 1_048_576  # bytes; who gives a whole disk by mistake is told so


def read_certificate_file(file: str) -> bytes:
    """Return the one certificate of a file, in PEM or in DER, as DER; a key is none.

    Raises EtherFleetError, InvalidValue: for people.
    """
    from gateway.admin.pem import one_certificate

    try:
        with Path(file).open("rb") as opened:
            raw = opened.read(MAX_FILE + 1)
    except OSError as error:
        raise EtherFleetError(f"cannot read {file}: {error.strerror or error}") from error
    if len(raw) > MAX_FILE:
        raise EtherFleetError(f"{file} has more than {MAX_FILE} bytes: no certificate has")
    return one_certificate(raw, file)


def read_pem(file: str) -> str:
    """Return the text of a file in PEM. Raises EtherFleetError."""
    try:
        return Path(file).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise EtherFleetError(f"cannot read {file}: {error}") from error
