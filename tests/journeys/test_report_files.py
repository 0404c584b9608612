"""Files of reports through the commands: duplicates found and scored, categories learned, suggested and scored."""

import csv
import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from vonglau.cli import main
from vonglau.services.field_reports.tests.test_duplicates import crowd, labels_of
from vonglau.services.field_reports.tests.test_suggesting import town


def test_commands_take_parquet_and_csv_and_agree(tmp_path: Path) -> None:
    reports = crowd(random.Random(8), 120)
    table = pa.table(
        {
            "service_request_id": [one.id for one in reports],
            "service_code": [one.service for one in reports],
            "requested_datetime": pa.array([int(one.at * 1e6) for one in reports], pa.timestamp("us", tz="UTC")),
            "lat": [one.lat for one in reports],
            "long": [one.lon for one in reports],
            "description": [one.words for one in reports],
            "address": [one.address for one in reports],
        }
    )
    pq.write_table(table, tmp_path / "reports.parquet")
    with (tmp_path / "reports.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(table.column_names)
        for row in table.to_pylist():
            rows.writerow(
                value.isoformat() if hasattr(value, "isoformat") else repr(value) if isinstance(value, float) else value
                for value in row.values()
            )
    found = []
    for name in ("reports.parquet", "reports.csv"):
        out = tmp_path / f"{name}.ranked.csv"
        call = CliRunner().invoke(main, ["reports", "duplicates", str(tmp_path / name), "--out", str(out), "--json"])
        assert call.exit_code == 0, call.output
        found.append(out.read_text())
    assert found[0] == found[1]
    said = labels_of(reports)
    at = {one.id: one.at for one in reports}
    pq.write_table(
        pa.table(
            {
                "duplicate_id": [one for one, _ in said],
                "original_id": [other for _, other in said],
                "hours_after_original": [(at[one] - at[other]) / 3600 for one, other in said],
            }
        ),
        tmp_path / "labels.parquet",
    )
    call = CliRunner().invoke(
        main,
        ["score", "duplicates", str(tmp_path / "reports.csv.ranked.csv"), str(tmp_path / "labels.parquet"), "--json"],
    )
    body = json.loads(call.stdout.splitlines()[-1])
    assert body["all"]["labels"] == len(said)
    assert body["all"]["recall_at_5"] > 0.9


def told(*words: str) -> dict[str, object]:
    call = CliRunner().invoke(main, [*words, "--json"])
    assert call.exit_code == 0, call.output
    body = json.loads(call.stdout.splitlines()[-1])
    assert isinstance(body, dict)
    return body


def test_categories_are_learned_suggested_and_scored_on_the_future(tmp_path: Path) -> None:
    known = town(900)
    file = tmp_path / "reports.parquet"
    pq.write_table(
        pa.table(
            {
                "service_request_id": [f"r{number}" for number in range(len(known))],
                "service_code": [one.code for one in known],
                "requested_datetime": pa.array(
                    [int(one.report.at * 1e6) for one in known], pa.timestamp("us", tz="UTC")
                ),
                "description": [one.report.words for one in known],
                "lat": [one.report.lat for one in known],
                "long": [one.report.lon for one in known],
            }
        ),
        file,
    )
    cut = datetime.fromtimestamp(known[600].report.at, UTC).isoformat()
    suggestions, plain = tmp_path / "s.csv", tmp_path / "plain.csv"
    for out, method in ((suggestions, "full"), (plain, "tfidf")):
        model = str(tmp_path / method)
        body = told("reports", "train", str(file), "--until", cut, "--model", model, "--method", method)
        assert body["reports"] == 600
        told("reports", "suggest", str(file), "--model", model, "--out", str(out))
    figure = tmp_path / "curve.svg"
    body = told(
        "score",
        "suggest",
        str(suggestions),
        str(file),
        "--after",
        cut,
        "--against",
        str(plain),
        "--figure",
        str(figure),
    )
    assert body["reports"] == 300
    assert body["accuracy_at_80"] > 0.85
    assert figure.read_text().startswith("<svg")


def test_suggesting_reads_no_category_and_goes_by_keywords_without_a_model(tmp_path: Path) -> None:
    file = tmp_path / "reports.csv"
    file.write_text(
        "service_request_id,requested_datetime,description\n"
        "1,2026-01-05T08:00:00+07:00,Đèn đường không sáng\n2,2026-01-05T09:00:00+07:00,xin chào\n",
        encoding="utf-8",
    )
    told("reports", "suggest", str(file), "--out", str(tmp_path / "s.csv"))
    with (tmp_path / "s.csv").open(encoding="utf-8", newline="") as read:
        rows = list(csv.DictReader(read))
    assert [(row["service_code"], row["abstained"]) for row in rows] == [("street_light", "0"), ("", "1")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train"], "--from-desk"),
        (["train", "F"], "--model"),
        (["train", "F", "--model", "M", "--until", "soon"], "no day"),
        (["train", "F", "--model", "M"], "no column service_code"),
        (["duplicates", "F", "--out", "O"], "no column service_code, lat, long"),
        (["suggest", "F", "--out", "/nowhere/at/all"], "cannot be written"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, words: list[str], said: str) -> None:
    file = tmp_path / "F"
    file.write_text("service_request_id,requested_datetime\n1,2026-01-05T08:00:00+07:00\n")
    words = [str(file) if word == "F" else str(tmp_path / word) if word in {"M", "O"} else word for word in words]
    call = CliRunner().invoke(main, ["reports", *words])
    assert call.exit_code == 2
    assert said in call.output


@pytest.mark.shared_data
def test_on_real_pairs_the_shipped_model_finds_what_is_asked_of_it(shared: Path, tmp_path: Path) -> None:
    """Half a year after the one it learned from; a floor, the figures stand in docs/reference/field-reports-measured.md."""
    folder = shared / "field_reports"
    boston = pq.read_table(folder / "boston_open311.parquet")
    recent = boston.filter(pc.greater_equal(boston["requested_datetime"], pa.scalar(datetime(2017, 5, 1, tzinfo=UTC))))
    pq.write_table(recent, tmp_path / "recent.parquet")
    here = set(recent["service_request_id"].to_pylist())
    labels = pq.read_table(folder / "duplicates.parquet")
    both = [
        one in here and other in here
        for one, other in zip(labels["duplicate_id"].to_pylist(), labels["original_id"].to_pylist(), strict=True)
    ]
    pq.write_table(labels.filter(pa.array(both)), tmp_path / "labels.parquet")
    ranked = str(tmp_path / "ranked.csv")
    told("reports", "duplicates", str(tmp_path / "recent.parquet"), "--since", "2017-11-01", "--out", ranked)
    body = told(
        "score", "duplicates", ranked, str(tmp_path / "labels.parquet"), "--reports", str(tmp_path / "recent.parquet"),
        "--after", "2017-11-01",
    )  # fmt: skip
    assert body["all"]["recall_at_5"] >= 0.92
    assert body["all"]["recall_at_1"] >= 0.62
