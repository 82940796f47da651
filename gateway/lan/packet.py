"""A network card that exists, as an Ethernet port: a packet socket with a ring to read from.

The kernel puts what arrives into a ring of slots that we see as memory: reading a frame costs no
call. A frame too long for its slot (many TCP segments in one) is kept whole in the socket's own
queue, and its slot says so. Slots also tell what a frame lost on its way here: a VLAN tag the
kernel took out, a checksum nobody filled in. The interface stays as it is: nothing to restore.

    slot   header 32 bytes ... note 10 bytes (offload.py), frame
    header u32 status, len, kept, u16 mac, net, u32 sec, nsec, u16 tag, tag's protocol

A few lines of BPF in the kernel say which frames we see. Not those to the card's own address, which
are the host's; and of those that leave by the card, not the host's own, but those of others: the
sibling processes of this gateway bridge their instance of the hub to the same card, and no switch
would send a frame back to where it came from. What we send ourselves the kernel does not give us.

Source: packet(7), linux/if_packet.h, Documentation/networking/packet_mmap.rst, filter.rst; tried on
Linux 6.18.
"""

import ctypes
import errno
import mmap
import os
import socket
import struct
from collections import Counter
from collections.abc import Callable, Sequence

from gateway.client.port import MAX_FRAME, PortError
from gateway.lan.interface import Interface
from gateway.lan.offload import NOTE, Note, as_on_the_wire, insert_tag

SLOT = 2048  # bytes: a header, a note, and the longest frame there is
SLOTS = 1024  # 2 MB
BLOCK = 64 * 1024
QUEUE = 4 << 20  # bytes of long frames on their way in, and of frames on their way out

_SOL_PACKET = 263
_ADD_MEMBERSHIP, _RX_RING, _STATISTICS, _COPY_THRESH, _VERSION, _VNET_HDR = 1, 5, 6, 7, 10, 15
_TPACKET_V2 = 1
_MR_PROMISC = 1
_ETH_P_ALL = 3
_SO_RCVBUFFORCE, _SO_SNDBUFFORCE = 33, 32

_USER, _COPY, _LOSING, _TAGGED, _TAG_KNOWN = 1, 2, 4, 1 << 4, 1 << 6
_SPECIAL = _COPY | _LOSING | _TAGGED
_NO_NOTE = bytes(NOTE.size)
_slot_head = struct.Struct("=IIIHHIIHH").unpack_from
_slot_note = NOTE.unpack_from
_put_status = struct.Struct("=I").pack_into

_DROPS = {
    errno.EAGAIN: "lan-full",
    errno.ENOBUFS: "lan-full",
    errno.ENOMEM: "lan-full",
    errno.EMSGSIZE: "lan-mtu",
    errno.ENETDOWN: "lan-down",
    errno.EINVAL: "malformed",
}


