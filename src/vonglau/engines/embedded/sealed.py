"""History: the manifest in `log.db` and the Parquet files it names."""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vonglau.core.errors import Broken
from vonglau.core.events import Recorded
from vonglau.core.log import Batch
from vonglau.engines.embedded.rows import recorded

GROUP_ROWS = 50_000
"""Rows of one row group: what a reader decodes to see a single event."""

_OPEN_FILES = 8
_DECODED_GROUPS = 4
_NEAREST = "SELECT first_pos, last_pos, name FROM sealed WHERE first_pos <= ? ORDER BY first_pos DESC LIMIT 1"
_NEXT = "SELECT first_pos, last_pos, name FROM sealed WHERE first_pos > ? ORDER BY first_pos LIMIT 1"


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


@dataclass(frozen=True, slots=True)
class _Group:
    first_pos: int
    table: pa.Table


class SealedFiles:
    """Reads events by position. Positions are dense inside a file, so a row group is found by arithmetic."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: OrderedDict[str, pq.ParquetFile] = OrderedDict()
        self._groups: OrderedDict[tuple[str, int], _Group] = OrderedDict()

    def close(self) -> None:
        for file in self._open.values():
            file.close()
        self._open.clear()
        self._groups.clear()

    def first(self, db: sqlite3.Connection) -> int:
        """The oldest position that can still be read."""
        row = db.execute("SELECT min(first_pos) FROM sealed").fetchone()
        return int(row[0]) if row and row[0] is not None else 1

    def read(
        self, db: sqlite3.Connection, after: int, through: int, limit: int, *, world: str | None, type: str | None
    ) -> list[Recorded]:
        found: list[Recorded] = []
        for group in self._from(db, after, through):
            table = _between(group, after, through)
            for column, value in (("world", world), ("type", type)):
                if value is not None:
                    table = table.filter(pc.equal(table[column], value))
            found += _recorded(table.slice(0, limit - len(found)))
            if len(found) >= limit:
                break
        return found

    def batch(self, db: sqlite3.Connection, after: int, limit: int) -> Batch | None:
        """Up to `limit` rows from the next row group; None when there is none."""
        for group in self._from(db, after, 2**63 - 1):
            return _columns(_between(group, after, 2**63 - 1).slice(0, limit))
        return None

    def get(self, db: sqlite3.Connection, positions: Sequence[int]) -> list[Recorded]:
        found: list[Recorded] = []
        left = list(positions)
        while left:
            group = next(self._from(db, left[0] - 1, left[0]), None)
            if group is None:
                left = left[1:]
                continue
            end = group.first_pos + len(group.table)
            inside = [pos for pos in left if pos < end]
            found += _recorded(group.table.take([pos - group.first_pos for pos in inside]))
            left = left[len(inside) :]
        return found

    def _from(self, db: sqlite3.Connection, after: int, through: int) -> Iterator[_Group]:
        """Row groups with positions in (after, through], oldest first."""
        while after < through:
            row = db.execute(_NEAREST, (after + 1,)).fetchone()
            if row is None or row[1] <= after:
                row = db.execute(_NEXT, (after + 1,)).fetchone()
            if row is None or row[0] > through:
                return
            first, last, name = row
            index = (max(after + 1, first) - first) // GROUP_ROWS
            yield self._group(name, first, index)
            after = min(first + (index + 1) * GROUP_ROWS - 1, last)

    def _group(self, name: str, first_pos: int, index: int) -> _Group:
        key = (name, index)
        if key not in self._groups:
            try:
                table = self._file(name).read_row_group(index)
            except (OSError, pa.ArrowException) as error:
                raise Broken(f"Sealed file {name} cannot be read ({error}); restore it from a backup.") from error
            self._groups[key] = _Group(first_pos + index * GROUP_ROWS, table)
            if len(self._groups) > _DECODED_GROUPS:
                self._groups.popitem(last=False)
        self._groups.move_to_end(key)
        return self._groups[key]

    def _file(self, name: str) -> pq.ParquetFile:
        if name not in self._open:
            self._open[name] = pq.ParquetFile(self._folder / name, memory_map=False)
            if len(self._open) > _OPEN_FILES:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(name)
        return self._open[name]


def _between(group: _Group, after: int, through: int) -> pa.Table:
    """The rows of a group with positions in (after, through]."""
    start = max(after + 1 - group.first_pos, 0)
    return group.table.slice(start, max(through - group.first_pos + 1 - start, 0))


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    column = table[name]
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return np.asarray(column.to_numpy())


def _bytes(table: pa.Table) -> list[bytes]:
    found: list[bytes] = table["data"].cast(pa.binary()).to_pylist()
    return found


def _words(table: pa.Table, name: str) -> list[Any]:
    """A column of few different values: each becomes one string, shared by its rows."""
    words: list[Any] = []
    for chunk in table[name].chunks:
        values = [*chunk.dictionary.to_pylist(), None]
        words += [values[i] for i in chunk.indices.fill_null(-1).to_numpy().tolist()]
    return words


def _columns(table: pa.Table) -> Batch:
    pos = _numbers(table, "pos")
    return Batch(
        pos=pos,
        time=_numbers(table, "time"),
        world=_words(table, "world"),
        source=_words(table, "source"),
        id=table["id"].to_pylist(),
        type=_words(table, "type"),
        subject=_words(table, "subject"),
        lon=_numbers(table, "lon").astype(np.float64),
        lat=_numbers(table, "lat").astype(np.float64),
        data=_bytes(table),
        through=int(pos[-1]),
    )


def _recorded(table: pa.Table) -> list[Recorded]:
    columns = [
        table["pos"].to_pylist(),
        _numbers(table, "recorded").tolist(),
        _numbers(table, "time").tolist(),
        *(table[name].to_pylist() for name in ("world", "source", "id", "type", "subject", "lon", "lat")),
        _bytes(table),
        table["extensions"].to_pylist(),
    ]
    return [recorded(row) for row in zip(*columns, strict=True)]
