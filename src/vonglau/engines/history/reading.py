"""Reads events by position from the files that a manifest names."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vonglau.core.events import Recorded
from vonglau.core.log import Batch
from vonglau.engines.history.damage import Missing, unreadable
from vonglau.engines.history.files import Manifest, SealedFile
from vonglau.engines.history.layout import EVENT_COLUMNS, layout_of
from vonglau.engines.rows import recorded

GROUP_ROWS = 50_000
"""Rows of one row group: what a reader decodes to see a single event."""

_OPEN_FILES = 8
_DECODED_GROUPS = 4
_NEVER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Group:
    """A decoded row group. Positions ascend, with gaps where retention took events out."""

    pos: NDArray[np.int64]
    table: pa.Table

    def between(self, after: int, through: int) -> pa.Table:
        """Its rows with positions in (after, through]."""
        start, end = self.pos.searchsorted([after, through], side="right").tolist()
        return self.table.slice(start, end - start)


@dataclass(frozen=True, slots=True)
class _File:
    parquet: pq.ParquetFile
    last: NDArray[np.int64]
    """The last position of each row group, from the file's own statistics."""


class SealedFiles:
    """Reads events by position: the manifest gives the file, the file's statistics the row group."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: OrderedDict[str, _File] = OrderedDict()
        self._groups: OrderedDict[tuple[str, int], _Group] = OrderedDict()

    def close(self) -> None:
        for file in self._open.values():
            file.parquet.close()
        self._open.clear()
        self._groups.clear()

    def first(self, manifest: Manifest) -> int:
        """The oldest position that can still be read."""
        file = manifest.at_or_after(0)
        return file.first_pos if file else 1

    def read(
        self, manifest: Manifest, after: int, through: int, limit: int, *, world: str | None, type: str | None
    ) -> list[Recorded]:
        found: list[Recorded] = []
        for group in self._from(manifest, after, through):
            table = group.between(after, through)
            for column, value in (("world", world), ("type", type)):
                if value is not None:
                    table = table.filter(pc.equal(table[column], value))
            found += _recorded(table.slice(0, limit - len(found)))
            if len(found) >= limit:
                break
        return found

    def batch(self, manifest: Manifest, after: int, limit: int) -> Batch | None:
        """Up to `limit` rows from the next row group; None when there is none."""
        for group in self._from(manifest, after, _NEVER):
            return _columns(group.between(after, _NEVER).slice(0, limit))
        return None

    def get(self, manifest: Manifest, positions: Sequence[int]) -> list[Recorded]:
        """Events at these positions (ascending); what retention took is left out."""
        found: list[Recorded] = []
        left = list(positions)
        while left:
            group = next(self._from(manifest, left[0] - 1, left[-1]), None)
            if group is None:
                break
            inside = [pos for pos in left if pos <= group.pos[-1]]
            rows = group.pos.searchsorted(inside).tolist()
            found += _recorded(
                group.table.take([row for row, pos in zip(rows, inside, strict=True) if group.pos[row] == pos])
            )
            left = left[len(inside) :]
        return found

    def _from(self, manifest: Manifest, after: int, through: int) -> Iterator[_Group]:
        """Row groups with positions in (after, through], oldest first."""
        while after < through:
            file = manifest.at_or_after(after + 1)
            if file is None or file.first_pos > through:
                return
            if file.rows:
                last = self._file(file).last
                for index in range(int(last.searchsorted(after + 1)), len(last)):
                    group = self._group(file, index)
                    if group.pos[0] > through:
                        return
                    yield group
            after = file.last_pos

    def _group(self, file: SealedFile, index: int) -> _Group:
        key = (file.name, index)
        if key not in self._groups:
            try:
                table = self._file(file).parquet.read_row_group(index, columns=EVENT_COLUMNS)
            except (OSError, pa.ArrowException) as error:
                self._open.pop(file.name).parquet.close()  # what is put in its place is opened anew
                raise unreadable(file, error) from error
            self._groups[key] = _Group(_numbers(table, "pos"), table)
            if len(self._groups) > _DECODED_GROUPS:
                self._groups.popitem(last=False)
        self._groups.move_to_end(key)
        return self._groups[key]

    def _file(self, file: SealedFile) -> _File:
        name = file.name
        if name not in self._open:
            try:
                parquet = pq.ParquetFile(self.folder / name, memory_map=False, page_checksum_verification=True)
            except (OSError, pa.ArrowException) as error:
                raise unreadable(file, error) from error
            layout_of(parquet.schema_arrow)  # one of a newer program is refused
            groups = [parquet.metadata.row_group(i).column(0) for i in range(parquet.num_row_groups)]
            self._open[name] = _File(parquet, np.array([one.statistics.max for one in groups], dtype=np.int64))
            if len(self._open) > _OPEN_FILES:
                self._open.popitem(last=False)[1].parquet.close()
        self._open.move_to_end(name)
        return self._open[name]


P = ParamSpec("P")
R = TypeVar("R")


def looked_again(read: Callable[P, R]) -> Callable[P, R]:
    """For an engine's reader: a file that retention replaces between the look at the manifest and its opening is found at the next look."""

    @wraps(read)
    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(LOOKS - 1):
            with suppress(Missing):
                return read(*args, **kwargs)
        return read(*args, **kwargs)

    return again


LOOKS = 3


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
