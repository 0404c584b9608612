"""What a question is put to: the sealed files that may hold an answer, and the tail beyond their border, of one moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from vonglau.core.log import LogReader
from vonglau.engines.history import layout
from vonglau.engines.history.derive import Derive
from vonglau.engines.history.files import SealedFile

CHUNK = 50_000
"""Rows of the tail that are turned into Arrow at a time."""

ALWAYS = ("pos", "time", "world")


@dataclass(frozen=True, slots=True)
class Asked:
    """The frame of a question. Files and rows outside it are never shown, so that the question need not repeat it."""

    world: str | None
    """None mixes all worlds: only for a person who says so."""
    start_us: int | None = None
    """Half-open period [start, end) of event time, µs UTC; None: without bound."""
    end_us: int | None = None
    columns: frozenset[str] | None = None
    """Those the question uses; None: all. The tail is rows, and each column of them costs."""

    @property
    def wanted(self) -> list[str]:
        return [name for name in layout.COLUMNS if self.columns is None or name in self.columns or name in ALWAYS]

    def may_hold(self, file: SealedFile) -> bool:
        return (
            file.rows > 0
            and (self.world is None or file.world in ("", self.world))
            and (self.start_us is None or file.max_time_us >= self.start_us)
            and (self.end_us is None or file.min_time_us < self.end_us)
        )

    def holds_all(self, file: SealedFile) -> bool:
        """Whether every row of the file is inside the frame, so that none needs to be looked at."""
        return (
            (self.world is None or file.world == self.world)
            and (self.start_us is None or file.min_time_us >= self.start_us)
            and (self.end_us is None or file.max_time_us < self.end_us)
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Files and tail of one moment."""

    asked: Asked
    folder: Path
    files: Sequence[SealedFile]
    """Those that may hold rows inside the frame."""
    every: Sequence[SealedFile]
    """The whole manifest."""
    tail: pa.Table
    """`asked.wanted` columns; rows inside the frame only."""


class HistoryReader(LogReader, Protocol):
    """An engine's reader that can be asked about history."""

    def history(self, asked: Asked, derive: Derive) -> Snapshot:
        """Raises Unavailable as other reads do."""

    def candidates(self) -> list[SealedFile]:
        """Files that retention may touch."""

    def close(self) -> None: ...


def snapshot(
    asked: Asked,
    folder: Path,
    files: Iterable[SealedFile],
    chunks: Iterable[Sequence[Sequence[Any]]],
    derive: Derive,
) -> Snapshot:
    """For engines. `chunks`: rows of the tail inside the frame, each with the columns `layout.needed(asked.wanted)`."""
    names, wanted = layout.needed(asked.wanted), asked.wanted
    tables = [
        layout.columns(dict(zip(names, zip(*rows, strict=True), strict=True)), wanted, derive)
        for rows in chunks
        if rows
    ]
    schema = pa.schema([layout.SCHEMA.field(name) for name in wanted])
    tail = pa.concat_tables(tables).unify_dictionaries() if tables else schema.empty_table()
    every = list(files)
    return Snapshot(asked, folder, [file for file in every if asked.may_hold(file)], every, tail)
