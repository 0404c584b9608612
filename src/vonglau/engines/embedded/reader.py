"""SQLite's side of reading the log; how tail and sealed files are joined stands in `engines.joined`."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from vonglau.core.errors import NothingYet
from vonglau.engines import history
from vonglau.engines.embedded import schema
from vonglau.engines.embedded.manifest import EmbeddedManifest, head_of
from vonglau.engines.embedded.sqlite import connect, translated
from vonglau.engines.history.snapshot import CHUNK, Asked
from vonglau.engines.joined import JoinedReader, tests_of
from vonglau.engines.rows import COLUMNS, Row

_BATCH = "SELECT pos, time_us, world, source, id, type, subject, lon, lat, data FROM event"
_GET = f"SELECT {COLUMNS} FROM event WHERE pos IN (SELECT value FROM json_each(?))"  # noqa: S608 - constants
_QUARANTINE = "SELECT id, at_us, world, source, event_id, pointer, reason, raw, state, by FROM quarantine"


class EmbeddedLook(EmbeddedManifest):
    """`joined.Look` over one transaction of the log's file."""

    def head(self) -> int:
        return head_of(self._db)

    def tail(
        self, after: int, through: int, limit: int, *, world: str | None = None, type: str | None = None
    ) -> Sequence[Row]:
        query = f"SELECT {COLUMNS} FROM event WHERE pos > ? AND pos <= ?"  # noqa: S608 - constants
        query, arguments = _filtered(query, [after, through], world=world, type=type)
        return self._db.execute(f"{query} ORDER BY pos LIMIT ?", [*arguments, limit]).fetchall()

    def columns(self, after: int, limit: int) -> Sequence[Row]:
        return self._db.execute(f"{_BATCH} WHERE pos > ? ORDER BY pos LIMIT ?", (after, limit)).fetchall()

    def at(self, positions: Sequence[int]) -> Sequence[Row]:
        return self._db.execute(_GET, (msgspec.json.encode(positions).decode(),)).fetchall()

    def chunks(self, columns: Sequence[str], after: int, asked: Asked) -> Iterator[Sequence[Row]]:
        query, arguments = f"SELECT {', '.join(columns)} FROM event WHERE pos > ?", [after]  # noqa: S608 - our own names
        tests = tests_of(asked)
        query += "".join(f" AND {test} ?" for test, _ in tests)
        rows = self._db.execute(query, [*arguments, *(value for _, value in tests)])
        yield from iter(lambda: rows.fetchmany(CHUNK), [])

    def waiting(self, after: int, limit: int, *, world: str | None, state: str | None) -> Sequence[Row]:
        query, arguments = _filtered(f"{_QUARANTINE} WHERE id > ?", [after], world=world, state=state)
        return self._db.execute(f"{query} ORDER BY id LIMIT ?", [*arguments, limit]).fetchall()

    def waiting_one(self, id: int) -> Row | None:
        row: Row | None = self._db.execute(f"{_QUARANTINE} WHERE id = ?", (id,)).fetchone()
        return row


def _filtered(query: str, arguments: list[Any], **columns: str | None) -> tuple[str, list[Any]]:
    for column, value in columns.items():
        if value is not None:
            query += f" AND {column} = ?"
            arguments = [*arguments, value]
    return query, arguments


class EmbeddedReader(JoinedReader):
    """Reads beside the door, from any process."""

    def __init__(self, data_dir: Path) -> None:
        path = schema.path(data_dir)
        if not path.exists():
            raise NothingYet(f"There is no event log in {data_dir}: create it with `vonglau init`.")
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
    def _look(self) -> Iterator[EmbeddedLook]:
        with self._lock, translated():
            self._db.execute("BEGIN")
            try:
                yield EmbeddedLook(self._db)
            finally:
                if self._db.in_transaction:
                    self._db.execute("COMMIT")

    def version(self) -> int:
        with self._lock, translated():
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])
