"""Foreign tables become events, row by row; what is wrong with a row is said by line, what is wrong with the file ends it clearly."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core.errors import BadFile
from vonglau.core.facts import data_path
from vonglau.core.tables import files, times
from vonglau.core.tables.events import Reject, Rows
from vonglau.core.tables.mapping import EventMapping, read_mapping, schema

PLAIN: dict[str, Any] = {
    "name": "t",
    "title": {"vi": "T", "en": "T"},
    "origin": "made up",
    "event": {
        "type": "t.seen",
        "source": "file:{file}",
        "id": {"row": "number"},
        "time": {"column": "at"},
        "data": {"n": {"column": "n", "type": "number"}},
    },
}


def mapping(tmp_path: Path, **event: Any) -> EventMapping:
    top = {name: event.pop(name) for name in ("zone", "where", "delimiter", "encoding") if name in event}
    path = tmp_path / "m.yaml"
    path.write_text(yaml.safe_dump({**PLAIN, **top, "event": {**PLAIN["event"], **event}}), encoding="utf-8")
    return read_mapping(path)


def read(tmp_path: Path, content: bytes, name: str = "f.csv", **event: Any) -> list[Any]:
    path = tmp_path / name
    path.write_bytes(content)
    return list(Rows(mapping(tmp_path, **event), path, "rec").events())


def test_a_row_becomes_an_event_with_its_line(tmp_path: Path) -> None:
    (line, event), bad = read(tmp_path, b"at,n\r\n2026-01-02T03:04:05+07:00,1.5\r\n2026-01-02,x\r\n")
    assert line == 2
    assert event == {
        "specversion": "1.0",
        "id": "f-2",
        "source": "file:f",
        "type": "t.seen",
        "time": "2026-01-01T20:04:05Z",
        "exercise": "rec",
        "data": {"n": 1.5},
    }
    assert (bad.line, bad.column) == (3, "n")
    assert "'x' is not a number" in bad.reason


def test_the_shipped_examples_say_what_they_promise() -> None:
    rows = Rows(read_mapping(data_path("mappings", "loops.yaml")), data_path("samples", "loops.csv"), None)
    events = [made[1] for made in rows.events() if not isinstance(made, Reject)]
    assert [event["time"] for event in events] == [
        "2015-11-01T07:55:00Z",
        "2015-11-01T08:30:00Z",
        "2015-11-01T11:05:00Z",
    ]
    assert events[0]["data"]["name"] == '=HYPERLINK("x")', "a formula is text like any other"
    assert round(events[0]["data"]["value"], 3) == 66.788
    assert (rows.told.rows, rows.told.passed_over, rows.told.rejected) == (5, 2, 0)
    nab = Rows(
        read_mapping(data_path("mappings", "nab_speed.yaml")), data_path("traffic", "nab", "speed_7578.csv"), "nab"
    )
    assert len({made[1]["id"] for made in nab.events()}) == 1_127  # type: ignore[index]


@pytest.mark.shared_data
def test_a_parquet_file_of_a_real_city(shared: Path, tmp_path: Path) -> None:
    path = next((shared / "field_reports").rglob("*.parquet"))
    means = mapping(
        tmp_path,
        zone="America/New_York",
        id={"columns": ["CASE_ENQUIRY_ID"]},
        time={"column": "OPEN_DT", "twice": "earlier", "never": "shift"},
        data={"kind": {"column": "TYPE"}},
    )
    rows = Rows(means, path, "boston")
    made = [one for _n, one in zip(range(2_000), rows.events(), strict=False)]
    assert sum(not isinstance(one, Reject) for one in made) > 1_900


def test_gz_parquet_and_plain_files_give_the_same(tmp_path: Path) -> None:
    text = "at,n\n" + "".join(f"2026-01-02T00:{n:02d}:00Z,{n}\n" for n in range(50))
    plain = read(tmp_path, text.encode())
    assert read(tmp_path, b"\xef\xbb\xbf" + text.encode()) == plain, (
        "a byte-order mark is none of the first column's name"
    )
    assert read(tmp_path, gzip.compress(text.encode()), "f.csv.gz") == plain
    table = pa.table({"n": list(range(50)), "at": [datetime(2026, 1, 2, 0, n, tzinfo=UTC) for n in range(50)]})
    pq.write_table(table, tmp_path / "f.parquet")
    parquet = list(Rows(mapping(tmp_path), tmp_path / "f.parquet", "rec").events())
    assert [event["data"] for _line, event in parquet] == [event["data"] for _line, event in plain]
    assert [event["time"] for _line, event in parquet] == [event["time"] for _line, event in plain]


def test_ids_are_stable_and_tell_rows_apart(tmp_path: Path) -> None:
    text = b"at,n\n2026-01-02,1\n2026-01-02,1\n2026-01-02,2\n"
    assert [event["id"] for _l, event in read(tmp_path, text)] == ["f-2", "f-3", "f-4"]
    content = [event["id"] for _l, event in read(tmp_path, text, id={"row": "content"})]
    assert content[0] == content[1] != content[2]
    assert [event["id"] for _l, event in read(tmp_path, text, id={"columns": ["at", "n"]})][2] == "2026-01-02/2"
    (bad,) = read(tmp_path, b"at,n\n2026-01-02,\n", id={"columns": ["at", "n"]})
    assert bad.reason == "it is part of the id and empty"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("2026-10-25T02:30:00", "there twice"),
        ("2026-03-29T02:30:00", "not there"),
        ("31/02/2026", "not a time"),
        ("1066-10-14", "cannot be right"),
        ("", "does not say when"),
        ("2026-01-01\0", "NUL"),
    ],
)
def test_moments_that_are_none_are_refused_with_the_reason(tmp_path: Path, cell: str, reason: str) -> None:
    (bad,) = read(tmp_path, f"at,n\n{cell},1\n".encode(), zone="Europe/Berlin")
    assert reason in bad.reason


def test_local_times_that_are_there_twice_or_never_are_decided_by_the_mapping() -> None:
    berlin, twice, never = ZoneInfo("Europe/Berlin"), "2026-10-25T02:30:00", "2026-03-29T02:30:00"
    assert times.moment(twice, local=berlin, twice="earlier") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert times.moment(twice, local=berlin, twice="later") == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert times.moment(never, local=berlin, never="shift") == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert times.moment("1700000000.25", written="epoch_s").microsecond == 250_000
    assert times.moment(1_700_000_000_123, written="epoch_ms").microsecond == 123_000
    for odd in ("1e9", "x", "9" * 40, ""):
        with pytest.raises(times.NoMoment):
            times.moment(odd, written="epoch_s")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"at,m\n", "no column n; it has at, m"),
        (b"", "no column"),
        (b"at,n,n\n", "there twice"),
        ("at,n\n2026-01-01,é\n".encode("latin-1"), "line 2: not UTF-8"),
        ("at,n\n".encode("utf-16"), "UTF-16"),
        (b'at,n\n"2026-01-01,1\n', "not valid CSV"),
        (b"at,n\n" + b"x" * (files.LINE_BYTES + 1), "line 2: longer than"),
        (b'at,n\n"' + b"x,\n" * 60_000 + b'"', "field larger than field limit"),
        (b"at,n\x1b[31m\n", "n\\\\x1b"),
        (b"\x1f\x8bnonsense", "cannot be read"),
        (b"PAR1nonsense", "cannot be read"),
    ],
)
def test_files_that_are_no_tables_end_in_one_clear_error(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(BadFile, match=says):
        read(tmp_path, content)


def test_bombs_do_not_go_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "RATIO_FROM", 1 << 20)
    bomb = gzip.compress(b"at,n\n" + b"2026-01-01,0000000000000000000000000000000000\n" * 100_000)
    with pytest.raises(BadFile, match="unpacks to more"):
        read(tmp_path, bomb, "f.csv.gz")
    table = pa.table({"at": pa.array(["2026-01-01"] * 400_000), "n": pa.array([1] * 400_000)})
    pq.write_table(table, tmp_path / "f.parquet")
    monkeypatch.setattr(files, "ROWS_PER_BYTE", 10)
    with pytest.raises(BadFile, match="unpack to far more"):
        list(Rows(mapping(tmp_path), tmp_path / "f.parquet", "rec").events())


@given(content=st.binary(max_size=400))
def test_no_bytes_crash_it(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    try:
        made = read(folder, b"at,n\n" + content)
    except BadFile:
        return
    assert all(isinstance(one, (tuple, Reject)) for one in made)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"id": {}}, "event.id"),
        ({"id": {"columns": ["a"], "row": "number"}}, "event.id"),
        ({"lon": {"column": "x"}}, "come together"),
        ({"data": {"n": {}}}, "column.*or.*value"),
        ({"zone": "Mars/Olympus"}, "no zone"),
        ({"encoding": "utf-7"}, "encoding"),
        ({"delimiter": ";;"}, "delimiter"),
        ({"tpye": "x"}, "tpye"),
    ],
)
def test_mappings_are_checked_before_the_first_row(tmp_path: Path, wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(BadFile, match=says):
        mapping(tmp_path, **wrong)


def test_the_published_schema_is_that_of_the_code() -> None:
    published = json.loads(data_path("mappings", "events.schema.json").read_text(encoding="utf-8"))
    assert published == json.loads(json.dumps(schema())), "write it again: docs/howto/recordings.md says how"
