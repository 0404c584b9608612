"""The manifest in `log.db`, and where the tail begins and ends."""

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import astuple

from vonglau.core.errors import Unavailable
from vonglau.engines.history import SealedFile
from vonglau.engines.history.retention import Tombstone

_COLUMNS = "first_pos, last_pos, rows, name, bytes, lower(hex(sha256)), min_time_us, max_time_us, last_recorded_us, world, layout"
_NEAREST = f"SELECT {_COLUMNS} FROM sealed WHERE first_pos <= ? ORDER BY first_pos DESC LIMIT 1"  # noqa: S608
_NEXT = f"SELECT {_COLUMNS} FROM sealed WHERE first_pos > ? ORDER BY first_pos LIMIT 1"  # noqa: S608
_ALL = f"SELECT {_COLUMNS} FROM sealed ORDER BY first_pos"  # noqa: S608


class EmbeddedManifest:
    """`history.Manifest` over one transaction of the log's file."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def border(self) -> int:
        return border_of(self._db)

    def at_or_after(self, pos: int) -> SealedFile | None:
        row = self._db.execute(_NEAREST, (pos,)).fetchone()
        if row is None or row[1] < pos:
            row = self._db.execute(_NEXT, (pos,)).fetchone()
        return None if row is None else SealedFile(*row)

    def files(self) -> list[SealedFile]:
        return [SealedFile(*row) for row in self._db.execute(_ALL)]

    def candidates(self) -> list[SealedFile]:
        return candidates(self._db)


def insert(db: sqlite3.Connection, file: SealedFile) -> None:
    """The step that counts; the caller holds the transaction."""
    db.execute(
        "INSERT INTO sealed (first_pos, last_pos, rows, name, bytes, sha256, min_time_us, max_time_us, "
        "last_recorded_us, sealed_us, world, layout) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            file.first_pos,
            file.last_pos,
            file.rows,
            file.name,
            file.bytes,
            bytes.fromhex(file.sha256),
            file.min_time_us,
            file.max_time_us,
            file.last_recorded_us,
            time.time_ns() // 1000,
            file.world,
            file.layout,
        ),
    )


_CANDIDATES = f"SELECT {_COLUMNS} FROM sealed WHERE rows > 0 AND NOT remembered ORDER BY first_pos"  # noqa: S608


def candidates(db: sqlite3.Connection) -> list[SealedFile]:
    """Files that retention may touch: with rows, and beyond the horizon of identities."""
    return [SealedFile(*row) for row in db.execute(_CANDIDATES)]


def replace(db: sqlite3.Connection, old: SealedFile, new: SealedFile, tombstones: Sequence[Tombstone]) -> None:
    """The caller holds the transaction. Raises `Unavailable` when the old row has gone meanwhile."""
    gone = db.execute("DELETE FROM sealed WHERE first_pos = ? AND name = ?", (old.first_pos, old.name))
    if gone.rowcount != 1:
        raise Unavailable(f"Another door has changed sealed file {old.name} meanwhile; nothing was changed.")
    insert(db, new)
    db.execute("UPDATE sealed SET remembered = 0 WHERE first_pos = ?", (new.first_pos,))
    db.executemany("INSERT INTO tombstone VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(astuple, tombstones))


def border_of(db: sqlite3.Connection) -> int:
    """Positions up to here are read from sealed files; 0 when nothing is sealed."""
    row = db.execute("SELECT last_pos FROM sealed ORDER BY first_pos DESC LIMIT 1").fetchone()
    return int(row[0]) if row else 0


def head_of(db: sqlite3.Connection) -> int:
    (newest,) = db.execute("SELECT max(pos) FROM event").fetchone()
    return max(newest or 0, border_of(db))


def recorded_last(db: sqlite3.Connection) -> int:
    """When the newest event was recorded, µs; 0 for an empty log."""
    row = db.execute("SELECT recorded_us FROM event ORDER BY pos DESC LIMIT 1").fetchone()
    row = row or db.execute("SELECT last_recorded_us FROM sealed ORDER BY first_pos DESC LIMIT 1").fetchone()
    return int(row[0]) if row else 0
