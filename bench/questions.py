"""How soon a question to history is answered: N events in real sealed files, asked through Ibis and as `vonglau history` asks.

The files are written by the product's own writer (`engines.history.writing.write_tables`: same layout, encodings, row groups, fsync,
digest) and named in a real manifest; only the way there is shorter: columns are drawn as arrays, not taken out of SQLite row by row.
Sensors stand in Đà Nẵng, one measurement of a sensor every `SENSORS / rate` seconds over 30 days; the last `tail` events are in the log's
tail, appended as events. Everything is deleted afterwards.
"""

import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vonglau.core.events import Event
from vonglau.core.places.index import PlaceIndex
from vonglau.engines.embedded import manifest, open_reader, open_writer
from vonglau.engines.embedded.sqlite import immediate
from vonglau.engines.history import SealedFile, layout, reading, writing
from vonglau.engines.history.derive import Nothing
from vonglau.engines.history.duck import Limits
from vonglau.engines.history.expressions import events
from vonglau.engines.history.query import ask
from vonglau.engines.history.snapshot import Asked

SENSORS = 5_000
DAYS = 30
FILE_ROWS = 1_000_000
TYPE = "vn.vonglau.traffic.measured"
DAY_US = 86_400_000_000
START_US = 1_767_200_400_000_000  # 2026-01-01 00:00 in Viet Nam
RNG = np.random.default_rng(20_260_101)
LON, LAT = 108.10 + 0.15 * RNG.random(SENSORS), 15.98 + 0.12 * RNG.random(SENSORS)
VALUES = np.arange(1_201) / 10  # 0.0 to 120.0 km/h


class City(Nothing):
    """Wards as the door finds them; numbers of the tail's payloads, which are all alike."""

    def __init__(self) -> None:
        self._index = PlaceIndex.build({"48"})

    def wards(self, lon: Any, lat: Any) -> Any:
        return [code or None for code in self._index.locate_many(lon, lat)[0].tolist()]

    def measures(self, type: Any, data: Any) -> Any:
        return ["speed"] * len(data), np.array([float(said[28:-1]) for said in data])


def payload(value: float) -> str:
    return f'{{"quantity":"speed","value":{value}}}'


def _dictionary(rows: Any, words: list[str | None]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(rows, pa.int32()), pa.array(words, pa.string()))


class Maker:
    """Draws and writes files."""

    def __init__(self, folder: Path, total: int, city: City) -> None:
        self.folder, self.step_us = folder, DAYS * DAY_US / total
        self.wards = pa.array(city.wards(LON, LAT), pa.string())
        self.payloads = pa.array([payload(value) for value in VALUES.tolist()])
        self.subjects: list[str | None] = [f"sensor-{n:04d}" for n in range(SENSORS)]

    def file(self, span: tuple[int, int]) -> SealedFile:
        first, last = span
        groups = (
            self.table(start, min(start + reading.GROUP_ROWS - 1, last))
            for start in range(first, last + 1, reading.GROUP_ROWS)
        )
        return writing.write_tables(self.folder, span, groups)

    def table(self, first: int, last: int) -> pa.Table:
        n = last - first + 1
        rng = np.random.default_rng(first)
        pos = np.arange(first, last + 1)
        times = np.minimum(
            START_US + (pos * self.step_us).astype(np.int64) + rng.integers(0, 2_000_000, n),
            START_US + DAYS * DAY_US - 1,
        )
        sensor = rng.integers(0, SENSORS, n).astype(np.int32)
        value = np.clip(rng.normal(400, 120, n), 0, 1_200).astype(np.int32)
        days, hours = layout.local(times)
        zero = np.zeros(n, dtype=np.int32)
        arrays = {
            "pos": pa.array(pos),
            "recorded": pa.array(times + 80_000).cast(pa.timestamp("us", "UTC")),
            "time": pa.array(times).cast(pa.timestamp("us", "UTC")),
            "world": _dictionary(zero, ["live"]),
            "source": _dictionary(sensor % 50, [f"/districts/{k}" for k in range(50)]),
            "id": pc.binary_join_element_wise("m", pa.array(pos).cast(pa.string()), "-"),
            "type": _dictionary(zero, [TYPE]),
            "subject": _dictionary(sensor, self.subjects),
            "lon": pa.array(LON[sensor]),
            "lat": pa.array(LAT[sensor]),
            "data": self.payloads.take(pa.array(value)),
            "extensions": pa.nulls(n, pa.string()),
            "local_day": pa.array(days, pa.int32()).cast(pa.date32()),
            "local_hour": pa.array(hours, pa.int8()),
            "ward": self.wards.take(pa.array(sensor)).dictionary_encode(),
            "quantity": _dictionary(zero, ["speed"]),
            "value": pa.array(VALUES[value]),
        }
        return pa.table({name: arrays[name] for name in layout.COLUMNS}, schema=layout.SCHEMA)


