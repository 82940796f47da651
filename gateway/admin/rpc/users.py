"""Calls about users. A password goes in, as text or as a tool's hash of it, and never out; a
certificate, which is no secret, goes both ways."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from coordinator.errors import NotFound
from coordinator.model import AuthKind, User
from gateway.admin import users
from gateway.admin.rpc.convert import from_ms, policy_of, policy_values, to_ms, traffic_values
from gateway.admin.rpc.method import Call, Method, Who, refusal
from gateway.admin.trust import check_user_certificate
from gateway.admin.users import UserReport, check_password
from gateway.wire.auth import user_password_hash
from gateway.wire.codes import HASH_SIZE, ErrorCode
from gateway.wire.rpc_struct import Values

MAX_USERS = 10_000  # of a hub
AUTH = {
    0: AuthKind.ANONYMOUS,
    1: AuthKind.PASSWORD,
    2: AuthKind.CERTIFICATE,
    3: AuthKind.SIGNED,
}
AUTH_NUMBERS = {kind: number for number, kind in AUTH.items()}


def create_user(call: Call) -> Values:
    most = min(call.administration.options.get("max_users", 0) or MAX_USERS, MAX_USERS)
    blank = User(call.hub.name, call.text("Name"))
    with _group_named():
        user = users.store_new(call.fleet, _replaced(call, blank), call.now, most=most)
    return _values(users.report(call.fleet, user.hub, user.name))


def set_user(call: Call) -> Values:
    """Replace an account; without a new password it keeps the one it has."""
    with _group_named():
        user = users.replace_by(
            call.fleet,
            call.hub.name,
            call.text("Name"),
            lambda found: _replaced(call, found),
            call.now,
        )
    return _values(users.report(call.fleet, user.hub, user.name))


def get_user(call: Call) -> Values:
    return _values(users.report(call.fleet, call.hub.name, call.text("Name")))


def delete_user(call: Call) -> Values:
    users.delete(call.fleet, call.hub.name, call.text("Name"))
    return {"HubName": call.hub.name, "Name": call.text("Name")}


def enum_user(call: Call) -> Values:
    rows = [_row(report) for report in users.reports(call.fleet, call.hub.name)]
    return {"HubName": call.hub.name, "UserList": rows}


def _replaced(call: Call, user: User) -> User:
    """Return `user` as the call wants it. Raises Refused."""
    auth = AUTH.get(call.number("AuthType"))
    if auth is None:
        text = f"users of authentication type {call.number('AuthType')} are not served"
        raise refusal(ErrorCode.AUTH_NOT_AVAILABLE, text)
    is_signed = auth is AuthKind.SIGNED
    return replace(
        user,
        auth=auth,
        secret=_secret(call, user) if auth is AuthKind.PASSWORD else None,
        certificate=_certificate(call) if auth is AuthKind.CERTIFICATE else b"",
        common_name=call.text("CommonName").strip() if is_signed else "",
        serial=call.data("Serial") if is_signed else b"",
        real_name=call.text("Realname"),
        note=call.text("Note"),
        expires=from_ms(call.values.get("ExpireTime")),
        policy=own_policy(call),
        group=call.text("GroupName"),
    )


def own_policy(call: Call) -> dict[str, int]:
    """Return the policy in a request; one that is the default in everything says so, because it
    holds instead of the group's."""
    if not call.flag("UsePolicy"):
        return {}
    return policy_of(call.values) or {"Access": 1}


@contextmanager
def _group_named() -> Iterator[None]:
    """Tell of a group that is not by a code of its own."""
    try:
        yield
    except NotFound as error:
        if error.kind == "group":
            raise refusal(ErrorCode.GROUP_NOT_FOUND, str(error)) from error
        raise


def _secret(call: Call, user: User) -> bytes | None:
    """Return the hash of the password given, else of the one there is; None: nobody gets in."""
    plain, hashed = call.text("Auth_Password"), call.data("HashedKey")
    if plain:
        return user_password_hash(check_password(plain, user.name), user.name)
    if not any(hashed):
        return user.secret
    if len(hashed) != HASH_SIZE:
        raise refusal(ErrorCode.INVALID_PARAMETER, f"a password's hash has {HASH_SIZE} bytes")
    return hashed


def _certificate(call: Call) -> bytes:
    return check_user_certificate(call.data("UserX")).der


def _values(report: UserReport) -> Values:
    user = report.user
    found: Values = {
        "HubName": user.hub,
        "Name": user.name,
        "GroupName": user.group,
        "Realname": user.real_name,
        "Note": user.note,
        "CreatedTime": to_ms(user.created),
        "UpdatedTime": to_ms(user.changed),
        "ExpireTime": to_ms(user.expires),
        "AuthType": AUTH_NUMBERS[user.auth],
        "NumLogin": report.totals.logins,
        **traffic_values(report.totals.traffic),
    }
    if user.auth is AuthKind.PASSWORD:
        # Zeros: a tool that writes them back keeps the password, and nobody reads it.
        found |= {"HashedKey": bytes(HASH_SIZE), "NtLmSecureHash": bytes(16)}
    if user.auth is AuthKind.CERTIFICATE:
        found["UserX"] = user.certificate
    found |= {"CommonName": user.common_name} if user.common_name else {}
    found |= {"Serial": user.serial} if user.serial else {}
    if user.policy:
        found |= {"UsePolicy": True, **policy_values(user.policy)}
    return found


def _row(report: UserReport) -> dict[str, Any]:
    user, totals = report.user, report.totals
    return {
        "Name": user.name,
        "GroupName": user.group,
        "Realname": user.real_name,
        "Note": user.note,
        "AuthType": AUTH_NUMBERS[user.auth],
        "LastLoginTime": to_ms(totals.last_login),
        "NumLogin": totals.logins,
        "DenyAccess": user.policy.get("Access", 1) == 0,
        "IsTrafficFilled": True,
        **traffic_values(totals.traffic, "Ex."),
        "IsExpiresFilled": True,
        "Expires": to_ms(user.expires),
    }


_CHANGE = ("no_change_users",)

METHODS = (
    Method("CreateUser", Who.HUB, create_user, needs=("Name",), forbidden_by=_CHANGE),
    Method("SetUser", Who.HUB, set_user, needs=("Name",), forbidden_by=_CHANGE),
    Method("GetUser", Who.HUB, get_user, needs=("Name",), changes=False),
    Method("DeleteUser", Who.HUB, delete_user, needs=("Name",), forbidden_by=_CHANGE),
    Method("EnumUser", Who.HUB, enum_user, changes=False),
)
