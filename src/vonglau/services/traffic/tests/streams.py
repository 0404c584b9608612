"""Made-up streams of measurements for the tests of this room."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from vonglau.core.events import TICK_TYPE, to_us
from vonglau.core.log import Batch
from vonglau.core.testing import fold, latest
from vonglau.services.traffic.payloads import EVENT_TYPE

__all__ = ["DAY", "HOUR", "MINUTE", "MONDAY", "Said", "altered", "batch", "fold", "latest", "steady", "ticking"]

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MONDAY = to_us(datetime(2026, 8, 31, tzinfo=UTC))
"""A Monday, 00:00 UTC: 07:00 in Viet Nam."""


@dataclass(frozen=True)
class Said:
    """One row: a measurement, or a tick when `value` is None."""

    at: int
    value: float | None = None
    subject: str | None = "s1"
    quantity: str = "speed"
    source: str = "//loop.example"
    lon: float = float("nan")
    lat: float = float("nan")
    more: tuple[tuple[str, Any], ...] = ()


def batch(rows: Sequence[Said], first: int = 1) -> Batch:
    ticks = [row.value is None for row in rows]
    return Batch(
        pos=np.arange(first, first + len(rows), dtype=np.int64),
        time=np.array([row.at for row in rows], dtype=np.int64),
        world=["t"] * len(rows),
        source=["clock" if tick else row.source for row, tick in zip(rows, ticks, strict=True)],
        id=[str(first + i) for i in range(len(rows))],
        type=[TICK_TYPE if tick else EVENT_TYPE for tick in ticks],
        subject=[None if tick else row.subject for row, tick in zip(rows, ticks, strict=True)],
        lon=np.array([row.lon for row in rows], dtype=np.float64),
        lat=np.array([row.lat for row in rows], dtype=np.float64),
        data=[
            b"" if tick else msgspec.json.encode({"quantity": row.quantity, "value": row.value, **dict(row.more)})
            for row, tick in zip(rows, ticks, strict=True)
        ],
        through=first + len(rows) - 1,
    )


def steady(
    days: float, every: int = 5 * MINUTE, level: float = 50.0, seed: int = 1, start: int = MONDAY, **row: Any
) -> list[Said]:
    """A calm sensor: a level with three per cent of noise."""
    random = np.random.default_rng(seed)
    count = int(days * DAY // every)
    values = level * random.normal(1.0, 0.03, count)
    return [Said(at=start + i * every, value=float(value), **row) for i, value in enumerate(values)]


def altered(rows: list[Said], factor: float, start: int, lasting: int) -> list[Said]:
    """The same measurements, multiplied between two moments."""
    return [
        replace(row, value=row.value * factor) if row.value is not None and start <= row.at < start + lasting else row
        for row in rows
    ]


def ticking(rows: Sequence[Said], until: int | None = None) -> list[Said]:
    """The rows in order of time with a tick at each minute, before the measurements of that minute."""
    end = max(row.at for row in rows) if until is None else until
    start = min(row.at for row in rows) // MINUTE + 1
    ticks = [Said(at=minute * MINUTE) for minute in range(start, end // MINUTE + 1)]
    return sorted([*rows, *ticks], key=lambda row: (row.at, row.value is not None))
