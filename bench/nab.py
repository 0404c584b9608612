"""Ours beside the detectors whose outputs come with the Numenta Anomaly Benchmark: same series, same windows, same
scorer.

    git clone https://github.com/numenta/NAB
    python bench/nab.py NAB                 # the table of docs/reference/nab.md, and the check of the scorer
    python bench/nab.py NAB --series speed_t4013 occupancy_t4013 TravelTime_451

NAB's detectors are taken with the thresholds that NAB publishes for its standard profile (found by NAB on its whole
corpus, these series and their labels included). `alarms` are detections no more than an hour apart, taken as one:
what an operator would see.
"""

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from vonglau.services.traffic.offline import detect_rows, read_csv
from vonglau.services.traffic.scoring import (
    Series,
    episodes,
    nearest_record,
    read_nab_result,
    read_windows,
    score_detections,
    verify_published,
)

SCORED = ("TravelTime_387", "occupancy_6005", "speed_6005", "speed_7578")
"""The four series of the comparison. Settings were chosen without them."""
FOLDER = "realTraffic"

Scored = list[tuple[Series, list[int]]]


def ours(nab: Path, names: list[str]) -> Scored:
    """Records at which our alerts were raised."""
    windows = read_windows(nab / "labels" / "combined_windows.json")
    scored: Scored = []
    for name in names:
        rows = list(read_csv(nab / "data" / FOLDER / f"{name}.csv"))
        series = Series(name, [row.time for row in rows], windows[f"{name}.csv"])
        alerts = [alert for alert in detect_rows(rows, name=name) if alert["kind"] != "sensor_silent"]
        raised = [nearest_record(series.times, datetime.fromisoformat(alert["raised"])) for alert in alerts]
        scored.append((series, raised))
    return scored


def theirs(nab: Path, detector: str, names: list[str]) -> Scored | None:
    """Records over the published threshold; None when a series is missing among the detector's outputs."""
    windows = read_windows(nab / "labels" / "combined_windows.json")
    thresholds = json.loads((nab / "config" / "thresholds.json").read_text())
    scored: Scored = []
    for name in names:
        path = nab / "results" / detector / FOLDER / f"{detector}_{name}.csv"
        if not path.exists() or detector not in thresholds:
            return None
        times, found = read_nab_result(path, thresholds[detector]["standard"]["threshold"])
        scored.append((Series(name, times, windows[f"{name}.csv"]), found))
    return scored


def line(name: str, scored: Scored) -> dict[str, Any]:
    """A row of the table."""
    each = score_detections(scored)
    merged = score_detections([(series, episodes(series, found)) for series, found in scored])
    return {
        "detector": name,
        "nab": each["nab"],
        "found": each["windows_found"],
        "windows": each["windows"],
        "detections": each["alerts"],
        "precision": each["precision"],
        "alarms": merged["alerts"],
        "alarm_precision": merged["precision"],
        "false_alarms_per_day": merged["false_alarms_per_day"],
        "nab_of_alarms": merged["nab"]["standard"],
    }


def compare(nab: Path, names: list[str]) -> list[dict[str, Any]]:
    folders = sorted(path.name for path in (nab / "results").iterdir() if path.is_dir() and path.name != "null")
    all_of_them = {name: theirs(nab, name, names) for name in folders}
    lines = [line("Vọng Lâu", ours(nab, names))]
    lines += [line(name, scored) for name, scored in all_of_them.items() if scored is not None]
    return sorted(lines, key=lambda one: -(one["nab"]["standard"] or 0.0))


def as_markdown(lines: list[dict[str, Any]]) -> str:
    def rate(value: float | None) -> str:
        return "–" if value is None else f"{value:.2f}"

    head = (
        "| detector | NAB standard | low FP | low FN | windows found | alarms | of them inside | false alarms per day "
        "| single detections | of them inside |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
    )
    return head + "\n".join(
        f"| {one['detector']} | {one['nab']['standard']:.1f} | {one['nab']['reward_low_FP_rate']:.1f} "
        f"| {one['nab']['reward_low_FN_rate']:.1f} | {one['found']} of {one['windows']} | {one['alarms']} "
        f"| {rate(one['alarm_precision'])} | {rate(one['false_alarms_per_day'])} "
        f"| {one['detections']} | {rate(one['precision'])} |"
        for one in lines
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nab", type=Path, help="a checkout of github.com/numenta/NAB")
    parser.add_argument("--series", nargs="+", default=list(SCORED))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    lines = compare(asked.nab, asked.series)
    verified = verify_published(asked.nab)
    if asked.json:
        print(json.dumps({"lines": lines, "scorer": verified}, ensure_ascii=False))
    else:
        print(as_markdown(lines))
        worst = verified["largest_difference"]
        print(f"\nScorer: {verified['compared']} published scores, largest difference {worst:.1e}")
    return 0 if verified["largest_difference"] < 1e-9 else 1


if __name__ == "__main__":
    sys.exit(main())
