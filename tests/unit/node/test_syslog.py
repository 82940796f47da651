"""Syslog messages as the two standards have them."""

import os
from datetime import UTC, datetime

from coordinator.hub_log import Syslog, SyslogFormat, SyslogSave
from gateway.node.syslog import MAX_3164, MAX_5424, SyslogSender, to_message

MOMENT = datetime(2026, 1, 3, 9, 5, 30, 123456, UTC)
NEW = Syslog(SyslogSave.SECURITY, "log.example.org")
OLD = Syslog(SyslogSave.SECURITY, "log.example.org", format=SyslogFormat.RFC3164)


def test_rfc_5424():
    pid = os.getpid()
    assert to_message(NEW, "security", "a line", MOMENT, "node-1").decode() == (
        f"<134>1 2026-01-03T09:05:30.123+00:00 node-1 etherfleet {pid} security - a line"
    )


def test_rfc_3164_pads_the_day_with_a_space():
    assert to_message(OLD, "security", "a line", MOMENT, "node-1").decode() == (
        f"<134>Jan  3 09:05:30 node-1 etherfleet[{os.getpid()}]: a line"
    )


def test_a_message_is_no_longer_than_a_receiver_must_take():
    assert len(to_message(NEW, "packet", "x" * 9000, MOMENT, "n")) == MAX_5424
    assert len(to_message(OLD, "packet", "x" * 9000, MOMENT, "n")) == MAX_3164


def test_nothing_is_sent_that_is_not_wanted_and_what_cannot_be_is_counted():
    sender = SyslogSender("node-1")
    sender.send(SyslogSave.SECURITY, "a line", MOMENT)
    assert sender.lost == 0
    sender.obey(NEW)
    sender.send(SyslogSave.PACKET, "a line", MOMENT)
    assert sender.lost == 0
    sender.send(SyslogSave.SECURITY, "a line", MOMENT)
    assert sender.lost == 1
