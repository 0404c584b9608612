"""Loading history: every row is kept or named, exactly, and a second time adds nothing."""

import csv
import gzip
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core import audit
from vonglau.core.errors import BadFile, BadInput
from vonglau.core.facts import data_path
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import State
from vonglau.core.people.directory import agencies
from vonglau.core.tests import factories
from vonglau.core.worlds import world
from vonglau.services.field_reports.history import load
from vonglau.services.field_reports.history.mapping import Mapping, read_mapping
from vonglau.services.field_reports.history.rows import Reader, Reject, Row
from vonglau.services.field_reports.models import Report

MAPPING = """\
name: test
title: {vi: Thử, en: Test}
source: invented
zone: "-05:00"
columns: {id: ID, opened: OPEN, closed: CLOSED, due: DUE, status: STATUS, category: TYPE, agency: DEPT, outcome: WHY, lon: LON, lat: LAT}
status: {Open: assigned, Closed: closed, New: received}
category: {values: {Lamp: street_light}, otherwise: other}
outcome: {contains: {resolved: fixed}}
agencies:
  valid_from: 2011-01-01
  valid_to: 2016-01-01
  values: {PW: {code: far-pw, name: {vi: Xa, en: Far}}}
"""
HEADER = ["ID", "OPEN", "CLOSED", "DUE", "STATUS", "TYPE", "DEPT", "WHY", "LON", "LAT"]
GOOD = [
    [
        "1",
        "2015-03-08 01:30:00",
        "2015-03-08 03:30:00",
        "2015-03-09T00:00:00",
        "Closed",
        "Lamp",
        "PW",
        "Case Resolved",
        "-71",
        "42",
    ],
    ["2", "2015-03-08T02:30:00", "", "2015-03-08 03:00:00", "Open", "Hole", "PW", "", "", ""],
    ["3", "2015-03-10T00:00:00Z", "2015-03-09T23:59:59+00:00", "", "Closed", "Hole", "", "noted", "108.22", "16.06"],
    ["4", "2015-04-01 08:00:00", "", "", "New", "Hole", "??", "", "0", "0"],
]


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "map.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    return path


def table(path: Path, rows: list[list[str]]) -> Path:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return path


@pytest.mark.django_db
def test_rows_become_incidents_as_they_stand(tmp_path: Path, mapping: Path) -> None:
    done = load(table(tmp_path / "h.csv", GOOD), mapping, "far")
    assert {k: done[k] for k in ("rows", "loaded", "already", "rejected", "open", "closed")} == {
        "rows": 4, "loaded": 4, "already": 0, "rejected": 0, "open": 2, "closed": 2,
    }  # fmt: skip
    assert (done["overdue"], done["late"]) == (1, 0)
    assert done["odd"] == {"closed before it was opened": 1, "agency not in the mapping": 1}
    first, second, third, fourth = (Report.objects.get(external_id=str(n)).incident for n in (1, 2, 3, 4))
    assert (first.state, first.outcome, first.received_at) == (
        "closed",
        "fixed",
        datetime(2015, 3, 8, 6, 30, tzinfo=UTC),
    )
    assert first.resolved_at - first.received_at == timedelta(hours=2), "a change of clocks does not stretch it"
    assert first.agency is not None
    assert first.agency.code == "far-pw"
    assert (second.state, second.due_at) == (State.ASSIGNED, datetime(2015, 3, 8, 8, 0, tzinfo=UTC))
    assert third.resolved_at - third.received_at == timedelta(seconds=-1)
    assert (third.outcome, third.handle_due, third.due_at) == ("explained", None, None)
    assert fourth.state == State.RECEIVED
    assert fourth.due_at == fourth.receive_due is not None
    assert world("far").seen_until == datetime(2015, 4, 1, 13, 0, tzinfo=UTC)
    assert not agencies(factories.MONDAY.date()).filter(code="far-pw").exists(), "past agencies are not offered today"


@pytest.mark.django_db
def test_every_incident_has_its_chain_and_number(tmp_path: Path, mapping: Path) -> None:
    rows = [[str(n), "2015-05-01 08:00:00", "", "", "Open", "Lamp", "PW", "", "", ""] for n in range(1000)]
    load(table(tmp_path / "h.csv", rows), mapping, "far")
    assert list(audit.verify_streams()) == []
    refs = list(Incident.objects.order_by("id").values_list("ref", flat=True))
    assert refs == [f"SV-1505-{n:04d}" for n in range(1, 1001)]
    for incident in Incident.objects.all()[::97]:
        [(_row, body)] = audit.rows(incident.stream)
        assert (body["step"], body["to"], body["because"]["load"]) == ("load", "assigned", "test")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["h.csv", "h.csv.gz", "h.parquet"])
def test_again_adds_nothing_and_more_adds_the_rest(tmp_path: Path, mapping: Path, name: str) -> None:
    def write(rows: list[list[str]]) -> Path:
        if not name.endswith("parquet"):
            return table(tmp_path / name, rows)
        columns = [pa.array([row[i] or None for row in rows], pa.string()) for i in range(len(HEADER))]
        pq.write_table(pa.table(columns, names=HEADER), tmp_path / name)
        return tmp_path / name

    half = load(write(GOOD[:2]), mapping, "far")
    whole = load(write(GOOD), mapping, "far")
    again = load(write(GOOD), mapping, "far")
    assert (half["loaded"], whole["loaded"], whole["already"], again["loaded"], again["already"]) == (2, 2, 2, 0, 4)
    assert {k: whole[k] for k in ("open", "closed", "overdue", "late", "odd")} == {
        k: again[k] for k in ("open", "closed", "overdue", "late", "odd")
    }
    assert Incident.objects.count() == Report.objects.count() == 4


