"""Extended options of a hub: read from words, kept where they differ from the default."""

import pytest

from coordinator.errors import InvalidValue
from gateway.admin.options import DEFAULTS, OPTIONS, merge, read_option_setting, without_effect
from gateway.hub.filters import ENTRY_OPTIONS


def test_settings_are_read_in_any_case():
    assert read_option_setting("filteripv6=yes") == ("FilterIPv6", 1)
    assert read_option_setting(" FilterIPv6 = off ") == ("FilterIPv6", 0)


@pytest.mark.parametrize("text", ["", "=", "FilterIPv6", "FilterIPv6=2", "Nope=1"])
def test_what_has_no_effect_is_refused_with_advice(text):
    with pytest.raises(InvalidValue, match=r"there are|wanted"):
        read_option_setting(text)


def test_only_what_differs_from_the_default_is_kept():
    stored = {"FilterIPv6": 1, "NoArpPolling": 0, "DropArpInPrivacyFilterMode": 0}
    changes = {"FilterIPv6": 0, "DropArpInPrivacyFilterMode": 1, "FilterBPDU": 1}
    assert merge(stored, changes) == {"NoArpPolling": 0, "FilterBPDU": 1}
    assert merge({}, {"DropArpInPrivacyFilterMode": 0}) == {"DropArpInPrivacyFilterMode": 0}


def test_options_in_force_are_those_that_are_told():
    assert set(ENTRY_OPTIONS) <= set(OPTIONS) == set(DEFAULTS)
    assert without_effect(["FilterBPDU", "VlanTypeId"]) == ["VlanTypeId"]
