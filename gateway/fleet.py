"""How a process of ours gets at its fleet: the store of the settings, and the fleet key.

With a URL that store is used and no other: if it does not answer, that is an error, never a silent
start of an embedded one. Without a URL a Valkey of our own runs in the state directory for as long
as somebody needs it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coordinator.fleet import Fleet, join
from coordinator.redis_store import connect
from coordinator.seal import read_fleet_key
from coordinator.times import utc_now
from coordinator.timing import Timing
from gateway.config import Settings
from gateway.embedded import EmbeddedStore
from gateway.errors import ConfigError

ONE_MACHINE = Timing(forgets_ms=1)
"""Of a fleet on an embedded store: all its nodes are where the store is."""


@contextmanager
def open_fleet(settings: Settings, *, create: bool = True) -> Iterator[Fleet]:
    """Enter the fleet of `settings` for as long as the context lasts.

    Raises ConfigError for the key file, CoordinatorError for the store, each in one line.
    """
    if settings.store.url:
        key = read_fleet_key(_read(settings.fleet.key_file))
        with _joined(settings.store.url, settings, key, create, Timing()) as fleet:
            yield fleet
        return
    with EmbeddedStore(settings.state_dir) as embedded:
        file = settings.fleet.key_file
        key = read_fleet_key(_read(file)) if file else embedded.fleet_key()
        with _joined(embedded.url, settings, key, create, ONE_MACHINE) as fleet:
            yield fleet


def store_url(settings: Settings) -> str:
    """Return where the store of `settings` is, embedded or not."""
    return settings.store.url or EmbeddedStore(settings.state_dir).url


@contextmanager
def _joined(
    url: str, settings: Settings, key: bytes, create: bool, timing: Timing
) -> Iterator[Fleet]:
    store = connect(url, settings.fleet.name)
    try:
        yield join(store, key, utc_now(), create=create, timing=timing)
    finally:
        store.close()


def _read(file: str) -> str:
    try:
        return Path(file).expanduser().read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read the fleet key in {file}: {error}; "
            "make one with: openssl rand -base64 32 > fleet.key"
        ) from error
