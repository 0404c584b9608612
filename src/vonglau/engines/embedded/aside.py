"""A damaged write-ahead file is noted and kept aside before anything opens its database: opening and closing one erases it."""

import sqlite3
from pathlib import Path

from vonglau.core import damages
from vonglau.core.damages import Note
from vonglau.core.errors import Broken
from vonglau.engines.embedded.sqlite import translated
from vonglau.engines.embedded.wal import Damage, damage


def look(database: Path) -> Note | None:
    """Nobody may have the database open. None: its write-ahead file is whole, or there is none."""
    side = database.with_name(f"{database.name}-wal")
    with translated():
        before = side.stat() if side.exists() else None
        found = damage(side)
        if before is None or found is None or side.stat().st_mtime_ns != before.st_mtime_ns:
            return None  # somebody writes after all
    return damages.put(database.parent, side.name, describe(found), copy=side, settled=False)


def describe(found: Damage) -> str:
    """One sentence: which frame, and what stands behind it."""
    if not found.commits:
        return f"frame {found.frame}, the last, is torn. A power cut leaves that and has lost nothing then; a file that was cut short has."
    where = f"frame {found.frame} of {found.frames}" if found.frame else "the header"
    return (
        f"{where} is damaged, and {found.commits} commits from there on are not seen: what they held was acknowledged, unless the machine "
        "stopped just while it was being written."
    )


def unsettled(database: Path) -> list[Note]:
    """Finds after which the database has not been looked at yet."""
    return [note for note in damages.notes(database.parent, f"{database.name}-wal") if not note.settled]


def refuse_mixed(database: Path, db: sqlite3.Connection) -> None:
    """Raise `Broken` where what is left makes no database any more: pages of lost commits had already reached the main file."""
    with translated():
        said = [str(row[0]) for row in db.execute("PRAGMA quick_check(1)")]
    if said != ["ok"]:
        raise Broken(
            f"{database.name} is not whole after its write-ahead file was damaged ({said[0]}). Keep a copy of {database.parent} as it is, "
            "and make a new folder of the last backup: `vonglau restore DIR NEW --events newest`."
        )
