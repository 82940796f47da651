"""Records: what is written is read back, and what is missing or unknown does no harm."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from coordinator.groups import Group
from coordinator.keys import KEYS
from coordinator.model import (
    TRAFFIC_FIELDS,
    AuthKind,
    BridgeState,
    BridgeStatus,
    FleetCertificate,
    Hub,
    HubKind,
    Node,
    SessionRecord,
    Traffic,
    User,
)
from coordinator.records import (
    flat,
    group_from_fields,
    group_to_fields,
    hub_from_fields,
    hub_to_fields,
    node_from_fields,
    node_to_fields,
    session_from_fields,
    session_to_fields,
    traffic_from_fields,
    traffic_to_increments,
    unflat,
    user_from_fields,
    user_to_fields,
)
from coordinator.times import Timestamp, to_timestamp

TEXT = st.text(max_size=20)
NUMBER = st.integers(0, 2**32 - 1)
TIME = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)).map(to_timestamp)
POLICY = st.dictionaries(st.from_regex("[A-Za-z0-9]{1,9}", fullmatch=True), NUMBER, max_size=4)
COUNTS = st.dictionaries(st.from_regex("[a-z0-9][a-z-]{0,9}", fullmatch=True), NUMBER, max_size=4)
WORDS = st.lists(st.from_regex("[0-9a-f:.]{1,17}", fullmatch=True), max_size=3).map(tuple)
TRAFFIC = st.tuples(*[st.integers(0, 2**60)] * 8).map(lambda numbers: Traffic(*numbers))

HUBS = st.builds(
    Hub,
    name=TEXT,
    kind=st.sampled_from(HubKind),
    online=st.booleans(),
    max_sessions=NUMBER,
    max_macs=NUMBER,
    message=TEXT,
    no_enum=st.booleans(),
    options=POLICY,
    created=TIME,
    changed=TIME,
    version=NUMBER,
)
GROUPS = st.builds(
    Group,
    hub=TEXT,
    name=TEXT,
    real_name=TEXT,
    note=TEXT,
    policy=POLICY,
    created=TIME,
    changed=TIME,
    version=NUMBER,
)
USERS = st.builds(
    User,
    hub=TEXT,
    name=TEXT,
    auth=st.sampled_from(AuthKind),
    secret=st.none() | st.binary(min_size=20, max_size=20),
    real_name=TEXT,
    note=TEXT,
    expires=st.none() | TIME,
    policy=POLICY,
    group=TEXT,
    certificate=st.binary(max_size=40),
    common_name=TEXT,
    serial=st.binary(max_size=20),
    created=TIME,
    changed=TIME,
    version=NUMBER,
)
SESSIONS = st.builds(
    SessionRecord,
    hub=TEXT,
    user=TEXT,
    node=TEXT,
    address=TEXT,
    client_name=TEXT,
    client_version=NUMBER,
    client_build=NUMBER,
    host_name=TEXT,
    unique_id=st.binary(max_size=20),
    policy=POLICY,
    max_connection=NUMBER,
    timeout_ms=NUMBER,
    use_encrypt=st.booleans(),
    use_compress=st.booleans(),
    half_connection=st.booleans(),
    qos=st.booleans(),
    bridge=st.booleans(),
    monitor=st.booleans(),
    group=TEXT,
    name=TEXT,
    key_hash=TEXT,
    epoch=NUMBER,
    macs=WORDS,
    ips=WORDS,
    connections=NUMBER,
    created=TIME,
    adopted=TIME | st.just(Timestamp("")),
    seen=TIME,
)
HUB_NAME = st.from_regex(r"[a-z0-9()_#%&.-]([a-z0-9 ()_#%&.-]*[a-z0-9])?", fullmatch=True)
DEVICE = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}", fullmatch=True)
WHY = st.sampled_from(["", "no interface eth1", "cannot open: it is so; see `ip link`"])
BRIDGES = st.builds(BridgeStatus, HUB_NAME, DEVICE, st.sampled_from(BridgeState), WHY)
NODES = st.builds(
    Node,
    *(TEXT, NUMBER, TEXT, TEXT, TEXT, TIME, NUMBER, NUMBER),
    counts=COUNTS,
    updated=TIME,
    labels=WORDS,
    ethernet=WORDS,
    bridges=st.lists(BRIDGES, max_size=3).map(tuple),
    refuses=st.lists(HUB_NAME, max_size=3).map(tuple),
)


def documented(pattern: str):
    return next(key for key in KEYS if key.pattern == pattern)


@given(GROUPS)
def test_group_round_trip(group: Group) -> None:
    fields = group_to_fields(group) | {"version": str(group.version)}
    assert group_from_fields(fields) == group
    assert all(documented("group:<hub>:<group>").knows(name) for name in fields)


@given(HUBS)
def test_hub_round_trip(hub: Hub) -> None:
    fields = hub_to_fields(hub) | {"version": str(hub.version)}
    assert hub_from_fields(fields) == hub
    assert all(documented("hub:<hub>").knows(name) for name in fields)


@given(USERS)
def test_user_round_trip(user: User) -> None:
    fields = user_to_fields(user, "sealed" if user.secret else None)
    assert user_from_fields(fields | {"version": str(user.version)}, user.secret) == user
    assert all(documented("user:<hub>:<user>").knows(name) for name in fields)
    assert ("secret" in fields) == (user.secret is not None)


def test_a_secret_is_in_no_representation() -> None:
    assert "SSSS" not in repr(User("corp", "alice", secret=b"S" * 20))
    assert "SSSS" not in repr(FleetCertificate("certificate", "S" * 20))


@given(SESSIONS)
def test_session_round_trip(record: SessionRecord) -> None:
    fields = session_to_fields(record)
    assert session_from_fields(fields) == record
    assert all(documented("session:<hub>:<session>").knows(name) for name in fields)


@given(NODES)
def test_node_round_trip(node: Node) -> None:
    # A semicolon separates bridges; in a reason it becomes a comma.
    said = tuple(replace(b, why=b.why.replace("; ", ", ")) for b in node.bridges)
    assert node_from_fields(node_to_fields(node)) == replace(node, bridges=said)


@given(TRAFFIC, TRAFFIC)
def test_traffic_adds_up_as_its_increments_do(one: Traffic, other: Traffic) -> None:
    total = dict.fromkeys(TRAFFIC_FIELDS, 0)
    for traffic in (one, other):
        for name, number in traffic_to_increments(traffic).items():
            total[name] += number
    assert traffic_from_fields({k: str(v) for k, v in total.items()}) == one + other
    assert bool(one) == (one != Traffic())


@given(st.dictionaries(TEXT, TEXT))
def test_flat_round_trip(fields: dict[str, str]) -> None:
    assert unflat(flat(fields)) == fields


def test_fields_of_another_version_do_no_harm() -> None:
    assert hub_from_fields({"name": "a", "kind": "dynamic", "owner": "node-1"}) == Hub(
        "a", online=False
    )
    old = {"name": "SID-A-1", "hub": "h", "user": "a", "node": "n", "key_hash": "k"}
    record = session_from_fields(old | {"later": "x"})
    assert (record.epoch, record.max_connection, record.timeout_ms) == (0, 1, 20_000)
