"""Files: what `vonglau detect traffic` reads, refuses and says."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from vonglau.core.errors import BadFile, BadInput
from vonglau.services.traffic.offline import detect_csv, detect_rows, quantity_of, read_csv

DATA = Path(__file__).parents[5] / "data" / "traffic" / "nab"
SERIES = DATA / "speed_7578.csv"


def write(folder: Path, text: str | bytes, name: str = "speed_1.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_series_that_ships_gives_its_known_jam() -> None:
    alerts = list(detect_csv(SERIES))
    (jam,) = [alert for alert in alerts if alert["onset"].startswith("2015-09-15")]
    assert (jam["kind"], jam["severity"], jam["subject"]) == ("congestion", "Severe", "speed_7578")
    assert jam["onset"] <= jam["raised"] <= jam["updated"]
    assert jam["ended"] is not None
    assert json.loads(json.dumps(alerts)) == alerts
    assert [alert["onset"] for alert in alerts] == sorted(alert["onset"] for alert in alerts)
    lines = SERIES.read_text().splitlines()
    evidence = [float(lines[number - 1].split(",")[1]) for number in jam["evidence_lines"]]
    assert evidence
    assert max(evidence) < jam["facts"]["expected"]


def test_the_same_file_gives_the_same_alerts() -> None:
    assert list(detect_csv(SERIES)) == list(detect_csv(SERIES))


@pytest.mark.parametrize(
    "disguise",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\n\n" + text.replace("\n", "\n\n") + "\n",
        lambda text: text.replace("timestamp,value", " Timestamp , VALUE "),
        lambda text: "\n".join("x," + line + ",y" for line in text.splitlines()).replace(
            "x,timestamp", "id,timestamp", 1
        ),
    ],
    ids=["byte-order mark", "CRLF", "empty lines", "header", "other columns"],
)
def test_how_a_file_is_written_changes_nothing(tmp_path: Path, disguise: object) -> None:
    assert callable(disguise)
    path = write(tmp_path, disguise(SERIES.read_text()))
    plain = [(row.time, row.value) for row in read_csv(SERIES)]
    assert [(row.time, row.value) for row in read_csv(path)] == plain


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: the first line must name the columns timestamp,value"),
        ("time,speed\n1,2\n", "line 1"),
        ("timestamp,value\n2015-09-17 07:00:00,1\nyesterday,2\n", "line 3: 'yesterday' is no ISO 8601 time"),
        ("timestamp,value\n2015-09-17 07:00:00,fast\n", "line 2: 'fast' is no number"),
        ("timestamp,value\n2015-09-17 07:00:00,\n", "line 2: '' is no number"),
        ("timestamp,value\n2015-09-17 07:00:00,-3\n", "line 2: value -3 must be finite"),
        ("timestamp,value\n2015-09-17 07:00:00,nan\n", "line 2"),
        ("timestamp,value\n2015-09-17 07:00:00,1e300\n", "line 2"),
        ("timestamp,value\n\n2015-09-17 07:00:00\n", "line 3: 1 cells"),
        ("timestamp,value\n0001-01-01T00:00:00+14:00,1\n", "line 2"),
        (b"timestamp,value\n\xff\xfe,1\n", "not UTF-8"),
        ('timestamp,value\n"2015-09-17 07:00:00,1\n', "line"),
        ("timestamp,value\n2015-09-17 07:00:00,1\n2015-09-17T07:05:00Z,1\n", "line 3: times with and without a zone"),
    ],
)
def test_a_bad_file_is_refused_with_the_line(tmp_path: Path, text: str | bytes, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(BadFile) as refused:
        list(detect_csv(path))
    assert says in refused.value.message
    assert str(path) in refused.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="cannot be read"):
        list(detect_csv(tmp_path / "speed.csv"))


@pytest.mark.parametrize(
    ("name", "quantity"),
    [
        ("speed_6005", "speed"),
        ("occupancy_t4013", "occupancy"),
        ("TravelTime_387", "travel_time"),
        ("flow-2", "flow"),
        ("travel_time", "travel_time"),
    ],
)
def test_the_name_says_what_is_measured(name: str, quantity: str) -> None:
    assert quantity_of(name) == quantity


def test_a_name_that_does_not_say_asks_for_the_option(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp,value\n2015-09-17 07:00:00,1\n", "sensor.csv")
    with pytest.raises(BadInput, match="--quantity"):
        list(detect_csv(path))
    assert list(detect_csv(path, quantity="speed")) == []


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(BadInput, match="no time zone"):
        list(detect_csv(SERIES, zone="Asia/Atlantis"))


def test_a_zone_shifts_nothing_but_the_profile() -> None:
    """Times come out as they came in; without daylight saving in the series, hours move together and so do the alerts."""
    assert [alert["onset"] for alert in detect_csv(SERIES, zone="Asia/Ho_Chi_Minh")] == [
        alert["onset"] for alert in detect_csv(SERIES)
    ]


def test_times_with_a_zone_come_out_in_utc() -> None:
    rows = [replace(row, time=datetime.fromisoformat(f"{row.time.isoformat()}-05:00")) for row in read_csv(SERIES)]
    aware = list(detect_rows(rows, name="speed_7578", zone="Etc/GMT+5"))
    naive = list(detect_csv(SERIES))
    moments = [datetime.fromisoformat(alert["onset"]) for alert in aware]
    assert [moment.utcoffset() for moment in moments] == [timedelta(0)] * len(naive)
    assert [(moment - timedelta(hours=5)).replace(tzinfo=None).isoformat() for moment in moments] == [
        alert["onset"] for alert in naive
    ]


def test_an_empty_series_says_nothing(tmp_path: Path) -> None:
    assert list(detect_csv(write(tmp_path, "timestamp,value\n"))) == []
