"""What tests with stock programs need, and one line of reason when it is not there."""

import functools
import os
import shutil
import subprocess

from tests.stock.daemon import LIBEXEC

COMMANDS = ("ip", "ping", "iperf3", "vpncmd", "gcc")
PROGRAMS = ("vpnclient", "vpnserver")


@functools.cache
def missing() -> str:
    """Return why stock programs in namespaces cannot run here; "" if they can."""
    if os.geteuid() != 0:
        return "not root: network namespaces cannot be made"
    absent = [name for name in COMMANDS if shutil.which(name) is None]
    absent += [name for name in PROGRAMS if not (LIBEXEC / name / name).exists()]
    if absent:
        return f"not installed: {', '.join(absent)} (./scripts/debian-tests installs them)"
    return _probe()


def _probe() -> str:
    """Try a namespace with a virtual cable, a bridge, a mount and a TAP device."""
    name = f"eft-{os.getpid()}-0-probe"
    steps = (
        ["ip", "netns", "add", name],
        ["ip", "-n", name, "link", "add", "one", "type", "veth", "peer", "name", "other"],
        ["ip", "-n", name, "link", "add", "bridge", "type", "bridge"],
        ["ip", "-n", name, "tuntap", "add", "tap", "mode", "tap"],
        ["ip", "netns", "exec", name, "mount", "--bind", "/tmp", "/var/log"],
    )
    try:
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                return f"{' '.join(step)}: {done.stderr.strip()}"
    finally:
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    return ""
