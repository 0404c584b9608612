"""The file underneath: which libraries are refused, and what a full disk or a lock looks like from outside."""

import sqlite3

import pytest

from vonglau.core.errors import Broken, StorageFull, Unavailable
from vonglau.core.events import Fault
from vonglau.core.log import Outcome, Rejected
from vonglau.engines.embedded import schema, sqlite
from vonglau.engines.embedded.log import open_reader, open_writer
from vonglau.engines.embedded.tests.helpers import event, events, outcomes


def test_an_affected_library_is_refused_with_what_to_do():
    with pytest.raises(Broken, match="pip install 'pysqlite3"):
        sqlite.refuse_affected((3, 51, 2))
    with pytest.raises(Broken, match=r"3\.40\.1"):
        sqlite.refuse_affected((3, 40, 1))
    sqlite.refuse_affected((3, 51, 3))
    sqlite.refuse_affected()  # the library this very installation uses


def test_the_writer_is_durable(tmp_path):
    log = open_writer(tmp_path)
    pragma = {
        name: log.db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "page_size")
    }
    log.close()
    assert pragma == {"journal_mode": "wal", "synchronous": 2, "page_size": 8192}


def test_a_full_disk_keeps_nothing_and_the_log_goes_on_when_there_is_room(tmp_path):
    log = open_writer(tmp_path)
    log.append(events(0, 10))
    pages = log.db.execute("PRAGMA page_count").fetchone()[0]
    log.db.execute(f"PRAGMA max_page_count={pages + 2}")
    big = [event(n, data=b'"' + b"x" * 1000 + b'"') for n in range(10, 200)]
    for _ in range(2):
        with pytest.raises(StorageFull):
            log.append([*big, Rejected(b"raw", Fault("", ""), "live")])
    assert log.head() == 10
    assert log.quarantine(0, 10) == ([], None)
    log.db.execute(f"PRAGMA max_page_count={2**31 - 2}")
    receipts = log.append([*events(5, 10), *big])
    assert outcomes(receipts) == [Outcome.DUPLICATE] * 5 + [Outcome.ACCEPTED] * 190
    assert receipts[-1].pos == 200
    log.close()


def test_a_locked_file_is_unavailable_and_the_log_goes_on_afterwards(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    log = open_writer(tmp_path)
    other = sqlite3.connect(schema.path(tmp_path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        log.append([event(0)])
    other.execute("ROLLBACK")
    other.close()
    assert log.append([event(0)])[0].pos == 1
    log.close()


def test_a_damaged_file_says_so(tmp_path):
    (tmp_path / schema.FILE).write_bytes(b"this is no database, whatever its name says" * 300)
    with pytest.raises(Broken, match="restore it from a backup"):
        open_writer(tmp_path)
    with pytest.raises(Broken, match="restore it from a backup"):
        open_reader(tmp_path)


def test_a_file_of_another_layout_is_not_touched(tmp_path):
    log = open_writer(tmp_path)
    log.db.execute("UPDATE setting SET value = 99 WHERE name = 'version'")
    log.close()
    with pytest.raises(Broken, match="layout 99"):
        open_writer(tmp_path)
    with pytest.raises(Broken, match="layout 99"):
        open_reader(tmp_path)


def test_a_file_that_is_being_created_is_not_ready_yet(tmp_path):
    sqlite.connect(schema.path(tmp_path)).close()
    with pytest.raises(Unavailable, match="being created"):
        open_reader(tmp_path)


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable):
        open_writer(tmp_path / "file" / "data")
