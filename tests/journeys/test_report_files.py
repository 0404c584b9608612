"""Files of reports through the commands: duplicates found and scored, categories learned, suggested and scored."""

import csv
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner

from vonglau.cli import main
from vonglau.services.field_reports.tests.test_duplicates import crowd, labels_of


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
