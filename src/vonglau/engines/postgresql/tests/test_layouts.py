"""An older log's schema becomes today's, whole or not at all; a newer one is left alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from tests import engines

from vonglau.core.errors import Broken, Unavailable
from vonglau.engines.database import Database
from vonglau.engines.embedded.tests.helpers import event, events
from vonglau.engines.layouts import Step, Upgraded
from vonglau.engines.postgresql import layouts, open_reader, open_writer
from vonglau.engines.postgresql.connection import connect
from vonglau.engines.postgresql.layouts import STEPS, PostgresqlStep, upgrading

pytestmark = pytest.mark.skipif(bool(engines.missing()), reason=engines.missing())

FIRST_TABLES = (Path(__file__).parent / "layout_1.sql").read_text()


@pytest.fixture
def old(tmp_path: Path) -> Database:
    """A log of layout 1 with an event."""
    database = engines.of_folder(tmp_path)
    with connect(database, "test") as db, db.transaction():
        db.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(database.log_schema)))
        db.execute(FIRST_TABLES)  # type: ignore[arg-type]
        db.execute("INSERT INTO setting VALUES ('version', 1, NULL), ('bucket_us', 10000000, NULL)")
        db.execute("INSERT INTO setting VALUES ('secret', NULL, %s)", (b"s" * 32,))
        db.execute("INSERT INTO event VALUES (1, 5, 5, 'live', '/s', 'a', 't', NULL, NULL, NULL, '{}', NULL, 7)")
    return database


def run(database: Database, steps: tuple[PostgresqlStep, ...] = STEPS) -> Upgraded:
    with upgrading(database, steps=steps) as done:
        return done


def shape(database: Database) -> set[tuple[Any, ...]]:
    """Columns and indexes, less the number of a column: one that was added later stands last in an old table."""
    with connect(database, "test") as db:
        columns = db.execute(
            "SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity "
            "FROM information_schema.columns WHERE table_schema = %s",
            (database.log_schema,),
        ).fetchall()
        indexes = db.execute(
            "SELECT tablename, indexname, replace(indexdef, schemaname || '.', '') FROM pg_indexes WHERE schemaname = %s",
            (database.log_schema,),
        ).fetchall()
    return {*columns, *indexes}


def test_an_older_log_brought_forward_is_as_a_new_one(old: Database, tmp_path: Path) -> None:
    """The guard of every change of the tables: whoever changes `schema.py` alone fails here."""
    for what in (open_writer, open_reader):
        with pytest.raises(Broken, match="vonglau upgrade"):
            what(old, tmp_path)  # type: ignore[operator]
    assert run(old) == Upgraded(1, layouts.newest(), tuple(step.what for step in STEPS))
    new = replace(old, log_schema=f"{old.log_schema}_new")
    open_writer(new, tmp_path).close()
    assert shape(old) == shape(new)
    log = open_writer(old, tmp_path)
    log.append(events(1, 3))
    assert [one.event.id for one in log.read(0, 10)[0]] == ["a", "e1", "e2"]
    log.close()


ADDED: PostgresqlStep = Step("a table is added", lambda db: db.execute("CREATE TABLE added (x int)") and None)


def test_steps_run_in_order_and_once(old: Database) -> None:
    filled: PostgresqlStep = Step("it is filled", lambda db: db.execute("INSERT INTO added VALUES (1)") and None)
    assert run(old, (ADDED, filled)) == Upgraded(1, 3, ("a table is added", "it is filled"))
    assert run(old, (ADDED, filled)) == Upgraded(3, 3, ())
    assert layouts.layout_of(old) == 3


def is_untouched(database: Database) -> None:
    with connect(database, "test") as db:
        assert layouts.found(db) == 1
        assert db.execute("SELECT to_regclass('added')").fetchone() == (None,)


def test_a_step_that_fails_leaves_the_log_as_it_was(old: Database) -> None:
    wrong: PostgresqlStep = Step("it fails", lambda db: db.execute("INSERT INTO nowhere VALUES (1)") and None)
    with pytest.raises(psycopg.errors.UndefinedTable):
        run(old, (ADDED, wrong))
    is_untouched(old)
    assert len(run(old, (ADDED,)).steps) == 1  # and the lock was let go of


def test_what_fails_beside_it_takes_the_log_back_too(old: Database) -> None:
    with pytest.raises(ZeroDivisionError), upgrading(old, steps=(ADDED,)):
        _ = 1 / 0
    is_untouched(old)


def test_a_log_of_a_later_program_is_refused_by_name(old: Database, tmp_path: Path) -> None:
    run(old, (*STEPS, ADDED))
    for attempt in (lambda: run(old), lambda: open_writer(old, tmp_path), lambda: open_reader(old, tmp_path)):
        with pytest.raises(Broken, match="the newer program"):
            attempt()


def test_a_log_that_is_being_written_is_not_upgraded(old: Database, tmp_path: Path) -> None:
    run(old)
    log = open_writer(old, tmp_path)
    try:
        with pytest.raises(Unavailable, match="already writing"):
            run(old)
        log.append([event(0)])
    finally:
        log.close()
