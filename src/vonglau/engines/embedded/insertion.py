"""Bulk inserts as few, wide statements.

One statement of many rows lets SQLite work outside Python's lock for the whole run; one call per row would hand it
to and fro, and the door decodes under the same lock.
"""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any

from vonglau.core.events import Event
from vonglau.engines.rows import extensions_text

_WIDTHS = (256, 32, 4, 1)
"""Rows per statement: few different texts, so that all stay prepared."""

_ROW = "(?, ?, ?, ?, ?, ?, ?, nullif(?, 0), ?, ?, ?, nullif(?, 0), ?)"
"""The Python module binds None and bytes ten times slower than anything else (it asks for adapters first). So no text
is bound as the number 0, no coordinate as NaN (which SQLite stores as NULL), and data as a bytearray."""

_NAN = float("nan")
_STATEMENTS = {width: "INSERT INTO event VALUES " + ",".join([_ROW] * width) for width in _WIDTHS}  # noqa: S608

_QUARANTINE = (
    "INSERT INTO quarantine (at_us, world, source, event_id, pointer, reason, raw, by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


def event_rows(
    first_pos: int, recorded_us: int, events: Sequence[Event], hashes: Sequence[int]
) -> list[tuple[Any, ...]]:
    """Rows of the `event` table at consecutive positions, with what is absent as `_ROW` says."""
    return [
        (
            pos,
            recorded_us,
            event.time_us,
            event.world,
            event.source,
            event.id,
            event.type,
            0 if event.subject is None else event.subject,
            _NAN if event.lon is None else event.lon,
            _NAN if event.lat is None else event.lat,
            bytearray(event.data),
            extensions_text(event.extensions) if event.extensions else 0,
            hashed,
        )
        for pos, (event, hashed) in enumerate(zip(events, hashes, strict=True), first_pos)
    ]


def insert_events(db: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    start, left = 0, len(rows)
    for width in _WIDTHS:
        statement = _STATEMENTS[width]
        while left >= width:
            db.execute(statement, list(chain.from_iterable(rows[start : start + width])))
            start, left = start + width, left - width


def insert_quarantine(db: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> list[int]:
    """Rows of (at_us, world, source, event_id, pointer, reason, raw, by); their new ids."""
    return [db.execute(_QUARANTINE, row).lastrowid or 0 for row in rows]
