"""How an older `log.db` becomes today's: ordered steps, all of them in one transaction, so that a failure leaves the old file as it was.

To change the tables: write them in `schema.py` as a new file gets them, and add a `Step` here that takes an existing file there.
`schema.VERSION` follows from the number of steps. A test holds a file brought forward against a new one: same tables, same columns.
A step is plain SQL on the writer's connection; it may neither commit nor `VACUUM`, and what it rewrites stands in the write-ahead
file until the end: prefer adding tables and columns to rewriting rows.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vonglau.core.errors import Broken, Unavailable
from vonglau.engines.embedded.lock import hold
from vonglau.engines.embedded.sqlite import connect, immediate, translated

FIRST = 1
"""The layout of release 0.1.0, from which the steps count."""


@dataclass(frozen=True, slots=True)
class Step:
    """From one layout to the next."""

    what: str
    """What it changes and for whom, one sentence: printed while it runs."""
    run: Callable[[sqlite3.Connection], None]


def _history(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE sealed ADD COLUMN world TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE sealed ADD COLUMN layout INTEGER NOT NULL DEFAULT 1")
    db.execute(
        "CREATE TABLE tombstone (first_pos INTEGER NOT NULL, last_pos INTEGER NOT NULL, world TEXT NOT NULL, type TEXT NOT NULL, "
        "rows INTEGER NOT NULL, before_us INTEGER NOT NULL, rule TEXT NOT NULL, at_us INTEGER NOT NULL)"
    )
    db.execute("CREATE INDEX tombstone_pos ON tombstone (first_pos)")


def _hash_runs(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE hash_run (first_pos INTEGER PRIMARY KEY, last_pos INTEGER NOT NULL, hashes BLOB NOT NULL)")


STEPS: tuple[Step, ...] = (
    Step("History says which world and layout a sealed file has, and what retention took out of it.", _history),
    Step(
        "The server starts fast however many events are not sealed yet: their hashes are kept in long runs too.",
        _hash_runs,
    ),
)
"""The n-th step leads from layout FIRST + n to the next. Released steps are never changed."""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What `upgrading` did."""

    before: int
    after: int
    steps: tuple[str, ...]


def newest(steps: tuple[Step, ...] = STEPS) -> int:
    """The layout this program writes."""
    return FIRST + len(steps)


def found(db: sqlite3.Connection) -> int:
    """The layout of this file. Raises `Unavailable` while another process is still creating it, `Broken` for no log of ours."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'setting'").fetchone():
        raise Unavailable("The event log is being created just now; try again.")
    row = db.execute("SELECT value FROM setting WHERE name = 'version'").fetchone()
    if row is None or not isinstance(row[0], int):
        raise Broken("log.db says no layout of its own: it is damaged, or not an event log. Restore it from a backup.")
    return row[0]


def refuse_other(layout: int) -> None:
    """Raise `Broken` unless the file is of the layout this program writes; the message says which of the two is behind."""
    if layout < newest():
        raise Broken(
            f"This event log has layout {layout}, this program writes {newest()}: run `vonglau upgrade`, "
            "which makes a backup first."
        )
    refuse_newer(layout)


def refuse_newer(layout: int, steps: tuple[Step, ...] = STEPS) -> None:
    """Raise `Broken` for a file of a later program: nothing goes back a layout."""
    if layout > newest(steps):
        raise Broken(
            f"This event log has layout {layout}, this program knows up to {newest(steps)}: "
            "use the newer program that wrote it, or restore a backup made before its upgrade."
        )


@contextmanager
def upgrading(
    path: Path,
    lock: Path,
    told: Callable[[str], None] = lambda what: None,
    steps: tuple[Step, ...] = STEPS,
) -> Iterator[Upgraded]:
    """Bring the file at `path` to today's layout; nothing to do is fine. It commits when the block ends, and stays as it was on any error:
    what must change together with the log (the state) is changed inside the block.

    Holds the writer's lock meanwhile. Raises `Unavailable` when the door has it, `StorageFull` when there is no room for the changed
    pages, `Broken` for a newer layout. `told` is called with each step's words before it runs.
    """
    held = hold(lock)
    try:
        db = connect(path)
        try:
            with translated():
                before = found(db)
            refuse_newer(before, steps)
            due = steps[before - FIRST :]
            with immediate(db):
                for step in due:
                    told(step.what)
                    step.run(db)
                if due:
                    db.execute("UPDATE setting SET value = ? WHERE name = 'version'", (newest(steps),))
                yield Upgraded(before, newest(steps), tuple(step.what for step in due))
        finally:
            db.close()
    finally:
        os.close(held)
