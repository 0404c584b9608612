"""The traffic detectors over a file: `vonglau detect traffic FILE.csv`. The same folds as live, on a clock driven
by the file.

A file has the columns `timestamp,value` (others are ignored), one sensor and one quantity a file, as in the Numenta
Anomaly Benchmark. Times without a zone are local times of `zone`; benchmarks that name no zone are read as UTC, so
that the profile's hours are the file's own.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import numpy as np

from vonglau.core.detection import AlertDraft, Detector
from vonglau.core.errors import BadFile, BadInput
from vonglau.core.events import TICK_TYPE, from_us, ticks_between, to_us
from vonglau.core.log import Batch
from vonglau.services.traffic.payloads import EVENT_TYPE, MAX_VALUE, QUANTITIES
from vonglau.services.traffic.rules import SensorSilence, TrafficAnomaly

MINUTE_US = 60_000_000
CHUNK = 5_000
EARLIEST, LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """One record: its line in the file, its time as written, its value."""

    line: int
    time: datetime
    value: float


def quantity_of(name: str) -> str:
    """What a file measures, by its name: `speed_6005`, `occupancy_t4013`, `TravelTime_387`, `flow_12`."""
    plain = name.lower().replace("_", "").replace("-", "")
    for quantity in QUANTITIES:
        if quantity.replace("_", "") in plain:
            return quantity
    raise BadInput(f"{name}: which quantity is this? Give --quantity {' | '.join(QUANTITIES)}.")


def read_csv(path: Path | str) -> Iterator[Row]:
    """The records of a file, in its order. Byte-order mark, CRLF and empty lines are fine; anything else is refused
    by line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadFile(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise BadFile(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8 CSV.") from error
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        columns = _columns(path, reader)
        naive: bool | None = None
        for cells in reader:
            if any(cell.strip() for cell in cells):
                row = _row(path, reader.line_num, cells, *columns)
                if naive not in (None, row.time.tzinfo is None):
                    raise BadFile(f"{path}, line {row.line}: times with and without a zone in one file; use one kind.")
                naive = row.time.tzinfo is None
                yield row
    except csv.Error as error:
        raise BadFile(f"{path}, line {reader.line_num}: {error}.") from error


def _columns(path: Path | str, reader: Any) -> tuple[int, int]:
    header: Sequence[str] = next((cells for cells in reader if any(cell.strip() for cell in cells)), [])
    names = [cell.strip().lower() for cell in header]
    if "timestamp" not in names or "value" not in names:
        raise BadFile(f"{path}, line {max(reader.line_num, 1)}: the first line must name the columns timestamp,value.")
    return names.index("timestamp"), names.index("value")


def _row(path: Path | str, line: int, cells: Sequence[str], time_at: int, value_at: int) -> Row:
    if len(cells) <= max(time_at, value_at):
        raise BadFile(f"{path}, line {line}: {len(cells)} cells; timestamp and value are needed.")
    try:
        time = datetime.fromisoformat(cells[time_at].strip())
    except ValueError as error:
        raise BadFile(
            f"{path}, line {line}: {cells[time_at]!r} is no ISO 8601 time, such as 2015-09-17 07:00:00."
        ) from error
    if not EARLIEST <= (time if time.tzinfo else time.replace(tzinfo=UTC)) <= LAST:
        raise BadFile(f"{path}, line {line}: {cells[time_at]!r} is not between 1970 and 2200.")
    try:
        value = float(cells[value_at])
    except ValueError as error:
        raise BadFile(f"{path}, line {line}: {cells[value_at]!r} is no number.") from error
    if not (math.isfinite(value) and 0 <= value <= MAX_VALUE):
        raise BadFile(f"{path}, line {line}: value {cells[value_at].strip()} must be finite and not below 0.")
    return Row(line, time, value)


def detect_csv(
    path: Path | str, *, quantity: str | None = None, zone: str = "UTC", subject: str | None = None
) -> Iterator[dict[str, Any]]:
    """The alerts of a file as plain data, in order of their onset: what `vonglau detect traffic` writes, one JSON
    object a line.
    """
    name = Path(path).stem
    yield from detect_rows(
        list(read_csv(path)), name=subject or name, quantity=quantity or quantity_of(name), zone=zone
    )


def detect_rows(
    rows: Sequence[Row],
    *,
    name: str,
    quantity: str | None = None,
    zone: str = "UTC",
    detectors: Sequence[Detector] | None = None,
) -> Iterator[dict[str, Any]]:
    """The same for records that have been read. Times come out as they came in: with a zone, or without."""
    try:
        local = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadInput(f"There is no time zone {zone!r}; give one like Asia/Ho_Chi_Minh.") from error
    naive = bool(rows) and rows[0].time.tzinfo is None
    batch = as_batch(rows, name, quantity or quantity_of(name), local)
    alerts: dict[str, AlertDraft] = {}
    for detector in detectors or (TrafficAnomaly(zone=zone), SensorSilence()):
        state = detector.initial()
        for start in range(0, len(batch), CHUNK):
            state, drafts = detector.fold(state, batch.take(range(start, min(start + CHUNK, len(batch)))))
            alerts.update((draft.identity, draft) for draft in drafts)
    ordered = sorted(alerts.values(), key=lambda draft: (draft.onset_us, draft.identity))
    yield from (as_json(draft, local if naive else None) for draft in ordered)


def as_batch(rows: Sequence[Row], name: str, quantity: str, zone: ZoneInfo) -> Batch:
    """The records as a run of the log: position = line number, a tick at each minute that begins between two
    records.
    """
    times: list[int] = []
    data: list[bytes] = []
    lines: list[int] = []
    clock: int | None = None
    for row in rows:
        moment = row.time if row.time.tzinfo else row.time.replace(tzinfo=zone)
        time_us = to_us(moment.astimezone(UTC))
        minute = time_us // MINUTE_US
        for tick in ticks_between(minute if clock is None else clock, minute):
            times.append(tick * MINUTE_US)
            data.append(b"")
            lines.append(row.line)
        clock = minute if clock is None else max(clock, minute)
        times.append(time_us)
        data.append(msgspec.json.encode({"quantity": quantity, "value": row.value}))
        lines.append(row.line)
    count = len(times)
    nowhere = np.full(count, np.nan)
    return Batch(
        pos=np.array(lines, dtype=np.int64),
        time=np.array(times, dtype=np.int64),
        world=["file"] * count,
        source=["clock" if not one else f"file:{name}" for one in data],
        id=[str(number) for number in range(count)],
        type=[EVENT_TYPE if one else TICK_TYPE for one in data],
        subject=[name if one else None for one in data],
        lon=nowhere,
        lat=nowhere,
        data=data,
        through=lines[-1] if lines else 0,
    )


def as_json(draft: AlertDraft, naive_zone: ZoneInfo | None) -> dict[str, Any]:
    """An alert as plain data. Times without a zone when the file had none."""

    def iso(us: int | None) -> str | None:
        if us is None:
            return None
        moment = from_us(us)
        return (
            moment.isoformat() if naive_zone is None else moment.astimezone(naive_zone).replace(tzinfo=None).isoformat()
        )

    raised = datetime.fromisoformat(draft.facts["raised"])
    return {
        "identity": draft.identity,
        "kind": draft.kind,
        "severity": draft.severity.value,
        "certainty": draft.certainty.value,
        "subject": draft.subject,
        "onset": iso(draft.onset_us),
        "raised": iso(to_us(raised)),
        "updated": iso(draft.updated_us),
        "ended": iso(draft.ended_us),
        "facts": dict(draft.facts),
        "evidence_lines": list(draft.evidence),
    }
