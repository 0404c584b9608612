"""How good are the alerts? The scoring of the Numenta Anomaly Benchmark, and plain counts beside it.

NAB's rules, written from their description (Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms –
the Numenta Anomaly Benchmark", ICMLA 2015), for a series of records, of which some are detections and some lie in
labelled windows:

- The first 15 % of a series (never more than 750 records) is for learning: detections there neither count nor cost.
- A window earns by its *earliest* detection: A_TP · σ(y) / σ(−1), where y = −1 at the window's first record and nearly 0 at its
  last, and σ(y) = 2 / (1 + e^{5y}) − 1. A window without a detection costs A_FN.
- A detection outside costs A_FP before the first window; after a window, A_FP · |σ(y)| with y the distance from
  that window's last record in window lengths (beyond 3: all of it). Just behind a window a false alarm is thus
  nearly free.
- The sum is put between the null detector (0) and the perfect one (100).

`verify_published` shows that this gives the very scores NAB publishes.
"""

import csv
import json
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vonglau.core.errors import BadFile

LEARNING_SHARE = 0.15
LEARNING_MOST = 750
FAR = 3.0
"""Window lengths behind a window from which a false alarm costs all of A_FP."""

Window = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Profile:
    """What hits, misses and false alarms are worth to whom."""

    hit: float
    miss: float
    false_alarm: float


PROFILES: Mapping[str, Profile] = {
    "standard": Profile(hit=1.0, miss=1.0, false_alarm=0.11),
    "reward_low_FP_rate": Profile(hit=1.0, miss=1.0, false_alarm=0.22),
    "reward_low_FN_rate": Profile(hit=1.0, miss=2.0, false_alarm=0.11),
}


@dataclass(frozen=True, slots=True)
class Series:
    """One labelled series: the times of its records in order, and the windows in which something was wrong."""

    name: str
    times: Sequence[datetime]
    windows: Sequence[Window]

    @property
    def learning(self) -> int:
        """How many records at the start are for learning only."""
        return min(math.floor(LEARNING_SHARE * len(self.times)), LEARNING_MOST)

    def spans(self) -> list[tuple[int, int]]:
        """The windows as first and last record, inclusive; a window without any record is left out."""
        spans = ((bisect_left(self.times, start), bisect_right(self.times, end) - 1) for start, end in self.windows)
        return [(first, last) for first, last in spans if first <= last]


