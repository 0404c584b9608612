"""How an older `log.db` becomes today's: see `engines.layouts`. A step may not `VACUUM`; what it rewrites stands in the write-ahead file
until the end.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from vonglau.core.errors import Broken, Unavailable
from vonglau.engines import layouts
from vonglau.engines.embedded.lock import hold
from vonglau.engines.embedded.sqlite import connect, immediate, translated

EmbeddedStep: TypeAlias = layouts.Step[sqlite3.Connection]


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


STEPS: tuple[EmbeddedStep, ...] = (
    layouts.Step("History says which world and layout a sealed file has, and what retention took out of it.", _history),
    layouts.Step(
        "The server starts fast however many events are not sealed yet: their hashes are kept in long runs too.",
        _hash_runs,
    ),
)


def newest(steps: tuple[EmbeddedStep, ...] = STEPS) -> int:
    """The layout this program writes."""
    return layouts.newest(steps)


def found(db: sqlite3.Connection) -> int:
    """The layout of this file. Raises `Unavailable` while another process is still creating it, `Broken` for no log of ours."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'setting'").fetchone():
        raise Unavailable("The event log is being created just now; try again.")
    row = db.execute("SELECT value FROM setting WHERE name = 'version'").fetchone()
    if row is None or not isinstance(row[0], int):
        raise Broken("log.db says no layout of its own: it is damaged, or not an event log. Restore it from a backup.")
    return row[0]


def refuse_other(layout: int) -> None:
    """Raise `Broken` unless the file is of the layout this program writes."""
    layouts.refuse_other(layout, newest())


def refuse_newer(layout: int) -> None:
    """Raise `Broken` for a file of a later program."""
    layouts.refuse_newer(layout, newest())


def layout_of(path: Path) -> int:
    """As `found`, of the file there."""
    db = connect(path, readonly=True)
    try:
        with translated():
            return found(db)
    finally:
        db.close()


@contextmanager
def upgrading(
    path: Path,
    lock: Path,
    told: Callable[[str], None] = lambda what: None,
    steps: tuple[EmbeddedStep, ...] = STEPS,
) -> Iterator[layouts.Upgraded]:
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
            due = layouts.due(before, steps)
            with immediate(db):
                for step in due:
                    told(step.what)
                    step.run(db)
                if due:
                    db.execute("UPDATE setting SET value = ? WHERE name = 'version'", (newest(steps),))
                yield layouts.Upgraded(before, newest(steps), tuple(step.what for step in due))
        finally:
            db.close()
    finally:
        os.close(held)
