"""How good suggestions are: accuracy over coverage, most confident first; and whether confidence means what it says."""

import csv
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vonglau.core.errors import BadFile, BadInput
from vonglau.services.field_reports import table

COLUMNS = ("id", "service_code", "confidence", "abstained")
COVERAGES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)


@dataclass(frozen=True, slots=True)
class Suggested:
    """One line of a file of suggestions."""

    code: str
    confidence: float
    abstained: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """Suggestions beside what reports were filed as."""

    right: npt.NDArray[np.bool_]
    confidence: npt.NDArray[np.float64]
    abstained: npt.NDArray[np.bool_]
    truth: tuple[str, ...]
    named: tuple[str, ...]


def read(path: Path) -> dict[str, Suggested]:
    """BadFile names the line that breaks the rules of the file."""
    found: dict[str, Suggested] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file, strict=True)
            if tuple(next(rows, ())) != COLUMNS:
                raise BadFile(f"{path}, line 1: the header must be {','.join(COLUMNS)}")
            for row in rows:
                where = f"{path}, line {rows.line_num}"
                if len(row) != len(COLUMNS) or row[3] not in {"0", "1"}:
                    raise BadFile(f"{where}: give id, service_code, confidence and 0 or 1")
                if row[0] in found:
                    raise BadFile(f"{where}: {row[0]} stands twice; name it once")
                found[row[0]] = Suggested(row[1], _share(row[2], where), row[3] == "1")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"{path}: cannot be read as CSV ({error}); make it with `vonglau reports suggest`") from error
    return found


def _share(text: str, where: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = np.nan
    if not 0 <= share <= 1:
        raise BadFile(f"{where}: confidence {text!r} is no share from 0 to 1")
    return share


def judge(suggested: dict[str, Suggested], file: Path, after: str | None = None) -> Judged:
    """Against the file's own categories; `after`: only reports sent then or later. A report without a suggestion counts as a wrong one."""
    found = table.read(file, ("service_request_id", "service_code", "requested_datetime"))
    since = table.day(after) if after else -np.inf
    ids = table.texts(found, "service_request_id")
    codes = table.texts(found, "service_code")
    at = table.moments(found, "requested_datetime").tolist()
    nothing = Suggested("", 0.0, True)
    rows = [
        (code, suggested.get(id, nothing))
        for id, code, moment in zip(ids, codes, at, strict=True)
        if code and (after is None or moment >= since)
    ]
    if not rows:
        raise BadFile(f"{file}: no report with a category{f' from {after} on' if after else ''}; nothing can be judged")
    return Judged(
        right=np.array([code == one.code for code, one in rows]),
        confidence=np.array([one.confidence for _, one in rows]),
        abstained=np.array([one.abstained for _, one in rows]),
        truth=tuple(code for code, _ in rows),
        named=tuple(one.code for _, one in rows),
    )


@dataclass(frozen=True, slots=True)
class Point:
    """Of the most confident `coverage` of reports, the share that is right, and the lowest confidence among them."""

    coverage: float
    accuracy: float
    confidence: float


def curve(judged: Judged) -> list[Point]:
    """Equal confidences are taken in the order of the file."""
    order = np.argsort(-judged.confidence, kind="stable")
    right, sure = judged.right[order].cumsum(), judged.confidence[order]
    total = len(order)
    points = []
    for coverage in COVERAGES:
        count = max(int(total * coverage), 1)
        points.append(Point(coverage, round(float(right[count - 1] / count), 4), round(float(sure[count - 1]), 4)))
    return points


def calibration_error(judged: Judged, bins: int = 15) -> float:
    """Expected calibration error: mean distance of confidence and share right over bins of confidence, weighted by reports."""
    place = np.minimum((judged.confidence * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    sure = np.bincount(place, weights=judged.confidence, minlength=bins)
    right = np.bincount(place, weights=judged.right, minlength=bins)
    return round(float(np.abs(sure - right).sum() / max(count.sum(), 1)), 4)


def score(judged: Judged) -> dict[str, object]:
    """All figures as plain data."""
    spoken = ~judged.abstained
    by_code = {}
    for code in sorted(set(judged.truth)):
        of_code = np.array([one == code for one in judged.truth])
        said = np.array([one == code for one in judged.named]) & spoken
        by_code[code] = {
            "reports": int(of_code.sum()),
            "recall_when_speaking": _rate(judged.right & of_code & spoken, of_code & spoken),
            "precision_when_speaking": _rate(judged.right & said, said),
            "abstained": _rate(judged.abstained & of_code, of_code),
        }
    points = curve(judged)
    return {
        "reports": len(judged.right),
        "accuracy": points[0].accuracy,
        "accuracy_at_80": next(point.accuracy for point in points if point.coverage == 0.8),
        "spoken_share": _rate(spoken, np.ones_like(spoken)),
        "spoken_accuracy": _rate(judged.right & spoken, spoken),
        "calibration_error": calibration_error(judged),
        "curve": [asdict(point) for point in points],
        "categories": by_code,
    }


def _rate(part: npt.NDArray[np.bool_], whole: npt.NDArray[np.bool_]) -> float | None:
    return round(float(part.sum() / whole.sum()), 4) if whole.any() else None


def figure(curves: dict[str, list[Point]], path: Path) -> None:
    """Accuracy over coverage as an SVG, one line a name. BadInput when it cannot be written."""
    try:
        path.write_text(_svg(curves), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror}): choose another --figure.") from error


STROKES = (("#1f5fa8", ""), ("#a8501f", "7 4"), ("#5a5a5a", "2 3"))


def _svg(curves: dict[str, list[Point]]) -> str:
    width, height, left, top, right, bottom = 640, 360, 60, 26, 34, 50
    low = min(0.8, *(int(point.accuracy * 20) / 20 for points in curves.values() for point in points))

    def x(coverage: float) -> float:
        return left + coverage * (width - left - right)

    def y(accuracy: float) -> float:
        return top + (1 - accuracy) / (1 - low) * (height - top - bottom) if low < 1 else top

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13" role="img">',
        "<title>Accuracy over coverage, most confident suggestions first</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for step in range(round((1 - low) * 20) + 1):
        at = low + step / 20
        lines.append(f'<path d="M{left} {y(at):.1f}H{width - right}" stroke="#ddd"/>')
        lines.append(f'<text x="{left - 8}" y="{y(at) + 4:.1f}" text-anchor="end" fill="#333">{at:.2f}</text>')
    lines += [
        f'<text x="{x(step / 10):.1f}" y="{height - bottom + 20}" text-anchor="middle" fill="#333">{step * 10} %</text>'
        for step in range(0, 11, 2)
    ]
    lines.append(
        f'<text x="{(left + width - right) / 2}" y="{height - 10}" text-anchor="middle" fill="#333">'
        "coverage: share of reports answered</text>"
    )
    lines.append(f'<text x="{left}" y="16" fill="#333">accuracy of the answered</text>')
    lines.append(f'<path d="M{x(0.8):.1f} {top}V{height - bottom}" stroke="#999" stroke-dasharray="1 3"/>')
    for place, (name, points) in enumerate(curves.items()):
        colour, dash = STROKES[place % len(STROKES)]
        path = "L".join(f"{x(point.coverage):.1f} {y(point.accuracy):.1f}" for point in points)
        lines.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
        label = name.replace("&", "&amp;").replace("<", "&lt;")
        above = height - bottom - 14 - 18 * place
        lines.append(
            f'<path d="M{left + 14} {above - 4}h28" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
            f'<text x="{left + 50}" y="{above}" fill="#333">{label}</text>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"
