"""Writes one sealed file. Also a program of its own, so that compressing does not slow the door down:

python -m vonglau.engines.embedded.parquet DATA_DIR FIRST LAST
"""

import errno
import hashlib
import json
import os
import sqlite3
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vonglau.core.errors import Broken, StorageFull
from vonglau.core.events import from_us
from vonglau.engines.embedded import schema
from vonglau.engines.embedded.sealed import GROUP_ROWS
from vonglau.engines.embedded.sealing import SealedFile
from vonglau.engines.embedded.sqlite import connect, translated

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_SINCE_1975_US = int(datetime(1975, 6, 13, tzinfo=UTC).timestamp()) * 1_000_000
"""From here on the zone is UTC+7 without exception (tz database)."""
_DAY_US = 86_400_000_000

_TIMESTAMP = pa.timestamp("us", tz="UTC")
_WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        ("pos", pa.int64()),
        ("recorded", _TIMESTAMP),
        ("time", _TIMESTAMP),
        ("local_day", pa.date32()),
        ("world", _WORD),
        ("source", _WORD),
        ("id", pa.string()),
        ("type", _WORD),
        ("subject", _WORD),
        ("lon", pa.float64()),
        ("lat", pa.float64()),
        ("data", pa.string()),
        ("extensions", pa.string()),
    ]
)
_DICTIONARY = ["world", "source", "type", "subject", "extensions"]
_ENCODING = {
    "pos": "DELTA_BINARY_PACKED",
    "recorded": "DELTA_BINARY_PACKED",
    "time": "DELTA_BINARY_PACKED",
    "lon": "BYTE_STREAM_SPLIT",
    "lat": "BYTE_STREAM_SPLIT",
}


def write(data_dir: Path, first: int, last: int) -> SealedFile:
    """Positions `first` to `last` of the tail as one durable file under its final name."""
    folder = data_dir / schema.SEALED
    name = f"events-{first:012d}-{last:012d}.parquet"
    partial = folder / f"{name}.{os.getpid()}.partial.parquet"
    db = connect(schema.path(data_dir), readonly=True)
    try:
        with translated():
            statistics = _write_groups(db, partial, first, last)
            digest = _synced_digest(partial)
            size = partial.stat().st_size
            partial.rename(folder / name)
            _sync(folder)
    finally:
        db.close()
        partial.unlink(missing_ok=True)
    return SealedFile(first, last, name, size, digest, *statistics)


def _write_groups(db: sqlite3.Connection, path: Path, first: int, last: int) -> tuple[int, int, int]:
    """(oldest time, latest time, last recorded), µs."""
    writer = pq.ParquetWriter(
        path,
        SCHEMA,
        compression="zstd",
        compression_level=3,
        use_dictionary=_DICTIONARY,
        column_encoding=_ENCODING,
        write_statistics=True,
        store_schema=True,
    )
    oldest, latest, recorded_us = 2**63 - 1, -(2**63), 0
    with writer:
        for start in range(first, last + 1, GROUP_ROWS):
            end = min(start + GROUP_ROWS - 1, last)
            query = f"SELECT {schema.COLUMNS} FROM event WHERE pos BETWEEN ? AND ? ORDER BY pos"  # noqa: S608 - constants
            rows = db.execute(query, (start, end)).fetchall()
            if len(rows) != end - start + 1:
                raise Broken(f"The event log has {len(rows)} of the positions {start} to {end}: run `vonglau check`.")
            table = _table(rows)
            writer.write_table(table, row_group_size=GROUP_ROWS)
            times = [row[2] for row in rows]
            oldest, latest, recorded_us = min(oldest, *times), max(latest, *times), rows[-1][1]
    return oldest, latest, recorded_us


def _table(rows: list[tuple[Any, ...]]) -> pa.Table:
    pos, recorded, times, world, source, id_, type_, subject, lon, lat, data, extensions = zip(*rows, strict=True)
    columns = {
        "pos": pos,
        "recorded": recorded,
        "time": times,
        "world": world,
        "source": source,
        "id": id_,
        "type": type_,
        "subject": subject,
        "lon": lon,
        "lat": lat,
        "extensions": extensions,
    }
    arrays: dict[str, pa.Array] = {}
    for field in SCHEMA:
        if field.name == "local_day":
            arrays[field.name] = pa.array(local_days(np.array(times, dtype=np.int64)), pa.int32()).cast(pa.date32())
        elif field.name == "data":
            arrays[field.name] = pa.array(data, pa.binary()).cast(pa.string())
        elif pa.types.is_dictionary(field.type):
            arrays[field.name] = pa.array(columns[field.name], pa.string()).dictionary_encode()
        elif pa.types.is_timestamp(field.type):
            arrays[field.name] = pa.array(columns[field.name], pa.int64()).cast(field.type)
        else:
            arrays[field.name] = pa.array(columns[field.name], field.type)
    return pa.table(arrays, schema=SCHEMA)


def local_days(times_us: NDArray[np.int64]) -> NDArray[np.int32]:
    """Days since 1970-01-01 of the calendar in Viet Nam."""
    days = ((times_us + 7 * 3_600_000_000) // _DAY_US).astype(np.int32)
    for row in np.flatnonzero(times_us < _SINCE_1975_US).tolist():
        moment = max(from_us(int(times_us[row])), datetime(1, 1, 2, tzinfo=UTC))
        days[row] = (moment.astimezone(ZONE).date() - date(1970, 1, 1)) // timedelta(days=1)
    return days


def _synced_digest(path: Path) -> str:
    """fsync, and SHA-256 of what is now on the disk."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        os.fsync(file.fileno())
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _sync(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)


def main(arguments: list[str]) -> int:
    """Exit code 28 (ENOSPC) when the disk is full; the manifest row as JSON otherwise."""
    data_dir, first, last = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    try:
        print(json.dumps(asdict(write(data_dir, first, last))))
    except StorageFull:
        return errno.ENOSPC
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
