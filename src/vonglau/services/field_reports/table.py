"""Reads files of reports with the column names of Open311: Parquet, CSV or CSV.gz, of any city.

Only the columns asked for are read; what a file lacks is said at once, by name, and so is what it has instead.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from vonglau.core.errors import BadFile

Floats = npt.NDArray[np.float64]

ROWS_LIMIT = 20_000_000


def read(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> pa.Table:
    """The columns of a file, the optional ones as far as they are there. BadFile says what is missing."""
    try:
        if path.suffix == ".parquet":
            there = pq.read_schema(path).names
            _need(path, there, columns)
            table = pq.read_table(path, columns=[*columns, *(one for one in optional if one in there)])
        else:
            table = _csv(path)
            _need(path, table.column_names, columns)
            table = table.select([*columns, *(one for one in optional if one in table.column_names)])
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise BadFile(
            f"{path}: neither Parquet (.parquet) nor CSV ({_first_line(error)}); check the file and its name"
        ) from error
    if table.num_rows > ROWS_LIMIT:
        raise BadFile(f"{path}: {table.num_rows:,} rows, at most {ROWS_LIMIT:,}; cut it by time")
    return table


def _csv(path: Path) -> pa.Table:
    """Every cell as text: an id such as 007 keeps its zeros."""
    with pa.input_stream(path, compression="gzip" if path.suffix == ".gz" else None) as stream:
        head = stream.read(1 << 20).split(b"\n", 1)[0].decode("utf-8-sig")
    names = [name.strip().strip('"') for name in head.strip().split(",")]
    convert = pa.csv.ConvertOptions(
        column_types={name: pa.string() for name in names}, strings_can_be_null=True, null_values=[""]
    )
    with pa.input_stream(path, compression="gzip" if path.suffix == ".gz" else None) as stream:
        return pa.csv.read_csv(
            stream,
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=convert,
        )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _need(path: Path, there: Sequence[str], columns: Sequence[str]) -> None:
    missing = [one for one in columns if one not in there]
    if missing:
        raise BadFile(
            f"{path}: no column {', '.join(missing)}; it has {', '.join(there) or 'none'}. "
            f"Rename columns to the names of Open311 (GeoReport v2), with `long` for the longitude."
        )


def once(table: pa.Table, column: str) -> pa.Table:
    """Of rows with the same value in `column` the first."""
    seen: set[str] = set()
    keep = [not (value in seen or seen.add(value)) for value in texts(table, column)]  # type: ignore[func-returns-value]
    return table if all(keep) else table.filter(pa.array(keep))


def texts(table: pa.Table, column: str) -> list[str]:
    """A column as words, "" where empty or absent."""
    if column not in table.column_names:
        return [""] * table.num_rows
    return [value or "" for value in pc.cast(table[column], pa.string()).to_pylist()]


def numbers(table: pa.Table, column: str) -> Floats:
    """A column as numbers, NaN where it is empty or none."""
    values = table[column]
    if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
        found: Floats = pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False)
        return found
    return np.array([_number(value) for value in values.to_pylist()], dtype=np.float64)


def _number(text: str | None) -> float:
    try:
        return float(text) if text else np.nan
    except ValueError:
        return np.nan


def moments(table: pa.Table, column: str) -> Floats:
    """A column of times as seconds since 1970 UTC, NaN where it is empty or none. Without zone: UTC."""
    values = table[column]
    if pa.types.is_timestamp(values.type):
        plain = pc.cast(pc.cast(values, pa.timestamp("us", tz="UTC" if values.type.tz else None)), pa.int64())
        found: Floats = plain.to_numpy(zero_copy_only=False).astype(np.float64) / 1e6
        return found
    return np.array([_moment(value) for value in texts(table, column)], dtype=np.float64)


def _moment(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return np.nan


def day(text: str) -> float:
    """A day (2017-01-01, from 00:00 UTC) or a moment with zone, as seconds since 1970. BadFile for what is neither."""
    found = _moment(text)
    if np.isnan(found):
        raise BadFile(f"{text!r} is no day (2017-01-01) and no moment (2017-01-01T08:00:00+07:00); write one of them")
    return found
