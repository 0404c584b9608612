"""The appender's session: lost, taken over, taken back; and what the server's errors look like from outside."""

import os
import socket
import subprocess
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from tests import engines

from vonglau.core.errors import BadInput, Broken, StorageFull, Unavailable
from vonglau.core.events import Fault
from vonglau.core.log import Outcome, Rejected
from vonglau.engines import installed
from vonglau.engines.database import Database
from vonglau.engines.embedded.tests.helpers import event, events, outcomes
from vonglau.engines.postgresql import PostgresqlLog, holder, open_reader, open_writer
from vonglau.engines.postgresql.connection import connect
from vonglau.engines.postgresql.holder import Holder

pytestmark = pytest.mark.skipif(bool(engines.missing()), reason=engines.missing())


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return engines.of_folder(tmp_path)


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Iterator[PostgresqlLog]:
    found = open_writer(database, tmp_path)
    yield found
    found.close()


def end_session(database: Database, log: PostgresqlLog) -> None:
    """As a restart of the server does, or a network that breaks."""
    with connect(database, "test") as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", (log.db.info.backend_pid,))


def append_again(log: PostgresqlLog, items: list) -> list:
    """What a sender does: send again, as it is, until it is answered."""
    for _ in range(3):
        try:
            return log.append(items)
        except Unavailable:
            continue
    raise AssertionError("the log did not come back")


def test_a_lost_session_is_made_anew_and_nothing_is_lost_or_doubled(database: Database, log: PostgresqlLog) -> None:
    log.append(events(0, 5))
    end_session(database, log)
    receipts = append_again(log, events(3, 8))
    assert outcomes(receipts) == [Outcome.DUPLICATE] * 2 + [Outcome.ACCEPTED] * 3
    assert [one.pos for one in receipts] == [4, 5, 6, 7, 8]
    assert log.head() == 8


def test_many_rows_too(database: Database, log: PostgresqlLog) -> None:
    log.append(events(0, 500))
    end_session(database, log)
    assert outcomes(append_again(log, events(0, 900))) == [Outcome.DUPLICATE] * 500 + [Outcome.ACCEPTED] * 400


def test_a_reader_goes_on_after_its_session_was_lost(database: Database, log: PostgresqlLog, tmp_path: Path) -> None:
    reader = open_reader(database, tmp_path)
    log.append([event(0)])
    with connect(database, "test") as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", (reader._db.info.backend_pid,))
    assert reader.head() == 1
    assert reader.version() == 1
    reader.close()


def test_who_lost_the_log_to_another_door_appends_nothing_and_is_told_who_has_it(
    database: Database, log: PostgresqlLog, tmp_path: Path
) -> None:
    log.append(events(0, 3))
    end_session(database, log)
    other = open_writer(database, tmp_path)
    other.append(events(3, 6))
    for _ in range(2):
        with pytest.raises(Unavailable):
            log.append([event(100)])
    with pytest.raises(Unavailable, match=f"already writing .*{socket.gethostname()[:32]} pid {os.getpid()}"):
        log.append([event(100)])
    other.close()
    receipts = append_again(log, [event(4), event(100)])
    assert [(one.outcome, one.pos) for one in receipts] == [(Outcome.DUPLICATE, 5), (Outcome.ACCEPTED, 7)]


def test_a_full_disk_keeps_nothing_and_the_log_goes_on_when_there_is_room(
    database: Database, log: PostgresqlLog
) -> None:
    log.append(events(0, 10))
    with connect(database, "test") as other:
        other.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$"
        )
        other.execute("CREATE TRIGGER full_disk BEFORE UPDATE ON pulse EXECUTE FUNCTION full_disk()")
        for size in (5, 200):
            with pytest.raises(StorageFull):
                log.append([*events(10, 10 + size), Rejected(b"raw", Fault("", ""), "live")])
            with pytest.raises(StorageFull):
                log.append(events(10, 10 + size))
        with pytest.raises(StorageFull):
            log.probe()
        other.execute("DROP TRIGGER full_disk ON pulse")
    assert log.head() == 10
    assert log.quarantine(0, 10) == ([], None)
    assert [one.pos for one in log.append(events(8, 12))] == [9, 10, 11, 12]


def test_text_the_database_cannot_hold_is_refused_and_the_log_stays_usable(log: PostgresqlLog) -> None:
    for size in (1, 100):
        with pytest.raises(BadInput):
            log.append([event(n, subject="a\0b") for n in range(size)])
    assert outcomes(log.append([event(0)])) == [Outcome.ACCEPTED]


def test_a_log_of_another_layout_is_not_touched(database: Database, log: PostgresqlLog, tmp_path: Path) -> None:
    log.db.execute("UPDATE setting SET number = 99 WHERE name = 'version'")
    with pytest.raises(Broken, match="layout 99"):
        open_reader(database, tmp_path)


def test_commits_are_durable_whatever_the_servers_default_is(log: PostgresqlLog) -> None:
    assert log.db.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_a_password_never_stands_in_an_error(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    away = Database(f"postgresql://vonglau:hunter2@127.0.0.1:{port}/city")
    for ask in (lambda: open_writer(away, tmp_path), lambda: open_reader(away, tmp_path), lambda: installed(away)):
        with pytest.raises(Unavailable, match="cannot be reached") as raised:
            ask()
        assert "hunter2" not in "".join(traceback.format_exception(raised.value))
    assert "hunter2" not in f"{away} {away!r}"


def test_a_session_that_ends_lets_another_process_in_at_once(database: Database, tmp_path: Path) -> None:
    with connect(database, "gone") as db, pytest.raises(psycopg.errors.UndefinedTable):
        db.execute("TABLE setting")  # nothing yet
    first = open_writer(database, tmp_path)
    end_session(database, first)
    second = open_writer(database, tmp_path)
    assert outcomes(second.append([event(0)])) == [Outcome.ACCEPTED]
    second.close()
    first.close()


def test_a_process_of_this_host_that_died_is_waited_for_and_one_that_lives_is_not(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server process holds the lock until the statement it was in has ended."""
    monkeypatch.setattr(holder, "PATIENCE_SECONDS", -1.0)
    open_writer(database, tmp_path).close()
    with subprocess.Popen(["true"]) as ended:
        pass
    mine = Holder.of(database)
    name = mine.name().replace(str(os.getpid()), str(ended.pid))
    asked: list[float] = []

    def wait(seconds: float) -> None:
        asked.append(seconds)
        if len(asked) == 3:
            session.close()

    monkeypatch.setattr(holder, "time", SimpleNamespace(monotonic=time.monotonic, sleep=wait))
    session = connect(database, name)
    mine.take(session)
    log = open_writer(database, tmp_path)
    assert outcomes(log.append([event(0)])) == [Outcome.ACCEPTED]
    assert len(asked) >= 3
    log.close()
    with connect(database, mine.name()) as living:
        mine.take(living)
        with pytest.raises(Unavailable, match="already writing"):
            open_writer(database, tmp_path)
