"""Which names may be stored, and the one form in which a name is part of a key.

Hub and user names differ only in more than the case of A-Z, as with the reference, so a key takes
the folded form and the record keeps the name as typed. Hub names use the reference's safe
characters and therefore never contain the colon that separates the parts of a key; user names may
contain anything printable and always come last in a key.
"""

import re
from functools import lru_cache

from coordinator.errors import InvalidValue

MAX_NAME = 255  # bytes, hub and user; the reference's limit
MAX_FLEET = 32  # characters
MAX_NODE = 64  # characters
MAX_ADMINISTRATOR = 64  # characters
KEPT = 4096  # answers of a kind: the step of one login asks about the same names a dozen times
NOT_ADMINISTRATORS = ("administrator",)  # whoever knows the fleet's password

_HUB = re.compile(r"[A-Za-z0-9 ()\-_#%&.]+")
_FLEET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NODE = re.compile(r"[a-z0-9][a-z0-9.-]*")
_ADMINISTRATOR = re.compile(r"[a-z0-9][a-z0-9._-]*")
_COUNTER = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,62}")
_POLICY = re.compile(r"[A-Za-z0-9]{1,63}")


@lru_cache(maxsize=KEPT)
def fold(name: str) -> str:
    """Return `name` with A-Z in lower case and everything else untouched; raises InvalidValue."""
    return _to_bytes("name", name).lower().decode()


@lru_cache(maxsize=KEPT)
def fold_upper(name: str) -> str:
    """Return `name` with a-z in upper case and everything else untouched; raises InvalidValue."""
    return _to_bytes("name", name).upper().decode()


def byte_size(what: str, text: str) -> int:
    """Return how many bytes `text` takes; raises InvalidValue, naming `what`."""
    return len(_to_bytes(what, text))


def are_names(hub: str, user: str | None = None) -> bool:
    """Say whether a hub, and a user of it, may be called so at all: what a stranger typed."""
    try:
        check_hub_name(hub)
        if user is not None:
            check_user_name(user)
    except InvalidValue:
        return False
    return True


def are_cascade_names(hub: str, name: str) -> bool:
    """Say whether a hub, and a cascade of it, may be called so at all."""
    try:
        check_hub_name(hub)
        check_cascade_name(name)
    except InvalidValue:
        return False
    return True


def check_hub_name(name: str) -> str:
    """Return `name` if a hub may be called so; raises InvalidValue."""
    _check_size("hub name", name)
    if not _HUB.fullmatch(name):
        raise InvalidValue(f"hub name {name!r}: letters, digits and ' ()-_#%&.' are allowed")
    return name


def check_user_name(name: str) -> str:
    """Return `name` if a user may be called so; raises InvalidValue."""
    _check_size("user name", name)
    if not name.isprintable():
        raise InvalidValue(f"user name {name!r}: only printable characters are allowed")
    return name


def check_group_name(name: str) -> str:
    """Return `name` if a group may be called so; raises InvalidValue."""
    _check_size("group name", name)
    if not name.isprintable():
        raise InvalidValue(f"group name {name!r}: only printable characters are allowed")
    return name


def check_cascade_name(name: str) -> str:
    """Return `name` if a cascade may be called so; raises InvalidValue."""
    _check_size("cascade name", name)
    if not name.isprintable():
        raise InvalidValue(f"cascade name {name!r}: only printable characters are allowed")
    return name


def check_fleet_name(name: str) -> str:
    """Return `name` if a fleet may be called so; raises InvalidValue."""
    return _check_form("fleet name", name, _FLEET, MAX_FLEET, "letters, digits and '._-'")


def check_node_name(name: str) -> str:
    """Return `name` if a node may be called so; raises InvalidValue."""
    return _check_form("node name", name, _NODE, MAX_NODE, "a-z, digits and '.-'")


def check_administrator_name(name: str) -> str:
    """Return `name` if an administrator or a token may be called so; raises InvalidValue."""
    if name in NOT_ADMINISTRATORS:
        raise InvalidValue(f"{name!r} is whoever knows the fleet's password")
    what = "administrator's name"
    return _check_form(what, name, _ADMINISTRATOR, MAX_ADMINISTRATOR, "a-z, digits and '._-'")


def is_administrator_name(name: str) -> bool:
    """Say whether an administrator may be called so at all: what a stranger typed."""
    try:
        check_administrator_name(name)
    except InvalidValue:
        return False
    return True


def check_counter_name(name: str) -> str:
    """Return `name` if a reason may be counted under it; raises InvalidValue."""
    return _check_form("counter", name, _COUNTER, 64, "a-z, digits and '-'")


def check_policy_name(name: str) -> str:
    """Return `name` if it is shaped like a policy on the wire; raises InvalidValue."""
    return _check_form("policy", name, _POLICY, 63, "letters and digits")


def check_option_name(name: str) -> str:
    """Return `name` if it is shaped like an option of a hub; raises InvalidValue."""
    return _check_form("option", name, _OPTION, 63, "letters, digits and '_'")


def _check_size(what: str, name: str) -> None:
    size = byte_size(what, name)
    if not 1 <= size <= MAX_NAME:
        raise InvalidValue(f"{what}: {size} bytes, 1 to {MAX_NAME} allowed")
    if name != name.strip():
        raise InvalidValue(f"{what} {name!r}: no space at either end")


def _to_bytes(what: str, name: str) -> bytes:
    try:
        return name.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, as undecodable arguments arrive
        raise InvalidValue(f"{what} {name!r}: not valid Unicode") from None


def _check_form(what: str, name: str, form: re.Pattern[str], most: int, allowed: str) -> str:
    if not 1 <= len(name) <= most:
        raise InvalidValue(f"{what}: {len(name)} characters, 1 to {most} allowed")
    if not form.fullmatch(name):
        raise InvalidValue(f"{what} {name!r}: {allowed} are allowed, a letter or digit first")
    return name
