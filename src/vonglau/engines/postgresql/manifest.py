"""The manifest in the log's schema, and where the tail begins and ends."""

import time
from collections.abc import Sequence
from dataclasses import astuple

from vonglau.core.errors import Unavailable
from vonglau.engines.history import SealedFile
from vonglau.engines.history.retention import Tombstone
from vonglau.engines.postgresql.connection import Connection

_FIELDS = ("first_pos", "last_pos", "rows", "name", "bytes", "sha256", "min_time_us", "max_time_us", "last_recorded_us")
_COLUMNS = ", ".join([*_FIELDS, "world", "layout"])
_AT_OR_AFTER = f"SELECT {_COLUMNS} FROM sealed WHERE last_pos >= %s ORDER BY first_pos LIMIT 1"  # noqa: S608 - constants
_ALL = f"SELECT {_COLUMNS} FROM sealed ORDER BY first_pos"  # noqa: S608
_INSERT = f"INSERT INTO sealed ({_COLUMNS}, sealed_us) VALUES ({', '.join(['%s'] * 12)})"  # noqa: S608


class PostgresqlManifest:
    """`history.Manifest` over one transaction of the log's database."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def border(self) -> int:
        return border_of(self._db)

    def at_or_after(self, pos: int) -> SealedFile | None:
        row = self._db.execute(_AT_OR_AFTER, (pos,)).fetchone()
        return None if row is None else SealedFile(*row)

    def files(self) -> list[SealedFile]:
        return [SealedFile(*row) for row in self._db.execute(_ALL)]

    def candidates(self) -> list[SealedFile]:
        return candidates(self._db)


def insert(db: Connection, file: SealedFile) -> None:
    """The step that counts; the caller holds the transaction."""
    values = [getattr(file, name) for name in (*_FIELDS, "world", "layout")]
    db.execute(_INSERT, [*values, time.time_ns() // 1000])


_CANDIDATES = f"SELECT {_COLUMNS} FROM sealed WHERE rows > 0 AND NOT remembered ORDER BY first_pos"  # noqa: S608


def candidates(db: Connection) -> list[SealedFile]:
    """Files that retention may touch: with rows, and beyond the horizon of identities."""
    return [SealedFile(*row) for row in db.execute(_CANDIDATES)]


def replace(db: Connection, old: SealedFile, new: SealedFile, tombstones: Sequence[Tombstone]) -> None:
    """The caller holds the transaction. Raises `Unavailable` when the old row has gone meanwhile."""
    gone = db.execute("DELETE FROM sealed WHERE first_pos = %s AND name = %s", (old.first_pos, old.name))
    if gone.rowcount != 1:
        raise Unavailable(f"Another door has changed sealed file {old.name} meanwhile; nothing was changed.")
    insert(db, new)
    db.execute("UPDATE sealed SET remembered = false WHERE first_pos = %s", (new.first_pos,))
    for one in tombstones:
        db.execute("INSERT INTO tombstone VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", astuple(one))


def border_of(db: Connection) -> int:
    """Positions up to here are read from sealed files; 0 when nothing is sealed."""
    row = db.execute("SELECT last_pos FROM sealed ORDER BY first_pos DESC LIMIT 1").fetchone()
    return int(row[0]) if row else 0


def head_of(db: Connection) -> int:
    row = db.execute("SELECT pos FROM event ORDER BY pos DESC LIMIT 1").fetchone()
    return max(int(row[0]) if row else 0, border_of(db))


def recorded_last(db: Connection) -> int:
    """When the newest event was recorded, µs; 0 for an empty log."""
    row = db.execute("SELECT recorded_us FROM event ORDER BY pos DESC LIMIT 1").fetchone()
    row = row or db.execute("SELECT last_recorded_us FROM sealed ORDER BY first_pos DESC LIMIT 1").fetchone()
    return int(row[0]) if row else 0
