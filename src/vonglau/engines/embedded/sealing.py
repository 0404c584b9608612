"""The steps of sealing in SQLite; their order stands in `engines.history.sealing`.

Every transaction takes some milliseconds and is followed by a pause, so that the door goes on accepting meanwhile.
"""

import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vonglau.core.errors import Unavailable
from vonglau.core.log import Rejected
from vonglau.engines import history
from vonglau.engines.appending import quarantine_row
from vonglau.engines.embedded import export, manifest, tail
from vonglau.engines.embedded.insertion import insert_quarantine
from vonglau.engines.embedded.manifest import border_of, head_of, recorded_last
from vonglau.engines.embedded.sqlite import immediate, translated
from vonglau.engines.history import SealedFile, files, pairs, writing
from vonglau.engines.rows import COLUMNS, digests

if TYPE_CHECKING:
    from vonglau.engines.embedded.writer import EmbeddedLog

_SLICE = 2_000
"""Rows remembered or deleted in one transaction: some 25 ms."""

_PAUSE_S = 0.002
_OWN_PROCESS_ROWS = 100_000
"""From here on the file is written by a process of its own: it holds a core for seconds."""


def recover(db: sqlite3.Connection, data_dir: Path) -> None:
    """Undo what a crash left half done in the folder. The caller holds the writer's lock.

    Rows below the manifest's border may stand for a while: they are invisible, and deleting them here would hold up the start.
    """
    folder = history.folder(data_dir)
    known = dict(db.execute("SELECT name, remembered FROM sealed WHERE rows > 0"))
    files.remove_orphans(folder, set(known))
    pairs.remove_orphans(folder, {name for name, remembered in known.items() if remembered})


class EmbeddedSteps:
    """`history.Steps` of one log."""

    def __init__(self, log: "EmbeddedLog") -> None:
        self._log = log

    def bounds(self) -> tuple[int, int]:
        with self._log.lock, translated():  # not in the middle of a transaction of the appender
            return border_of(self._log.db), head_of(self._log.db)

    def write(self, first: int, last: int) -> SealedFile:
        return write_file(self._log, first, last)

    def record(self, file: SealedFile) -> None:
        record(self._log, file, find_pairs(self._log, file, remember(self._log, file)))

    def delete(self, through: int) -> None:
        delete(self._log, through)

    def forget(self) -> None:
        forget(self._log)


def write_file(log: "EmbeddedLog", first: int, last: int) -> SealedFile:
    """The file, complete and durable under its final name, not yet in the manifest."""
    if last - first + 1 < _OWN_PROCESS_ROWS:
        return export.write(log.data_dir, first, last)
    command = [sys.executable, "-m", export.__name__, str(log.data_dir), str(first), str(last)]
    return writing.write_elsewhere(command, lambda: log.closing)


def _go_on(log: "EmbeddedLog", pause_s: float = 0.0) -> None:
    """Between two steps: let others have the lock, and stop when the log is being closed."""
    time.sleep(pause_s)
    if log.closing:
        raise Unavailable(writing.CLOSING)


def remember(log: "EmbeddedLog", file: SealedFile) -> list[tuple[int, int]]:
    """Keep identities and digests of the rows, so that they are still recognised once the rows are gone.

    (hash, position) of each row.
    """
    remembered: list[tuple[int, int]] = []
    width = log.settings.bucket_us
    query = f"SELECT {COLUMNS}, hash FROM event WHERE pos > ? AND pos <= ? ORDER BY pos LIMIT {_SLICE}"  # noqa: S608
    after = file.first_pos - 1
    while after < file.last_pos:
        with log.lock, translated():
            rows = log.db.execute(query, (after, file.last_pos)).fetchall()
            entries = []
            for row in rows:
                who, what = digests(row)  # as bytearrays, because bytes are bound ten times slower (see insertion.py)
                entries.append((row[2] // width, row[-1], row[0], row[2], bytearray(who), bytearray(what)))
            entries.sort()
            with immediate(log.db):
                log.db.executemany("INSERT OR IGNORE INTO identity VALUES (?, ?, ?, ?, ?, ?)", entries)
            log.twins.remembered.update({log.twins.span(entry[3]) for entry in entries})
        remembered += [(row[-1], row[0]) for row in rows]
        after = rows[-1][0]
        _go_on(log, _PAUSE_S)
    return remembered


def find_pairs(log: "EmbeddedLog", file: SealedFile, remembered: list[tuple[int, int]]) -> list[Rejected]:
    """Events of this file whose identity is in an earlier file too, with a time of another bucket."""
    folder = history.folder(log.data_dir)
    with log.lock, translated():
        others = [
            name for (name,) in log.db.execute("SELECT name FROM sealed WHERE remembered ORDER BY first_pos DESC")
        ]
    with translated():
        table = pairs.write(folder, file.name, *zip(*remembered, strict=True))
        return pairs.contradictions(log.reader, pairs.common(folder, table, others))


def record(log: "EmbeddedLog", file: SealedFile, contradictions: Sequence[Rejected]) -> None:
    """The step that counts: from this commit on readers take these positions from the file."""
    with log.lock:
        with immediate(log.db):
            files.require(history.folder(log.data_dir), file)
            manifest.insert(log.db, file)
            tail.drop(log.db, file.last_pos)
            now = time.time_ns() // 1000
            insert_quarantine(log.db, [quarantine_row(now, one, None) for one in contradictions])
        log.tail.drop(file.last_pos)


def delete(log: "EmbeddedLog", through: int) -> None:
    """Remove sealed rows from the tail, oldest first."""
    more = True
    while more:
        with log.lock:
            more = _delete_slice(log.db, through)
        _go_on(log, _PAUSE_S)


def forget(log: "EmbeddedLog") -> None:
    """Drop identities of files whose newest row is older than the horizon, as read off the log's own clock."""
    with log.lock, translated():
        newest = recorded_last(log.db)
        old = log.db.execute(
            "SELECT first_pos, last_pos, min_time_us, max_time_us, name FROM sealed "
            "WHERE remembered AND last_recorded_us < ?",
            (newest - log.horizon_us,),
        ).fetchall()
    for first, last, oldest, latest, name in old:
        width = log.settings.bucket_us
        bucket: int | None = oldest // width
        while bucket is not None:
            bucket = _forget_bucket(log, bucket, latest // width, (first, last))
            _go_on(log, _PAUSE_S)
        with log.lock, immediate(log.db):
            log.db.execute("UPDATE sealed SET remembered = 0 WHERE first_pos = ?", (first,))
        pairs.path(history.folder(log.data_dir), name).unlink(missing_ok=True)
    if old:
        with log.lock, translated():
            log.twins.reload()


def _forget_bucket(log: "EmbeddedLog", oldest: int, latest: int, positions: tuple[int, int]) -> int | None:
    """Forget the positions in the first bucket that holds any; the bucket to look at next."""
    with log.lock, immediate(log.db):
        (bucket,) = log.db.execute("SELECT min(bucket) FROM identity WHERE bucket >= ?", (oldest,)).fetchone()
        if bucket is None or bucket > latest:
            return None
        log.db.execute("DELETE FROM identity WHERE bucket = ? AND pos BETWEEN ? AND ?", (bucket, *positions))
    return int(bucket) + 1


def _delete_slice(db: sqlite3.Connection, through: int) -> bool:
    """One transaction; says whether there is more."""
    with immediate(db):
        (oldest,) = db.execute("SELECT min(pos) FROM event").fetchone()
        if oldest is None or oldest > through:
            return False
        db.execute("DELETE FROM event WHERE pos <= ?", (min(oldest + _SLICE - 1, through),))
    return True
