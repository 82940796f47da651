"""The probe: a frame a bridge sends into its LAN to see whether it comes back through the hub.

    PROBES 6, source 6, u16 0x88B5, "EFLP", u8 1, port 8, nonce 8, cut 8, padding to 60 bytes

`port` is the sender's id and its rank: the higher one gives way. `nonce` is made anew for each
probe, so nobody can know one that has not seen it. `cut` is 0 when it leaves; a port that is shut
lets probes through, and writes its id there if that is higher than what it finds.

0x88B5 is free for local experiments (IEEE 802, Local Experimental Ethertype 1).
"""

import struct
from dataclasses import dataclass, replace

from gateway.wire.ethernet import PROBES

ETHERTYPE = 0x88B5
ID_SIZE = 8
_MAGIC, _VERSION = b"EFLP", 1
_FORM = struct.Struct("!6s6sH4sB8s8s8s")
_LEAST = 60
NOWHERE = bytes(ID_SIZE)


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe; all fields are bytes, ids and nonce eight of them."""

    source: bytes
    port: bytes
    nonce: bytes
    cut: bytes = NOWHERE
    """The highest id of the shut ports it came through."""

    def cut_by(self, port: bytes) -> "Probe":
        """Return it as it leaves the shut port of that id."""
        return replace(self, cut=max(self.cut, port))


def encode_probe(probe: Probe) -> bytes:
    """Return the frame."""
    return _FORM.pack(
        *(PROBES, probe.source, ETHERTYPE, _MAGIC, _VERSION),
        *(probe.port, probe.nonce, probe.cut),
    ).ljust(_LEAST, b"\0")


def decode_probe(frame: bytes) -> Probe | None:
    """Return the probe that `frame` is, or None."""
    if len(frame) < _FORM.size:
        return None
    group, source, kind, magic, version, port, nonce, cut = _FORM.unpack_from(frame)
    if (group, kind, magic, version) != (PROBES, ETHERTYPE, _MAGIC, _VERSION):
        return None
    return Probe(source, port, nonce, cut)
