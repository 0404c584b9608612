"""Writes one sealed file, complete and durable under its final name; large ones in a process of their own."""

import errno
import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vonglau.core.errors import Broken, StorageFull, Unavailable
from vonglau.core.events import from_us
from vonglau.engines.history.files import SealedFile, system_errors
from vonglau.engines.history.reading import GROUP_ROWS
from vonglau.engines.rows import Row

Rows = Callable[[int, int], Sequence[Row]]
"""rows(first, last): the events at these positions, in order (see `engines.rows.recorded` for the columns)."""

_LOOK_S = 0.2

CLOSING = "The log is being closed; sealing goes on when it is opened again."
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


def write(folder: Path, first: int, last: int, rows: Rows) -> SealedFile:
    """Positions `first` to `last` as one durable file under its final name. Raises StorageFull, Unavailable, Broken."""
    name = f"events-{first:012d}-{last:012d}.parquet"
    partial = folder / f"{name}.{os.getpid()}.partial.parquet"
    try:
        with system_errors():
            statistics = _write_groups(rows, partial, first, last)
            digest = _synced_digest(partial)
            size = partial.stat().st_size
            partial.rename(folder / name)
            _sync(folder)
    finally:
        partial.unlink(missing_ok=True)
    return SealedFile(first, last, last - first + 1, name, size, digest, *statistics)


def write_elsewhere(command: Sequence[str], closing: Callable[[], bool]) -> SealedFile:
    """The same by a process that ends with `report`; it is killed when the log is being closed."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while True:
            try:
                said, complaint = process.communicate(timeout=_LOOK_S)
                break
            except subprocess.TimeoutExpired:
                if closing():
                    process.kill()
    if closing():
        raise Unavailable(CLOSING)
    if process.returncode == errno.ENOSPC:
        raise StorageFull
    if process.returncode != 0:
        raise Unavailable(f"Sealing could not write its file: {complaint.strip()[-500:]}")
    return SealedFile(**json.loads(said))


def report(written: Callable[[], SealedFile]) -> int:
    """The end of a process that writes a file: its manifest row as JSON, or exit code 28 (ENOSPC) when the disk is full."""
    try:
        print(json.dumps(asdict(written())))
    except StorageFull:
        return errno.ENOSPC
    return 0


def _write_groups(rows: Rows, path: Path, first: int, last: int) -> tuple[int, int, int]:
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
            group = rows(start, end)
            if len(group) != end - start + 1:
                raise Broken(f"The event log has {len(group)} of the positions {start} to {end}: run `vonglau check`.")
            writer.write_table(_table(group), row_group_size=GROUP_ROWS)
            times = [row[2] for row in group]
            oldest, latest, recorded_us = min(oldest, *times), max(latest, *times), group[-1][1]
    return oldest, latest, recorded_us


def _table(rows: Sequence[Row]) -> pa.Table:
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
