"""Rows of the tail for a sealed file. Also a program of its own, so that compressing does not slow the door down:

python -m vonglau.engines.embedded.export DATA_DIR FIRST LAST
"""

import sys
from pathlib import Path
from typing import Any

from vonglau.engines import history
from vonglau.engines.embedded import schema
from vonglau.engines.embedded.sqlite import connect, translated
from vonglau.engines.history import writing
from vonglau.engines.rows import COLUMNS


def write(data_dir: Path, first: int, last: int) -> history.SealedFile:
    """Positions `first` to `last` of the tail as one file."""
    db = connect(schema.path(data_dir), readonly=True)
    query = f"SELECT {COLUMNS} FROM event WHERE pos BETWEEN ? AND ? ORDER BY pos"  # noqa: S608 - constants

    def rows(start: int, end: int) -> list[tuple[Any, ...]]:
        return db.execute(query, (start, end)).fetchall()

    try:
        with translated():
            return writing.write(history.folder(data_dir), first, last, rows)
    finally:
        db.close()


if __name__ == "__main__":
    folder, first, last = sys.argv[1:]
    raise SystemExit(writing.report(lambda: write(Path(folder), int(first), int(last))))
