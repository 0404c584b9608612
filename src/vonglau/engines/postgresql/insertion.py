"""New rows: a few in one statement that commits by itself, many by binary COPY.

Each commit also counts the pulse, so that others see with one cheap read that something is new.
"""

from collections.abc import Sequence
from functools import cache

from vonglau.core.events import Event
from vonglau.engines.postgresql.connection import Connection
from vonglau.engines.postgresql.schema import EVENT_TYPES
from vonglau.engines.rows import Row, extensions_text

FEW = 32
"""Up to so many rows one prepared statement is faster than COPY: it is one exchange with the server instead of five."""

_QUARANTINE = (
    "INSERT INTO quarantine (at_us, world, source, event_id, pointer, reason, raw, by) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id"
)


def event_rows(first_pos: int, recorded_us: int, events: Sequence[Event], hashes: Sequence[int]) -> list[Row]:
    """Rows of the `event` table at consecutive positions."""
    return [
        (
            pos,
            recorded_us,
            event.time_us,
            event.world,
            event.source,
            event.id,
            event.type,
            event.subject,
            event.lon,
            event.lat,
            event.data,
            extensions_text(event.extensions),
            hashed,
        )
        for pos, (event, hashed) in enumerate(zip(events, hashes, strict=True), first_pos)
    ]


def insert(db: Connection, rows: Sequence[Row], waiting: Sequence[Row]) -> list[int]:
    """Events and quarantined items in one durable transaction; the new ids of the latter."""
    if rows and not waiting and len(rows) <= FEW:
        db.execute(_few(len(rows)), [value for row in rows for value in row], prepare=True)
        return []
    with db.transaction():
        ids = insert_quarantine(db, waiting)
        copy_events(db, rows)
        beat(db)
    return ids


def copy_events(db: Connection, rows: Sequence[Row]) -> None:
    """Many rows; the caller holds the transaction."""
    if rows:
        with db.cursor() as cursor, cursor.copy("COPY event FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(EVENT_TYPES)
            for row in rows:
                copy.write_row(row)


def insert_quarantine(db: Connection, rows: Sequence[Row]) -> list[int]:
    """Rows of `appending.quarantine_row`; their new ids. The caller holds the transaction."""
    ids = []
    for row in rows:
        made = db.execute(_QUARANTINE, row, prepare=True).fetchone()
        assert made is not None
        ids.append(int(made[0]))
    return ids


def beat(db: Connection) -> None:
    db.execute("UPDATE pulse SET n = n + 1")


@cache
def _few(rows: int) -> str:
    values = ", ".join(["(" + ", ".join(["%s"] * len(EVENT_TYPES)) + ")"] * rows)
    return f"WITH beaten AS (UPDATE pulse SET n = n + 1) INSERT INTO event VALUES {values}"  # noqa: S608 - constants