@dataclass(frozen=True, slots=True)
class Counts:
    """Plain counts of one series or several, after the learning part."""

    windows: int = 0
    windows_found: int = 0
    alerts: int = 0
    alerts_inside: int = 0
    days: float = 0.0
    delays_s: tuple[float, ...] = ()
    """From the window's start to its first alert. Windows begin long before the labelled moment: small numbers mean
    little.
    """

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            windows=self.windows + other.windows,
            windows_found=self.windows_found + other.windows_found,
            alerts=self.alerts + other.alerts,
            alerts_inside=self.alerts_inside + other.alerts_inside,
            days=self.days + other.days,
            delays_s=self.delays_s + other.delays_s,
        )

    def as_dict(self) -> dict[str, Any]:
        """With the rates, each None where its denominator is 0."""
        counted = asdict(self)
        counted.pop("delays_s")
        delays = sorted(self.delays_s)
        false_alarms = self.alerts - self.alerts_inside
        return counted | {
            "false_alarms": false_alarms,
            "precision": self.alerts_inside / self.alerts if self.alerts else None,
            "recall": self.windows_found / self.windows if self.windows else None,
            "false_alarms_per_day": false_alarms / self.days if self.days else None,
            "median_delay_s": delays[len(delays) // 2] if delays else None,
        }


def sigmoid(y: float) -> float:
    """NAB's scaled sigmoid: almost 1 at −1, 0 at 0, and −1 from `FAR` on."""
    return -1.0 if y > FAR else 2.0 / (1.0 + math.exp(5.0 * y)) - 1.0


def raw_score(series: Series, detections: Iterable[int], profile: Profile) -> float:
    """NAB's score of one series, not normalised. `detections` are record numbers, in any order."""
    spans = series.spans()
    found: dict[int, float] = {}
    cost = 0.0
    for record in sorted(set(detections)):
        if record < series.learning:
            continue
        index = bisect_right(spans, (record, len(series.times))) - 1
        first, last = spans[index] if index >= 0 else (0, -1)
        if record <= last:
            found.setdefault(index, profile.hit * sigmoid((record - last - 1) / (last - first + 1)) / sigmoid(-1.0))
        elif index < 0:
            cost += profile.false_alarm
        else:
            cost -= profile.false_alarm * sigmoid((record - last) / max(last - first, 1))
    return sum(found.values()) - profile.miss * (len(spans) - len(found)) - cost


def normalised(raw: float, windows: int, profile: Profile) -> float | None:
    """0 for a detector that never speaks, 100 for one that speaks once, at the start of every window."""
    null, perfect = -profile.miss * windows, profile.hit * windows
    return 100.0 * (raw - null) / (perfect - null) if windows else None


def count(series: Series, detections: Iterable[int]) -> Counts:
    """Precision's and recall's ingredients: each detection is one alert."""
    spans = series.spans()
    after = sorted(record for record in set(detections) if record >= series.learning)
    inside = {
        index: [record for record in after if first <= record <= last] for index, (first, last) in enumerate(spans)
    }
    delays = [
        (series.times[records[0]] - series.times[spans[index][0]]).total_seconds()
        for index, records in inside.items()
        if records
    ]
    scored = series.times[series.learning :]
    return Counts(
        windows=len(spans),
        windows_found=len(delays),
        alerts=len(after),
        alerts_inside=len({record for records in inside.values() for record in records}),
        days=(scored[-1] - scored[0]).total_seconds() / 86_400 if scored else 0.0,
        delays_s=tuple(delays),
    )


def episodes(series: Series, detections: Iterable[int], gap_s: float = 3600.0) -> list[int]:
    """The first record of each run of detections no further than `gap_s` apart: what a person would call one alarm."""
    starts: list[int] = []
    previous: datetime | None = None
    for record in sorted(set(detections)):
        moment = series.times[record]
        if previous is None or (moment - previous).total_seconds() > gap_s:
            starts.append(record)
        previous = moment
    return starts


def score_detections(scored: Sequence[tuple[Series, Sequence[int]]]) -> dict[str, Any]:
    """Counts and NAB scores over several series together, as NAB does: raw scores are added, then normalised once."""
    total = sum((count(series, detections) for series, detections in scored), Counts())
    scores = {
        name: normalised(
            sum(raw_score(series, detections, profile) for series, detections in scored),
            sum(len(series.spans()) for series, _ in scored),
            profile,
        )
        for name, profile in PROFILES.items()
    }
    return total.as_dict() | {"nab": scores}


def read_windows(labels: Path) -> dict[str, list[Window]]:
    """NAB's `combined_windows.json`: file name → list of [start, end], keyed here by the name without its folder."""
    try:
        document = json.loads(labels.read_bytes())
        return {
            key.rsplit("/", 1)[-1]: [
                (datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in windows
            ]
            for key, windows in document.items()
        }
    except OSError as error:
        raise BadFile(f"{labels}: cannot be read ({error.strerror}); give NAB's combined_windows.json.") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise BadFile(f'{labels}: expected {{"folder/file.csv": [["start", "end"], …]}}: {error}') from error


def nearest_record(times: Sequence[datetime], moment: datetime) -> int:
    """The record at which something was said: the last one not after that moment."""
    return max(bisect_right(times, moment) - 1, 0)


def score_nab(data_dir: Path | str, labels: Path | str, **options: Any) -> dict[str, Any]:
    """Run the traffic detector over every labelled CSV file of a folder and score what it says.

    Only `congestion` and `abnormal_traffic` are scored: NAB's labels are about values, not about missing records;
    `sensor_silent` is counted apart. An alert counts at the record at which it was *raised*, not at the onset it
    names.
    """
    from vonglau.services.traffic.offline import detect_rows, read_csv

    windows = read_windows(Path(labels))
    results: list[tuple[Series, Sequence[int]]] = []
    files: dict[str, Any] = {}
    silent = 0
    for path in sorted(Path(data_dir).rglob("*.csv")):
        if path.name not in windows:
            continue
        rows = list(read_csv(path))
        alerts = list(detect_rows(rows, name=path.stem, **options))
        series = Series(path.name, [row.time for row in rows], windows[path.name])
        raised = [
            nearest_record(series.times, datetime.fromisoformat(alert["raised"]).replace(tzinfo=None))
            for alert in alerts
            if alert["kind"] != "sensor_silent"
        ]
        silent += len(alerts) - len(raised)
        results.append((series, raised))
        files[path.name] = score_detections([(series, raised)])
    if not results:
        raise BadFile(f"{data_dir}: no CSV file here is named in {labels}; give NAB's data folder and its windows.")
    return {"all": score_detections(results), "files": files, "sensor_silent": silent}


def read_nab_result(path: Path, threshold: float) -> tuple[list[datetime], list[int]]:
    """Times, and records over the threshold, of one of NAB's published detector outputs."""
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    times = [datetime.fromisoformat(row["timestamp"]) for row in rows]
    return times, [index for index, row in enumerate(rows) if float(row["anomaly_score"]) >= threshold]


def verify_published(nab: Path | str, folder: str = "realTraffic") -> dict[str, Any]:
    """Score NAB's own published detector outputs with our scorer, and compare with the scores published beside them.

    `nab` is a checkout of github.com/numenta/NAB. Returns how many per-file scores were compared and the largest
    difference.
    """
    root = Path(nab)
    windows = read_windows(root / "labels" / "combined_windows.json")
    compared, worst = 0, 0.0
    for scores in sorted((root / "results").glob("*/*_scores.csv")):
        detector = scores.parent.name
        profile = PROFILES[scores.stem.removeprefix(f"{detector}_").removesuffix("_scores")]
        with scores.open(newline="") as lines:
            for row in csv.DictReader(lines):
                if not (row["File"] or "").startswith(f"{folder}/"):
                    continue
                name = row["File"].rsplit("/", 1)[-1]
                times, found = read_nab_result(scores.parent / folder / f"{detector}_{name}", float(row["Threshold"]))
                ours = raw_score(Series(name, times, windows[name]), found, profile)
                worst = max(worst, abs(ours - float(row["Score"])))
                compared += 1
    if not compared:
        raise BadFile(f"{root}: no published scores for {folder}; give a checkout of github.com/numenta/NAB.")
    return {"compared": compared, "largest_difference": worst}
