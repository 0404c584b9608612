"""The files themselves: SQLite's own check, foreign keys, the library."""

from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.migrations.executor import MigrationExecutor

from vonglau.core import damages
from vonglau.core.errors import Broken
from vonglau.engines.database import STATE_SCHEMA
from vonglau.engines.embedded import aside, schema, wal
from vonglau.engines.embedded.sqlite import refuse_affected
from vonglau.web.checks import WARNING, Place, check
from vonglau.web.roles import served_by


@check(
    "sqlite-library",
    find="python -c 'import vonglau, sqlite3; print(sqlite3.sqlite_version)'",
    do="Install the wheel pysqlite3 ≥ 0.6.1 in this environment, or a Python linked to SQLite 3.51.3 or newer.",
)
def sqlite_library(place: Place) -> Iterator[str]:
    """SQLite, where it is used, is free of the race that can corrupt a database with several writers."""
    if connection.vendor != "sqlite":
        return
    try:
        refuse_affected()
    except Broken as affected:
        yield affected.message


@check(
    "state-migrated",
    find="`vonglau upgrade --data …` says what it lacks",
    do="Stop the server and run `vonglau upgrade` on this folder: the program is newer than its tables.",
)
def migrated(place: Place) -> Iterator[str]:
    """The state database has the layout this program expects."""
    executor = MigrationExecutor(connection)
    for migration, _backwards in executor.migration_plan(executor.loader.graph.leaf_nodes()):
        yield f"migration {migration.app_label}.{migration.name} has not been applied"


@check(
    "state-file",
    find="PRAGMA quick_check on state.db",
    do="Stop the server and make a new folder of the last backup: `vonglau restore DIR NEW --events newest`.",
)
def state_file(place: Place) -> Iterator[str]:
    """The state database's pages and indexes are whole."""
    if connection.vendor == "postgresql":
        from vonglau.engines.postgresql.inspection import damage_of

        yield from damage_of(connection.connection, STATE_SCHEMA)
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check" if place.thorough else "PRAGMA quick_check")
        yield from (str(row[0]) for row in cursor.fetchall() if row[0] != "ok")


@check(
    "write-ahead",
    find="state.db-wal and log.db-wal in the data folder, while nothing serves it",
    do="Acknowledged changes are gone; a copy is kept in `damaged` before anything opens the file. Start the server, which goes on behind "
    "what was lost and says so; let senders send again. Look at the disk.",
)
def write_ahead(place: Place) -> Iterator[str]:
    """Nothing that was committed stands behind a damaged page of a write-ahead file (looked at while nobody serves the folder)."""
    if served_by(place.data):
        return
    for name in ("state.db", schema.FILE):
        found = wal.damage(place.data / f"{name}-wal")
        if found is not None and found.commits:
            yield f"{name}-wal: {aside.describe(found)}"


@check(
    "damaged",
    severity=WARNING,
    find="the folder `damaged` in the data folder",
    do="docs/howto/when-things-break.md says what to do about each. Then take note and copy out of the folder.",
)
def damaged(place: Place) -> Iterator[str]:
    """No file of the installation has been found damaged since somebody last looked (what was found is kept in `damaged`)."""
    for note in damages.notes(place.data):
        yield f"{note.of}, {note.at}: {note.said}"


@check(
    "state-references",
    find="PRAGMA foreign_key_check on state.db",
    do="Restore state.db from a backup, or ask for help with the rows named.",
)
def state_references(place: Place) -> Iterator[str]:
    """Every row that another row points to is there."""
    with connection.cursor() as cursor:
        for table, row, parent in _dangling(cursor):
            yield f"{table} row {row} points to a row of {parent} that is gone"


def _dangling(cursor: CursorWrapper) -> Iterator[tuple[str, Any, str]]:
    """(table, key of the row, table it points to) of references without their row."""
    if connection.vendor == "sqlite":
        cursor.execute("PRAGMA foreign_key_check")
        yield from ((table, row, parent) for table, row, parent, _key in cursor.fetchall())
        return
    for table in connection.introspection.table_names(cursor):
        key = connection.introspection.get_primary_key_column(cursor, table)
        for column, (other, parent) in connection.introspection.get_relations(cursor, table).items():
            quote = connection.ops.quote_name
            # Names come from the database's own catalogue. Constraints can be switched off by who owns the tables.
            cursor.execute(
                f"SELECT t.{quote(key or column)} FROM {quote(table)} t LEFT JOIN {quote(parent)} p "  # noqa: S608
                f"ON p.{quote(other)} = t.{quote(column)} WHERE t.{quote(column)} IS NOT NULL AND p.{quote(other)} IS NULL"
            )
            yield from ((table, row[0], parent) for row in cursor.fetchall())


@check(
    "log-file",
    find="PRAGMA quick_check on log.db",
    do="Stop the server and make a new folder of the last backup: `vonglau restore DIR NEW`.",
)
def log_file(place: Place) -> Iterator[str]:
    """The log's pages and indexes are whole."""
    yield from place.log.damage(thorough=place.thorough)
