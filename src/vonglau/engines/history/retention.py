"""Takes expired events out of sealed files: write, fsync, rename, record in the manifest with a tombstone, only then delete the old file.

A file of which all has expired goes without a successor; its manifest row stays, with no rows, so that positions stay explained.
A file with mixed types is rewritten without the expired rows, in today's layout. Only files whose identities are forgotten are
touched: an event that is sent again within the horizon is still known.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vonglau.core.errors import Broken
from vonglau.core.retention import Cutoffs, Needs
from vonglau.engines.history import layout, pairs, writing
from vonglau.engines.history.derive import Derive
from vonglau.engines.history.files import SealedFile, system_errors


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What retention took out of one file: with it, the file's rows account for every position."""

    first_pos: int
    """Of the file."""
    last_pos: int
    world: str
    type: str
    rows: int
    before_us: int
    rule: str
    at_us: int


class Keeper(Protocol):
    """The writer's side of a manifest; whoever holds it is the log's only writer."""

    folder: Path

    def candidates(self) -> list[SealedFile]:
        """Files with rows whose identities are forgotten, oldest positions first."""

    def replace(self, old: SealedFile, new: SealedFile, tombstones: Sequence[Tombstone]) -> None:
        """In one durable transaction: the new row in place of the old one, and the tombstones."""

    def go_on(self) -> None:
        """Between two steps: raises Unavailable when the log is being closed."""


def expired(
    folder: Path, files: Sequence[SealedFile], cutoffs: Cutoffs, needs: Needs
) -> Iterator[tuple[SealedFile, list[Tombstone]]]:
    """Files with something to take, and what; nothing is changed."""
    for file in files:
        if not file.rows or file.min_time_us >= cutoffs.newest_us or file.first_pos > needs.floor:
            continue
        if found := _tombstones(folder, file, cutoffs, needs):
            yield file, found


def enforce(
    keeper: Keeper,
    cutoffs: Cutoffs,
    needs: Needs,
    derive: Derive,
    told: Callable[[list[Tombstone]], None] = lambda found: None,
) -> list[Tombstone]:
    """Take what has expired; what was taken. Raises StorageFull, Unavailable, Broken: what was done until then stays done.

    `told` hears of each file as soon as it is done: whoever keeps account of it misses nothing when a later file fails.
    """
    taken: list[Tombstone] = []
    for file, found in expired(keeper.folder, keeper.candidates(), cutoffs, needs):
        _take(keeper, file, found, cutoffs, needs, derive)
        told(found)
        taken += found
        keeper.go_on()
    return taken


def modernise(keeper: Keeper, derive: Derive) -> int:
    """Rewrite files of older layouts, one after the other; how many."""
    old = [file for file in keeper.candidates() if file.layout < layout.LAYOUT]
    for file in old:
        _take(keeper, file, [], None, None, derive)
        keeper.go_on()
    return len(old)


def _take(
    keeper: Keeper,
    file: SealedFile,
    tombstones: list[Tombstone],
    cutoffs: Cutoffs | None,
    needs: Needs | None,
    derive: Derive,
) -> None:
    left = file.rows - sum(one.rows for one in tombstones)
    if left:
        tables = _left(keeper.folder / file.name, cutoffs, needs, derive)
        span, revision = (file.first_pos, file.last_pos), _revision(file.name) + 1
        new = writing.write_tables(keeper.folder, span, tables, revision=revision)
        if new.rows != left:
            (keeper.folder / new.name).unlink()
            raise Broken(f"{file.name} has other rows than its manifest says: run `vonglau check`.")
        new = replace(new, last_recorded_us=file.last_recorded_us)  # the log's clock never goes back
    else:
        new = replace(file, rows=0, bytes=0, sha256="", layout=layout.LAYOUT)
    keeper.replace(file, new, tombstones)
    with system_errors():
        (keeper.folder / file.name).unlink(missing_ok=True)
        pairs.path(keeper.folder, file.name).unlink(missing_ok=True)


def _revision(name: str) -> int:
    found = re.search(r"-r(\d+)\.parquet\Z", name)
    return int(found[1]) if found else 0


_JUDGED = ["pos", "recorded", "time", "world", "type"]


def _tombstones(folder: Path, file: SealedFile, cutoffs: Cutoffs, needs: Needs) -> list[Tombstone]:
    now_us = time.time_ns() // 1_000
    counted: dict[tuple[str, str], int] = {}
    rules: dict[str, tuple[int, str]] = {}
    with _opened(folder / file.name) as parquet:
        for group in range(parquet.num_row_groups):
            table = parquet.read_row_group(group, columns=_JUDGED)
            gone, found = _judge(table, cutoffs, needs)
            rules |= found
            taken = table.select(["world", "type"]).filter(pa.array(gone))
            for row in taken.group_by(["world", "type"]).aggregate([([], "count_all")]).to_pylist():
                key = (row["world"], row["type"])
                counted[key] = counted.get(key, 0) + row["count_all"]
    return [
        Tombstone(file.first_pos, file.last_pos, world, type_, rows, *rules[type_], now_us)
        for (world, type_), rows in sorted(counted.items())
    ]


def _judge(table: pa.Table, cutoffs: Cutoffs, needs: Needs) -> tuple[NDArray[np.bool_], Mapping[str, tuple[int, str]]]:
    """Which rows go. An event's age counts from when it happened or was stored, whichever is later: a recording of last year, loaded
    today, is young."""
    types = table["type"].combine_chunks()
    types = types if isinstance(types, pa.DictionaryArray) else types.dictionary_encode()
    words = types.dictionary.to_pylist()
    rules = cutoffs.of(words)
    before = np.array([rules[word][0] if word in rules else -(2**63) for word in words], dtype=np.int64)
    times = [np.asarray(table[name].cast(pa.int64()).to_numpy()) for name in ("time", "recorded")]
    gone = np.maximum(*times) < before[np.asarray(types.indices.to_numpy())]
    pos = np.asarray(table["pos"].to_numpy())
    return gone & ~np.isin(pos, needs.held) & (pos <= needs.floor), rules


def _left(path: Path, cutoffs: Cutoffs | None, needs: Needs | None, derive: Derive) -> Iterator[pa.Table]:
    """What stays, in today's layout: everything, where no cutoffs are given."""
    with _opened(path) as parquet:
        number = layout.layout_of(parquet.schema_arrow)
        for group in range(parquet.num_row_groups):
            table = parquet.read_row_group(group)
            if cutoffs is not None and needs is not None:
                table = table.filter(pa.array(~_judge(table, cutoffs, needs)[0]))
            if len(table):
                yield layout.upgrade(table, number, derive).cast(layout.SCHEMA)


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise Broken(f"Sealed file {path.name} cannot be read ({error}); restore it from a backup.") from error
