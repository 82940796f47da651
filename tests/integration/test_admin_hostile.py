"""Every administration call there is, with whatever is wrong, by everybody: made from the registry.

What a call was sent in a recorded exchange is a beginning, and so is nothing at all; then one field
is of another type, endless, twice there, or not at all. Whoever asks: what is refused has changed
nothing, what only looks has neither, and the administrator of a hub neither changes nor sees
anything but his hub.
"""

import json
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
import redis

from coordinator.fleet import Fleet, join
from coordinator.model import Hub, User
from coordinator.redis_store import connect
from gateway.admin.administrators import Caller, set_fleet_password
from gateway.admin.rpc.dispatch import Answer
from gateway.admin.rpc.method import Context, Method
from gateway.admin.rpc.methods import METHODS
from gateway.wire.auth import admin_password_hash
from gateway.wire.codes import ErrorCode, ValueType
from gateway.wire.pack import Element, Pack, big_integer, data, integer, text, wide_text
from gateway.wire.reader import to_u32
from gateway.wire.rpc import FUNCTION
from tests.admin_calls import (
    ADMINISTRATOR,
    OneGateway,
    carried_out,
    code,
    furnish,
    hub_admin,
)
from tests.conftest import FLEET_KEY
from tests.contract.values import NOW
from tests.hostile.administrator import Administrator
from tests.hostile.gateway import Gateway
from tests.rpc_vectors import exchanges

CALLS = 9  # of each method by each caller
LOOKING = ("Get", "Enum", "Test", "Read")
OTHERS = (b"FOREIGN", b"foreigner", b"node-1", b"T2", b"127.0.0.1")
"""Of other hubs, and of the fleet: not for the administrator of T1."""


@cache
def recorded() -> Mapping[str, Pack]:
    """Return what was sent in one call of each function that a real server carried out."""
    served = [e for e in exchanges() if not e.error and e.scenario != "member"]
    sent = {exchange.function: Pack.from_bytes(exchange.request) for exchange in served}
    called = {name: Pack(e for e in pack if e.name != FUNCTION) for name, pack in sent.items()}
    for name in ("CreateLink", "SetLink"):  # what a hub's administrator says himself he may see
        kept = [e for e in called[name] if e.name not in ("HubName", "Hostname")]
        called[name] = Pack([*kept, text("HubName", "FAR"), text("Hostname", "far.example.org")])
    return called


def wrong(name: str) -> Iterator[Element]:
    """Elements that a field of this name may not be, and some that it may."""
    for numbers in ((0,), (1,), (0xFFFF_FFFF,), (5, 6, 7), ()):
        yield integer(name, *numbers)
    for numbers in ((0,), (2**64 - 1, 3), (2**63,)):
        yield big_integer(name, *numbers)
    for raw in ((b"",), (bytes(20),), (b"x" * 19, b""), (b"\xff" * 70_000,), (b"abcdef",)):
        yield data(name, *raw)
    for words in ("", "T1"), ("x" * 70_000,), ("a:b", "c"), ("\x00\x01\n\x7f",):
        yield text(name, *words)
        yield wide_text(name, *words)
    yield wide_text(name, "\u202e\U0001f600 {x} %s ${} '; --")
    for kind in (ValueType.STR, ValueType.UNISTR):
        yield Element(name, kind, (b"\xff\xfe\x80",))


def calls(method: Method, whose: str) -> Iterator[Pack]:
    """Calls of one method, each with one thing wrong with it; the same ones each time."""
    chance = random.Random(f"{method.name} {whose}")
    hub = text("HubName", "T1" if whose == "the fleet" else whose)
    plausible = [hub, text("Name", "u1")]
    plausible += [integer("HubType", 2), integer("AuthType", 1)]
    beginnings = [[], plausible, list(recorded().get(method.name, ()))]
    fields = [*method.struct.fields, *(f for group in method.struct.groups for f in group.fields)]
    names = [field.name for field in fields] or ["Nonsense"]
    names += [f"{field.name}@ipv6_bool" for field in fields if field.kind.suffix == "ip"]
    yield Pack()
    for _ in range(CALLS):
        name = chance.choice(names)
        kept = [e for e in chance.choice(beginnings) if e.name.lower() != name.lower()]
        yield Pack([*kept, *chance.choice([[], [chance.choice(list(wrong(name)))]])])


@pytest.fixture
def context(fleet: Fleet) -> Context:
    fleet.directory.create_hub(Hub("FOREIGN"), NOW)
    fleet.directory.create_user(User("FOREIGN", "foreigner"), NOW)
    return furnish(fleet)


