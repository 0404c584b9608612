"""Reads the log from any process: the tail from SQLite, history from sealed files, joined at the manifest's border."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from vonglau.core.errors import Unavailable
from vonglau.core.events import Recorded
from vonglau.core.log import Batch, Quarantined
from vonglau.engines import history, rows
from vonglau.engines.embedded import schema
from vonglau.engines.embedded.manifest import EmbeddedManifest, border_of, head_of
from vonglau.engines.embedded.sqlite import connect, translated
from vonglau.engines.history import layout
from vonglau.engines.history.derive import Derive
from vonglau.engines.history.snapshot import CHUNK, Asked, Snapshot, snapshot

LOOK = 20_000
"""Positions one filtered `read` may look at, so that a page for a rare type comes back soon, with a cursor to go on."""

_BATCH = "SELECT pos, time_us, world, source, id, type, subject, lon, lat, data FROM event"
_GET = f"SELECT {schema.COLUMNS} FROM event WHERE pos > ? AND pos IN (SELECT value FROM json_each(?))"  # noqa: S608
_TAIL_NAMES = {"recorded": "recorded_us", "time": "time_us"}
_QUARANTINE = "SELECT id, at_us, world, source, event_id, pointer, reason, raw, state, by FROM quarantine"


class EmbeddedReader:
    """`core.log.LogReader`. Threads may share one; processes open one each."""

    def __init__(self, data_dir: Path) -> None:
        path = schema.path(data_dir)
        if not path.exists():
            raise Unavailable(f"There is no event log in {data_dir}: create it with `vonglau init`.")
        self._lock = threading.Lock()
        self._db = connect(path, readonly=True)
        self._files = history.SealedFiles(history.folder(data_dir))
        with translated():
            schema.settings(self._db)

    def close(self) -> None:
        with self._lock:
            self._files.close()
            self._db.close()

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """One consistent look: the border and the tail belong together."""
        with self._lock, translated():
            self._db.execute("BEGIN")
            try:
                yield self._db
            finally:
                if self._db.in_transaction:
                    self._db.execute("COMMIT")

    def head(self) -> int:
        with self._snapshot() as db:
            return head_of(db)

    def version(self) -> int:
        """Changes whenever something was committed by the writer. Compare only values from one reader."""
        with self._lock, translated():
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def read(
        self, after: int, limit: int, *, world: str | None = None, type: str | None = None, before: int | None = None
    ) -> tuple[list[Recorded], int | None]:
        """Events with `after < pos < before`, oldest first. A filtered page looks at no more than `LOOK` positions."""
        with self._snapshot() as db:
            end = head_of(db) if before is None else min(head_of(db), before - 1)
            border = border_of(db)
            start = max(after, self._files.first(EmbeddedManifest(db)) - 1)
            through = end if world is None and type is None else min(end, start + max(LOOK, limit))
            found: list[Recorded] = []
            if start < border and limit > 0:
                found = self._files.read(
                    EmbeddedManifest(db), start, min(through, border), limit, world=world, type=type
                )
            if len(found) < limit and through > border:
                found += self._tail(db, (max(start, border), through), limit - len(found), world=world, type=type)
        last = found[-1].pos if found and len(found) >= limit else through
        return found, last if last < end and limit > 0 else None

    def _tail(
        self, db: sqlite3.Connection, between: tuple[int, int], limit: int, *, world: str | None, type: str | None
    ) -> list[Recorded]:
        query = f"SELECT {schema.COLUMNS} FROM event WHERE pos > ? AND pos <= ?"  # noqa: S608 - constants
        arguments: list[Any] = [*between]
        for column, value in (("world", world), ("type", type)):
            if value is not None:
                query += f" AND {column} = ?"
                arguments.append(value)
        return [rows.recorded(row) for row in db.execute(f"{query} ORDER BY pos LIMIT ?", [*arguments, limit])]

    def batch(self, after: int, limit: int) -> Batch:
        """Up to `limit` events as columns, unfiltered."""
        parts: list[Batch] = []
        with self._snapshot() as db:
            border = border_of(db)
            while after < border and limit > 0:
                part = self._files.batch(EmbeddedManifest(db), after, limit)
                if part is None:
                    break
                parts.append(part)
                after, limit = part.through, limit - len(part)
            after = max(after, border) if limit > 0 else after
            if limit > 0:
                tail = db.execute(f"{_BATCH} WHERE pos > ? ORDER BY pos LIMIT ?", (after, limit)).fetchall()
                if tail:
                    parts.append(rows.batch(tail))
        return rows.join(parts) if parts else rows.empty(after)

    def get(self, positions: Sequence[int]) -> list[Recorded]:
        """Events at these positions, in the order asked; those whose retention has ended are left out."""
        wanted = sorted(set(positions))
        with self._snapshot() as db:
            border = border_of(db)
            found = self._files.get(EmbeddedManifest(db), [pos for pos in wanted if pos <= border])
            asked = msgspec.json.encode([pos for pos in wanted if pos > border]).decode()
            found += [rows.recorded(row) for row in db.execute(_GET, (border, asked))]
        by_position = {one.pos: one for one in found}
        return [by_position[pos] for pos in positions if pos in by_position]

    def history(self, asked: Asked, derive: Derive) -> Snapshot:
        """See `engines.history.HistoryReader`. Takes the reader for as long as it reads the tail: ask with one of your own."""
        names = layout.needed(asked.wanted)
        columns = ", ".join(_TAIL_NAMES.get(name, name) for name in names)
        query = f"SELECT {columns} FROM event WHERE pos > ?"  # noqa: S608 - constants
        arguments: list[Any] = []
        for test, value in (("world =", asked.world), ("time_us >=", asked.start_us), ("time_us <", asked.end_us)):
            if value is not None:
                query += f" AND {test} ?"
                arguments.append(value)
        with self._snapshot() as db:
            rows = db.execute(query, [border_of(db), *arguments])
            chunks = iter(lambda: rows.fetchmany(CHUNK), [])
            return snapshot(asked, self._files.folder, EmbeddedManifest(db).files(), chunks, derive)

    def quarantine(
        self, after: int, limit: int, *, world: str | None = None, state: str | None = "open"
    ) -> tuple[list[Quarantined], int | None]:
        """Items waiting for a person, oldest first, and the cursor to go on from."""
        query = f"{_QUARANTINE} WHERE id > ?"
        arguments: list[Any] = [after]
        for column, value in (("world", world), ("state", state)):
            if value is not None:
                query += f" AND {column} = ?"
                arguments.append(value)
        with self._snapshot() as db:
            found = db.execute(f"{query} ORDER BY id LIMIT ?", [*arguments, limit + 1]).fetchall()
        items = [Quarantined(*row) for row in found[:limit]]
        return items, items[-1].id if len(found) > limit and items else None

    def quarantined(self, id: int) -> Quarantined | None:
        with self._snapshot() as db:
            row = db.execute(f"{_QUARANTINE} WHERE id = ?", (id,)).fetchone()
        return None if row is None else Quarantined(*row)