def build(data: Path, rows: int, tail: int, city: City) -> None:
    log = open_writer(data)
    maker = Maker(data / "sealed", rows + tail, city)
    spans = [(first, min(first + FILE_ROWS - 1, rows)) for first in range(1, rows + 1, FILE_ROWS)]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for file in pool.map(maker.file, spans):
            with log.lock, immediate(log.db):
                manifest.insert(log.db, file)
                log.db.execute("UPDATE sealed SET remembered = 0")
    log.close()
    log = open_writer(data)
    for start in range(rows + 1, rows + tail + 1, 1_000):
        table = maker.table(start, min(start + 999, rows + tail)).to_pylist()
        log.append(
            [
                Event(
                    id=row["id"],
                    source=row["source"],
                    type=TYPE,
                    time_us=int(row["time"].timestamp() * 1_000_000),
                    subject=row["subject"],
                    lon=row["lon"],
                    lat=row["lat"],
                    data=row["data"].encode(),
                )
                for row in table
            ]
        )
    log.close()


def _median(work: Callable[[], int], times: int) -> dict[str, Any]:
    took, busy, rows = [], [], 0
    for _ in range(times):
        began, worked = time.perf_counter(), time.process_time()
        rows = work()
        took.append(time.perf_counter() - began)
        busy.append(time.process_time() - worked)
    return {
        "median_s": round(statistics.median(took), 3),
        "range_s": [round(min(took), 3), round(max(took), 3)],
        "processor_s": round(min(busy), 3),
        "rows": rows,
    }


def _ibis(name: str, table: Any) -> Any:
    import ibis

    if name == "hourly mean by sensor, one day":
        return table.group_by("subject", "local_hour").agg(
            total=(table.value * 1000).round().cast("int64").sum(), n=table.count()
        )
    if name == "count by ward, one month":
        return table.group_by("ward").agg(n=table.count())
    return table.filter(table.subject == "sensor-0100").select("time", "value").order_by(ibis._.time)


def _questions(day: int) -> list[tuple[str, Asked, str]]:
    one_day = {"start_us": START_US + day * DAY_US, "end_us": START_US + (day + 1) * DAY_US}
    return [
        (
            "hourly mean by sensor, one day",
            Asked("live", **one_day, columns=frozenset({"subject", "local_hour", "value"})),
            "SELECT subject, local_hour, avg(value), count(*) FROM events GROUP BY ALL",
        ),
        (
            "count by ward, one month",
            Asked("live", START_US, START_US + DAYS * DAY_US, columns=frozenset({"ward"})),
            "SELECT ward, count(*) FROM events GROUP BY ALL",
        ),
        (
            "one sensor's day",
            Asked("live", **one_day, columns=frozenset({"subject", "value"})),
            "SELECT time, value FROM events WHERE subject = 'sensor-0100' ORDER BY time",
        ),
    ]


def run(rows: int = 100_000_000, tail: int = 100_000, times: int = 5, threads: int = 2, at: str = "") -> dict[str, Any]:
    """`at`: a folder on the disk to measure (default: the system's temporary one); about 20 bytes a row are needed there."""
    folder = Path(tempfile.mkdtemp(prefix="vonglau-bench-", dir=at or None))
    try:
        city, began = City(), time.perf_counter()
        build(folder, rows, tail, city)
        built = time.perf_counter() - began
        sizes = [path.stat().st_size for path in (folder / "sealed").glob("*.parquet")]
        reader, limits = open_reader(folder), Limits(rows=0, threads=threads)
        found: dict[str, Any] = {}
        for name, asked, sql in _questions(day=12):

            def by_ibis(asked: Asked = asked, name: str = name) -> int:
                with events(reader, city, asked, limits) as over:
                    return len(over.answer(_ibis(name, over.table)))

            def by_sql(asked: Asked = asked, sql: str = sql) -> int:
                return len(ask(reader, city, asked, sql, limits)[0])

            found[name] = {"ibis": _median(by_ibis, times), "vonglau history": _median(by_sql, times)}
        reader.close()
    finally:
        shutil.rmtree(folder)
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "events": rows + tail,
        "of which in the tail": tail,
        "files": len(sizes),
        "sealed_mb": round(sum(sizes) / 1e6),
        "built_s": round(built, 1),
        "threads": threads,
        "questions": found,
    }