class State:
    """What is in the store, without what notes that something was done."""

    def __init__(self, store_url: str, prefix: str) -> None:
        self._client = redis.Redis.from_url(store_url)
        self._match = prefix.replace("[", "\\[") + "*"
        self._notes = {f"{prefix}{name}".encode() for name in ("audit", "log")}
        self.last = self._read()

    def _read(self) -> dict[bytes, bytes]:
        keys = set(self._client.scan_iter(self._match, count=1000)) - self._notes
        pipeline = self._client.pipeline(transaction=False)
        for key in (ordered := sorted(keys)):
            pipeline.dump(key)
        return dict(zip(ordered, pipeline.execute(), strict=True))

    def changed(self) -> set[bytes]:
        """Return which keys are others than at the last look."""
        before, self.last = self.last, self._read()
        return {key for key, _ in before.items() ^ self.last.items()}


@pytest.mark.parametrize("whose", ["the fleet", "T1", "T2"])
def test_whatever_is_asked_is_answered_and_what_is_refused_changes_nothing(
    context: Context, fleet: Fleet, store_url: str, whose: str
) -> None:
    state = State(store_url, fleet.store.keys.prefix)
    for method in METHODS.values():
        caller = ADMINISTRATOR if whose == "the fleet" else hub_admin(context, whose)
        for asked in calls(method, whose):
            answer = carried_out(context, caller, method.name, asked)
            where = f"{method.name} by the administrator of {whose}: {asked!r}"
            check_answer(answer, caller, where)
            changed = state.changed()
            if isinstance(answer, int) or method.name.startswith(LOOKING):
                assert changed == set(), where
            if caller.hub:
                own = f":{caller.hub.lower()}".encode()
                assert all(own in key or key.endswith(b"version") for key in changed), where
            if fleet.directory.hub("T1") is None:  # deleted, as was asked
                fleet.directory.create_hub(Hub("T1"), NOW)
                state.changed()


def check_answer(answer: Answer | int, caller: Caller, where: str) -> None:
    """See that an answer travels, both ways, and tells a hub's administrator of his hub alone."""
    if isinstance(answer, int):
        assert answer in set(ErrorCode), where
        return
    said = Pack.sorted(answer.elements()).to_bytes()
    said += json.dumps(answer.to_json(), allow_nan=False).encode()
    if caller.hub:
        assert not [one for one in OTHERS if one in said and one.decode() != caller.hub], where


# -- again -------------------------------------------------------------------------------------


def test_what_is_made_is_made_once_however_often_a_tool_repeats_it(
    context: Context, fleet: Fleet, store_url: str
) -> None:
    """vpncmd calls once more when the connection ended before the answer came."""
    client = redis.Redis.from_url(store_url)

    def shape() -> dict[bytes, object]:
        found = client.scan_iter(fleet.store.keys.prefix.replace("[", "\\[") + "*", count=1000)
        hashes = [key for key in found if client.type(key) == b"hash"]
        return {key: set(client.hkeys(key)) for key in hashes}

    makers = [m for m in METHODS.values() if m.name.startswith(("Create", "Add"))]
    assert {"CreateHub", "CreateUser", "CreateGroup", "AddAccess"} <= {m.name for m in makers}
    for method in makers:
        asked = recorded().get(method.name)
        if asked is None:
            continue
        hub = "T3" if method.name == "CreateHub" else "T1"
        new = [text("Name", f"by {method.name}"), integer("HubType", 2)]
        new += [text(name, hub) for name in ("HubName", "HubName_Ex")]
        named = {element.name for element in new}
        renamed = [*new, *(element for element in asked if element.name not in named)]
        before = shape()
        first = carried_out(context, ADMINISTRATOR, method.name, Pack(renamed))
        assert not isinstance(first, int), (method.name, first)
        made = shape()
        assert made != before, method.name
        for _ in range(2):
            carried_out(context, ADMINISTRATOR, method.name, Pack(renamed))
            assert shape() == made, method.name


# -- at several gateways at once ---------------------------------------------------------------


def at_once(
    fleet: Fleet, store_url: str, job: Callable[[Context, int], list[int]], gateways: int = 10
) -> list[int]:
    """Do a job at several gateways at once, each with its own connection; return all its codes."""

    def work(number: int) -> list[int]:
        store = connect(store_url, fleet.store.keys.fleet)
        joined = join(store, FLEET_KEY, NOW)
        try:
            return job(Context(joined, OneGateway(), "EtherFleet 1.0", lambda: 1.0), number)
        finally:
            store.close()

    with ThreadPoolExecutor(gateways) as pool:
        return [one for codes in pool.map(work, range(gateways)) for one in codes]


