"""Names: what may be stored, and that no two names share a key unless they are one."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.errors import InvalidValue
from coordinator.names import (
    are_names,
    check_counter_name,
    check_fleet_name,
    check_hub_name,
    check_node_name,
    check_policy_name,
    check_user_name,
    fold,
    fold_upper,
)

ANY = st.text(max_size=300) | st.text(st.characters(categories=["Cs", "L"]))


@pytest.mark.parametrize("name", ["VPN", "a (b) - _ # % & .", "0", "x" * 255])
def test_hub_names_of_the_reference_are_accepted(name: str) -> None:
    assert check_hub_name(name) == name


@pytest.mark.parametrize("name", ["", "a:b", "a/b", "a{b}", " a", "a ", "ä", "a\nb", "x" * 256])
def test_other_hub_names_are_not(name: str) -> None:
    with pytest.raises(InvalidValue):
        check_hub_name(name)


@pytest.mark.parametrize("name", ["alice", "alice@example.org", "*", "O'Neill, jr.", "ä", "a:b"])
def test_user_names_are_anything_printable(name: str) -> None:
    assert check_user_name(name) == name


@pytest.mark.parametrize("name", ["", " a", "a\t", "a\nb", "\x00", "\ud800", "ü" * 128])
def test_other_user_names_are_not(name: str) -> None:
    with pytest.raises(InvalidValue):
        check_user_name(name)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (check_fleet_name, "Fleet-1.a_b", "f}leet"),
        (check_fleet_name, "f", "f" * 33),
        (check_node_name, "gw1.example-a", "GW1"),
        (check_node_name, "n" * 64, "n" * 65),
        (check_counter_name, "frame-too-long", "Frame"),
        (check_policy_name, "MaxUpload", "policy:MaxUpload"),
    ],
)
def test_other_names_have_their_forms(check, good: str, bad: str) -> None:
    assert check(good) == good
    with pytest.raises(InvalidValue):
        check(bad)
    with pytest.raises(InvalidValue, match="0 characters"):
        check("")


@given(ANY)
def test_any_text_is_a_name_or_is_refused(name: str) -> None:
    for check in (check_hub_name, check_user_name, check_node_name, check_fleet_name):
        with suppress(InvalidValue):
            assert check(name) == name


@given(ANY, ANY)
def test_asking_never_raises(hub: str, user: str) -> None:
    assert are_names(hub, user) in (True, False)


@given(st.text(st.characters(codec="utf-8")))
def test_folding_touches_letters_of_ascii_only(name: str) -> None:
    assert fold(fold_upper(name)) == fold(name)
    assert fold_upper(fold(name)) == fold_upper(name)
    changed = {(a, b) for a, b in zip(name, fold(name), strict=True) if a != b}
    assert all("A" <= a <= "Z" and b == a.lower() for a, b in changed)
