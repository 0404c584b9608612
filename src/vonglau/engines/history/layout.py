"""The layout of a sealed file: its columns, how they are encoded, and how a file of an older layout is read.

A file says its layout in its metadata (`vonglau.layout`; the first one said nothing). Readers bring older ones forward with `upgrade`;
files are rewritten only by retention, or by `vonglau retention`, which also brings old layouts up to date.
Change the columns here, raise `LAYOUT`, add a step to `_STEPS`, and keep a file of the old layout under `tests/` (see decision 0009).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vonglau.core.errors import Broken
from vonglau.core.events import from_us
from vonglau.engines.history.derive import Derive
from vonglau.engines.rows import Row

LAYOUT = 2
"""1: the event and its `local_day`. 2: also `local_hour`, `ward`, `quantity` and `value`; coordinates by dictionary."""

LAYOUT_KEY = b"vonglau.layout"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_SINCE_1975_US = int(datetime(1975, 6, 13, tzinfo=UTC).timestamp()) * 1_000_000
"""From here on the zone is UTC+7 without exception (tz database)."""
_HOUR_US = 3_600_000_000

_TIMESTAMP = pa.timestamp("us", tz="UTC")
_WORD = pa.dictionary(pa.int32(), pa.string())
EVENT = [
    ("pos", pa.int64()),
    ("recorded", _TIMESTAMP),
    ("time", _TIMESTAMP),
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
"""What the log keeps: every layout has these columns, and `LogReader` needs no other."""

DERIVED = [
    ("local_day", pa.date32()),
    ("local_hour", pa.int8()),
    ("ward", _WORD),
    ("quantity", _WORD),
    ("value", pa.float64()),
]
"""What questions need and would otherwise compute from each event, each time."""

EVENT_COLUMNS = [name for name, _type in EVENT]
COLUMNS = EVENT_COLUMNS + [name for name, _type in DERIVED]
SCHEMA = pa.schema([*EVENT, *DERIVED], metadata={LAYOUT_KEY: str(LAYOUT)})

DICTIONARY = [
    *("world", "source", "type", "subject", "extensions", "local_day", "local_hour", "ward", "quantity", "value"),
    *("lon", "lat"),  # most events come from things that do not move; where they do, Parquet falls back to plain
]
ENCODING = {"pos": "DELTA_BINARY_PACKED", "recorded": "DELTA_BINARY_PACKED", "time": "DELTA_BINARY_PACKED"}


def layout_of(schema: pa.Schema) -> int:
    """The layout of a file. Raises Broken for one that a newer program wrote."""
    layout = int((schema.metadata or {}).get(LAYOUT_KEY, b"1"))
    if layout > LAYOUT:
        raise Broken(f"A sealed file has layout {layout}, this program reads up to {LAYOUT}: use the newer program.")
    return layout


def table(rows: Sequence[Row], derive: Derive) -> pa.Table:
    """Rows of the log (see `engines.rows.recorded` for the order) in today's layout."""
    names = ("pos", "recorded", "time", "world", "source", "id", "type", "subject", "lon", "lat", "data", "extensions")
    lists = dict(zip(names, zip(*rows, strict=True), strict=True))
    return columns(lists, COLUMNS, derive).replace_schema_metadata(SCHEMA.metadata)


def columns(lists: Mapping[str, Sequence[Any]], wanted: Sequence[str], derive: Derive) -> pa.Table:
    """Columns of the log as lists (times in µs), as the wanted columns of today's layout; `needed` says which lists these take."""
    made: dict[str, pa.Array] = {}
    for name, type_ in EVENT:
        if name in wanted:
            made[name] = _array(lists[name], type_)
    if "local_day" in wanted or "local_hour" in wanted:
        days, hours = local(np.array(lists["time"], dtype=np.int64))
        made["local_day"] = pa.array(days, pa.int32()).cast(pa.date32())
        made["local_hour"] = pa.array(hours, pa.int8())
    if "ward" in wanted:
        lon, lat = (np.array(lists[name], dtype=np.float64) for name in ("lon", "lat"))
        made["ward"] = _array(derive.wards(lon, lat), _WORD)
    if "quantity" in wanted or "value" in wanted:
        quantities, values = derive.measures(lists["type"], lists["data"])
        made["quantity"] = _array(quantities, _WORD)
        made["value"] = pa.array(values, pa.float64(), from_pandas=True)
    return pa.table({name: made[name] for name in wanted}, schema=pa.schema([SCHEMA.field(name) for name in wanted]))


_TAKES = {
    "local_day": ("time",),
    "local_hour": ("time",),
    "ward": ("lon", "lat"),
    "quantity": ("type", "data"),
    "value": ("type", "data"),
}


def needed(wanted: Sequence[str]) -> list[str]:
    """The event's columns that the wanted ones are made of, in their usual order."""
    take = {one for name in wanted for one in _TAKES.get(name, (name,))}
    return [name for name in EVENT_COLUMNS if name in take]


def _array(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(type_):
        return pa.array(values, pa.string()).dictionary_encode()
    if pa.types.is_timestamp(type_):
        return pa.array(values, pa.int64()).cast(type_)
    if values and isinstance(values[0], bytes):
        return pa.array(values, pa.binary()).cast(type_)
    return pa.array(values, type_)


def with_derived(events: pa.Table, derive: Derive) -> pa.Table:
    """The event's columns, read from a file, completed to today's layout; derived ones that are there are computed anew."""
    lists = {
        "time": events["time"].cast(pa.int64()).to_pylist(),
        "lon": events["lon"].to_numpy(),
        "lat": events["lat"].to_numpy(),
        "type": events["type"].to_pylist(),
        "data": events["data"].cast(pa.binary()).to_pylist(),
    }
    derived = columns(lists, [name for name, _type in DERIVED], derive)
    parts = {name: events[name] for name in EVENT_COLUMNS} | {name: derived[name] for name in derived.column_names}
    return pa.table(parts, schema=SCHEMA)


_STEPS: Mapping[int, Callable[[pa.Table, Derive], pa.Table]] = {1: with_derived}
"""From each older layout to the next."""


def upgrade(table: pa.Table, layout: int, derive: Derive) -> pa.Table:
    """A table read from a file of this layout as one of today's."""
    for step in range(layout, LAYOUT):
        table = _STEPS[step](table, derive)
    return table.select(COLUMNS).replace_schema_metadata(SCHEMA.metadata)


def local(times_us: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """The calendar day in Viet Nam (days since 1970-01-01) and the hour of its clock (0 to 23) of moments, µs UTC."""
    hours = (times_us + 7 * _HOUR_US) // _HOUR_US
    days, clock = (hours // 24).astype(np.int32), (hours % 24).astype(np.int8)
    for row in np.flatnonzero(times_us < _SINCE_1975_US).tolist():
        moment = max(from_us(int(times_us[row])), datetime(1, 1, 2, tzinfo=UTC)).astimezone(ZONE)
        days[row] = (moment.date() - date(1970, 1, 1)) // timedelta(days=1)
        clock[row] = moment.hour
    return days, clock
