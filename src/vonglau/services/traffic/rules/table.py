"""A detector's state: a table of plain data with one row per key, that grows, and that is one Arrow table at rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of numbers; `width` above 1 makes each cell a fixed-size list."""

    name: str
    type: str
    """NumPy's name of it: f8, f4, i8, u1, …"""
    width: int = 1
    fill: float = 0


class Table:
    """Struct of arrays. Arrays hold spare rows at the end: only the first `len(self)` are real."""

    __slots__ = ("_index", "_size", "columns", "keys", "schema", "text", "totals")

    def __init__(self, schema: Sequence[Column], text: Sequence[str] = (), *, capacity: int = 64) -> None:
        self.schema = tuple(schema)
        self.columns: dict[str, Array] = {column.name: _filled(column, capacity) for column in self.schema}
        self.text: dict[str, list[str]] = {name: [] for name in text}
        self.keys: list[str] = []
        self.totals: dict[str, int] = {}
        """Whole numbers about the table itself: a clock, counters."""
        self._index: dict[str, int] = {}
        self._size = capacity

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def rows(self, keys: Sequence[str]) -> NDArray[np.int64]:
        """The row of each key; unknown keys get the next free row, in the order in which they are met."""
        index = self._index
        try:
            return np.array([index[key] for key in keys], dtype=np.int64)
        except KeyError:
            for key in keys:
                if key not in index:
                    index[key] = len(index)
                    self.keys.append(key)
        for cells in self.text.values():
            cells.extend([""] * (len(self.keys) - len(cells)))
        self._reserve(len(self.keys))
        return np.array([index[key] for key in keys], dtype=np.int64)

    def _reserve(self, rows: int) -> None:
        if rows <= self._size:
            return
        size = max(rows, 2 * self._size)
        for column in self.schema:
            grown = _filled(column, size)
            grown[: self._size] = self.columns[column.name]
            self.columns[column.name] = grown
        self._size = size

    def dump(self) -> bytes:
        """Arrow IPC: `key`, the text columns, the number columns; the totals as schema metadata."""
        arrays: list[pa.Array[Any]] = [pa.array(self.keys, pa.string())]
        arrays += [pa.array(self.text[name], pa.string()) for name in self.text]
        names = ["key", *self.text]
        for column in self.schema:
            flat = pa.array(np.ascontiguousarray(self.columns[column.name][: len(self)]).reshape(-1))
            arrays.append(flat if column.width == 1 else pa.FixedSizeListArray.from_arrays(flat, column.width))
            names.append(column.name)
        metadata = {name: str(value) for name, value in self.totals.items()}
        table = pa.Table.from_arrays(arrays, names=names).replace_schema_metadata(metadata)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue())

    @classmethod
    def load(cls, dumped: bytes, schema: Sequence[Column], text: Sequence[str] = ()) -> "Table":
        with pa.ipc.open_stream(dumped) as reader:
            stored = reader.read_all().combine_chunks()
        keys = stored.column("key").to_pylist()
        table = cls(schema, text, capacity=max(len(keys), 64))
        table.keys = keys
        table._index = {key: row for row, key in enumerate(keys)}
        table.text = {name: stored.column(name).to_pylist() for name in text}
        for column in table.schema:
            cells = stored.column(column.name)
            if len(keys):
                chunk = cells.chunk(0)
                flat = (chunk if column.width == 1 else chunk.flatten()).to_numpy(zero_copy_only=False)
                table.columns[column.name][: len(keys)] = flat.reshape(table.columns[column.name][: len(keys)].shape)
        metadata: Mapping[bytes, bytes] = stored.schema.metadata or {}
        table.totals = {name.decode(): int(value) for name, value in metadata.items()}
        return table


def _filled(column: Column, rows: int) -> Array:
    return np.full((rows, column.width) if column.width > 1 else rows, column.fill, dtype=column.type)
