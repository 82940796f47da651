"""A company LAN beside the network that clients come by: what hubs are bridged to.

    with Lan("host-a", "host-b") as lan, Office(lan["host-a"], lan["host-b"]) as office:

      host-a   eth1 ──┐                  the members have a second card, eth1, without an address:
      host-b   eth1 ──┼── bridge         the hub's frames are all it carries
                      │
                      └── eth0  desk     192.168.77.1, a machine of the office

Offloads of all cards are as the kernel makes them: frames of 64 KB and unfinished checksums are
what goes over such cables. `as_on_a_wire` has the machine of the office send what a real card does.
"""

import sys

from tests.stock.namespaces import Endpoint, Lan, Namespace

DEVICE = "eth1"

# ethtool's ioctl: checksums, scatter-gather, TCP segments, segments of any kind. linux/ethtool.h
_NO_OFFLOADS = """
import array, fcntl, socket, struct, sys
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for command in (0x17, 0x19, 0x1F, 0x24):
    value = array.array("I", [command, 0])
    where, _ = value.buffer_info()
    fcntl.ioctl(control, 0x8946, struct.pack("16sP16x", sys.argv[1].encode(), where))
"""


class Office(Lan):
    """A Linux bridge, one machine on it, and a cable to each of `members`."""

    def __init__(self, *members: Namespace, subnet: str = "192.168.77") -> None:
        super().__init__("desk", subnet=subnet)
        self._plugged = members
        self._hub = Namespace(self._switch, "switch", "")

    def __enter__(self) -> "Office":
        super().__enter__()
        try:
            for member in self._plugged:
                self.plug(member)
        except BaseException:
            self.__exit__()
            raise
        return self

    @property
    def desk(self) -> Namespace:
        """The machine."""
        return self["desk"]

    @property
    def place(self) -> Endpoint:
        """Where it is."""
        return self.desk.at(self.desk.ip)

    def plug(self, member: Namespace, device: str = DEVICE) -> None:
        """Give a machine a card in this office."""
        port = _port(member, device)
        peer = ("type", "veth", "peer", "name", device, "netns", member.name)
        self._hub.run("ip", "link", "add", port, *peer)
        self._hub.run("ip", "link", "set", port, "master", "bridge", "up")
        member.run("ip", "link", "set", device, "up")

    def as_on_a_wire(self) -> None:
        """Let the kernel of the desk cut segments and fill in checksums itself."""
        self.desk.run(sys.executable, "-c", _NO_OFFLOADS, "eth0")

    def unplug(self, member: Namespace, device: str = DEVICE) -> None:
        """Take the card out again: it is gone at both ends."""
        self._hub.run("ip", "link", "delete", _port(member, device))

    def where(self, mac: str) -> str:
        """Return by which port the switch of the office reaches a station: `<label>-<device>`."""
        for line in self._hub.run("bridge", "fdb", "show", "br", "bridge").splitlines():
            fields = line.split()
            if fields[0] == mac and "permanent" not in fields:
                return fields[fields.index("dev") + 1]
        return ""


def _port(member: Namespace, device: str) -> str:
    return f"{member.label}-{device}"[:15]
