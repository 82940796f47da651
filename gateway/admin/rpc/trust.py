"""Calls about whose certificates a hub believes, and which no longer.

An authority and a revocation are known by the number the store gave it, under `Key`. Source: spec
7.3; what lists say of them: the reference's `GenerateCrlStr`, `GetAllNameFromNameEx`.
"""

from coordinator.trust import MD5_SIZE, SHA1_SIZE, Revocation
from gateway.admin import trust
from gateway.admin.rpc.convert import to_ms
from gateway.admin.rpc.method import Call, Method, Who
from gateway.wire.certificates import Name
from gateway.wire.rpc_struct import Values

_NAMES = {
    "CommonName": "common_name",
    "Organization": "organization",
    "Unit": "unit",
    "Country": "country",
    "State": "state",
    "Local": "locality",
}


def add_ca(call: Call) -> Values:
    """Believe an authority. Told twice, as tools do when an answer is lost, it is there once."""
    made = trust.add_authority(call.fleet, call.hub.name, call.data("Cert"), call.now)
    return {"HubName": call.hub.name, "Cert": made.certificate.der}


def enum_ca(call: Call) -> Values:
    rows = [
        {
            "Key": report.number,
            "SubjectName": report.certificate.subject.in_short(),
            "IssuerName": report.certificate.issuer.in_short(),
            "Expires": to_ms(report.ends),
        }
        for report in trust.authorities(call.fleet, call.hub.name)
    ]
    return {"HubName": call.hub.name, "CAList": rows}


def get_ca(call: Call) -> Values:
    report = trust.authority(call.fleet, call.hub.name, call.number("Key"))
    return {"HubName": call.hub.name, "Key": report.number, "Cert": report.certificate.der}


def delete_ca(call: Call) -> Values:
    trust.delete_authority(call.fleet, call.hub.name, call.number("Key"), call.now)
    return {"HubName": call.hub.name, "Key": call.number("Key")}


def enum_crl(call: Call) -> Values:
    found = trust.trusted(call.fleet, call.hub.name).revocations
    rows = [{"Key": one.id, "CrlInfo": _info(one)} for one in found]
    return {"HubName": call.hub.name, "NumItem": len(rows), "CRLList": rows}


def add_crl(call: Call) -> Values:
    """Revoke. One that names nothing would revoke every certificate, as at the reference: 38."""
    made = trust.add_revocation(call.fleet, call.hub.name, _revocation(call), call.now)
    return _values(call, made)


def get_crl(call: Call) -> Values:
    return _values(call, trust.revocation(call.fleet, call.hub.name, call.number("Key")))


def set_crl(call: Call) -> Values:
    made = trust.set_revocation(call.fleet, call.hub.name, _revocation(call), call.now)
    return _values(call, made)


def del_crl(call: Call) -> Values:
    trust.delete_revocation(call.fleet, call.hub.name, call.number("Key"), call.now)
    return {"HubName": call.hub.name, "Key": call.number("Key")}


def _revocation(call: Call) -> Revocation:
    """Return what was asked; as at the reference a digest of another size, or zeros, is none."""
    names = {field: call.text(wire).strip() for wire, field in _NAMES.items()}
    md5, sha1 = call.data("DigestMD5"), call.data("DigestSHA1")
    return Revocation(
        serial=call.data("Serial"),
        md5=md5 if len(md5) == MD5_SIZE and any(md5) else b"",
        sha1=sha1 if len(sha1) == SHA1_SIZE and any(sha1) else b"",
        **names,
        id=call.number("Key"),
    )


def _values(call: Call, found: Revocation) -> Values:
    texts = {wire: getattr(found, field) for wire, field in _NAMES.items()}
    data = {"Serial": found.serial, "DigestMD5": found.md5, "DigestSHA1": found.sha1}
    given = {name: value for name, value in (texts | data).items() if value}
    return {"HubName": call.hub.name, "Key": found.id, **given}


def _info(found: Revocation) -> str:
    subject = Name(**{field: getattr(found, field) for field in _NAMES.values()})
    digits = {"Serial": found.serial, "MD5": found.md5, "SHA1": found.sha1}
    parts = [f'Subject="{subject}"']
    parts += [f'{name}="{data.hex(" ").upper()}"' for name, data in digits.items() if data]
    return ", ".join(parts)


_CA, _CRL = ("no_change_cert_list",), ("no_change_crl_list",)

METHODS = (
    Method("AddCa", Who.HUB, add_ca, needs=("Cert",), forbidden_by=_CA),
    Method("EnumCa", Who.HUB, enum_ca, changes=False),
    Method("GetCa", Who.HUB, get_ca, changes=False),
    Method("DeleteCa", Who.HUB, delete_ca, forbidden_by=_CA),
    Method("EnumCrl", Who.HUB, enum_crl, changes=False),
    Method("AddCrl", Who.HUB, add_crl, forbidden_by=_CRL),
    Method("GetCrl", Who.HUB, get_crl, changes=False),
    Method("SetCrl", Who.HUB, set_crl, forbidden_by=_CRL),
    Method("DelCrl", Who.HUB, del_crl, forbidden_by=_CRL),
)
