"""A host's network interfaces as they are now, by ioctl: no library, and no /sys, which shows
another namespace's where it was not mounted anew. Source: netdevice(7), linux/ethtool.h."""

import errno
import fcntl
import socket
import struct
from dataclasses import dataclass

_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_SIOCGIFMTU, _SIOCGIFHWADDR = 0x8921, 0x8927
_UP, _RUNNING, _LOOPBACK = 0x1, 0x40, 0x8
_ETHERNET = 1
_REQUEST = 40


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface. `index` is the kernel's: it stays with a device that is renamed."""

    name: str
    index: int
    mac: bytes
    mtu: int
    is_up: bool
    has_carrier: bool
    """A cable, a peer, a radio: something is at the other end."""
    is_ethernet: bool


def look(name: str) -> Interface | None:
    """Return the interface `name`, or None if there is none."""
    try:
        index = socket.if_nametoindex(name)
    except OSError:  # bears no number
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as control:
        try:
            flags = _ask(control, _SIOCGIFFLAGS, name, "H")
            mtu = _ask(control, _SIOCGIFMTU, name, "i")
            kind, mac = struct.unpack_from("H6s", _request(control, _SIOCGIFHWADDR, name), 16)
        except OSError as error:
            if error.errno == errno.ENODEV:  # gone meanwhile
                return None
            raise
    return Interface(
        name=name,
        index=index,
        mac=mac,
        mtu=mtu,
        is_up=bool(flags & _UP),
        has_carrier=bool(flags & _RUNNING),
        is_ethernet=kind == _ETHERNET and not flags & _LOOPBACK,
    )


def names() -> list[str]:
    """Return the names of all Ethernet interfaces, in order."""
    found = (look(name) for _, name in socket.if_nameindex())
    return sorted(one.name for one in found if one is not None and one.is_ethernet)


def set_up(name: str) -> None:
    """Take an interface up. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as control:
        flags = _ask(control, _SIOCGIFFLAGS, name, "H")
        request = struct.pack("16sH22x", name.encode(), flags | _UP)
        fcntl.ioctl(control, _SIOCSIFFLAGS, request)


def _ask(control: socket.socket, what: int, name: str, form: str) -> int:
    (value,) = struct.unpack_from(form, _request(control, what, name), 16)
    return int(value)


def _request(control: socket.socket, what: int, name: str) -> bytes:
    answer: bytes = fcntl.ioctl(control, what, struct.pack(f"16s{_REQUEST - 16}x", name.encode()))
    return answer
