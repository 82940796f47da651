"""Settings: `etherfleet.toml` and the environment, with units in the names and defaults that work.

An unknown key is an error, and so is a combination that cannot work. What is shared by the whole
fleet and changes while it runs (hubs, users, their limits) is not here but in the store.

The environment overrides the file: ETHERFLEET_CONFIG names the file, ETHERFLEET_STORE_URL,
ETHERFLEET_STATE_DIR, ETHERFLEET_FLEET, ETHERFLEET_FLEET_KEY_FILE and ETHERFLEET_LISTEN
(comma-separated) set single values.
"""

import ipaddress
import os
import re
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gateway.errors import ConfigError

SYSTEM_FILE = Path("/etc/etherfleet/etherfleet.toml")
DAY_S = 86_400
STORE_SCHEMES = ("redis", "rediss", "unix")


class Fleet(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Who we are together."""

    name: str = "default"
    """The fleet's name: `[a-z0-9-]`, 32 at most; part of every key in the store."""
    key_file: str = ""
    """File with the fleet key (base64 of 32 bytes). Empty: the embedded store makes its own."""
    certificate_file: str = ""
    """PEM of the certificate every gateway shows. Empty: made once, kept sealed in the store."""
    private_key_file: str = ""


class Store(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where state lives."""

    url: str = ""
    """`redis://`, `rediss://` or `unix://`. Empty: a Valkey of our own in `gateway.state_dir`."""


class Gateway(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """This process."""

    listen: list[str] = msgspec.field(default_factory=lambda: ["0.0.0.0:5555", "[::]:5555"])
    """Addresses and TCP ports stock clients connect to."""
    node: str = ""
    """This node's id in the fleet, `[a-z0-9.-]`. Empty: the host's name."""
    state_dir: str = ""
    """Directory of the embedded store. Empty: /var/lib/etherfleet for root, else in your home."""
    direct_tcp_port: int = 0
    """First of the ports that lead to one worker each, for redirects; 0: those behind the first
    port of `listen`. Only with more than one worker."""
    advertise: str = ""
    """IPv4 address that redirects from other machines name. Empty: the one that leads out."""
    redirect: str = "auto"
    """`auto`, or `never` where clients cannot reach a single gateway (one balanced address)."""
    hosts_sessions: bool = True
    """False: an entry that never carries sessions itself ("controller only")."""
    labels: list[str] = []
    """Words `[a-z0-9.-]` that single it out among gateways, such as `berlin`."""
    weight: int = 100
    """Percent of a standard node's sessions; 1 to 1000."""
    max_sessions: int = 0
    """Sessions of this node; 0: 100000."""
    admin_page: bool = False
    """Show administrators a page at `https://<gateway>/admin/`. False: there is none."""


class Session(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How sessions live."""

    timeout_s: float = 20.0
    """Silence after which either end drops a connection; 1 to 60. Short costs keep-alives."""
    resume_s: float = 60.0
    """How long the sessions of a gateway that was killed or restarted may be resumed."""
    queue_kib: int = 1024
    """Frames waiting for one slow client, in KiB, per connection."""


class Limits(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a stranger may cost us."""

    handshakes: int = 500
    """Dialogues under way at once; further connections wait in the kernel's queue."""
    handshakes_per_address: int = 50
    """The same from one address; further ones are closed at once. Many clients behind one NAT
    connecting in the same second need room here."""
    handshake_s: float = 15.0
    """From the first byte to the welcome."""
    backlog: int = 1024


class Logs(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Log files of hubs; which hub writes what is set with the hub."""

    directory: str = ""
    """Where `security_log` and `packet_log` lie. Empty: `gateway.state_dir`."""
    keep_days: int = 90
    """Files that were not written to for so long are removed; 0: never."""


class Metrics(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What is told to those who watch."""

    listen: str = "127.0.0.1:9590"
    """Address and TCP port of /metrics, /livez and /readyz; each further worker takes the next
    port. Empty: off."""
    hub_labels: int = 100
    """Hubs with numbers of their own; further ones share one label."""


class Settings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file."""

    fleet: Fleet = Fleet()
    store: Store = Store()
    gateway: Gateway = msgspec.field(default_factory=Gateway)
    session: Session = Session()
    limits: Limits = Limits()
    metrics: Metrics = Metrics()
    logs: Logs = Logs()

    @property
    def state_dir(self) -> Path:
        """Return the directory of the embedded store."""
        if self.gateway.state_dir:
            return Path(self.gateway.state_dir).expanduser()
        if os.geteuid() == 0:
            return Path("/var/lib/etherfleet")
        home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
        return Path(home).expanduser() / "etherfleet"

    @property
    def log_dir(self) -> Path:
        """Return the directory of hubs' log files."""
        return Path(self.logs.directory).expanduser() if self.logs.directory else self.state_dir

    @property
    def terms(self) -> str:
        """Return what clients are told alike by all nodes, as they show it in their rows."""
        session = self.session
        numbers = f"timeout_s={session.timeout_s:g} resume_s={session.resume_s:g}"
        return f"{numbers} queue_kib={session.queue_kib} redirect={self.gateway.redirect}"

    @property
    def node(self) -> str:
        """Return this node's id: as set, or made of the host's name, whatever that is."""
        host = re.sub(r"[^a-z0-9.-]", "-", socket.gethostname().lower())[:64]
        return self.gateway.node or host.strip(".-") or "node"


def load(path: str | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the file (`path`, else ETHERFLEET_CONFIG, else /etc) and the environment.

    Raises ConfigError naming the file, the key and what would do.
    """
    chosen = path or environment.get("ETHERFLEET_CONFIG")
    file = Path(chosen) if chosen else SYSTEM_FILE
    data: dict[str, Any] = {}
    if chosen or file.exists():
        try:
            data = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"cannot read {file}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file} is not TOML: {error}") from error
    _apply_environment(data, environment)
    try:
        settings = msgspec.convert(data, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{file}: {_explain(error)}") from error
    check(settings)
    return settings


def check(settings: Settings) -> None:
    """Refuse settings that cannot work together. Raises ConfigError."""
    _check_fleet(settings.fleet, settings.store.url)
    _check_session(settings.session)
    _check_limits(settings.limits)
    _check_gateway(settings.gateway)
    if settings.metrics.listen:
        parse_listen(settings.metrics.listen, "metrics.listen")
    _require(settings.logs.keep_days >= 0, f"logs.keep_days is {settings.logs.keep_days}")
    labels = settings.metrics.hub_labels
    _require(0 <= labels <= 10_000, f"metrics.hub_labels is {labels}; use 0 to 10000")


def _check_fleet(fleet: Fleet, store_url: str) -> None:
    _require(
        0 < len(fleet.name) <= 32 and fleet.name.replace("-", "a").isalnum()
        and fleet.name.isascii() and fleet.name == fleet.name.lower(),
        f"fleet.name is {fleet.name!r}; use 1 to 32 of a-z, 0-9 and '-'",
    )  # fmt: skip
    _require(
        bool(fleet.certificate_file) == bool(fleet.private_key_file),
        "fleet.certificate_file and fleet.private_key_file come together: set both or none",
    )
    if store_url:
        scheme = urlsplit(store_url).scheme
        _require(
            scheme in STORE_SCHEMES,
            f"store.url begins with {scheme + '://' if scheme else 'no scheme'!r}; "
            "use redis://, rediss:// or unix://",
        )
        _require(
            bool(fleet.key_file),
            "store.url names a store that others can read, so fleet.key_file must be set; "
            "make one with: openssl rand -base64 32 > fleet.key",
        )


def _check_session(session: Session) -> None:
    _require(
        1 <= session.timeout_s <= 60,
        f"session.timeout_s is {session.timeout_s:g}; use 1 to 60 (default 20)",
    )
    _require(
        session.resume_s >= session.timeout_s,
        f"session.resume_s is {session.resume_s:g}, less than session.timeout_s "
        f"({session.timeout_s:g}); clients knock for that long, so use at least as much",
    )
    _require(
        session.resume_s <= DAY_S,
        f"session.resume_s is {session.resume_s:g}; use at most {DAY_S} (default 60)",
    )
    _require(session.queue_kib >= 64, f"session.queue_kib is {session.queue_kib}; use 64 or more")


def _check_limits(limits: Limits) -> None:
    for name in ("handshakes", "handshakes_per_address", "backlog"):
        number = getattr(limits, name)
        _require(number >= 1, f"limits.{name} is {number}; use 1 or more")
    _require(
        0 < limits.handshake_s <= 300,
        f"limits.handshake_s is {limits.handshake_s:g}; use 15 (stock clients wait that long)",
    )


def _check_gateway(gateway: Gateway) -> None:
    _require(
        gateway.redirect in ("auto", "never"),
        f"gateway.redirect is {gateway.redirect!r}; use auto or never",
    )
    _require(
        1 <= gateway.weight <= 1000, f"gateway.weight is {gateway.weight}; use 1 to 1000 (percent)"
    )
    _require(gateway.max_sessions >= 0, f"gateway.max_sessions is {gateway.max_sessions}")
    if gateway.advertise:
        _require_ipv4("gateway.advertise", gateway.advertise)
    for label in gateway.labels:
        _require(
            re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,63}", label) is not None,
            f"gateway.labels has {label!r}; use a-z, digits and '.-', as in berlin",
        )
    _require(
        bool(gateway.listen),
        "gateway.listen is empty; leave it out, or write addresses as in 0.0.0.0:5555",
    )
    for address in gateway.listen:
        parse_listen(address)


def parse_listen(text: str, setting: str = "gateway.listen") -> tuple[str, int]:
    """Return (host, TCP port) of `0.0.0.0:5555` or `[::]:5555`. Raises ConfigError."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    _require(
        bool(host) and port.isdecimal() and len(port) <= 5 and int(port) < 65536,
        f"{setting} has {text!r}; write address:port, as in 0.0.0.0:5555 or [::]:5555",
    )
    return host, int(port)


def _require_ipv4(name: str, text: str) -> None:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        raise ConfigError(
            f"{name} is {text!r}; redirects carry an IPv4 address, as in 192.0.2.10"
        ) from None


def _require(condition: bool, text: str) -> None:
    if not condition:
        raise ConfigError(text)


def _apply_environment(data: dict[str, Any], environment: Mapping[str, str]) -> None:
    for variable, section, key in (
        ("ETHERFLEET_STORE_URL", "store", "url"),
        ("ETHERFLEET_STATE_DIR", "gateway", "state_dir"),
        ("ETHERFLEET_NODE", "gateway", "node"),
        ("ETHERFLEET_FLEET", "fleet", "name"),
        ("ETHERFLEET_FLEET_KEY_FILE", "fleet", "key_file"),
    ):
        if value := environment.get(variable):
            _section(data, section)[key] = value
    if listen := environment.get("ETHERFLEET_LISTEN"):
        _section(data, "gateway")["listen"] = [a.strip() for a in listen.split(",")]


def _section(data: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a section to add to; one that is no table is left for the check to refuse."""
    found = data.setdefault(name, {})
    return found if isinstance(found, dict) else {}


def _explain(error: msgspec.ValidationError) -> str:
    """Turn msgspec's sentence into one that names the key and lists what exists."""
    text = str(error)
    if "unknown field" in text:
        field = text.split("`")[1]
        section = text.rsplit("`$.", 1)[-1].rstrip("`") if "`$." in text else ""
        known = _fields_of(section)
        where = f"[{section}]" if section else "the top level"
        return f"unknown key {field!r} in {where}; known there: {', '.join(known)}"
    return text.replace("`$.", "`").replace("Object", "Table")


def _fields_of(section: str) -> tuple[str, ...]:
    if not section:
        return Settings.__struct_fields__
    kinds = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    fields: tuple[str, ...] = kinds[section].__struct_fields__
    return fields
