"""What a session says of the stations behind its client, also while the client says nothing."""

import pytest

from coordinator.model import SessionRecord
from gateway.hub.switch import Switch, SwitchSettings
from gateway.node.ledger import Ledger
from gateway.node.session import Session
from gateway.transport.gate import ALWAYS_OPEN

MAC, OTHER = "5e:00:53:00:00:01", "5e:00:53:00:00:02"


@pytest.fixture
def session() -> Session:
    record = SessionRecord(
        hub="LAN",
        user="hugo",
        node="node-2",
        address="192.0.2.7:50000",
        client_name="",
        client_version=0,
        client_build=0,
        host_name="",
        unique_id=bytes(16),
        policy={},
        max_connection=1,
        timeout_ms=20_000,
        use_compress=False,
        half_connection=False,
        key_hash="00",
        epoch=2,
        created="2026-01-01T00:00:00Z",
        seen="2026-01-01T00:00:00Z",
        name="SID-HUGO-1",
    )
    made = Session(
        record,
        Switch(SwitchSettings()),
        ALWAYS_OPEN,
        message="",
        hints=(MAC,),
        ended=lambda session, reason: None,
        count=lambda reason: None,
    )
    yield made
    made.end("over")


def test_a_client_that_has_not_spoken_yet_keeps_what_is_known_of_it(session):
    """It may go on to a third node before it speaks, and is to be announced there as well."""
    update = session.report(())
    assert update is not None
    assert update.macs == (MAC,)
    session.settle(update, Ledger())
    assert session.report(()) is None
    assert session.behind == (MAC,)


def test_what_is_learned_counts_more_than_what_was_known(session):
    update = session.report((OTHER,))
    assert update.macs == (OTHER,)
    session.settle(update, Ledger())
    assert session.report(()) is None, "a silent hour takes nothing back"
    assert session.behind == (OTHER,)
