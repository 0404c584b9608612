"""An analyst asks history a question in SQL, beside the running product or without it."""

import csv
import io
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.serving import VONGLAU, environment, ran, vonglau
from vonglau.core import seams
from vonglau.core.events import Event
from vonglau.core.places.index import PlaceIndex
from vonglau.engines import open_writer
from vonglau.engines.history import derive
from vonglau.web.derive import Columns

START_US = 1_767_225_600_000_000  # 2026-01-01 07:00 in Viet Nam
SENSOR = {"lon": 108.2272, "lat": 16.0611}


def measured(n: int, **changed: object) -> Event:
    return Event(
        **{
            "id": f"m{n}",
            "source": "/sensors",
            "type": "vn.vonglau.traffic.measured",
            "time_us": START_US + n * 60_000_000,
            "subject": f"s{n % 2}",
            "data": b'{"quantity": "speed", "value": %d}' % (30 + n % 2),
            **SENSOR,
            **changed,
        }
    )


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("city")
    ran("init", "--data", data)
    log = open_writer(data)
    log.append([measured(n) for n in range(200)])
    log.append([measured(1000, id="hostile", subject="\x1b[2J\u202etxt", data=b"{}", type="vn.example.note")])
    log.append([measured(n, world="drill-1") for n in range(30)])
    with pytest.MonkeyPatch.context() as patch:  # as the door does
        patch.setenv("VONGLAU_TEST_CITY", str(data))
        patch.setenv(derive.SETTING, f"{__name__}:columns")
        log.seal(keep=100, through=1_000)
    log.close()
    return data


def columns() -> derive.Derive:
    index = PlaceIndex.open(Path(os.environ["VONGLAU_TEST_CITY"]) / "cache", {"48"})
    return Columns(index, seams.event_types())


def test_a_mean_by_hour_and_sensor_of_one_day(city: Path) -> None:
    sql = (
        "SELECT subject, local_hour, avg(value) AS mean, count(*) AS n FROM events "
        "WHERE quantity = 'speed' AND local_day = DATE '2026-01-01' GROUP BY ALL ORDER BY ALL"
    )
    rows = list(csv.DictReader(io.StringIO(ran("history", "--data", city, "--format", "csv", sql))))
    assert [(row["subject"], row["local_hour"], float(row["mean"]), row["n"]) for row in rows[:2]] == [
        ("s0", "7", 30.0, "30"),
        ("s0", "8", 30.0, "30"),
    ]
    assert sum(int(row["n"]) for row in rows) == 200


def test_no_question_mixes_worlds_unless_it_is_asked_to(city: Path) -> None:
    sql = "SELECT world, count(*) AS n FROM events GROUP BY ALL ORDER BY ALL"

    def counted(*options: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(ran("history", "--data", city, "--json", *options, sql))["rows"]
        return found

    assert counted() == [{"world": "live", "n": 201}]
    assert counted("--all-worlds") == [{"world": "drill-1", "n": 30}, {"world": "live", "n": 201}]
    refused = vonglau("history", "--data", city, "--world", "elsewhere", sql)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "no world 'elsewhere'" in refused.stderr


def test_a_period_is_a_day_or_a_moment(city: Path) -> None:
    sql = "SELECT count(*) AS n FROM events"
    for options, n in (
        (("--from", "2026-01-02"), 0),
        (("--from", "2026-01-01T08:00:00+07:00", "--to", "2026-01-01T09:00:00+07:00"), 60),
    ):
        assert json.loads(ran("history", "--data", city, "--json", *options, sql))["rows"] == [{"n": n}]
    assert "zone" in vonglau("history", "--data", city, "--from", "2026-01-01T08:00:00", sql).stderr


def test_a_senders_text_cannot_drive_the_terminal(city: Path) -> None:
    said = ran("history", "--data", city, "SELECT subject FROM events WHERE id = 'hostile'")
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "x1b[2J" in said


def test_the_answer_as_a_file(city: Path, tmp_path: Path) -> None:
    out = tmp_path / "answer.parquet"
    sql = "SELECT pos, ward, value FROM events WHERE ward IS NOT NULL"
    ran("history", "--data", city, "--format", "parquet", "--output", out, sql)
    table = pq.read_table(out)
    assert table.column_names == ["pos", "ward", "value"]


@pytest.mark.parametrize(
    ("sql", "says"), [("DELETE FROM events", "only read"), ("SELECT nothing FROM events", "nothing")]
)
def test_what_is_no_question_is_refused_in_words(city: Path, sql: str, says: str) -> None:
    refused = vonglau("history", "--data", city, sql)
    assert refused.returncode == 2
    assert says in refused.stderr
    assert "Traceback" not in refused.stderr


def test_without_a_question_it_lists_the_columns(city: Path) -> None:
    assert "local_hour" in ran("history", "--data", city)


def test_ctrl_c_stops_it(city: Path) -> None:
    endless = "SELECT count(*) FROM range(1000000000) a, range(1000000) b"
    process = subprocess.Popen(
        [*VONGLAU, "history", "--data", str(city), "--seconds", "300", endless],
        env=environment(city),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heeds_ctrl_c,  # noqa: PLW1509 - it only sets a signal
    )
    try:
        deadline = time.monotonic() + 120
        while _cpu_seconds(process.pid) < 4 and time.monotonic() < deadline:  # it is counting by now
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _out, said = process.communicate(timeout=120)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert said.strip() == "Stopped."


def _heeds_ctrl_c() -> None:
    """In the child: whoever runs these tests in the background of a shell has handed down that Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
