"""Reads CSV, CSV.gz and Parquet as plain cells, a piece at a time: a file may be larger than the memory, and it may be hostile.

Nothing in a file is ever run or believed: lines, cells and what a file unpacks to have bounds, and a name with control characters is shown
escaped. What is wrong with the whole file is a BadFile that names the line; what is wrong with one row is for the caller to say.
"""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from vonglau.core.errors import BadFile

Line = tuple[int, Sequence[object]]
"""A line (CSV: of the file; Parquet: the row, from 1) and the wanted cells in order."""

PIECE = 5_000
LINE_BYTES = 1 << 20
CELL_CHARS = 128 << 10
RATIO, RATIO_FROM = 200, 64 << 20
"""A gz file that unpacks to more than 64 MiB and 200 times what was read of it is a bomb: tables of measurements pack 5 to 30 times."""
GROUP_BYTES = 1 << 30
"""Most bytes that one row group of a Parquet file may unpack to."""
ROWS_PER_BYTE = 1_000

ENCODINGS = ("utf-8", "windows-1252", "windows-1258", "iso-8859-1")
"""In all of them a line ends where the byte of a line feed stands."""

Told = Callable[[int], None]


def shown(name: object) -> str:
    """A foreign name or cell as it may stand in a message: one line, no control characters, not long."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in str(name))[:80]


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    if not path.is_file():
        raise BadFile(f"{path}: there is no such file; check the path")
    try:
        yield
    except (OSError, EOFError, zlib.error, pa.ArrowException) as problem:
        said = shown(" ".join(str(problem).split()))
        raise BadFile(f"{path}: cannot be read ({said}); give a .csv, .csv.gz or .parquet file") from problem


def is_parquet(path: Path) -> bool:
    if path.suffix == ".parquet":
        return True
    with _readable(path), path.open("rb") as file:
        return file.read(4) == b"PAR1"


def count(path: Path) -> int | None:
    """Rows, where the file knows. BadFile when it cannot be read."""
    with _readable(path):
        return int(pq.ParquetFile(path).metadata.num_rows) if is_parquet(path) else None


def lines(
    path: Path,
    columns: Sequence[str],
    *,
    encoding: str = "utf-8",
    delimiter: str = ",",
    told: Told = lambda position: None,
) -> Iterator[Line]:
    """BadFile when the file cannot be read, or lacks a column. `told` hears how far it is: bytes of the file, or rows of Parquet."""
    with _readable(path):
        if is_parquet(path):
            yield from _parquet(path, columns, told)
        else:
            yield from _csv(path, columns, encoding, delimiter, told)


def _chosen(path: Path, wanted: Sequence[str], found: Sequence[str]) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        has = ", ".join(map(shown, found[:50]))
        raise BadFile(f"{path}: no column {', '.join(map(shown, missing))}; it has {has}. Mend the mapping's `columns`")
    twice = [name for name in wanted if list(found).count(name) > 1]
    if twice:
        raise BadFile(f"{path}: the column {shown(twice[0])} is there twice; which one is meant? Rename one")


def _parquet(path: Path, columns: Sequence[str], told: Told) -> Iterator[Line]:
    with pq.ParquetFile(path) as file:
        _chosen(path, columns, file.schema_arrow.names)
        about = file.metadata
        largest = max((about.row_group(number).total_byte_size for number in range(about.num_row_groups)), default=0)
        if largest > GROUP_BYTES or about.num_rows > ROWS_PER_BYTE * path.stat().st_size:
            raise BadFile(
                f"{path}: it would unpack to far more than it is (a row group of {largest >> 20} MiB, {about.num_rows} rows); "
                "write it again with smaller row groups"
            )
        number = 0
        for piece in file.iter_batches(PIECE, columns=list(dict.fromkeys(columns))):
            cells = [piece.column(name).to_pylist() for name in columns]
            for row in zip(*cells, strict=True):
                number += 1
                yield number, row
            told(number)


def _csv(path: Path, columns: Sequence[str], encoding: str, delimiter: str, told: Told) -> Iterator[Line]:
    reader = csv.reader(_text(path, encoding, told), strict=True, delimiter=delimiter)
    try:
        header = next(reader, [])
        _chosen(path, columns, header)
        at = [header.index(name) for name in columns]
        for cells in reader:
            if cells:
                padded = [*cells, *[""] * (len(header) - len(cells))]
                yield reader.line_num, [padded[index] for index in at]
    except csv.Error as problem:
        raise BadFile(f"{path}, line {reader.line_num}: not valid CSV: {problem}; check the quotes") from problem


def _text(path: Path, encoding: str, told: Told) -> Iterator[str]:
    """Lines of text, none longer than it may be."""
    with path.open("rb") as raw:
        start = raw.read(4)
        raw.seek(0)
        if start[:2] in (b"\xff\xfe", b"\xfe\xff") or start[1:2] == b"\0":
            raise BadFile(f"{path}: this is UTF-16 or no text at all; save the file as UTF-8")
        with gzip.GzipFile(fileobj=raw) if start[:2] == b"\x1f\x8b" else nullcontext(raw) as file:
            yield from _lines_of(path, file, raw, encoding, told)
        told(raw.tell())


def _lines_of(path: Path, file: IO[bytes] | gzip.GzipFile, raw: IO[bytes], encoding: str, told: Told) -> Iterator[str]:
    number = size = 0
    while line := file.readline(LINE_BYTES + 1):
        number, size = number + 1, size + len(line)
        if len(line) > LINE_BYTES:
            raise BadFile(f"{path}, line {number}: longer than {LINE_BYTES >> 10} KiB; is this a table?")
        if number % 500 == 0 or size > RATIO_FROM:
            read = raw.tell()
            if file is not raw and size > RATIO_FROM and size > RATIO * read:
                raise BadFile(
                    f"{path}: it unpacks to more than {RATIO} times its size; unpack it yourself if you trust it"
                )
            if number % 500 == 0:
                told(read)
        if number == 1 and line.startswith(b"\xef\xbb\xbf"):
            line = line[3:]
        try:
            yield line.decode(encoding)
        except UnicodeDecodeError as problem:
            raise BadFile(
                f"{path}, line {number}: not UTF-8; save the file as UTF-8"
                if encoding == "utf-8"
                else f"{path}, line {number}: not {encoding}; mend the mapping's `encoding`"
            ) from problem
