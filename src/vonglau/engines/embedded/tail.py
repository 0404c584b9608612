"""The tail's hashes in SQLite: loaded when the log is opened, stored in runs (`engines.runs`)."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from vonglau.engines import runs
from vonglau.engines.identities import Hashes, TailIndex

_ROWS_AT_ONCE = 200_000


def load(db: sqlite3.Connection, border: int) -> TailIndex:
    def rows(after: int) -> Iterator[tuple[Hashes, Hashes]]:
        query = "SELECT hash, pos FROM event WHERE pos > ? ORDER BY pos LIMIT ?"
        while found := db.execute(query, (after, _ROWS_AT_ONCE)).fetchall():
            table = np.array(found, dtype=np.int64)
            yield table[:, 0], table[:, 1]
            after = found[-1][1]

    stored: Iterable[runs.Run] = db.execute("SELECT first_pos, last_pos, hashes FROM hash_run ORDER BY first_pos")
    return runs.load(border, stored, rows)


def store(db: sqlite3.Connection, due: Sequence[runs.Run]) -> None:
    """The caller holds the transaction."""
    db.executemany("INSERT OR REPLACE INTO hash_run VALUES (?, ?, ?)", due)


def drop(db: sqlite3.Connection, through: int) -> None:
    """Runs that have been sealed; the caller holds the transaction that says so."""
    db.execute("DELETE FROM hash_run WHERE last_pos <= ?", (through,))
