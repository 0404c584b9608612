"""The file of a recording: Parquet with one row per record, and what it is in the file's own metadata.

    record     "state" | "alert" | "event", in this order
    state      detector, version, bucket, state: what a detector knew when the interval began
    alert      detector, data (JSON): an alert that was open when it began
    event      pos, time, recorded, source, id, type, subject, lon, lat, data, extensions: as they lie in the log, in its order, ticks
               included; `world` is not among them, because the file names one and a replay another

Layout 1. A later layout may add columns and members: readers ask for what they know by name, and refuse a larger layout number.
Events hold no personal data (contract 1), and nothing else is written but what detectors derive from them.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from vonglau.core.errors import BadFile

LAYOUT = 1
KEY = b"vonglau.recording"
GROUP_ROWS = 50_000
STATE, ALERT, EVENT = "state", "alert", "event"
MOST_BYTES = 1 << 30
"""Of one row group, unpacked: what this program writes is far smaller."""

_MOMENT = pa.timestamp("us", tz="UTC")
_WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        pa.field("record", _WORD, nullable=False),
        ("pos", pa.int64()),
        ("time", _MOMENT),
        ("recorded", _MOMENT),
        ("source", _WORD),
        ("id", pa.string()),
        ("type", _WORD),
        ("subject", _WORD),
        ("lon", pa.float64()),
        ("lat", pa.float64()),
        ("data", pa.string()),
        ("extensions", pa.string()),
        ("detector", _WORD),
        ("version", pa.int32()),
        ("bucket", pa.int32()),
        ("state", pa.binary()),
    ]
)
COLUMNS = tuple(SCHEMA.names)

Row = tuple[Any, ...]
"""One record in the order of `COLUMNS`; times in µs."""


class About(msgspec.Struct, kw_only=True):
    """What a recording is: JSON under the key `vonglau.recording` of the Parquet file."""

    layout: int
    program: str
    """Version that wrote it."""
    installation: str
    """Where it comes from: the public address, or the name of the live world."""
    made_at: str
    world: str
    kind: str
    locality: str
    title_vi: str
    title_en: str
    start: str
    end: str
    """The interval as it was asked for, by the world's clock."""
    after: int
    through: int
    """Positions in the log it comes from: behind `after`, up to and including `through`."""
    types: list[str] | None = None
    """Only these types (and ticks); None: all."""
    lead_in: str = "all"
    """What the detectors' states were learnt from: all | none | seconds before the start."""
    lead_in_complete: bool = True
    """False where the log no longer reached back so far."""
    detectors: dict[str, int] = {}
    """Detectors whose state is in it, with the version of their rule."""
    without: dict[str, str] = {}
    """Detectors whose state is not, and why."""
    events: int = 0
    ticks: int = 0
    states: int = 0
    alerts: int = 0
    sha256: str = ""
    """Over the records in their order, whatever the compression: see `Digest`."""


class Digest:
    """SHA-256 over the records: MessagePack of each row in the order of layout 1's columns, one after the other."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()
        self._encode = msgspec.msgpack.Encoder().encode

    def add(self, row: Row) -> None:
        self._sum.update(self._encode(row))

    def hex(self) -> str:
        return self._sum.hexdigest()


class Writer:
    """Writes records. `finish` adds what the file is; without it there is no recording."""

    def __init__(self, path: Path) -> None:
        self._digest = Digest()
        self._rows: list[Row] = []
        self._file = pq.ParquetWriter(path, SCHEMA, compression="zstd", compression_level=3, store_schema=True)

    def add(self, **cells: Any) -> None:
        row = tuple(cells.get(name) for name in COLUMNS)
        self._digest.add(row)
        self._rows.append(row)
        if len(self._rows) >= GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        """End the row group."""
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [_array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
            self._file.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA), row_group_size=GROUP_ROWS)
            self._rows = []

    def finish(self, about: About) -> None:
        self.flush()
        about.sha256 = self._digest.hex()
        self._file.add_key_value_metadata({KEY: msgspec.json.encode(about)})
        self.close()

    def close(self) -> None:
        self._file.close()


def _array(values: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(values, pa.string()).dictionary_encode()
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)


def is_recording(path: Path) -> bool:
    """Whether the file is Parquet and says that it is a recording."""
    try:
        with path.open("rb") as file:
            if file.read(4) != b"PAR1":
                return False
        with pq.ParquetFile(path) as parquet:
            return KEY in (parquet.metadata.metadata or {})
    except (OSError, pa.ArrowException):
        return False


def about(path: Path) -> About:
    """What the file is. BadFile when it is no recording, or one of a later program."""
    try:
        with pq.ParquetFile(path) as file:
            text = (file.metadata.metadata or {}).get(KEY)
            groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    except (OSError, pa.ArrowException) as problem:
        raise BadFile(f"{path}: cannot be read as Parquet ({_short(problem)}); export it again.") from problem
    if text is None:
        raise BadFile(
            f"{path}: Parquet, but no recording of Vọng Lâu: give a --mapping that says what its columns mean."
        )
    try:
        layout = json.loads(text).get("layout")
        if not isinstance(layout, int) or layout > LAYOUT:
            raise BadFile(f"{path}: layout {layout}, this program reads up to {LAYOUT}: update the program.")
        found = msgspec.json.decode(text, type=About)
    except (ValueError, AttributeError, msgspec.MsgspecError) as problem:
        raise BadFile(f"{path}: its metadata are damaged ({_short(problem)}); export it again.") from problem
    if any(group.total_byte_size > MOST_BYTES for group in groups):
        raise BadFile(
            f"{path}: a row group unpacks to more than {MOST_BYTES >> 20} MiB; this program wrote none so large."
        )
    return found


def rows(path: Path, record: str | None = None) -> Iterator[Row]:
    """The records in their order, some thousand in memory at a time. BadFile when the file is damaged."""
    try:
        with pq.ParquetFile(path) as file:
            missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
            if missing:
                raise BadFile(f"{path}: no column {', '.join(missing)}; export it again.")
            for piece in file.iter_batches(5_000, columns=list(COLUMNS)):
                cells = [_cells(piece.column(name)) for name in COLUMNS]
                yield from (row for row in zip(*cells, strict=True) if record is None or row[0] == record)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as problem:
        raise BadFile(f"{path}: cannot be read to its end ({_short(problem)}); export or copy it again.") from problem


def _cells(column: Any) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(_MOMENT).cast(pa.int64())
    found: list[Any] = column.to_pylist()
    return found


def verify(path: Path) -> About:
    """Read it all and compare with what it says of itself. BadFile names what differs."""
    said, digest = about(path), Digest()
    counted = dict.fromkeys((STATE, ALERT, EVENT), 0)
    for row in rows(path):
        digest.add(row)
        counted[row[0]] = counted.get(row[0], 0) + 1
    want = {STATE: said.states, ALERT: said.alerts, EVENT: said.events + said.ticks}
    if counted != want or digest.hex() != said.sha256:
        raise BadFile(f"{path}: its records are not those it was made of (SHA-256 differs); copy or export it again.")
    return said


def _short(problem: BaseException) -> str:
    return " ".join(str(problem).split())[:200]
