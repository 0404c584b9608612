"""The tail's hashes in PostgreSQL: loaded when the log is opened, stored in runs (`engines.runs`)."""

from collections.abc import Iterator, Sequence

import numpy as np

from vonglau.engines import runs
from vonglau.engines.identities import Hashes, TailIndex
from vonglau.engines.postgresql.connection import Connection

_ROWS_AT_ONCE = 200_000


def load(db: Connection, border: int) -> TailIndex:
    def rows(after: int) -> Iterator[tuple[Hashes, Hashes]]:
        query = "SELECT hash, pos FROM event WHERE pos > %s ORDER BY pos LIMIT %s"
        while found := db.execute(query, (after, _ROWS_AT_ONCE), binary=True).fetchall():
            table = np.array(found, dtype=np.int64)
            yield table[:, 0], table[:, 1]
            after = found[-1][1]

    stored = db.execute("SELECT first_pos, last_pos, hashes FROM hash_run ORDER BY first_pos", binary=True)
    return runs.load(border, ((first, last, hashes) for first, last, hashes in stored), rows)


def store(db: Connection, due: Sequence[runs.Run]) -> None:
    """The caller holds the transaction."""
    for run in due:
        db.execute(
            "INSERT INTO hash_run VALUES (%s, %s, %s) ON CONFLICT (first_pos) "
            "DO UPDATE SET last_pos = excluded.last_pos, hashes = excluded.hashes",
            run,
        )


def drop(db: Connection, through: int) -> None:
    """Runs that have been sealed; the caller holds the transaction that says so."""
    db.execute("DELETE FROM hash_run WHERE last_pos <= %s", (through,))
