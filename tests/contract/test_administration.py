"""Administrators' passwords: sealed, and gone with their hub."""

import pytest

from coordinator.errors import InvalidValue, NotFound
from coordinator.fleet import Fleet
from coordinator.model import Hub
from tests.conftest import NOW


def test_a_password_s_hash_is_kept_and_goes_with_its_hub(fleet: Fleet) -> None:
    secret = bytes(range(20))
    assert fleet.administration.fleet_secret() is None
    fleet.administration.set_fleet_secret(secret, NOW)
    assert fleet.administration.fleet_secret() == secret
    with pytest.raises(InvalidValue):
        fleet.administration.set_fleet_secret(b"short", NOW)
    with pytest.raises(NotFound):
        fleet.administration.set_hub("LAB", NOW, secret=secret)
    fleet.directory.create_hub(Hub("LAB"), NOW)
    fleet.administration.set_hub("lab", NOW, secret=secret)
    fleet.administration.set_hub("LAB", NOW, options={"no_offline": 1})
    found = fleet.administration.of_hub("Lab")
    assert (found.secret, found.options) == (secret, {"no_offline": 1})
    fleet.directory.delete_hub("LAB")
    fleet.directory.create_hub(Hub("LAB"), NOW)
    assert fleet.administration.of_hub("LAB").secret is None
