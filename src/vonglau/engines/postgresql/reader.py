"""PostgreSQL's side of reading the log; how tail and sealed files are joined stands in `engines.joined`."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from vonglau.engines import history
from vonglau.engines.database import Database
from vonglau.engines.history.snapshot import CHUNK, Asked
from vonglau.engines.joined import JoinedReader, tests_of
from vonglau.engines.postgresql import schema
from vonglau.engines.postgresql.connection import Connection, connect, translated
from vonglau.engines.postgresql.manifest import PostgresqlManifest, head_of
from vonglau.engines.rows import COLUMNS, Row

_BATCH = "SELECT pos, time_us, world, source, id, type, subject, lon, lat, data FROM event"
_QUARANTINE = "SELECT id, at_us, world, source, event_id, pointer, reason, raw, state, by FROM quarantine"
BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""One snapshot for all statements of a look."""


class PostgresqlLook(PostgresqlManifest):
    """`joined.Look` over one snapshot."""

    def _ask(self, query: str, arguments: Sequence[Any]) -> "psycopg.Cursor[Row]":
        return self._db.execute(query, arguments, binary=True)

    def head(self) -> int:
        return head_of(self._db)

    def tail(
        self, after: int, through: int, limit: int, *, world: str | None = None, type: str | None = None
    ) -> Sequence[Row]:
        query = f"SELECT {COLUMNS} FROM event WHERE pos > %s AND pos <= %s"  # noqa: S608 - constants
        query, arguments = _filtered(query, [after, through], world=world, type=type)
        return self._ask(f"{query} ORDER BY pos LIMIT %s", [*arguments, limit]).fetchall()

    def columns(self, after: int, limit: int) -> Sequence[Row]:
        return self._ask(f"{_BATCH} WHERE pos > %s ORDER BY pos LIMIT %s", (after, limit)).fetchall()

    def at(self, positions: Sequence[int]) -> Sequence[Row]:
        query = f"SELECT {COLUMNS} FROM event WHERE pos = ANY(%s)"  # noqa: S608 - constants
        return self._ask(query, (list(positions),)).fetchall()

    def chunks(self, columns: Sequence[str], after: int, asked: Asked) -> Iterator[Sequence[Row]]:
        """By a cursor of the server's: the tail does not stand in memory twice."""
        query, tests = f"SELECT {', '.join(columns)} FROM event WHERE pos > %s", tests_of(asked)  # noqa: S608 - our own names
        query += "".join(f" AND {test} %s" for test, _ in tests)
        with self._db.cursor("history", binary=True) as rows:
            rows.execute(query, [after, *(value for _, value in tests)])
            yield from iter(lambda: rows.fetchmany(CHUNK), [])

    def waiting(self, after: int, limit: int, *, world: str | None, state: str | None) -> Sequence[Row]:
        query, arguments = _filtered(f"{_QUARANTINE} WHERE id > %s", [after], world=world, state=state)
        return self._ask(f"{query} ORDER BY id LIMIT %s", [*arguments, limit]).fetchall()

    def waiting_one(self, id: int) -> Row | None:
        return self._ask(f"{_QUARANTINE} WHERE id = %s", (id,)).fetchone()


def _filtered(query: str, arguments: list[Any], **columns: str | None) -> tuple[str, list[Any]]:
    for column, value in columns.items():
        if value is not None:
            query += f" AND {column} = %s"
            arguments = [*arguments, value]
    return query, arguments


class PostgresqlReader(JoinedReader):
    """Reads beside the door, from any process on any host. A lost connection is made again at the next look."""

    def __init__(self, database: Database, data_dir: Path) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._files = history.SealedFiles(history.folder(data_dir))
        self._db = self._connect()

    def _connect(self) -> Connection:
        db = connect(self._database, "vonglau log reader", readonly=True)
        try:
            with translated():
                schema.settings(db)
        except BaseException:
            db.close()
            raise
        return db

    def close(self) -> None:
        with self._lock:
            self._files.close()
            self._db.close()

    def _first(self, query: str) -> "psycopg.Cursor[Row]":
        """The first statement of a look: tried again on a new connection when the old one was lost meanwhile."""
        try:
            return self._db.execute(query)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            if not self._db.closed:
                raise
            self._db = self._connect()
            return self._db.execute(query)

    @contextmanager
    def _look(self) -> Iterator[PostgresqlLook]:
        with self._lock, translated():
            self._first(BEGIN)
            try:
                yield PostgresqlLook(self._db)
            finally:
                if not self._db.closed:
                    self._db.execute("COMMIT")

    def version(self) -> int:
        with self._lock, translated():
            row = self._first("SELECT n FROM pulse").fetchone()
        return int(row[0]) if row else 0
