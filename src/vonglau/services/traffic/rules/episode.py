"""From numbers to alerts: severity, the facts under the words, the small chart."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from vonglau.core.detection import AlertDraft, Certainty, Severity, Urgency, identity
from vonglau.core.events import from_us
from vonglau.services.traffic.payloads import QUANTITIES
from vonglau.services.traffic.rules.baseline import FLOW, OCCUPANCY, SPEED
from vonglau.services.traffic.rules.table import Column, Table

CONGESTION = "congestion"
ABNORMAL_TRAFFIC = "abnormal_traffic"
SENSOR_SILENT = "sensor_silent"

RING = 48
"""Points kept per key for the small chart: four hours at five minutes."""

NONE, WORSE, BETTER = 0, 1, 2
"""What is open for a key: nothing, an adverse episode, one to the other side."""

COLUMNS = (
    Column("ring_time", "i8", RING),
    Column("ring_pos", "i8", RING),
    Column("ring_seen", "f4", RING),
    Column("ring_expected", "f4", RING),
    Column("ring_low", "f4", RING),
    Column("ring_high", "f4", RING),
    Column("ring_beyond", "i1", RING),
    Column("ring_next", "i8"),
    Column("last_z", "f8"),
)

RANKS = (Severity.MINOR, Severity.MODERATE, Severity.SEVERE)


@dataclass(frozen=True, slots=True)
class Grading:
    """From how much loss on an alert is more than Minor. Loss: the share of the usual speed (or its equivalent)
    that is gone.
    """

    moderate_loss: float = 0.25
    severe_loss: float = 0.50
    moderate_occupancy: float = 15.0
    """Per cent of time. Below it, however unusual, a road is not congested: Minor."""
    severe_occupancy: float = 30.0


def loss(quantity: int, seen: float, expected: float) -> float:
    """Share of the usual that is lost, 0 to 1: of speed; of the equivalent speed for travel time; likewise for the
    others.
    """
    less, more = (seen, expected) if quantity in (SPEED, FLOW) else (expected, seen)
    return max(0.0, 1.0 - less / more) if more > 0 else 0.0


def rank(quantity: int, open_: int, seen: float, expected: float, *, sustained: bool, grading: Grading) -> int:
    """0 Minor, 1 Moderate, 2 Severe. What is better than usual, and a mere change of flow, stays Minor."""
    if open_ != WORSE or quantity == FLOW:
        return 0
    lost = loss(quantity, seen, expected)
    if quantity == OCCUPANCY:
        if seen < grading.moderate_occupancy or lost < grading.moderate_loss:
            return 0
        return 2 if sustained and seen >= grading.severe_occupancy and lost >= grading.severe_loss else 1
    if lost < grading.moderate_loss:
        return 0
    return 2 if sustained and lost >= grading.severe_loss else 1


def kind_of(quantity: int, open_: int) -> str:
    return CONGESTION if open_ == WORSE and quantity != FLOW else ABNORMAL_TRAFFIC


def series_of(table: Table, row: int) -> tuple[tuple[int, float, float, float, float], ...]:
    """The ring, oldest first by time."""
    size = min(int(table["ring_next"][row]), RING)
    order = np.argsort(table["ring_time"][row, :size], kind="stable")
    columns = [table[f"ring_{name}"][row, :size][order] for name in ("time", "seen", "expected", "low", "high")]
    return tuple(
        (time, *(round(value, 3) for value in values))
        for time, *values in zip(*(column.tolist() for column in columns), strict=True)
    )


def evidence_of(table: Table, row: int, since_us: int) -> tuple[int, ...]:
    """Positions of the measurements beyond the band since the onset, as far as the ring reaches back."""
    size = min(int(table["ring_next"][row]), RING)
    times, positions = table["ring_time"][row, :size], table["ring_pos"][row, :size]
    beyond = (table["ring_beyond"][row, :size] != 0) & (times >= since_us)
    return tuple(sorted(positions[beyond].tolist()))


def latest(table: Table, row: int) -> dict[str, Any]:
    """The last measurement beside what was usual for it. `deviation` is in scales of usual deviations; positive is
    worse.
    """
    at = (int(table["ring_next"][row]) - 1) % RING
    seen, expected, low, high = (
        round(float(table[f"ring_{name}"][row, at]), 3) for name in ("seen", "expected", "low", "high")
    )
    return {
        "seen": seen,
        "expected": expected,
        "low": low,
        "high": high,
        "ratio": round(seen / expected, 3) if expected > 0 else None,
        "deviation": round(float(table["last_z"][row]), 2),
    }


def draft(
    detector: str, table: Table, row: int, *, at_us: int, ended_us: int | None = None, ended_by: str | None = None
) -> AlertDraft:
    """The alert of a key's open episode, as it stands at `at_us`."""
    quantity, open_ = int(table["quantity"][row]), int(table["open"][row])
    onset = int(table["onset"][row])
    raised = int(table["raised"][row])
    worst = float(table["worst_seen"][row])
    worst_expected = float(table["worst_expected"][row])
    lon, lat = float(table["lon"][row]), float(table["lat"][row])
    until = ended_us if ended_us is not None else at_us
    return AlertDraft(
        identity=identity(detector, table.keys[row], open_, onset),
        kind=kind_of(quantity, open_),
        severity=RANKS[int(table["rank"][row])],
        urgency=Urgency.IMMEDIATE if ended_us is None else Urgency.PAST,
        certainty=Certainty.OBSERVED if table["confirmed"][row] else Certainty.LIKELY,
        onset_us=onset,
        updated_us=at_us,
        ended_us=ended_us,
        subject=table.text["subject"][row],
        lon=None if np.isnan(lon) else lon,
        lat=None if np.isnan(lat) else lat,
        facts={
            "quantity": QUANTITIES[quantity],
            "unit": table.text["unit"][row] or None,
            "name": table.text["name"][row] or None,
            "subject": table.text["subject"][row],
            "source": table.text["source"][row],
            **latest(table, row),
            "direction": _direction(quantity, open_),
            "worst_seen": round(worst, 3),
            "worst_expected": round(worst_expected, 3),
            "loss": round(loss(quantity, worst, worst_expected), 3),
            "learnt_from": int(table["count"][row]),
            "learnt_days": round((onset - int(table["first"][row])) / 86_400e6, 1),
            "raised": from_us(raised).isoformat(),
            "duration_s": max(until - onset, 0) // 1_000_000,
            "ended_by": ended_by,
        },
        series=series_of(table, row),
        evidence=evidence_of(table, row, onset),
    )


def _direction(quantity: int, open_: int) -> str:
    return "low" if (quantity in (SPEED, FLOW)) == (open_ == WORSE) else "high"
