"""A sealed file is what analysts expect."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core.events import from_us, to_us
from vonglau.engines.embedded.log import open_writer
from vonglau.engines.embedded.tests.helpers import NOW_US, event, events
from vonglau.engines.history.layout import ZONE, local


class TestFile:
    @pytest.fixture
    def file(self, tmp_path):
        log = open_writer(tmp_path)
        log.append([*events(0, 10), event(10, lon=None, lat=None, subject=None, data=b"", extensions={"a": True})])
        log.seal(keep=0, through=1000)
        self.manifest = log.db.execute(
            "SELECT name, rows, bytes, hex(sha256), min_time_us, max_time_us FROM sealed"
        ).fetchone()
        log.close()
        (path,) = (tmp_path / "sealed").glob("*.parquet")
        return pq.ParquetFile(path)

    def test_encodings_and_statistics(self, file):
        columns = {
            file.metadata.row_group(0).column(i).path_in_schema: file.metadata.row_group(0).column(i) for i in range(17)
        }
        assert "DELTA_BINARY_PACKED" in columns["pos"].encodings
        assert "DELTA_BINARY_PACKED" in columns["time"].encodings
        assert "RLE_DICTIONARY" in columns["lon"].encodings  # a sensor does not move
        assert {one.compression for one in columns.values()} == {"ZSTD"}
        assert columns["time"].statistics.min == from_us(NOW_US)
        assert columns["pos"].statistics.max == 11

    def test_the_manifest_says_what_the_file_is(self, file, tmp_path):
        import hashlib

        name, rows, size, digest, oldest, latest = self.manifest
        content = (tmp_path / "sealed" / name).read_bytes()
        assert (rows, size) == (11, len(content))
        assert digest.lower() == hashlib.sha256(content).hexdigest()
        assert (oldest, latest) == (NOW_US, NOW_US + 10_000_000)

    def test_columns_are_typed_for_analysis(self, file):
        table = file.read()
        assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"
        assert str(table.schema.field("local_day").type) == "date32[day]"
        assert table["local_day"].to_pylist() == [date(2026, 1, 1)] * 11
        assert table["local_hour"].to_pylist() == [7] * 11
        assert table["ward"].null_count == table["value"].null_count == 11  # nobody said what to derive
        assert table["data"].to_pylist()[1] == '{"speed": 1}'
        assert table["lon"].null_count == table["subject"].null_count == 1
        assert table["extensions"].to_pylist()[10] == '{"a":true}'


@given(st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1)))
def test_local_day_and_hour_are_those_of_viet_nam(moment):
    aware = moment.replace(tzinfo=UTC)
    days, hours = local(np.array([to_us(aware)], dtype=np.int64))
    there = aware.astimezone(ZONE)
    assert (date(1970, 1, 1) + timedelta(days=days.tolist()[0]), hours.tolist()[0]) == (there.date(), there.hour)
