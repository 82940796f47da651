"""A TAP device: the port of a session that the host sees as a network interface.

Made by ioctl on /dev/net/tun, non-persistent: when the process ends, however it ends, the kernel
removes the device with its addresses and routes.

In a named network namespace the device is made here and then moved there with `ip link`. The
descriptor stays valid across the move, so no thread ever has to enter the namespace. For a moment
the device exists here under a name the kernel picked, so nothing here can clash with the wanted
name. Source: linux/if_tun.h, drivers/net/tun.c; tried on Linux 6.18.
"""

import errno
import fcntl
import os
import socket
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Self

from gateway.client.host_state import HostLinkError, run_ip
from gateway.client.mac import local_mac
from gateway.client.port import MAX_FRAME, PortError

DEVICE = "/dev/net/tun"
AUTO_NAME = "ef%d"  # the kernel puts the first free number
MIN_MTU = 576  # RFC 791: what every host must accept
MAX_MTU = MAX_FRAME - 18  # a header with one VLAN tag in front

# linux/if_tun.h, linux/sockios.h
_TUNSETIFF = 0x4004_54CA
_TUNGETIFF = 0x8004_54D2
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000
_SIOCSIFHWADDR = 0x8924
_SIOCSIFMTU = 0x8922
_ARPHRD_ETHER = 1
_NAME_SIZE = 16  # bytes, with the closing zero

_DROPS = {
    errno.EAGAIN: "full",
    errno.ENOBUFS: "full",
    errno.ENOMEM: "full",
    errno.EIO: "down",
    errno.EINVAL: "malformed",  # shorter than an Ethernet header
}


class Tap:
    """One TAP device, from `Tap.open`. `name` and `mac` are its own; drops are counted by reason:
    "full", "down", "malformed" when writing, "frame-too-long" when reading."""

    def __init__(self, fd: int, name: str, mac: bytes, netns: str | None) -> None:
        self.name = name
        self.mac = mac
        self.netns = netns
        self.drops: Counter[str] = Counter()
        self.on_readable: Callable[[], object] | None = None  # never called: there is a descriptor
        self._fd = fd

    @classmethod
    def open(
        cls,
        name: str = AUTO_NAME,
        mac: bytes | None = None,
        mtu: int = 1500,
        netns: str | None = None,
    ) -> Self:
        """Make the device; it is still down and without an address.

        `name` may hold one `%d`. `mac` is six bytes, or None for a random local one. `netns` is
        the name of a namespace or the path of its file. Raises PortError.
        """
        if not MIN_MTU <= mtu <= MAX_MTU:
            raise PortError(f"TAP mtu {mtu}: {MIN_MTU}-{MAX_MTU} allowed")
        check_name(name)
        mac = local_mac(os.urandom(16)) if mac is None else mac
        try:
            fd = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise PortError(f"cannot open {DEVICE}: {error.strerror}; {_advice(error)}") from error
        try:
            here = _set_up(fd, name if netns is None else AUTO_NAME, mac, mtu)
            if netns is not None:
                _move(here, name, netns)
            return cls(fd, _current_name(fd), mac, netns)
        except OSError as error:
            os.close(fd)
            why = f"{error.strerror}; {_advice(error)}"
            raise PortError(f"cannot make the TAP device {name!r}: {why}") from error
        except PortError:
            os.close(fd)
            raise

    def fileno(self) -> int:
        return self._fd

    def read_frames(self, limit: int) -> list[bytes]:
        """Return up to `limit` frames the host sent; frames over 1600 bytes are dropped, counted.

        Those appear only when somebody raised the mtu afterwards.
        """
        frames: list[bytes] = []
        fd, read = self._fd, os.read
        try:
            for _ in range(limit):
                frame = read(fd, MAX_FRAME + 1)
                if len(frame) > MAX_FRAME:
                    self.drops["frame-too-long"] += 1
                else:
                    frames.append(frame)
        except BlockingIOError:
            return frames
        except OSError as error:
            raise self._gone(error) from error
        return frames

    def write_frames(self, frames: Sequence[bytes]) -> int:
        """Hand frames to the host; what it cannot take (link down, queue full) is dropped."""
        accepted = 0
        fd, write = self._fd, os.write
        for frame in frames:
            try:
                write(fd, frame)
            except OSError as error:
                reason = _DROPS.get(error.errno or 0)
                if reason is None:
                    raise self._gone(error) from error
                self.drops[reason] += 1
            else:
                accepted += 1
        return accepted

    def close(self) -> None:
        """Close the descriptor; the kernel removes the device."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _gone(self, error: OSError) -> PortError:
        # EBADFD: somebody deleted the device or its namespace. EBADF: we closed it.
        return PortError(f"the TAP device {self.name} is gone: {error.strerror}")


def check_name(name: str) -> None:
    """Raise PortError unless the kernel accepts `name` (one `%d` allowed) for an interface."""
    is_printable = name.isascii() and name.isprintable() and not set(name) & set(" /:")
    plain = name.replace("%d", "", 1)
    if name in ("", ".", "..") or not is_printable or "%" in plain or len(name) >= _NAME_SIZE:
        raise PortError(
            f"TAP name {name!r}: 1-{_NAME_SIZE - 1} letters, digits or '-_.' wanted, "
            f"%d for a free number; for example {AUTO_NAME}"
        )


def _set_up(fd: int, name: str, mac: bytes, mtu: int) -> str:
    """Turn the fresh descriptor into a TAP device and return the name the kernel gave it."""
    request = struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI)
    given: bytes = fcntl.ioctl(fd, _TUNSETIFF, request)[:_NAME_SIZE]
    # if_tun.h has the address changed through the TAP's own descriptor, the mtu only by name.
    fcntl.ioctl(fd, _SIOCSIFHWADDR, struct.pack("16sH6s16x", given, _ARPHRD_ETHER, mac))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as control:
        fcntl.ioctl(control, _SIOCSIFMTU, struct.pack("16si20x", given, mtu))
    return _name_of(given)


def _move(here: str, name: str, netns: str) -> None:
    """Move device `here` into `netns` as `name`."""
    try:
        run_ip(["link", "set", "dev", here, "name", name, "netns", netns])
    except HostLinkError as error:
        what = f"cannot move the TAP device {name!r} into namespace {netns!r}"
        raise PortError(f"{what}: {error}") from error


def _current_name(fd: int) -> str:
    return _name_of(fcntl.ioctl(fd, _TUNGETIFF, bytes(40))[:_NAME_SIZE])


def _name_of(field: bytes) -> str:
    return field.rstrip(b"\0").decode()


def _advice(error: OSError) -> str:
    if error.errno in (errno.EPERM, errno.EACCES):
        return "run as root or with the capability CAP_NET_ADMIN"
    if error.errno in (errno.ENOENT, errno.ENODEV):
        return (
            "load the kernel module with `modprobe tun`; in a container pass --device=/dev/net/tun"
        )
    if error.errno in (errno.EBUSY, errno.EEXIST):
        return f"another program has that name; choose another, or {AUTO_NAME}"
    return "see `ip link`"
