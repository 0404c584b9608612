"""Open data: three files that hold the same, and that no spreadsheet computes."""

import csv
import io
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core.tests import factories
from vonglau.services.field_reports.models import PublicReport
from vonglau.services.field_reports.public import opendata
from vonglau.services.field_reports.published import files
from vonglau.services.field_reports.published.plainly import BLANK, FORMULA, for_cell
from vonglau.services.field_reports.tests.test_open_pages import BASE, _city, body, handled, sent, take

__all__ = ["_city"]


@given(st.one_of(st.text(max_size=30), st.text("=+-@＝;|\t\r\n \"'a", max_size=12)))
def test_no_cell_begins_a_formula(text: str) -> None:
    kept = for_cell(text)
    assert kept.replace("'", "") == text.replace("'", "")
    assert not FORMULA.match(kept.lstrip(BLANK))
    for part in re.split(r"[;|\t\r\n]", kept)[1:]:
        assert not FORMULA.match(part.lstrip(BLANK + '"')), kept


@pytest.mark.parametrize("words", ["tắt;=1+1", 'tắt; "=1+1', "tắt\n+84", "tắt;;\t@sum", "tắt|－2"])
def test_a_spreadsheet_that_parts_cells_at_other_marks_computes_nothing(words: str) -> None:
    take(sent(words), "verify")
    text = body("data/reports.csv").removeprefix("\ufeff")
    assert all(line.startswith('"') for line in text.split("\r\n")[:-1]), "every cell stands in quotes"
    for line in csv.reader(io.StringIO(text), delimiter=";"):
        assert not [cell for cell in line if FORMULA.match(cell.lstrip(BLANK + "\t"))]


@pytest.mark.parametrize("words", ["Đèn tắt; gọi 1022 - nhanh", "một\n\nhai", "a=b, -2"])
def test_plain_words_stay_as_they_are(words: str) -> None:
    assert for_cell(words) == words


@pytest.mark.parametrize("words", ["=1+1", "+84", "-2", "@sum", "\t=1", " =HYPERLINK(1)", "＝1+1"])
def test_a_spreadsheet_computes_nothing(words: str) -> None:
    take(sent(words), "verify")
    [row] = list(csv.DictReader(io.StringIO(body("data/reports.csv").removeprefix("\ufeff"))))
    assert not FORMULA.match(row["words"].lstrip())
    assert row["words"].startswith("'")


def test_the_files_hold_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "CHUNK", 2)
    factories.agency()
    reports = [sent('Đèn, "tắt"\nhỏng'), sent(lon=None, lat=None), sent(category="waste"), sent(), sent()]
    handled(reports[0])
    rows = list(csv.DictReader(io.StringIO(body("data/reports.csv").removeprefix("\ufeff"))))
    assert list(rows[0]) == files.NAMES
    assert rows[0]["words"] == 'Đèn, "tắt"\nhỏng'
    told = json.loads(body("data/reports.geojson"))
    assert told["licenses"] == [{"name": "CC-BY-4.0"}]
    assert (
        [one["id"] for one in told["features"]]
        == [row["reference"] for row in rows]
        == [one.reference for one in reports]
    )
    assert told["features"][1]["geometry"] is None
    assert told["features"][0]["properties"]["agency_name"] == "Sở Xây dựng"
    answer = Client().get(f"{BASE}/data/reports.parquet")
    path = tmp_path / "reports.parquet"
    path.write_bytes(b"".join(answer.streaming_content))
    table = pq.read_table(path)
    assert table.column("reference").to_pylist() == [row["reference"] for row in rows]
    assert table.column_names == [*files.NAMES, "geometry"]
    geo = json.loads((table.schema.metadata or {})[b"geo"])
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    assert table.column("geometry")[0].as_py()[:5] == b"\x01\x01\x00\x00\x00"
    assert table.column("geometry")[1].as_py() is None
    assert str(table.schema.field("received_at").type) == "timestamp[us, tz=UTC]"


def test_only_so_many_files_at_once() -> None:
    sent()
    held = [Client().get(f"{BASE}/data/reports.csv") for _n in range(opendata.AT_ONCE)]
    refused = Client().get(f"{BASE}/data/reports.csv")
    assert refused.status_code == 503
    assert refused["Retry-After"]
    for one in held:
        assert b"reference" in b"".join(one.streaming_content)
        one.close()
    assert Client().get(f"{BASE}/data/reports.csv").status_code == 200
    assert Client().head(f"{BASE}/data/reports.csv").status_code == 200


def test_the_package_describes_the_files() -> None:
    told = json.loads(body("data/reports.json"))
    assert [one["format"] for one in told["resources"]] == ["csv", "geojson", "parquet"]
    assert [one["name"] for one in told["resources"][0]["schema"]["fields"]] == files.NAMES
    assert Client().get(f"{BASE}/data/reports.xls").status_code == 404
    public = {field.name for field in PublicReport._meta.fields}
    assert "description" not in public
