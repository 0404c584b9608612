"""Rows of the tail for a sealed file. Also a program of its own, so that compressing does not slow the door down:

python -m vonglau.engines.postgresql.export FOLDER SCHEMA FIRST LAST   (the address in VONGLAU_DATABASE)
"""

import sys
from pathlib import Path

from vonglau.core.errors import Unavailable
from vonglau.engines import history
from vonglau.engines.database import Database, database_of
from vonglau.engines.history import writing
from vonglau.engines.postgresql.connection import connect, translated
from vonglau.engines.rows import COLUMNS, Row

_ROWS = f"SELECT {COLUMNS} FROM event WHERE pos BETWEEN %s AND %s ORDER BY pos"  # noqa: S608 - constants


def write(database: Database, folder: Path, first: int, last: int) -> history.SealedFile:
    """Positions `first` to `last` of the tail as one file."""
    db = connect(database, "vonglau sealing", readonly=True)

    def rows(start: int, end: int) -> list[Row]:
        return db.execute(_ROWS, (start, end), binary=True).fetchall()

    try:
        with translated():
            return writing.write(folder, first, last, rows)
    finally:
        db.close()


def _main(folder: str, schema: str, first: str, last: str) -> int:
    found = database_of(folder)
    if found is None:
        raise Unavailable("VONGLAU_DATABASE is not set.")
    database = Database(found.url, log_schema=schema)
    return writing.report(lambda: write(database, Path(folder), int(first), int(last)))


if __name__ == "__main__":
    raise SystemExit(_main(*sys.argv[1:]))
