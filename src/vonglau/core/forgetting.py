"""Forgetting in earnest: a deleted row leaves its bytes in the database's free pages, unless it is asked to write over them."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def overwriting() -> Iterator[None]:
    """What is deleted or replaced within is written over with zeros in the database file (SQLite).

    The write-ahead file keeps older pages until it is next folded in; PostgreSQL keeps dead rows until its next vacuum.
    `docs/howto/privacy.md` says for how long.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        before = cursor.execute("PRAGMA secure_delete").fetchone()[0]
        cursor.execute("PRAGMA secure_delete = ON")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA secure_delete = {('OFF', 'ON', 'FAST')[before]}")


def settle() -> None:
    """Fold the write-ahead file into the database and empty it, as far as no reader holds it (SQLite). Outside any transaction."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
