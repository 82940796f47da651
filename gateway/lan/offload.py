"""Frames as they were on the wire: what the kernel left undone for a network card, done here.

Between machines that share a kernel (containers, virtual machines, veth) no card ever fills in a
checksum, and what looks like one frame may be 64 KB of a TCP stream still to be cut; so may frames
that a card or the kernel has put together on receiving (LRO, GRO). Such a frame comes with a note:

    u8 flags, u8 gso_type, u16 hdr_len, u16 gso_size, u16 csum_start, u16 csum_offset

in the machine's byte order. With flag 1, the field at `csum_start + csum_offset` holds the sum of
the pseudo header, and the sum of everything from `csum_start` on has to replace it. With a
`gso_type`, the frame is to be cut into segments of `gso_size` bytes of payload each.
Source: linux/virtio_net.h, net/core/skbuff.c (skb_segment), net/ipv4/tcp_offload.c.

Sums are of 16-bit words in ones' complement, that is, modulo 65535, where a long number is its own
sum: Python's arithmetic on big integers does it at memory speed.
"""

import struct
from typing import NamedTuple

from gateway.wire.ethernet import read_header

NEEDS_CHECKSUM = 1
GSO_TCP4, GSO_UFO, GSO_TCP6, GSO_UDP = 1, 3, 4, 5
GSO_ECN = 0x80
NOTE = struct.Struct("=BBHHHH")

_FIN, _PSH, _CWR = 0x01, 0x08, 0x80
_IPV4, _IPV6 = 0x0800, 0x86DD
_TCP, _UDP = 6, 17
_u16 = struct.Struct("!H")
_u32 = struct.Struct("!I")


class Note(NamedTuple):
    """What is still to be done for a frame; see above."""

    flags: int = 0
    gso_type: int = 0
    hdr_len: int = 0
    gso_size: int = 0
    csum_start: int = 0
    csum_offset: int = 0


def as_on_the_wire(frame: bytes, note: Note) -> list[bytes]:
    """Return the frame or frames that `frame` stands for; [] when they cannot be made out."""
    if note.gso_type:
        return _segment(frame, note)
    if note.flags & NEEDS_CHECKSUM:
        done = _complete(frame, note.csum_start, note.csum_offset)
        return [] if done is None else [done]
    return [frame]


def insert_tag(frame: bytes, protocol: int, tag: int) -> bytes:
    """Put back a VLAN tag that the kernel has taken out; `protocol` is 0x8100 or 0x88A8."""
    return frame[:12] + struct.pack("!HH", protocol or 0x8100, tag) + frame[12:]


