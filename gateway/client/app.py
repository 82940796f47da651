"""The client's composition root: build port, pump, address and session; take them down in reverse.

    hub ◄── session ◄── pump ◄── meter ◄── TAP device ◄── host      (or memory, in user space)
                 ▲                              ▲
               keeper: log in again        addressing: DHCP, `ip`

What happens is told in sentences, to whoever gave `tell`; what cannot be mended is raised by `run`.
"""

import hashlib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import gevent

from gateway.client.account import Account, machine_id
from gateway.client.addressing import Addressing, Wanted
from gateway.client.dial import Trust
from gateway.client.keeper import Keeper
from gateway.client.mac import local_mac
from gateway.client.meter import Meter
from gateway.client.port import MemoryPort, PortError
from gateway.client.pump import Pump
from gateway.client.resolve import EndpointRing, Target
from gateway.client.session import ClientSession
from gateway.client.tap import AUTO_NAME, Tap
from gateway.errors import ConfigError, EtherFleetError
from gateway.transport.contexts import client_context
from gateway.wire.blocks import Run

ENDING_S = 1.0  # for the keeper to come back from whatever it waits for
_CAP_NET_ADMIN = 12  # linux/capability.h


@dataclass(frozen=True, slots=True)
class TapWish:
    """The interface that shall appear on this host."""

    name: str = AUTO_NAME
    mac: bytes | None = None
    """None: one that belongs to machine, hub, user and place, the same next time."""
    netns: str | None = None
    wanted: Wanted = field(default_factory=Wanted)


@dataclass(frozen=True, slots=True)
class TrustWish:
    """Which certificate is believed; with neither `verify` nor `pin`, any."""

    verify: bool = False
    ca_file: str | None = None
    pin: str = ""
    """SHA-256 of the certificate in DER, lower case hex."""


@dataclass(frozen=True, slots=True)
class WatchedTrust(Trust):
    """Trust that reports the certificates it is shown, believed or not."""

    watch: Callable[[bytes], None] = field(kw_only=True)

    def check(self, certificate: bytes | None) -> None:
        self.watch(certificate or b"")
        Trust.check(self, certificate)


