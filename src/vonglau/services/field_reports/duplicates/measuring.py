"""How many labelled originals stand among the first candidates."""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from vonglau.core.errors import BadFile
from vonglau.services.field_reports import table
from vonglau.services.field_reports.duplicates.ranking import LIMIT

COLUMNS = ("report_id", "candidate_id", "rank")
LABELS = ("duplicate_id", "original_id")
HOURS = "hours_after_original"


@dataclass(frozen=True, slots=True)
class Recall:
    """Shares of the labelled pairs whose original is the first candidate, or among the first five."""

    labels: int
    recall_at_1: float | None
    recall_at_5: float | None
    without_candidates: int
    """Labelled reports for which nothing was named."""


def read_ranked(path: Path) -> dict[str, list[str]]:
    """Candidates of each report, best first. BadFile names the line that breaks the rules of the file."""
    found: dict[str, dict[int, str]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file, strict=True)
            if tuple(next(rows, ())) != COLUMNS:
                raise BadFile(f"{path}, line 1: the header must be {','.join(COLUMNS)}")
            for row in rows:
                _take(found, row, f"{path}, line {rows.line_num}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"{path}: cannot be read as CSV ({error}); make it with `vonglau reports duplicates`") from error
    return {report: [ranks[rank] for rank in sorted(ranks)] for report, ranks in found.items()}


def _take(found: dict[str, dict[int, str]], row: list[str], where: str) -> None:
    if len(row) != len(COLUMNS) or not row[2].isdigit() or not 1 <= int(row[2]) <= LIMIT:
        raise BadFile(f"{where}: give report_id, candidate_id and a rank from 1 to {LIMIT}")
    report, candidate, rank = row[0], row[1], int(row[2])
    if report == candidate:
        raise BadFile(f"{where}: {report} is named as its own duplicate; leave it out")
    ranks = found.setdefault(report, {})
    if rank in ranks or candidate in ranks.values():
        raise BadFile(f"{where}: {report} has rank {rank} or candidate {candidate} twice; each stands once")
    ranks[rank] = candidate


@dataclass(frozen=True, slots=True)
class Label:
    """Staff's word: `duplicate` repeats `original`, sent `hours` before it (negative: after it; None: not said)."""

    duplicate: str
    original: str
    hours: float | None = None


def read_labels(path: Path) -> list[Label]:
    """A file with duplicate_id, original_id and, where known, hours_after_original."""
    found = table.read(path, LABELS, (HOURS,))
    hours = table.numbers(found, HOURS).tolist() if HOURS in found.column_names else [None] * found.num_rows
    return [
        Label(*row) for row in zip(table.texts(found, LABELS[0]), table.texts(found, LABELS[1]), hours, strict=True)
    ]


def sent_from(labels: list[Label], reports: Path, after: str) -> list[Label]:
    """Those whose duplicate was sent at `after` or later, as the file of reports says. BadFile for none."""
    since = table.day(after)
    found = table.read(reports, ("service_request_id", "requested_datetime"))
    moments = table.moments(found, "requested_datetime").tolist()
    at = dict(zip(table.texts(found, "service_request_id"), moments, strict=True))
    kept = [label for label in labels if at.get(label.duplicate, -math.inf) >= since]
    if not kept:
        raise BadFile(f"{reports}: none of the labelled duplicates was sent from {after} on; choose an earlier day")
    return kept


def recall(ranked: Mapping[str, list[str]], labels: Iterable[Label]) -> Recall:
    """Over all labels, with or without candidates."""
    judged = first = five = without = 0
    for label in labels:
        named = ranked.get(label.duplicate, [])
        judged += 1
        first += named[:1] == [label.original]
        five += label.original in named[:5]
        without += not named
    share = (lambda count: round(count / judged, 4)) if judged else (lambda _: None)
    return Recall(judged, share(first), share(five), without)


def parts(ranked: Mapping[str, list[str]], labels: list[Label]) -> Iterator[tuple[str, dict[str, object]]]:
    """All labels, then those whose original was there first: all that can be found at the moment of writing."""
    yield "all", asdict(recall(ranked, labels))
    earlier = [label for label in labels if label.hours is not None and label.hours > 0]
    if earlier:
        yield "original_earlier", asdict(recall(ranked, earlier))
