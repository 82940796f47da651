"""Which address of this machine other machines' clients can be sent to, where nobody said so."""

import json
import socket
import subprocess


def own_ipv4() -> str:
    """Return the IPv4 address that leads out, else the first that is not loopback; "" if none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a datagram socket sends nothing by connecting
            return str(probe.getsockname()[0])
        except OSError:
            return _first_address()


def _first_address() -> str:
    try:
        done = subprocess.run(
            ["ip", "-json", "-4", "address", "show", "scope", "global"],
            capture_output=True,
            timeout=5,
            check=True,
        )
        found = [a["local"] for link in json.loads(done.stdout) for a in link["addr_info"]]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return ""  # then clients are not redirected here from other machines
    return str(found[0]) if found else ""
