"""Moves old rows from the tail to Parquet: write, fsync, rename, record in the manifest, only then delete.

A crash between any two steps loses and doubles nothing: a file without a manifest row is removed when the log is next
opened; rows at or below the manifest's border are invisible and deleted then. Every transaction takes some milliseconds
and is followed by a pause, so that the door goes on accepting meanwhile.
"""

import errno
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vonglau.core.errors import StorageFull, Unavailable
from vonglau.core.log import Rejected
from vonglau.engines.embedded import pairs, schema
from vonglau.engines.embedded.insertion import insert_quarantine, quarantine_row
from vonglau.engines.embedded.rows import digests
from vonglau.engines.embedded.sealed import border_of, head_of, recorded_last
from vonglau.engines.embedded.sqlite import immediate, translated

if TYPE_CHECKING:
    from vonglau.engines.embedded.writer import EmbeddedLog

FILE_ROWS = 1_000_000
"""Most rows of one file."""

_SLICE = 2_000
"""Rows remembered or deleted in one transaction: some 25 ms."""

_PAUSE_S = 0.002
_LOOK_S = 0.2
_OWN_PROCESS_ROWS = 100_000
"""From here on the file is written by a process of its own: it holds a core for seconds."""


@dataclass(frozen=True, slots=True)
class SealedFile:
    """One row of the manifest."""

    first_pos: int
    last_pos: int
    name: str
    bytes: int
    sha256: str
    min_time_us: int
    max_time_us: int
    last_recorded_us: int


def recover(db: sqlite3.Connection, data_dir: Path) -> None:
    """Finish or undo what a crash left half done. The caller holds the writer's lock."""
    folder = data_dir / schema.SEALED
    known = dict(db.execute("SELECT name, remembered FROM sealed"))
    for path in folder.iterdir():
        if path.name.endswith(".parquet") and path.name not in known:
            path.unlink()
    pairs.remove_orphans(folder, {name for name, remembered in known.items() if remembered})
    _delete_all(db, border_of(db))


def seal(log: "EmbeddedLog", *, keep: int, through: int) -> int:
    """See `core.log.Log.seal`. One sealing at a time; appends go on between its transactions."""
    with log.sealing:
        with log.lock, translated():  # not in the middle of a transaction of the appender
            last = min(head_of(log.db) - keep, through)
            first = start = border_of(log.db) + 1
        while first <= last:
            end = min(first + FILE_ROWS - 1, last)
            file = write_file(log, first, end)
            record(log, file, find_pairs(log, file, remember(log, file)))
            delete(log, file.last_pos)
            first = end + 1
        forget(log)
        return max(last - start + 1, 0)


def write_file(log: "EmbeddedLog", first: int, last: int) -> SealedFile:
    """The file, complete and durable under its final name, not yet in the manifest."""
    if last - first + 1 < _OWN_PROCESS_ROWS:
        from vonglau.engines.embedded.parquet import write

        return write(log.data_dir, first, last)
    command = [sys.executable, "-m", "vonglau.engines.embedded.parquet", str(log.data_dir), str(first), str(last)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while True:
            try:
                said, complaint = process.communicate(timeout=_LOOK_S)
                break
            except subprocess.TimeoutExpired:
                if log.closing:
                    process.kill()
    _go_on(log)
    if process.returncode == errno.ENOSPC:
        raise StorageFull
    if process.returncode != 0:
        raise Unavailable(f"Sealing could not write its file: {complaint.strip()[-500:]}")
    return SealedFile(**json.loads(said))


def _go_on(log: "EmbeddedLog", pause_s: float = 0.0) -> None:
    """Between two steps: let others have the lock, and stop when the log is being closed."""
    time.sleep(pause_s)
    if log.closing:
        raise Unavailable("The log is being closed; sealing goes on when it is opened again.")


def remember(log: "EmbeddedLog", file: SealedFile) -> list[tuple[int, int]]:
    """Keep identities and digests of the rows, so that they are still recognised once the rows are gone.

    (hash, position) of each row.
    """
    remembered: list[tuple[int, int]] = []
    width = log.settings.bucket_us
    query = f"SELECT {schema.COLUMNS}, hash FROM event WHERE pos > ? AND pos <= ? ORDER BY pos LIMIT {_SLICE}"  # noqa: S608
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
    folder = log.data_dir / schema.SEALED
    with log.lock, translated():
        others = [
            name for (name,) in log.db.execute("SELECT name FROM sealed WHERE remembered ORDER BY first_pos DESC")
        ]
    with translated():
        table = pairs.write(folder, file.name, *zip(*remembered, strict=True))
        return pairs.contradictions(log.reader, pairs.common(folder, table, others))


def record(log: "EmbeddedLog", file: SealedFile, contradictions: Sequence[Rejected]) -> None:
    """The step that counts: from this commit on readers take these positions from the file."""
    row = (
        file.first_pos,
        file.last_pos,
        file.last_pos - file.first_pos + 1,
        file.name,
        file.bytes,
        bytes.fromhex(file.sha256),
        file.min_time_us,
        file.max_time_us,
        file.last_recorded_us,
        time.time_ns() // 1000,
    )
    with log.lock:
        with immediate(log.db):
            log.db.execute(
                "INSERT INTO sealed (first_pos, last_pos, rows, name, bytes, sha256, min_time_us, max_time_us, "
                "last_recorded_us, sealed_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            insert_quarantine(log.db, [quarantine_row(row[-1], one, None) for one in contradictions])
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
        pairs.path(log.data_dir / schema.SEALED, name).unlink(missing_ok=True)
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


def _delete_all(db: sqlite3.Connection, through: int) -> None:
    while _delete_slice(db, through):
        pass