class Client:
    """One account on one hub, joined to this host; with `tap` None to nothing, in user space."""

    def __init__(
        self,
        target: Target,
        account: Account,
        trust: TrustWish,
        tap: TapWish | None,
        *,
        tell: Callable[[str], None],
        retry: bool = True,
    ) -> None:
        """Raises ConfigError (trust) or PortError (the interface)."""
        self.account = account
        self._tell = tell
        self._trust = trust
        self._shown = self._trusted = ""  # SHA-256 of certificates
        checked = WatchedTrust(_context(trust), trust.pin, trust.verify, watch=self._seen)
        self._addressing: Addressing | None = None
        if tap is None:
            memory = MemoryPort()
            memory.on_arrival = lambda: memory.take(1 << 20)
            self.meter = Meter(memory)
            self.interface = ""
        else:
            device = _open_tap(tap, account)
            self._addressing = Addressing(device, tap.wanted, tell)
            self.meter = Meter(device)
            self.interface = device.name
        self._pump = Pump(self.meter)
        self._keeper = Keeper(
            EndpointRing(target),
            account,
            checked,
            receive=self._receive,
            joined=self._joined,
            left=self._left,
            retry=retry,
        )
        self._failure: EtherFleetError | None = None
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._worker: gevent.Greenlet[..., None] | None = None
        self._alarm: gevent.Greenlet[..., None] | None = None

    @property
    def session(self) -> ClientSession | None:
        """Return the session while one stands."""
        session = self._keeper.session
        return None if session is None or session.ended.is_set() else session

    @property
    def logins(self) -> int:
        """Return how often we logged in."""
        return self._keeper.logins

    @property
    def address(self) -> str:
        """Return the addresses on the interface, for people."""
        return " ".join(map(str, self._addressing.addresses)) if self._addressing else ""

    def run(self) -> None:
        """Stay joined until `stop`; afterwards nothing of us is left on the host.

        Raises the error that ended it: of the login, of the session (without retry), of the host.
        """
        self._worker = gevent.spawn(self._guarded, self._keeper.run)
        if self._addressing is not None:
            self._greenlets.append(gevent.spawn(self._guarded, self._addressing.run))
        try:
            self._worker.get()
        finally:
            self._take_down()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Leave the hub in order; `run` returns. Waits a moment at most."""
        if self._addressing is not None:
            self._addressing.release()
        self._keeper.stop()
        if self._worker is not None:
            self._worker.join(ENDING_S)
            self._worker.kill()

    def _guarded(self, body: Callable[[], None]) -> None:
        """Run `body`; an expected error ends the client."""
        try:
            body()
        except EtherFleetError as error:
            self._fail(error)

    def _fail(self, error: EtherFleetError) -> None:
        self._failure = self._failure or error
        if gevent.getcurrent() is not self._worker:
            gevent.spawn(self.stop)

    def _take_down(self) -> None:
        gevent.killall([g for g in (*self._greenlets, self._alarm) if g is not None])
        self._pump.close()
        try:
            if self._addressing is not None:
                self._addressing.close()
        except EtherFleetError as error:
            self._failure = self._failure or error
        finally:
            self.meter.close()

    # -- what the keeper tells us ----------------------------------------------------------------

    def _receive(self, runs: Sequence[Run]) -> None:
        if self._addressing is not None:
            runs = self._addressing.take_answers(runs)
        self._pump.receive(runs)

    def _joined(self, session: ClientSession) -> None:
        terms = session.welcome
        many = f", up to {terms.max_connection} connections" if terms.max_connection > 1 else ""
        packed = ", compressed" if terms.use_compress else ""
        where = f" on {self.interface}" if self.interface else ""
        self._tell(
            f"joined {self.account.hub} at {session.endpoint} as {terms.session_name}"
            f"{where}{many}{packed}"
        )
        self._tell_trust()
        if terms.message:
            self._tell(f"the hub says: {terms.message}")
        if seconds := terms.policy.auto_disconnect:
            self._alarm = gevent.spawn_later(seconds, self._time_is_up, seconds)
        self._pump.attach(session)
        if self._addressing is not None:
            self._addressing.joined(session)

    def _left(self, session: ClientSession) -> None:
        if self._alarm is not None:
            self._alarm.kill()
        self._pump.detach()
        if self._addressing is not None:
            self._addressing.left()
        if session.why_ended.startswith("port gone"):
            self._fail(PortError(session.why_ended))
            self._keeper.stop()

    def _time_is_up(self, seconds: int) -> None:
        self._alarm = None  # it is this greenlet, and must not be killed by what it starts
        self._fail(EtherFleetError(f"the hub ends each session after {seconds} s (AutoDisconnect)"))

    def _seen(self, certificate: bytes) -> None:
        self._shown = hashlib.sha256(certificate).hexdigest()

    def _tell_trust(self) -> None:
        """Say what was trusted, where nobody said what to trust: at first, and when it changes."""
        seen, before = self._shown, self._trusted
        if self._trust.verify or self._trust.pin or seen == before:
            return
        self._trusted = seen
        if before:
            self._tell(f"the gateway shows ANOTHER certificate than before: {seen}")
        else:
            self._tell(
                "the gateway's certificate was not checked: whoever answered was believed; "
                f"to insist on this one from now on add: --pin {seen}"
            )


def check_rights() -> None:
    """Raises PortError when this process may not make a network interface."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return  # then the device itself will say
    effective = next((x for x in status.splitlines() if x.startswith("CapEff:")), "CapEff: 0")
    if not int(effective.split()[1], 16) >> _CAP_NET_ADMIN & 1:
        raise PortError(
            "a network interface needs root, or the capability CAP_NET_ADMIN; "
            "run it with sudo, or with --user-space, which joins without one"
        )


def _open_tap(wish: TapWish, account: Account) -> Tap:
    place = "\0".join((account.hub.lower(), account.user.lower(), wish.name, wish.netns or ""))
    mac = wish.mac or local_mac(machine_id() + place.encode("utf-8", "replace"))
    return Tap.open(wish.name, mac, wish.wanted.mtu, wish.netns)


def _context(trust: TrustWish) -> ssl.SSLContext:
    try:
        return client_context(verify=trust.verify, ca_file=trust.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"cannot use the certificates in {trust.ca_file}: {error.strerror or error}"
        ) from error
