"""The address of the host's end: asked for by DHCP, given, or left alone.

`DhcpClient` and `host_link` decide; this carries it out: frames through the session, commands by
`ip`. Commands take milliseconds, so they run in a greenlet of their own, woken by whatever
happened; the loop's callbacks only take note.
"""

import ipaddress
import random
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gevent.event import Event as Signal

from gateway.client.dhcp import DhcpClient
from gateway.client.dhcp_events import Event, Expired, Leased, Rejected, Renewed, State, Unanswered
from gateway.client.dhcp_lease import Lease
from gateway.client.host_link import (
    HostLink,
    apply,
    conflicts,
    link_from_lease,
    plan,
    plan_removal,
)
from gateway.client.host_state import Address, Interface, read_state
from gateway.client.session import ClientSession
from gateway.client.tap import Tap
from gateway.wire.blocks import Run, encode_blocks, iterate_frames

_ASKING = frozenset(
    {State.SELECTING, State.REQUESTING, State.REBOOTING, State.RENEWING, State.REBINDING}
)
_DHCP_PORTS = b"\x00\x43\x00\x44"  # from UDP port 67 to 68, as they stand in an answer to a client


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which address the interface shall have."""

    dhcp: bool = True
    addresses: tuple[Interface, ...] = ()
    default_route: bool = False
    """Send everything through the hub, by the router that DHCP names."""
    mtu: int = 1500


class Addressing:
    """Keeps the address of `tap` as wanted. `tell` takes one sentence for the user."""

    def __init__(self, tap: Tap, wanted: Wanted, tell: Callable[[str], None]) -> None:
        self._tap = tap
        self._wanted = wanted
        self._tell = tell
        self._session: ClientSession | None = None
        self._reachable: tuple[Address, ...] = ()
        self._link: HostLink | None = None
        self._lease: Lease | None = None
        self._is_due = False
        self._wake = Signal()
        self._dhcp: DhcpClient | None = None
        if wanted.dhcp:
            self._dhcp = DhcpClient(
                tap.mac,
                xid=lambda: random.getrandbits(32),
                uniform=random.uniform,
                host_name=socket.gethostname().partition(".")[0],
            )

    @property
    def addresses(self) -> tuple[Interface, ...]:
        """Return the addresses on the interface now."""
        return self._link.addresses if self._link else ()

    # -- what happened: called from anywhere, never waits ----------------------------------------

    def joined(self, session: ClientSession) -> None:
        """Should be called when a session stands."""
        self._session = session
        self._keep_reachable(session.endpoint.address)
        if self._dhcp is not None:
            self._dhcp.start(time.monotonic())
        self._is_due = True
        self._wake.set()

    def left(self) -> None:
        """Should be called when the session has ended: the address stays for the next one."""
        self._session = None
        if self._dhcp is not None:
            self._dhcp.pause()

    def take_answers(self, runs: Sequence[Run]) -> Sequence[Run]:
        """Return `runs` without the DHCP answers to us, which are taken note of.

        Nothing is looked at while no answer is awaited, nor in frames that cannot be one.
        """
        dhcp = self._dhcp
        if dhcp is None or dhcp.state not in _ASKING:
            return runs
        if not any(_DHCP_PORTS in message for _, _, _, message in runs):
            return runs
        now = time.monotonic()
        rest: list[Run] = []
        for run in runs:
            frames = list(iterate_frames(run[3]))
            others = [frame for frame in frames if not dhcp.receive_frame(frame, now)]
            if len(others) == len(frames):
                rest.append(run)
            elif others:
                size = sum(map(len, others))
                rest.append((run[0], len(others), size, encode_blocks(others)))
        self._wake.set()
        return rest

    def release(self) -> None:
        """Give a lease back: should be called before the session is closed for good."""
        if self._dhcp is not None:
            self._dhcp.stop()
            self._send_requests(self._dhcp)

    # -- carrying it out: in a greenlet that may wait --------------------------------------------

    def run(self) -> None:
        """Do what is due, for ever. Raises HostLinkError."""
        while True:
            self._wake.clear()
            self._ask()
            if self._is_due:
                self._is_due = False
                self._set()
            self._wake.wait(self._seconds_left())

    def close(self) -> None:
        """Take address, routes and protection off the host. Raises HostLinkError."""
        if self._link is not None:
            state = read_state(self._tap.name, self._tap.netns)
            apply(plan_removal(self._link, state), self._tap.netns)
            self._link = None

    def _ask(self) -> None:
        dhcp = self._dhcp
        if dhcp is None:
            return
        dhcp.handle_timer(time.monotonic())
        self._send_requests(dhcp)
        while (event := dhcp.next_event()) is not None:
            self._lease = event.lease if isinstance(event, Leased | Renewed) else None
            self._is_due = not isinstance(event, Unanswered)
            if sentence := self._sentence(event):
                self._tell(sentence)

    def _send_requests(self, dhcp: DhcpClient) -> None:
        frames = dhcp.frames_to_send()
        if frames and self._session is not None:
            self._session.send(encode_blocks(frames), len(frames))
            self._session.flush()

    def _seconds_left(self) -> float | None:
        timer = self._dhcp.next_timer() if self._dhcp is not None else None
        return None if timer is None else max(0.0, timer - time.monotonic())

    def _set(self) -> None:
        """Lead the host to the wanted state, and say which routes it would not take."""
        link = self._desired()
        state = read_state(link.device, self._tap.netns)
        known = conflicts(self._link, state) if self._link else []
        for route in conflicts(link, state):
            if route not in known:
                self._tell(f"route {route} is left out: the host has one of its own to there")
        self._link = link  # what follows may fail halfway, and must be undone all the same
        apply(plan(link, state), self._tap.netns)

    def _desired(self) -> HostLink:
        wanted, device = self._wanted, self._tap.name
        if self._lease is not None:
            return link_from_lease(
                device,
                self._lease,
                mtu=wanted.mtu,
                default_route=wanted.default_route,
                keep_reachable=self._reachable,
            )
        return HostLink(device, wanted.addresses, mtu=wanted.mtu, keep_reachable=self._reachable)

    def _keep_reachable(self, text: str) -> None:
        """Remember where a gateway was reached; in another namespace our routes cannot hide it."""
        address = ipaddress.ip_address(text.partition("%")[0])
        is_needed = self._tap.netns is None and not address.is_link_local
        if is_needed and address not in self._reachable:
            self._reachable = (*self._reachable, address)

    def _sentence(self, event: Event) -> str:
        match event:
            case Leased(lease):
                return f"address {lease.address} by DHCP{self._terms(lease)}"
            case Expired(lease):
                return f"the DHCP lease of {lease.address.ip} ended unanswered; asking on"
            case Rejected(text):
                return f"the DHCP server takes the address back{f': {text}' if text else ''}"
            case Unanswered(waited_s):
                return f"no DHCP server on the hub for {waited_s:.0f} s; asking on, or --address"
        return ""

    def _terms(self, lease: Lease) -> str:
        terms = "" if lease.lease_s == float("inf") else f", for {lease.lease_s:.0f} s"
        if lease.router is not None:
            use = "used for everything" if self._wanted.default_route else "not used"
            terms += f", router {lease.router} ({use})"
        elif self._wanted.default_route:
            terms += ", no router for everything else"
        if lease.dns:
            terms += f", DNS {', '.join(map(str, lease.dns))} (not set on this host)"
        return terms
