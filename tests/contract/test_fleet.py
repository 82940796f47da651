"""Joining a fleet: made once, refused where it is not ours, its certificate kept."""

import pytest

from coordinator.errors import ForeignStore, WrongFleetKey
from coordinator.fleet import Fleet, join
from coordinator.model import FleetCertificate
from coordinator.redis_store import RedisStore
from tests.conftest import FLEET_KEY
from tests.contract.values import LATER, NOW


def test_second_process_finds_the_fleet_of_the_first(store: RedisStore) -> None:
    first = join(store, FLEET_KEY, NOW)
    assert join(store, FLEET_KEY, LATER).cluster == first.cluster
    assert join(store, FLEET_KEY, LATER, create=False).cluster == first.cluster
    assert store.field(store.keys.meta(), "created") == NOW
    assert first.warnings == ()


def test_wrong_fleet_key_is_refused_in_one_line(store: RedisStore) -> None:
    join(store, FLEET_KEY, NOW)
    with pytest.raises(WrongFleetKey, match="was made with another fleet key") as caught:
        join(store, bytes(32), NOW)
    assert "\n" not in str(caught.value)


def test_a_fleet_is_not_made_unasked(store: RedisStore) -> None:
    with pytest.raises(ForeignStore, match=r"no fleet named 'test-\d+' in unix://"):
        join(store, FLEET_KEY, NOW, create=False)
    assert list(store.scan()) == []


def test_another_schema_is_refused(store: RedisStore, raw) -> None:
    join(store, FLEET_KEY, NOW)
    raw.hset(store.keys.meta(), "schema", "2")
    with pytest.raises(ForeignStore, match="has schema 2, this program knows 1"):
        join(store, FLEET_KEY, NOW)


@pytest.mark.parametrize("kind", ["string", "hash"])
def test_what_is_not_a_fleet_is_refused(store: RedisStore, raw, kind: str) -> None:
    if kind == "string":
        raw.set(store.keys.meta(), "mine")
    else:
        raw.hset(store.keys.meta(), "owner", "somebody")
    with pytest.raises(ForeignStore):
        join(store, FLEET_KEY, NOW)


def test_certificate_is_kept_sealed(fleet: Fleet, raw) -> None:
    assert fleet.certificates.get() is None
    mine = FleetCertificate("CERT PEM", "KEY PEM")
    assert fleet.certificates.get_or_create(mine, NOW) == mine
    other = FleetCertificate("OTHER", "OTHER")
    assert fleet.certificates.get_or_create(other, NOW) == mine
    assert fleet.certificates.get() == mine
    stored = raw.hgetall(fleet.store.keys.tls())
    assert stored["certificate"] == "CERT PEM"
    assert stored["private_key"].startswith("sealed:v1:")
