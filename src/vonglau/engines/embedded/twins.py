"""Is this event already in the log? The queries of SQLite's side; the rule stands in `engines.twins`."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from vonglau.engines.identities import TailIndex
from vonglau.engines.rows import COLUMNS, Row
from vonglau.engines.twins import Twins

_ROWS = f"SELECT {COLUMNS} FROM event WHERE pos IN (SELECT value FROM json_each(?))"  # noqa: S608 - constants
_IDENTITIES = (
    "SELECT DISTINCT i.hash, i.pos, i.time_us, i.who, i.what FROM json_each(?) AS probe "
    "CROSS JOIN identity AS i ON i.bucket = probe.value ->> 0 AND i.hash = probe.value ->> 1 ORDER BY i.pos"
)


class EmbeddedTwins(Twins):
    """Asks the writer's own connection; callers hold its lock."""

    def __init__(self, db: sqlite3.Connection, tail: TailIndex, bucket_us: int) -> None:
        self._db = db
        super().__init__(tail, bucket_us)

    def _ask(self, query: str, values: Sequence[Any]) -> Iterable[Any]:
        return self._db.execute(query, (msgspec.json.encode(values).decode(),))

    def _rows(self, positions: Sequence[int]) -> Iterable[Row]:
        return self._ask(_ROWS, positions)

    def _identities(self, probes: Sequence[tuple[int, int]]) -> Iterable[tuple[int, int, int, bytes, bytes]]:
        return self._ask(_IDENTITIES, probes)

    def _bucket_from(self, bucket: int) -> int | None:
        (found,) = self._db.execute("SELECT min(bucket) FROM identity WHERE bucket >= ?", (bucket,)).fetchone()
        return None if found is None else int(found)
