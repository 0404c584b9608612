"""Puts the dumps of a snapshot into a new PostgreSQL database; takes them out again when the restore does not succeed."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vonglau.core.errors import BadInput, Unavailable
from vonglau.engines import database_of
from vonglau.engines.database import Database
from vonglau.web.backups.manifest import Snapshot
from vonglau.web.backups.sources import LOG_DUMP, POSTGRESQL, STATE_DUMP, environment, tool


def database_for(state: Snapshot, log: Snapshot, folder: Path) -> Database | None:
    """Where the databases go: None for files. Raises `BadInput` when the setting does not fit the snapshot."""
    if state.engine != log.engine:
        raise BadInput("State and events of these snapshots are of two engines: restore each with its own events.")
    database = database_of(folder)
    if state.engine == POSTGRESQL and database is None:
        raise BadInput(
            "This snapshot is of a PostgreSQL installation: name a new, empty database with VONGLAU_DATABASE."
        )
    if state.engine != POSTGRESQL and database is not None:
        raise BadInput(
            "This snapshot is of an installation in files: unset VONGLAU_DATABASE, and restore it into files."
        )
    return database


@contextmanager
def loaded(database: Database | None, folder: Path) -> Iterator[None]:
    """The dumps of `folder` in `database` for good, unless the block fails. Raises `BadInput` for a database that is in use."""
    if database is None:
        yield
        return
    _refuse_used(database)
    try:
        for name in (STATE_DUMP, LOG_DUMP):
            if (folder / name).exists():
                _load(database, folder / name)
                (folder / name).unlink()
        yield
    except BaseException:
        drop(database)
        raise


def _refuse_used(database: Database) -> None:
    from vonglau.engines.postgresql.connection import connect

    with connect(database, "vonglau restore", readonly=True) as db:
        used = db.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)", ([database.state_schema, database.log_schema],)
        ).fetchall()
    if used:
        raise BadInput(
            f"{database} holds the schema {used[0][0]} already: nothing is ever restored over something. Name a new, empty database."
        )


def _load(database: Database, dump: Path) -> None:
    found = database.parameters()
    into = f"dbname={found['dbname']}" if "dbname" in found else f"service={found['service']}"
    command = [tool("pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    done = subprocess.run(
        [*command, "--dbname", into, str(dump)],
        capture_output=True,
        text=True,
        env=environment(database),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        raise Unavailable(
            f"pg_restore could not load {dump.name}: {done.stderr.strip()[-500:]}{os.linesep}Nothing was kept."
        )


def drop(database: Database) -> None:
    """Take both schemas out again."""
    from psycopg import sql

    from vonglau.engines.postgresql.connection import connect

    with connect(database, "vonglau restore") as db:
        for name in (database.state_schema, database.log_schema):
            db.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name)))