def test_of_those_who_change_the_same_at_once_none_is_turned_away(
    context: Context, fleet: Fleet, store_url: str
) -> None:
    """After five tries one call in ten was answered with 23, an internal error."""
    user = {"HubName_str": "T1", "Name_str": "u1"}

    def change(context: Context, number: int) -> list[int]:
        return [
            code(context, name, **user, **more)
            for turn in range(8)
            for name, more in (
                ("SetUser", {"Note_utf": f"{number} {turn}"}),
                ("SetHubOnline", {"Online_bool": bool(turn % 2)}),
            )
        ]

    assert set(at_once(fleet, store_url, change)) == {0}


def test_a_limit_holds_for_all_gateways_together(
    context: Context, fleet: Fleet, store_url: str
) -> None:
    limits = {"max_users": 8, "max_groups": 4, "max_accesslists": 5}
    fleet.administration.set_hub("T1", NOW, options=limits)

    def make(context: Context, number: int) -> list[int]:
        new = {"HubName_str": "T1", "Name_str": f"by {number}"}
        return [
            code(context, "CreateUser", **new),
            code(context, "CreateGroup", **new),
            code(context, "AddAccess", **new, AccessListSingle=[{"Priority_u32": number + 1}]),
        ]

    codes = Counter(at_once(fleet, store_url, make))
    assert codes == {0: 5 + 3 + 5, 63: 5, 64: 7, 62: 5}


def test_a_hub_that_is_deleted_while_it_is_changed_leaves_nothing_behind(
    context: Context, fleet: Fleet, store_url: str
) -> None:
    client = redis.Redis.from_url(store_url)

    def change(context: Context, number: int) -> list[int]:
        codes = []
        for turn in range(6):
            if number == 0 and turn == 2:
                codes.append(code(context, "DeleteHub", HubName_str="T1"))
            new = {"HubName_str": "T1", "Name_str": f"{number} {turn}"}
            codes += [
                code(context, "CreateUser", **new),
                code(context, "CreateGroup", **new),
                code(context, "AddAccess", **new, AccessListSingle=[{"Priority_u32": number + 1}]),
                code(context, "SetHub", **new, HubType_u32=2, AdminPasswordPlainText_str="new"),
                code(context, "SetHubAdminOptions", **new),
                code(context, "EnumUser", **new),
                code(context, "GetServerStatus", hub_admin_of_t1),
            ]
        return codes

    hub_admin_of_t1 = hub_admin(context)
    assert set(at_once(fleet, store_url, change)) == {0, 8}
    left = client.scan_iter(f"*{fleet.store.keys.fleet}*:t1*", count=1000)
    assert set(left) == set()


# -- over the wire -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with tempfile.TemporaryDirectory(prefix="ef-") as home, Gateway(Path(home)) as running:
        set_fleet_password(running.fleet, PASSWORD, NOW)
        for hub in ("LAB", "OTHER"):
            if hub != "LAB":
                running.fleet.directory.create_hub(Hub(hub), NOW)
            secret = admin_password_hash(f"pw-{hub}")
            running.fleet.administration.set_hub(hub, NOW, secret=secret)
        yield running
        running.assert_no_fault()


PASSWORD = "fleet-password"
SOURCES = {None: "127.0.0.1", "LAB": "127.0.0.2", "OTHER": "127.0.0.3"}
KEPT = ("SetServerPassword", "SetHub", "DeleteHub")
"""What would lock out those who are to go on."""


def test_all_at_once_with_calls_cut_in_the_middle_harm_nobody(gateway: Gateway) -> None:
    """The fleet's administrator, those of two hubs and nobody, each with two connections."""
    safe = [m for m in METHODS.values() if m.name not in KEPT]

    def enter(hub: str | None) -> Administrator:
        one = Administrator(gateway.tcp_port, source=SOURCES[hub])
        one.enter(PASSWORD if hub is None else f"pw-{hub}", hub)
        return one

    def make_trouble(hub: str | None) -> Counter[int]:
        chance = random.Random(str(hub))
        codes: Counter[int] = Counter()
        one = enter(hub)
        for method in chance.sample(safe, len(safe)):
            for asked in islice(calls(method, hub or "LAB"), 3):
                wire = Pack([*asked, text(FUNCTION, method.name)]).to_bytes()
                cut = chance.random() < 0.15
                if not cut and len(wire) < 60_000:
                    codes[one.exchange(wire).integer("error")] += 1
                    continue
                one.send(to_u32(len(wire)) + wire[: chance.randrange(len(wire) + 1)])
                one.reset()
                one = enter(hub)
        one.sock.close()
        return codes

    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(make_trouble, [None, "LAB", "OTHER"] * 2))
    assert all(23 not in codes for codes in told), told
    assert all(codes[0] and codes[38] for codes in told), told
    with enter(None) as one:
        assert {"LAB", "OTHER"} <= {hub["HubName"] for hub in one.call("EnumHub")["HubList"]}
    gateway.assert_no_fault()
