"""Log files of hubs: their names, and that nothing else is read or removed."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from coordinator.errors import NotFound
from coordinator.hub_log import LogSwitch
from coordinator.times import to_timestamp
from gateway.admin.log_files import Reader, list_files, path_of, read_file, remove_older

MOMENT = datetime(2026, 1, 31, 9, 15, 30)


@pytest.fixture
def directory(tmp_path):
    """Two hubs' logs, and what is none beside them."""
    for path in (
        *("security_log/LAB/sec_20260130.log", "security_log/LAB/sec_20260131.log"),
        *("packet_log/LAB/pkt.log", "security_log/OTHER/sec.log", "security_log/LAB/notes.txt"),
        *("security_log/sec.log", "fleet.key"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"in {path}")
    (tmp_path / "security_log/LAB/sec_link.log").symlink_to(tmp_path / "fleet.key")
    return tmp_path


@pytest.mark.parametrize(
    ("switch", "path"),
    [
        (LogSwitch.NONE, "security_log/LAB/sec.log"),
        (LogSwitch.MONTH, "security_log/LAB/sec_202601.log"),
        (LogSwitch.DAY, "security_log/LAB/sec_20260131.log"),
        (LogSwitch.HOUR, "security_log/LAB/sec_20260131_09.log"),
        (LogSwitch.MINUTE, "security_log/LAB/sec_20260131_0915.log"),
        (LogSwitch.SECOND, "security_log/LAB/sec_20260131_091530.log"),
    ],
)
def test_a_file_is_called_after_its_period(switch, path):
    assert path_of("security_log", "LAB", switch, MOMENT) == path


@pytest.mark.parametrize("hub", [".", ".."])
def test_no_hub_leads_out_of_its_directory(hub):
    assert ".." not in path_of("packet_log", hub, LogSwitch.NONE, MOMENT).split("/")
    assert "." not in path_of("packet_log", hub, LogSwitch.NONE, MOMENT).split("/")


def test_only_logs_are_listed_of_one_hub_or_of_all(directory):
    assert [file.path for file in list_files(directory)] == [
        "packet_log/LAB/pkt.log",
        "security_log/LAB/sec_20260130.log",
        "security_log/LAB/sec_20260131.log",
        "security_log/OTHER/sec.log",
    ]
    assert {file.hub for file in list_files(directory, Reader("other"))} == {"OTHER"}


def test_a_file_is_read_piece_by_piece(directory):
    path = "security_log/LAB/sec_20260131.log"
    assert read_file(directory, path, 0, 5) == b"in se"
    assert read_file(directory, path, 5, 100) == b"curity_log/LAB/sec_20260131.log"
    assert read_file(directory, path, 500, 100) == b""


@pytest.mark.parametrize(
    "path",
    [
        *("fleet.key", "security_log/LAB/notes.txt", "security_log/LAB/../../fleet.key"),
        *("security_log/LAB/sec_link.log", "/etc/passwd", ""),
    ],
)
def test_nothing_else_is_read(directory, path):
    with pytest.raises(NotFound):
        read_file(directory, path, 0, 100)


def test_the_administrator_of_a_hub_reads_only_its_logs(directory):
    with pytest.raises(NotFound):
        read_file(directory, "security_log/OTHER/sec.log", 0, 100, Reader("LAB"))
    assert read_file(directory, "security_log/OTHER/sec.log", 0, 2, Reader("other")) == b"in"


def test_only_what_is_old_and_a_log_is_removed(directory):
    now = datetime.now(UTC)
    old = (now - timedelta(days=91)).timestamp()
    for path in ("security_log/LAB/sec_20260130.log", "security_log/LAB/notes.txt", "fleet.key"):
        os.utime(directory / path, (old, old))
    assert remove_older(directory, 90, now) == ["security_log/LAB/sec_20260130.log"]
    assert (directory / "fleet.key").exists()
    assert (directory / "security_log/LAB/notes.txt").exists()


def test_the_administrator_of_a_hub_made_anew_reads_nothing_of_the_former_one(tmp_path):
    made = datetime(2026, 1, 31, 9, 0).astimezone()
    first_lines = {
        "security_log/LAB/sec_20260130.log": "2026-01-30 23:59:59.001 former",
        "security_log/LAB/sec_20260131.log": "2026-01-31 08:59:00.001 former, then his",
        "packet_log/LAB/pkt_20260131_08.log": "2026-01-31,08:59:00.001,former",
        "packet_log/LAB/pkt_20260131_09.log": "2026-01-31,09:00:01.000,his",
        "security_log/LAB/sec_20260201.log": "2026-02-01 00:00:00.000 his",
        "security_log/LAB/sec.log": "",
        "security_log/LAB/sec_202602.log": "not one of ours",
    }
    for path, line in first_lines.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"{line}\n" if line else "")
    his = Reader("lab", to_timestamp(made.astimezone(UTC)))
    assert [file.path for file in list_files(tmp_path, his)] == [
        "packet_log/LAB/pkt_20260131_09.log",
        "security_log/LAB/sec_20260201.log",
    ]
    with pytest.raises(NotFound):
        read_file(tmp_path, "security_log/LAB/sec_20260131.log", 0, 100, his)
    assert read_file(tmp_path, "security_log/LAB/sec_20260201.log", 24, 3, his) == b"his"
    assert len(list_files(tmp_path, Reader("lab"))) == len(first_lines)
