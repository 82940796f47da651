"""Administrators' passwords: sealed, and gone with their hub."""

import pytest

from coordinator.errors import AlreadyExists, InvalidValue, NotFound, TooMany
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


def test_a_hub_is_made_with_its_password_in_one_step(fleet: Fleet) -> None:
    """A gateway that ended in between left a hub that had none; its repeat said 57."""
    secret = bytes(range(20))
    made = Hub("Mine")
    fields = fleet.administration.fields_of("Mine", secret, NOW)
    fleet.directory.create_hub(made, NOW, administration=fields, most=1)
    assert fleet.administration.of_hub("mine").secret == secret
    with pytest.raises(AlreadyExists):
        fleet.directory.create_hub(made, NOW, administration=fields)
    with pytest.raises(TooMany, match="too many hubs in this fleet: 1 are allowed"):
        fleet.directory.create_hub(Hub("LAB"), NOW, most=1)
