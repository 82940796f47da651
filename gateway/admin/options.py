"""Extended options of a hub: those that do something here, by the reference's names.

Others are stored as the reference's tools set them and shown again; nobody acts on them.
"""

import difflib
from collections.abc import Iterable, Mapping

from coordinator.errors import InvalidValue

OPTIONS: Mapping[str, str] = {
    "FilterPPPoE": "no PPPoE",
    "FilterOSPF": "no OSPF for IPv4",
    "FilterIPv4": "no IPv4, no ARP",
    "FilterIPv6": "no IPv6",
    "FilterNonIP": "nothing but IPv4, ARP and IPv6",
    "FilterBPDU": "no spanning tree",
    "ApplyIPv4AccessListOnArpPacket": "access rules are asked about ARP, too",
    "DropBroadcastsInPrivacyFilterMode": "PrivacyFilter stops broadcasts, too; by default yes",
    "DropArpInPrivacyFilterMode": "PrivacyFilter stops ARP, too; by default yes",
    "AllowSameUserInPrivacyFilterMode": "PrivacyFilter lets sessions of one user talk",
}
"""Those in force, all yes or no, and what they mean."""

DEFAULTS: Mapping[str, int] = {
    **dict.fromkeys(OPTIONS, 0),
    "DropBroadcastsInPrivacyFilterMode": 1,
    "DropArpInPrivacyFilterMode": 1,
}
"""As at the reference. What is not stored is that."""

_BY_LOWER = {name.lower(): name for name in OPTIONS}
_WORDS = {"1": 1, "true": 1, "yes": 1, "on": 1, "0": 0, "false": 0, "no": 0, "off": 0}


def read_option_setting(text: str) -> tuple[str, int]:
    """Return (name, value) of `NAME=VALUE`. Raises InvalidValue with names that come close."""
    name, _, value = (part.strip() for part in text.partition("="))
    known = _BY_LOWER.get(name.lower())
    if known is None:
        close = difflib.get_close_matches(name.lower(), _BY_LOWER, n=3, cutoff=0.5)
        near = ", ".join(_BY_LOWER[match] for match in close) or ", ".join(list(OPTIONS)[:3])
        raise InvalidValue(f"no option named {name!r} has an effect here; there are {near}")
    if value.lower() not in _WORDS:
        raise InvalidValue(f"option {known} is {value!r}: yes or no is wanted")
    return known, _WORDS[value.lower()]


def merge(stored: Mapping[str, int], changes: Mapping[str, int]) -> dict[str, int]:
    """Return `stored` with `changes` made; only what differs from the default is kept."""
    merged = {**stored, **changes}
    return {name: n for name, n in merged.items() if n != DEFAULTS.get(name)}


def without_effect(options: Iterable[str]) -> list[str]:
    """Return the names in `options` that nobody acts on."""
    return [name for name in options if name not in OPTIONS]
