"""Reads CSV, CSV.gz and Parquet as plain cells, a piece at a time: a file may be larger than the memory."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vonglau.core.errors import BadFile

Line = tuple[int, Sequence[object]]
"""A line (CSV: of the file; Parquet: the row, from 1) and the wanted cells in order."""

PIECE = 5_000


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    if not path.is_file():
        raise BadFile(f"{path}: there is no such file; check the path")
    try:
        yield
    except UnicodeDecodeError as problem:
        raise BadFile(f"{path}: not UTF-8; save the file as UTF-8") from problem
    except (OSError, EOFError, zlib.error, pa.ArrowException) as problem:
        raise BadFile(f"{path}: cannot be read ({problem}); give a .csv, .csv.gz or .parquet file") from problem


def count(path: Path) -> int | None:
    """Rows, where the file knows. BadFile when it cannot be read."""
    with _readable(path):
        return int(pq.ParquetFile(path).metadata.num_rows) if path.suffix == ".parquet" else None


def lines(path: Path, columns: Sequence[str]) -> Iterator[Line]:
    """BadFile when the file cannot be read, or lacks a column."""
    with _readable(path):
        yield from _parquet(path, columns) if path.suffix == ".parquet" else _csv(path, columns)


def _missing(path: Path, wanted: Sequence[str], found: Sequence[str]) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        raise BadFile(
            f"{path}: no column {', '.join(missing)}; it has {', '.join(found)}. Mend the mapping's `columns`"
        )


def _parquet(path: Path, columns: Sequence[str]) -> Iterator[Line]:
    with pq.ParquetFile(path) as file:
        _missing(path, columns, file.schema_arrow.names)
        number = 0
        for piece in file.iter_batches(PIECE, columns=list(dict.fromkeys(columns))):
            cells = [piece.column(name).to_pylist() for name in columns]
            for row in zip(*cells, strict=True):
                number += 1
                yield number, row


def _csv(path: Path, columns: Sequence[str]) -> Iterator[Line]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            _missing(path, columns, header)
            at = [header.index(name) for name in columns]
            for cells in reader:
                if cells:
                    padded = [*cells, *[""] * (len(header) - len(cells))]
                    yield reader.line_num, [padded[index] for index in at]
        except csv.Error as problem:
            raise BadFile(f"{path}, line {reader.line_num}: not valid CSV: {problem}; check the quotes") from problem
