"""Log settings as one line of words, and what syslog is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.errors import InvalidValue
from coordinator.hub_log import (
    PACKET_KINDS,
    HubLog,
    Keep,
    LogSwitch,
    Syslog,
    SyslogFormat,
    SyslogSave,
    check_syslog,
)

LOGS = st.builds(
    HubLog,
    st.booleans(),
    st.sampled_from(LogSwitch),
    st.booleans(),
    st.sampled_from(LogSwitch),
    st.fixed_dictionaries({kind: st.sampled_from(Keep) for kind in PACKET_KINDS}),
)


@given(LOGS)
def test_settings_come_back_as_they_went(log):
    assert HubLog.from_text(log.to_text()) == log


def test_what_is_missing_or_unknown_is_as_by_default():
    assert HubLog.from_text("") == HubLog()
    assert HubLog.from_text("packet=yes packet_switch=fortnight colour=red tcp") == HubLog(
        packet=True
    )


def test_by_default_logins_are_written_down_and_frames_are_not():
    assert HubLog().security
    assert not HubLog().packet


def test_a_kind_there_is_not_is_refused():
    with pytest.raises(InvalidValue, match="no kind of packet 'ipx'"):
        HubLog().with_packets({"ipx": Keep.FULL})


def test_each_level_of_syslog_includes_the_ones_before():
    levels = list(SyslogSave)
    for at, level in enumerate(levels):
        assert [level.includes(other) for other in levels] == [
            other is not SyslogSave.OFF and before <= at for before, other in enumerate(levels)
        ]


@given(
    st.builds(
        Syslog,
        st.sampled_from(SyslogSave),
        st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True),
        st.integers(1, 65535),
        st.sampled_from(SyslogFormat),
    )
)
def test_syslog_settings_come_back_as_they_went(settings):
    assert Syslog.from_fields(check_syslog(settings).to_fields()) == settings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Syslog(SyslogSave.SERVER), "syslog has no host"),
        (Syslog(SyslogSave.SERVER, "a b"), "is no name and no address"),
        (Syslog(udp_port=0), "syslog port 0: 1 to 65535"),
    ],
)
def test_syslog_that_cannot_work_is_refused(settings, said):
    with pytest.raises(InvalidValue, match=said):
        check_syslog(settings)
