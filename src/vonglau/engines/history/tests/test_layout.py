"""A file of an older layout is read as if it had been written today."""

import hashlib
import shutil
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests import engines

from vonglau.core.errors import Broken
from vonglau.core.events import Event
from vonglau.engines import open_reader, open_writer
from vonglau.engines.history import SealedFile, layout
from vonglau.engines.history.derive import Nothing

OLD = Path(__file__).parent / "layout_1" / "events-000000000001-000000000050.parquet"
"""Positions 1 to 50 of a log of 60 events, as the first layout wrote them."""
START_US = 1_767_225_600_000_000


class Known(Nothing):
    """Every point lies in one ward; every payload with a value says it."""

    def wards(self, lon, lat):
        return [None if np.isnan(x) else "20194" for x in lon]

    def measures(self, type, data):
        said = [msgspec.json.decode(d) if d else None for d in data]
        pairs = [(one["quantity"], one["value"]) if isinstance(one, dict) else (None, np.nan) for one in said]
        return [pair[0] for pair in pairs], np.array([pair[1] for pair in pairs])


def expected(n: int) -> Event:
    if n % 10 == 7:
        text = '"Đà Nẵng"'.encode() if n % 20 == 7 else b""
        more = {"extensions": {"dataschema": "x"}} if n == 17 else {}
        return Event(
            id=f"e{n}", source="/reports", type="vn.example.note", time_us=START_US + n * 60_000_000, data=text, **more
        )
    data = {"quantity": ["speed", "flow"][n % 2], "value": n + 0.5, "unit": "km/h"}
    return Event(
        id=f"e{n}",
        source="/sensors",
        type="vn.vonglau.traffic.measured",
        time_us=START_US + n * 60_000_000,
        subject=f"s{n % 3}",
        lon=108.2208 + n % 3 * 0.01,
        lat=16.0678,
        world="drill-1" if n % 10 == 3 else "live",
        data=msgspec.json.encode(data),
    )


def test_the_log_reads_a_file_of_the_first_layout(tmp_path):
    log = open_writer(tmp_path)
    shutil.copy(OLD, tmp_path / "sealed" / OLD.name)
    digest = hashlib.sha256(OLD.read_bytes()).hexdigest()
    span = (START_US, START_US + 49 * 60_000_000, START_US)
    engines.name_sealed(log, SealedFile(1, 50, 50, OLD.name, OLD.stat().st_size, digest, *span))
    reader = open_reader(tmp_path)
    assert [one.event for one in reader.read(0, 100)[0]] == [expected(n) for n in range(50)]
    assert [one.event for one in reader.get([50, 8])] == [expected(49), expected(7)]
    batch = reader.batch(0, 100)
    assert (batch.id, batch.data[7]) == ([f"e{n}" for n in range(50)], '"Đà Nẵng"'.encode())
    reader.close()
    log.close()


def test_an_upgraded_table_has_todays_columns():
    file = pq.ParquetFile(OLD)
    assert layout.layout_of(file.schema_arrow) == 1
    table = layout.upgrade(file.read(), 1, Known())
    assert table.schema.equals(layout.SCHEMA)
    assert table["local_day"].to_pylist() == [date(2026, 1, 1)] * 50
    assert set(table["local_hour"].to_pylist()) == {7}
    assert table["ward"].to_pylist()[6:8] == ["20194", None]
    assert table["quantity"].to_pylist()[5:8] == ["flow", "speed", None]
    assert table["value"].to_pylist()[5:8] == [5.5, 6.5, None]


def test_a_file_of_todays_layout_says_so_and_one_of_tomorrows_is_refused(tmp_path):
    log = open_writer(tmp_path)
    log.append([expected(n) for n in range(60)])
    log.seal(keep=0, through=100)
    (file,) = engines.sealed(log)
    log.close()
    path = tmp_path / "sealed" / file.name
    assert (file.layout, file.world, file.rows) == (layout.LAYOUT, "", 60)
    read = pq.read_table(path)
    assert layout.layout_of(read.schema) == layout.LAYOUT
    pq.write_table(read.replace_schema_metadata({layout.LAYOUT_KEY: str(layout.LAYOUT + 1)}), path)
    reader = open_reader(tmp_path)
    with pytest.raises(Broken, match="newer program"):
        reader.read(0, 10)
    reader.close()


def test_a_table_of_today_passes_unchanged():
    table = layout.upgrade(pq.read_table(OLD), 1, Known())
    assert isinstance(table, pa.Table)
    assert layout.upgrade(table, layout.LAYOUT, Nothing()).equals(table)
