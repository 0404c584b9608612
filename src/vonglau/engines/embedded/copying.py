"""A copy of a SQLite database while others write to it.

SQLite's online backup starts over whenever another connection commits between two of its steps: under load it never ends (measured:
docs/decisions/0012-backup.md). Inside one read transaction it copies what that transaction sees, and in WAL mode a reader holds up no
writer; the write-ahead file grows by what is committed meanwhile. `VACUUM INTO` would also do, but moves every page: the next backup
would find nothing it has already.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from vonglau.core.errors import Broken
from vonglau.engines.embedded.sqlite import connect, translated

STEP_PAGES = 512
"""Pages copied before others of this process get their turn: 4 MB of log, some milliseconds."""


def copy(source: Path, target: Path, told: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Write what `source` holds now to the new file `target`; `told` gets pages done and in all.

    Raises `StorageFull`, `Unavailable` or `Broken` as the log does; `target` is then of no use.
    """
    with translated():
        reading = connect(source, readonly=True)
        try:
            writing = sqlite3.connect(target, isolation_level=None)
            try:
                for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_spill=ON"):
                    writing.execute(f"PRAGMA {pragma}").fetchall()
                reading.execute("BEGIN")
                if reading.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
                    raise Broken(f"{source} is empty: it is no database of ours, or lost its content.")
                reading.backup(
                    writing, pages=STEP_PAGES, progress=lambda _status, left, total: told(total - left, total), sleep=0
                )
            finally:
                writing.close()
        finally:
            reading.close()
