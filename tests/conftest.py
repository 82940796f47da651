"""What tests of several directories share: a real store, and a fleet of one's own in it."""

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from coordinator.fleet import Fleet, join
from coordinator.redis_store import RedisStore, connect
from coordinator.times import Timestamp
from gateway.embedded import EmbeddedStore

NOW = Timestamp("2026-01-31T12:00:00.000Z")
FLEET_KEY = bytes(range(32))

# How long an example takes says something about the machine, nothing about us.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def state_dir() -> Iterator[Path]:
    """A directory whose path is short enough for a unix socket, as pytest's own often is not."""
    with tempfile.TemporaryDirectory(prefix="ef-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def embedded_url(state_dir: Path) -> Iterator[str]:
    """The address of an embedded store that runs as long as the tests do."""
    with EmbeddedStore(state_dir / "embedded") as embedded:
        yield embedded.url


@pytest.fixture
def store_url(embedded_url: str) -> str:
    """The address of the store a test works on."""
    return embedded_url


@pytest.fixture
def fleet_name() -> str:
    """A name no other test uses, so that each begins with an empty fleet."""
    return f"test-{next(_numbers)}"


@pytest.fixture
def store(store_url: str, fleet_name: str) -> Iterator[RedisStore]:
    """A connection to the store, under a fleet name of one's own."""
    connected = connect(store_url, fleet_name)
    yield connected
    connected.close()


@pytest.fixture
def fleet(store: RedisStore) -> Fleet:
    """An empty fleet."""
    return join(store, FLEET_KEY, NOW)
