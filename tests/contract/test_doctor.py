"""What the doctor sees of real stores, healthy and mistreated, and of a real name server."""

import socket
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
import redis

from coordinator.fleet import Fleet, join
from coordinator.redis_store import connect
from gateway.doctor.findings import Level
from gateway.doctor.look import look_at_store, look_up
from gateway.doctor.store import judge_store
from gateway.embedded import EmbeddedStore
from tests.conftest import FLEET_KEY, NOW

ZONE = {
    ("vpn.example.", dns.rdatatype.A): ["192.0.2.1", "192.0.2.2"],
    ("vpn.example.", dns.rdatatype.AAAA): ["2001:db8::1"],
}


@pytest.fixture
def mistreated(private_store: EmbeddedStore) -> Iterator[tuple[Fleet, redis.Redis]]:
    """A fleet in a store of its own, and the store as its operator sees it."""
    store = connect(private_store.url, "sick")
    with redis.Redis.from_url(private_store.url, decode_responses=True) as client:
        yield join(store, FLEET_KEY, NOW), client
    store.close()


def faults(fleet: Fleet) -> dict[str, Level]:
    return {f.check: f.level for f in judge_store(look_at_store(fleet)) if f.level}


def test_a_store_of_our_own_is_well(mistreated) -> None:
    assert faults(mistreated[0]) == {}


def test_a_wrong_eviction_policy_is_found(mistreated) -> None:
    fleet, client = mistreated
    client.config_set("maxmemory-policy", "allkeys-lru")
    assert faults(fleet) == {"store eviction": Level.WARN}
    client.config_set("maxmemory", "1gb")
    assert faults(fleet) == {"store eviction": Level.ERR}


def test_a_store_that_writes_nothing_down_is_found(mistreated) -> None:
    fleet, client = mistreated
    client.config_set("appendonly", "no")
    assert faults(fleet) == {"store persistence": Level.ERR}


def test_a_replica_is_found(mistreated) -> None:
    fleet, client = mistreated
    client.execute_command("REPLICAOF", "127.0.0.1", "1")
    assert faults(fleet)["store role"] is Level.ERR


@pytest.fixture(scope="module")
def name_server() -> Iterator[str]:
    """A name server of two names' worth, on loopback."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            data, peer = sock.recvfrom(512)
            if not data:
                return
            query = dns.message.from_wire(data)
            question = query.question[0]
            answer = dns.message.make_response(query)
            name, kind = str(question.name), question.rdtype
            if not any(name == known for known, _ in ZONE):
                answer.set_rcode(3)
            if found := ZONE.get((name, kind)):
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *found))
            sock.sendto(answer.to_wire(), peer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"127.0.0.1:{sock.getsockname()[1]}"
    sock.sendto(b"", sock.getsockname())
    thread.join()
    sock.close()


def test_a_name_is_looked_up_whole(name_server: str) -> None:
    found = look_up("vpn.example", name_server)
    assert sorted(found.addresses) == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]
    assert (found.ttl_s, found.why_not) == (60, "")


def test_a_name_that_is_not_there(name_server: str) -> None:
    assert look_up("nobody.example", name_server).why_not == "no such name"