class PacketPort:
    """One interface, from `PacketPort.open`; `index` is the kernel's number of it, `mac`
    the address whose frames are the host's. When that is
    taken down or away, reading raises PortError, once; what then comes is for a new port.

    Drops are counted by reason: "lan-full", "lan-mtu" (longer than it carries), "lan-down",
    "malformed" when writing; "lan-overrun" (read too late), "frame-too-long", "offload" (what it
    stands for could not be made out) when reading.
    """

    def __init__(self, sock: socket.socket, ring: mmap.mmap, interface: Interface) -> None:
        self.name = interface.name
        self.index = interface.index
        self.mac = interface.mac
        self.drops: Counter[str] = Counter()
        self.on_readable: Callable[[], object] | None = None  # never called: there is a descriptor
        self._sock = sock
        self._ring = ring
        self._next = 0  # slot

    @classmethod
    def open(cls, interface: Interface) -> "PacketPort":
        """Open a port on `interface`. Raises PortError."""
        try:
            kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
            sock = socket.socket(socket.AF_PACKET, kind, 0)  # 0: nothing, until it is bound
        except OSError as error:
            raise _refused(interface.name, error) from error
        try:
            ring = _set_up(sock, interface)
        except OSError as error:
            sock.close()
            raise _refused(interface.name, error) from error
        return cls(sock, ring, interface)

    def fileno(self) -> int:
        return self._sock.fileno()

    def read_frames(self, limit: int) -> list[bytes]:
        """Return up to `limit` frames, or a few more: one slot may hold many segments."""
        ring, slot = self._ring, self._next
        frames: list[bytes] = []
        try:
            while len(frames) < limit:
                at = slot * SLOT
                status, size, kept, mac, _, _, _, tag, protocol = _slot_head(ring, at)
                if not status & _USER:
                    break
                mac += at
                is_plain = kept == size <= MAX_FRAME and not status & _SPECIAL
                if is_plain and ring[mac - 10 : mac] == _NO_NOTE:
                    frames.append(ring[mac : mac + kept])
                else:
                    self._take(frames, mac, status, size, kept, tag, protocol)
                _put_status(ring, at, 0)
                slot = slot + 1 if slot + 1 < SLOTS else 0
            if not frames:
                self._check()
        except (OSError, ValueError) as error:  # ValueError: closed
            raise PortError(f"interface {self.name}: {_text(error)}") from error
        finally:
            self._next = slot
        return frames

    def write_frames(self, frames: Sequence[bytes]) -> int:
        """Send frames; what the interface cannot take is dropped."""
        accepted = 0
        fd, write = self._sock.fileno(), os.writev
        for frame in frames:
            try:
                write(fd, (_NO_NOTE, frame))
            except OSError as error:
                reason = _DROPS.get(error.errno or 0)
                if reason is None:
                    raise PortError(f"interface {self.name}: {_text(error)}") from error
                self.drops[reason] += 1
            else:
                accepted += 1
        return accepted

    def close(self) -> None:
        """Close the socket; the kernel ends its promiscuous mode."""
        self._sock.close()
        self._ring.close()

    def _check(self) -> None:
        """Raise what happened to the socket: it polls readable until somebody asks."""
        if number := self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(number, os.strerror(number))

    def _take(
        self, frames: list[bytes], at: int, status: int, size: int, kept: int, tag: int, kind: int
    ) -> None:
        """Append the frame or frames of a slot that is not simply a frame."""
        if status & _LOSING:
            _, lost = struct.unpack("II", self._sock.getsockopt(_SOL_PACKET, _STATISTICS, 8))
            self.drops["lan-overrun"] += lost
        note = Note(*_slot_note(self._ring, at - NOTE.size))
        if status & _COPY:
            frame = self._sock.recv(size + NOTE.size)[NOTE.size :]
        else:
            frame = self._ring[at : at + kept]
        if len(frame) != size:
            self.drops["lan-overrun"] += 1
            return
        found = as_on_the_wire(frame, note)
        if not found:
            self.drops["offload"] += 1
        for one in found:
            whole = insert_tag(one, kind if status & _TAG_KNOWN else 0, tag)
            one = whole if status & _TAGGED else one
            if len(one) > MAX_FRAME:
                self.drops["frame-too-long"] += 1
            else:
                frames.append(one)


def _set_up(sock: socket.socket, interface: Interface) -> mmap.mmap:
    sock.setsockopt(_SOL_PACKET, _VNET_HDR, 1)
    sock.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V2)
    sock.setsockopt(_SOL_PACKET, _COPY_THRESH, 1)
    for option in (_SO_RCVBUFFORCE, _SO_SNDBUFFORCE):
        sock.setsockopt(socket.SOL_SOCKET, option, QUEUE)
    rows = SLOT * SLOTS // BLOCK
    sock.setsockopt(_SOL_PACKET, _RX_RING, struct.pack("IIII", BLOCK, rows, SLOT, SLOTS))
    _attach_filter(sock, interface.mac)
    ring = mmap.mmap(sock.fileno(), SLOT * SLOTS)
    try:
        sock.bind((interface.name, _ETH_P_ALL))
        wanted = struct.pack("iHH8x", interface.index, _MR_PROMISC, 0)
        sock.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, wanted)
    except OSError:
        ring.close()
        raise
    return ring


def make_filter(mac: bytes) -> list[tuple[int, int, int, int]]:
    """Return the program (code, jump if true, jump if false, operand) that lets in what is not the
    host's own business; see above. `mac` is the card's."""
    load_word, load_half, equal, answer = 0x20, 0x28, 0x15, 0x06
    kind = 0xFFFF_F000 + 4  # SKF_AD_OFF + SKF_AD_PKTTYPE
    host, outgoing = 0, 4
    return [
        (load_word, 0, 0, kind),
        (equal, 6, 0, host),
        (equal, 0, 4, outgoing),
        (load_word, 0, 0, 6),
        (equal, 0, 2, int.from_bytes(mac[:4], "big")),
        (load_half, 0, 0, 10),
        (equal, 1, 0, int.from_bytes(mac[4:], "big")),
        (answer, 0, 0, 0x0004_0000),  # all of it
        (answer, 0, 0, 0),
    ]


def _attach_filter(sock: socket.socket, mac: bytes) -> None:
    program = make_filter(mac)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    attach_filter = 26
    pointer = struct.pack("@HP", len(program), ctypes.addressof(code))
    sock.setsockopt(socket.SOL_SOCKET, attach_filter, pointer)


def _text(error: OSError | ValueError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "closed"


def _refused(name: str, error: OSError) -> PortError:
    advice = ""
    if error.errno in (errno.EPERM, errno.EACCES):
        advice = "; run as root or with the capabilities CAP_NET_RAW and CAP_NET_ADMIN"
    return PortError(f"cannot open interface {name}: {error.strerror}{advice}")
