"""The contract holds on every server we support: each test here runs once per server."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from gateway.embedded import EmbeddedStore

DEBIANS_SERVER = "/usr/bin/redis-server"


@pytest.fixture(scope="session")
def debian_url(state_dir: Path) -> Iterator[str]:
    """The address of Debian's Redis."""
    if shutil.which(DEBIANS_SERVER) is None:
        pytest.skip("needs Debian's package redis-server")
    with EmbeddedStore(state_dir / "debian", DEBIANS_SERVER) as embedded:
        yield embedded.url


@pytest.fixture(params=["embedded", "debian"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of the store a test works on, one server after the other."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def private_store(store_url: str, state_dir: Path) -> Iterator[EmbeddedStore]:
    """A store of the test's own, of the kind whose turn it is: to be mistreated."""
    is_debians = "debian" in store_url
    with (
        tempfile.TemporaryDirectory(dir=state_dir) as name,
        EmbeddedStore(Path(name), DEBIANS_SERVER if is_debians else None) as embedded,
    ):
        yield embedded


@pytest.fixture
def raw(store_url: str) -> Iterator[redis.Redis]:
    """The store as somebody sees and changes it who goes past us."""
    with redis.Redis.from_url(store_url, decode_responses=True) as client:
        yield client