@pytest.mark.django_db
def test_a_dry_run_counts_the_same_and_keeps_nothing(tmp_path: Path, mapping: Path) -> None:
    path = table(tmp_path / "h.csv", GOOD)
    dry = load(path, mapping, "far", dry_run=True)
    assert not Incident.objects.exists()
    wet = load(path, mapping, "far")
    differ = {"seconds", "dry_run"}
    assert {k: v for k, v in dry.items() if k not in differ} == {k: v for k, v in wet.items() if k not in differ}


BAD = {
    "no id": (0, "", "ID"),
    "no opening": (1, "", "OPEN"),
    "no time": (1, "yesterday", "OPEN"),
    "a wrong year": (1, "0215-03-08 01:30:00", "OPEN"),
    "closed without a time": (2, "", "CLOSED"),
    "an unknown status": (4, "Maybe", "STATUS"),
    "open yet closed": (4, "Open", "STATUS"),
    "off the Earth": (8, "-271", "LON"),
    "not a number": (9, "north", "LAT"),
    "infinite": (9, "inf", "LAT"),
    "a NUL": (0, "1\x00", "ID"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_named_and_the_rest_kept(tmp_path: Path, mapping: Path, case: str) -> None:
    index, value, column = BAD[case]
    bad = [*GOOD[0]]
    bad[index] = value
    done = load(table(tmp_path / "h.csv", [GOOD[1], bad, GOOD[2]]), mapping, "far")
    assert (done["rows"], done["loaded"], done["rejected"]) == (3, 2, 1)
    with Path(done["rejects"]).open(encoding="utf-8", newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["line"], row["column"]) == ("3", column)
    assert row["reason"]


@pytest.mark.django_db
def test_an_id_that_stands_twice_is_kept_once(tmp_path: Path, mapping: Path) -> None:
    path = table(tmp_path / "h.csv", [GOOD[0], GOOD[1], GOOD[0]])
    for _time in range(2):
        done = load(path, mapping, "far")
        assert (done["rows"], done["rejected"]) == (3, 1)
        assert done["examples"][0]["line"] == 4
    assert Incident.objects.count() == 2


@pytest.mark.django_db
def test_history_never_mixes_with_what_is_live_or_drilled(tmp_path: Path, mapping: Path) -> None:
    factories.live()
    for name in ("live", "Not A World"):
        with pytest.raises(BadInput):
            load(table(tmp_path / "h.csv", GOOD), mapping, name)
    assert not Incident.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ('zone: "-05:00"', "zone: Mars/Olympus", "zone"),
        ("values: {Lamp: street_light}", "values: {Lamp: lantern}", "lantern"),
        ("lon: LON, ", "", "lon and lat"),
        ("status: {Open: assigned", "status: {Open: perhaps", "status"),
        ("name: test", "nom: test", "nom"),
        ("name: test", 'name: ".."', "name: give it"),
        ("name: test", "name: .", "name: give it"),
        ("name: test", "name: a/../..", "name: give it"),
        ("name: test", 'name: "test\\n"', "name: give it"),
        ("name: test", f"name: {'a' * 41}", "name: give it"),
        ("closed: CLOSED", "closed: SHUT", "SHUT"),
    ],
)
def test_a_wrong_mapping_is_refused_before_the_first_row(
    tmp_path: Path, mapping: Path, was: str, becomes: str, says: str
) -> None:
    assert was in MAPPING
    mapping.write_text(MAPPING.replace(was, becomes), encoding="utf-8")
    with pytest.raises(BadFile, match=says):
        load(table(tmp_path / "h.csv", GOOD), mapping, "far")
    assert not Incident.objects.exists()


@pytest.mark.django_db
def test_files_that_are_none_are_refused(tmp_path: Path, mapping: Path) -> None:
    for name, content in (
        ("h.parquet", b"PAR1?"),
        ("h.csv.gz", b"no gzip"),
        ("h.csv", b"\xff\xfe\x00"),
        ("e.csv", b""),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(BadFile):
            load(path, mapping, "far")
    with pytest.raises(BadFile):
        load(tmp_path / "absent.csv", mapping, "far")


@pytest.mark.django_db
def test_without_a_due_column_the_level_sets_the_deadline(tmp_path: Path, mapping: Path) -> None:
    mapping.write_text(MAPPING.replace("due: DUE, ", ""), encoding="utf-8")
    load(table(tmp_path / "h.csv", GOOD), mapping, "far")
    incident = Report.objects.get(external_id="2").incident
    assert incident.handle_due is not None
    assert incident.due_at == incident.handle_due > incident.received_at


def shipped() -> Mapping:
    return read_mapping(data_path("mappings", "boston_2015_sla.yaml"))


@given(
    opened=st.datetimes(datetime(1980, 1, 1), datetime(2080, 1, 1)),
    seconds=st.integers(-(10**6), 10**8),
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_a_fixed_offset_keeps_every_duration(opened: datetime, seconds: int, minutes: int) -> None:
    mapping = shipped()
    reader = Reader(mapping)
    reader.zone = timezone(timedelta(minutes=minutes))
    cells = ["1", opened, opened + timedelta(seconds=seconds), "Closed", "x", None, "PWDx", "", "-71", "42"]
    row = reader.read(1, cells)
    assert isinstance(row, Row)
    assert row.closed is not None
    assert row.closed - row.opened == timedelta(seconds=seconds)
    assert row.opened.utcoffset() == timedelta()


@given(st.lists(st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.datetimes()), min_size=10, max_size=10))
def test_whatever_stands_in_a_row_it_is_kept_or_named(cells: list[object]) -> None:
    answer = Reader(shipped()).read(7, cells)
    assert answer.line == 7
    if isinstance(answer, Reject):
        assert answer.reason