def sum16(data: bytes) -> int:
    """Return the ones' complement sum of `data`, modulo 65535; an odd byte is a high one."""
    number = int.from_bytes(data, "big")
    if len(data) % 2:
        number <<= 8
    width = (len(data) + 1) // 2 * 16
    while width > 256:  # halve it: a division costs three times as much
        width = (width // 2 + 15) // 16 * 16
        number = (number >> width) + (number & ((1 << width) - 1))
        width += 16  # room for the carry
    return number % 65535


def _complete(frame: bytes, start: int, offset: int) -> bytes | None:
    at = start + offset
    if not 14 <= start < len(frame) or at + 2 > len(frame):
        return None
    # 0 and 0xFFFF are one number, and 0 in a UDP header would say "not computed".
    return frame[:at] + _u16.pack(65535 - sum16(frame[start:])) + frame[at + 2 :]


class _Layers(NamedTuple):
    """Where the headers of a long frame begin."""

    network: int
    version: int
    transport: int
    payload: int
    protocol: int


def _segment(frame: bytes, note: Note) -> list[bytes]:
    layers = _find_layers(frame, note)
    if layers is None:
        return []
    head, size = frame[: layers.payload], note.gso_size
    pieces = range(layers.payload, len(frame), size)
    make = _tcp_segments if layers.protocol == _TCP else _udp_segments
    return make(frame, head, layers, pieces, size)


def _find_layers(frame: bytes, note: Note) -> _Layers | None:
    header = read_header(frame[:64])
    kind = note.gso_type & ~GSO_ECN
    protocol = {GSO_TCP4: _TCP, GSO_TCP6: _TCP, GSO_UDP: _UDP}.get(kind)
    if header is None or protocol is None or not note.gso_size:
        return None
    network, transport = header.payload, note.csum_start
    version = {_IPV4: 4, _IPV6: 6}.get(header.ethertype)
    least = 20 if protocol == _TCP else 8
    if version is None or transport < network + (20 if version == 4 else 40):
        return None
    if len(frame) < transport + least:
        return None
    length = (frame[transport + 12] >> 4) * 4 if protocol == _TCP else least
    payload = transport + length
    if length < least or payload >= len(frame):
        return None
    return _Layers(network, version, transport, payload, protocol)


def _network_part(head: bytearray, layers: _Layers) -> tuple[int, int]:
    """Blank what differs between segments in the network header; return the sum of its rest and
    of the addresses, which is of the pseudo header."""
    network, transport = layers.network, layers.transport
    if layers.version == 4:
        head[network + 2 : network + 6] = bytes(4)  # length, identification
        head[network + 10 : network + 12] = bytes(2)
        own = sum16(bytes(head[network:transport]))
        return own, sum16(bytes(head[network + 12 : network + 20])) + layers.protocol
    return 0, sum16(bytes(head[network + 8 : network + 40])) + layers.protocol


def _put_network(head: bytearray, layers: _Layers, own: int, number: int, end: int) -> None:
    """Write length, identification and checksum of a segment that ends at `end`."""
    network = layers.network
    if layers.version == 4:
        length = end - network
        _u16.pack_into(head, network + 2, length)
        _u16.pack_into(head, network + 4, number)
        _u16.pack_into(head, network + 10, 65535 - (own + length + number) % 65535)
    else:
        _u16.pack_into(head, network + 4, end - network - 40)


def _tcp_segments(
    frame: bytes, start: bytes, layers: _Layers, pieces: range, size: int
) -> list[bytes]:
    head = bytearray(start)
    transport, length = layers.transport, layers.payload - layers.transport
    number = _u16.unpack_from(head, layers.network + 4)[0] if layers.version == 4 else 0
    own, pseudo = _network_part(head, layers)
    (sequence,) = _u32.unpack_from(head, transport + 4)
    flags = head[transport + 13]
    head[transport + 4 : transport + 8] = bytes(4)
    head[transport + 13] = 0
    head[transport + 16 : transport + 18] = bytes(2)
    fixed = pseudo + sum16(bytes(head[transport:]))
    frames = []
    for index, piece in enumerate(pieces):
        payload = frame[piece : piece + size]
        is_last = piece + size >= len(frame)
        its_flags = flags if is_last else flags & ~(_FIN | _PSH)
        if index:
            its_flags &= ~_CWR  # congestion is answered once
        at = (sequence + index * size) & 0xFFFF_FFFF
        _put_network(head, layers, own, (number + index) & 0xFFFF, layers.payload + len(payload))
        _u32.pack_into(head, transport + 4, at)
        head[transport + 13] = its_flags
        total = fixed + at + its_flags + length + len(payload) + sum16(payload)
        _u16.pack_into(head, transport + 16, 65535 - total % 65535)
        frames.append(bytes(head) + payload)
    return frames


def _udp_segments(
    frame: bytes, start: bytes, layers: _Layers, pieces: range, size: int
) -> list[bytes]:
    head = bytearray(start)
    transport = layers.transport
    number = _u16.unpack_from(head, layers.network + 4)[0] if layers.version == 4 else 0
    own, pseudo = _network_part(head, layers)
    head[transport + 4 : transport + 8] = bytes(4)
    fixed = pseudo + sum16(bytes(head[transport:]))
    frames = []
    for index, piece in enumerate(pieces):
        payload = frame[piece : piece + size]
        length = 8 + len(payload)
        _put_network(head, layers, own, (number + index) & 0xFFFF, layers.payload + len(payload))
        _u16.pack_into(head, transport + 4, length)
        total = fixed + 2 * length + sum16(payload)  # in the header, and in the pseudo header
        _u16.pack_into(head, transport + 6, 65535 - total % 65535)
        frames.append(bytes(head) + payload)
    return frames
