"""Real reports of another city: its history as a recording, and a month of its submissions through the public door.

Every figure is compared with what the files themselves say, computed apart with pyarrow. The shipped sample makes the same journey
wherever the reference data are absent. Texts of citizens are never printed.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from django.test import Client

from vonglau.core import audit
from vonglau.core.facts import data_path
from vonglau.core.incidents.models import Incident
from vonglau.core.indicators.definitions import Scope, measure
from vonglau.core.notify_models import Publication
from vonglau.core.seams import indicators
from vonglau.core.worlds import WorldKind, ensure_world, world
from vonglau.kit import tokens
from vonglau.services.field_reports.history import load
from vonglau.services.field_reports.history.mapping import read_mapping
from vonglau.services.field_reports.history.rows import Reader, Row
from vonglau.services.field_reports.models import Report

MAPPING = data_path("mappings", "boston_2015_sla.yaml")
OFFSET = timedelta(hours=5)


def durations(world_id: str) -> dict[str, int | None]:
    """Microseconds from receipt to result by the source's id, as stored."""
    rows = Report.objects.filter(world=world_id).values_list(
        "external_id", "incident__received_at", "incident__resolved_at"
    )
    return {id: (b - a) // timedelta(microseconds=1) if b else None for id, a, b in rows}


@pytest.mark.django_db
def test_the_shipped_sample_is_history_to_the_second(tmp_path: Path) -> None:
    sample = data_path("samples", "da_nang_history.csv")
    done = load(sample, data_path("mappings", "da_nang_history.yaml"), "mau")
    assert (done["rows"], done["loaded"], done["rejected"]) == (303, 300, 3)
    assert [one["line"] for one in done["examples"]] == [302, 303, 304]
    table = pyarrow.csv.read_csv(
        sample, convert_options=pyarrow.csv.ConvertOptions(column_types={"hạn xử lý": pa.string()})
    )
    wanted: dict[str, int | None] = {}
    closed = late = 0
    for row in table.slice(0, 300).to_pylist():
        moments = [
            datetime.strptime(row[name], "%d/%m/%Y %H:%M:%S") if row[name] else None
            for name in ("tiếp nhận", "có kết quả", "hạn xử lý")
        ]
        assert moments[0] is not None
        wanted[row["mã"]] = (moments[1] - moments[0]) // timedelta(microseconds=1) if moments[1] else None
        closed += moments[1] is not None
        late += moments[1] is not None and moments[2] is not None and moments[1] > moments[2]
    assert durations("mau") == wanted
    assert (done["closed"], done["open"], done["late"]) == (closed, 300 - closed, late)
    assert Incident.objects.filter(world="mau").exclude(ward="").count() == 300, "every point lies in a ward of Đà Nẵng"
    scope = Scope(
        world="mau",
        start=datetime(2026, 1, 1, tzinfo=UTC),
        end=world("mau").now() + timedelta(seconds=1),
        locality="48",
    )
    counted = measure(indicators()["handled_on_time"], scope).counted
    with_due = Incident.objects.filter(world="mau", state="closed", handle_due__isnull=False).count()
    assert (counted.numerator, counted.denominator) == (with_due - late, with_due + in_progress_overdue("mau"))
    assert load(sample, data_path("mappings", "da_nang_history.yaml"), "mau")["loaded"] == 0
    assert list(audit.verify_streams()) == []


def in_progress_overdue(world_id: str) -> int:
    now = world(world_id).now()
    return Incident.objects.filter(world=world_id, resolved_at=None, handle_due__lte=now).count()


@pytest.fixture(scope="module")
def boston(shared: Path) -> pa.Table:
    columns = ["CASE_ENQUIRY_ID", "OPEN_DT", "CLOSED_DT", "TARGET_DT", "CASE_STATUS", "TYPE", "Department", "LATITUDE"]
    return pq.read_table(shared / "field_reports" / "boston_2015_sla.parquet", columns=columns)


@pytest.mark.shared_data
@pytest.mark.django_db
def test_boston_2015_counts_what_the_data_count(boston: pa.Table, shared: Path) -> None:
    """All 121,145 rows, read and counted; the next test stores a month of them."""
    done = load(shared / "field_reports" / "boston_2015_sla.parquet", MAPPING, "boston", dry_run=True)
    opened, closed, due = (pc.cast(boston[name], pa.int64()) for name in ("OPEN_DT", "CLOSED_DT", "TARGET_DT"))
    is_open = pc.equal(boston["CASE_STATUS"], "Open")
    clock = max(pc.max(opened).as_py(), pc.max(closed).as_py())
    wanted = {
        "rows": boston.num_rows,
        "loaded": boston.num_rows,
        "rejected": 0,
        "open": pc.sum(is_open).as_py(),
        "closed": pc.sum(pc.equal(boston["CASE_STATUS"], "Closed")).as_py(),
        "overdue": pc.sum(pc.and_(is_open, pc.less(due, clock))).as_py(),
        "late": pc.sum(pc.greater(closed, due)).as_py(),
        "odd": {"closed before it was opened": pc.sum(pc.less(closed, opened)).as_py()},
    }
    assert {name: done[name] for name in wanted} == wanted
    assert (wanted["rows"], wanted["open"], wanted["closed"]) == (121_145, 19_873, 101_272)
    assert not Incident.objects.exists()


@pytest.mark.shared_data
def test_every_boston_row_is_read_to_the_second(boston: pa.Table) -> None:
    mapping = read_mapping(MAPPING)
    reader, names = Reader(mapping), mapping.columns.used()
    present = [boston[name].to_pylist() if name in boston.column_names else [None] * boston.num_rows for name in names]
    taken = pc.cast(pc.subtract(boston["CLOSED_DT"], boston["OPEN_DT"]), pa.int64()).to_pylist()
    for line, (cells, microseconds) in enumerate(zip(zip(*present, strict=True), taken, strict=True)):
        row = reader.read(line, cells)
        assert isinstance(row, Row), (line, row)
        assert row.opened.replace(tzinfo=None) - OFFSET == cells[names.index("OPEN_DT")]
        read = None if row.closed is None else (row.closed - row.opened) // timedelta(microseconds=1)
        assert read == microseconds, line


@pytest.mark.shared_data
@pytest.mark.django_db
def test_a_month_of_boston_is_stored_to_the_second_and_the_row(boston: pa.Table, shared: Path, tmp_path: Path) -> None:
    whole = pq.read_table(shared / "field_reports" / "boston_2015_sla.parquet")
    month = whole.filter(pc.equal(pc.month(whole["OPEN_DT"]), 1))
    path = tmp_path / "january.parquet"
    pq.write_table(month, path)
    done = load(path, MAPPING, "boston-2015")
    assert done["loaded"] == month.num_rows == 7_528
    taken = pc.cast(pc.subtract(month["CLOSED_DT"], month["OPEN_DT"]), pa.int64()).to_pylist()
    assert durations("boston-2015") == dict(zip(month["CASE_ENQUIRY_ID"].to_pylist(), taken, strict=True))
    stored = Incident.objects.filter(world="boston-2015")
    assert stored.count() == stored.values("ref").distinct().count() == month.num_rows
    states = Counter(stored.values_list("state", flat=True))
    assert (states["closed"], states["assigned"]) == (done["closed"], done["open"])
    clock = world("boston-2015").now()
    scope = Scope(
        world="boston-2015", start=datetime(2014, 12, 1, tzinfo=UTC), end=clock + timedelta(seconds=1), locality=""
    )
    assert measure(indicators()["overdue_now"], scope).counted.numerator == done["overdue"]
    assert measure(indicators()["open_now"], scope).counted.numerator == done["open"]
    assert measure(indicators()["received"], scope).counted.numerator == month.num_rows
    closed_with_due = stored.filter(state="closed", handle_due__isnull=False).count()
    on_time = measure(indicators()["handled_on_time"], scope).counted
    assert (on_time.numerator, on_time.denominator) == (
        closed_with_due - done["late"],
        closed_with_due + done["overdue"],
    )
    assert load(path, MAPPING, "boston-2015")["already"] == month.num_rows
    assert list(audit.verify_streams()) == []


SERVICES = {
    "Illegal Parking": "illegal_parking",
    "Abandoned Vehicle": "illegal_parking",
    "Sidewalk Not Shoveled": "pavement_occupation",
    "Other": "other",
}
FIRST = datetime(2013, 5, 1, tzinfo=UTC)
"""May 2013: 448 submissions."""


def month_of_submissions(shared: Path) -> list[dict[str, Any]]:
    columns = ["service_request_id", "service_name", "description", "requested_datetime", "lat", "long"]
    table = pq.read_table(shared / "field_reports" / "boston_open311.parquet", columns=columns)
    at = table["requested_datetime"]
    start, end = pa.scalar(FIRST, at.type), pa.scalar(FIRST + timedelta(days=31), at.type)
    return table.filter(pc.and_(pc.greater_equal(at, start), pc.less(at, end))).to_pylist()


@pytest.mark.shared_data
@pytest.mark.django_db
def test_a_month_of_boston_comes_through_the_open311_door(shared: Path) -> None:
    ensure_world(
        "boston-drill", WorldKind.DRILL, "48", clock_start=FIRST, clock_set_at=datetime.now(UTC), clock_rate=60.0
    )
    key, client = tokens.mint("boston", ["reports:write"], "boston-drill")[0], Client()
    sent = month_of_submissions(shared)
    assert len(sent) == 448
    for again in (False, True):
        for row in sent[: 50 if again else None]:
            form = {
                "api_key": key,
                "service_code": SERVICES[row["service_name"]],
                "lat": repr(row["lat"]),
                "long": repr(row["long"]),
                "description": row["description"] or "",
            }
            answer = client.post(
                "/open311/v2/requests.json", form, headers={"Idempotency-Key": row["service_request_id"]}
            )
            assert answer.status_code == 200, (row["service_request_id"], answer.json())
    reports = Report.objects.filter(world="boston-drill").select_related("content", "incident")
    assert reports.count() == Publication.objects.filter(world="boston-drill").count() == len(sent)
    kept = {one.external_id: one for one in reports}
    for row in sent:
        one = kept[row["service_request_id"]]
        assert (one.lon, one.lat) == (row["long"], row["lat"])
        # Browsers and clients send line breaks as CR LF; nothing else may differ.
        assert one.content.description.splitlines() == (row["description"] or "").strip().splitlines(), one.external_id
        assert one.category == SERVICES[row["service_name"]]
        assert one.incident.state == "received"
    listed: set[str] = set()
    for page in range(1, 20):
        answer = client.get("/open311/v2/requests.json", {"api_key": key, "page": page, "page_size": 100}).json()
        listed |= {one["service_request_id"] for one in answer}
        assert not any(one["description"] for one in answer), "nobody has verified them yet"
        if len(answer) < 100:
            break
    assert listed == {one.reference for one in kept.values()}
    assert list(audit.verify_streams()) == []
