"""The steps of sealing in PostgreSQL; their order stands in `engines.history.sealing`.

Every transaction takes some milliseconds and is followed by a pause, so that the door goes on accepting meanwhile.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vonglau.core.errors import Unavailable
from vonglau.core.log import Rejected
from vonglau.engines.appending import quarantine_row
from vonglau.engines.database import VARIABLE
from vonglau.engines.history import SealedFile, files, pairs, writing
from vonglau.engines.postgresql import export, insertion, manifest, tail
from vonglau.engines.postgresql.connection import Connection, translated
from vonglau.engines.postgresql.manifest import border_of, head_of, recorded_last
from vonglau.engines.rows import COLUMNS, digests

if TYPE_CHECKING:
    from vonglau.engines.postgresql.writer import PostgresqlLog

_SLICE = 2_000
"""Rows remembered or deleted in one transaction: some 25 ms."""

_PAUSE_S = 0.002
_OWN_PROCESS_ROWS = 100_000
"""From here on the file is written by a process of its own: it holds a core for seconds."""

_REMEMBER = (
    "INSERT INTO identity SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[], %s::bytea[]) "
    "ON CONFLICT DO NOTHING"
)
_SLICE_OF_TAIL = f"SELECT {COLUMNS}, hash FROM event WHERE pos > %s AND pos <= %s ORDER BY pos LIMIT {_SLICE}"  # noqa: S608


def recover(db: Connection, folder: Path) -> None:
    """Undo what a crash left half done in the folder. The caller's session holds the log's lock.

    Rows below the manifest's border may stand for a while: they are invisible, and deleting them here would hold up the start.
    """
    known: dict[str, bool] = dict(db.execute("SELECT name, remembered FROM sealed WHERE rows > 0").fetchall())
    files.remove_orphans(folder, set(known))
    pairs.remove_orphans(folder, {name for name, remembered in known.items() if remembered})


def _require_next(db: Connection, file: SealedFile) -> None:
    """The file still begins where the manifest ends: while our session was lost, another door may have sealed. Raises `Unavailable`."""
    if border_of(db) != file.first_pos - 1:
        raise Unavailable("Another door has sealed this log meanwhile; this sealing is given up.")


class PostgresqlSteps:
    """`history.Steps` of one log."""

    def __init__(self, log: "PostgresqlLog") -> None:
        self._log = log

    @contextmanager
    def _turn(self, pause_s: float = 0.0) -> Iterator[Connection]:
        """The writer's session, for one short transaction."""
        log = self._log
        time.sleep(pause_s)
        if log.closing:
            raise Unavailable(writing.CLOSING)
        with log.lock, translated():
            log.ready()
            yield log.db

    def bounds(self) -> tuple[int, int]:
        with self._turn() as db:
            return border_of(db), head_of(db)

    def write(self, first: int, last: int) -> SealedFile:
        """The file, complete and durable under its final name, not yet in the manifest."""
        log = self._log
        if last - first + 1 < _OWN_PROCESS_ROWS:
            return export.write(log.database, log.folder, first, last)
        command = [
            sys.executable,
            "-m",
            export.__name__,
            str(log.folder),
            log.database.log_schema,
            str(first),
            str(last),
        ]
        environment = {**os.environ, VARIABLE: log.database.url}
        return writing.write_elsewhere(command, lambda: log.closing, environment)

    def record(self, file: SealedFile) -> None:
        """From this commit on readers take these positions from the file."""
        log = self._log
        contradictions = self._pairs(file, self._remember(file))
        now = time.time_ns() // 1000
        with self._turn() as db:
            with db.transaction():
                files.require(log.folder, file)
                _require_next(db, file)
                manifest.insert(db, file)
                tail.drop(db, file.last_pos)
                insertion.insert_quarantine(db, [quarantine_row(now, one, None) for one in contradictions])
                insertion.beat(db)
            log.tail.drop(file.last_pos)

    def _remember(self, file: SealedFile) -> list[tuple[int, int]]:
        """Keep identities and digests of the rows, so that they are still recognised once the rows are gone.

        (hash, position) of each row.
        """
        log, remembered, after = self._log, list[tuple[int, int]](), file.first_pos - 1
        width = log.settings.bucket_us
        while after < file.last_pos:
            with self._turn(_PAUSE_S) as db:
                _require_next(db, file)
                rows = db.execute(_SLICE_OF_TAIL, (after, file.last_pos), binary=True).fetchall()
                entries = sorted((row[2] // width, row[-1], row[0], row[2], *digests(row[:-1])) for row in rows)
                db.execute(_REMEMBER, [list(column) for column in zip(*entries, strict=True)])
                log.twins.remembered.update({log.twins.span(entry[3]) for entry in entries})
            remembered += [(row[-1], row[0]) for row in rows]
            after = rows[-1][0]
        return remembered

    def _pairs(self, file: SealedFile, remembered: list[tuple[int, int]]) -> Sequence[Rejected]:
        """Events of this file whose identity is in an earlier file too, with a time of another bucket."""
        with self._turn() as db:
            found = db.execute("SELECT name FROM sealed WHERE remembered ORDER BY first_pos DESC").fetchall()
        with files.system_errors():
            table = pairs.write(self._log.folder, file.name, *zip(*remembered, strict=True))
            others = [name for (name,) in found]
            return pairs.contradictions(self._log.reader, pairs.common(self._log.folder, table, others))

    def delete(self, through: int) -> None:
        """Remove sealed rows from the tail, oldest first."""
        more = True
        while more:
            with self._turn(_PAUSE_S) as db:
                more = _delete_slice(db, through)

    def forget(self) -> None:
        """Drop identities of files whose newest row is older than the horizon, as read off the log's own clock."""
        with self._turn() as db:
            old = db.execute(
                "SELECT first_pos, last_pos, min_time_us, max_time_us, name FROM sealed "
                "WHERE remembered AND last_recorded_us < %s",
                (recorded_last(db) - self._log.horizon_us,),
            ).fetchall()
        width = self._log.settings.bucket_us
        for first, last, oldest, latest, name in old:
            bucket: int | None = oldest // width
            while bucket is not None:
                bucket = self._forget_bucket(bucket, latest // width, (first, last))
            with self._turn() as db:
                db.execute("UPDATE sealed SET remembered = false WHERE first_pos = %s", (first,))
            pairs.path(self._log.folder, name).unlink(missing_ok=True)
        if old:
            with self._turn():
                self._log.twins.reload()

    def _forget_bucket(self, oldest: int, latest: int, positions: tuple[int, int]) -> int | None:
        """Forget the positions in the first bucket that holds any; the bucket to look at next."""
        with self._turn(_PAUSE_S) as db:
            row = db.execute("SELECT min(bucket) FROM identity WHERE bucket >= %s", (oldest,)).fetchone()
            if row is None or row[0] is None or row[0] > latest:
                return None
            db.execute("DELETE FROM identity WHERE bucket = %s AND pos BETWEEN %s AND %s", (row[0], *positions))
            return int(row[0]) + 1


def _delete_slice(db: Connection, through: int) -> bool:
    """One transaction; says whether there is more."""
    row = db.execute("SELECT min(pos) FROM event").fetchone()
    oldest = row[0] if row else None
    if oldest is None or oldest > through:
        return False
    db.execute("DELETE FROM event WHERE pos <= %s", (min(oldest + _SLICE - 1, through),))
    return True
