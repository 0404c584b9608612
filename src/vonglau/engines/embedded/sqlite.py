"""One way to open the log's SQLite file, and one place where SQLite's errors become ours.

`import vonglau` has already put a fixed library under the name `sqlite3`; this module refuses an affected one.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vonglau.core.errors import Broken, StorageFull, Unavailable
from vonglau.engines.history.files import from_system

MINIMUM = (3, 51, 3)
"""The first release without the WAL-reset race (sqlite.org: two connections may corrupt a WAL database)."""

BUSY_SECONDS = 5.0
PAGE_BYTES = 8192
WRITER_CACHE_KIB = 256 * 1024
READER_CACHE_KIB = 16 * 1024
WAL_PAGES = 4000
"""Pages in the write-ahead file before a commit also checkpoints: 32 MB, so bulk loads seldom sync the main file."""

_FULL = {13}  # SQLITE_FULL
_BUSY = {5, 6}  # SQLITE_BUSY, SQLITE_LOCKED
_RETRY = {8, 10, 14}  # SQLITE_READONLY, SQLITE_IOERR, SQLITE_CANTOPEN


def refuse_affected(version: tuple[int, ...] | None = None) -> None:
    """Raise `Broken` for a SQLite library with the WAL-reset race."""
    found = version if version is not None else sqlite3.sqlite_version_info
    if found < MINIMUM:
        raise Broken(
            f"SQLite {'.'.join(map(str, found))} can corrupt a WAL database (WAL-reset bug). "
            "Install the wheel with a fixed library (pip install 'pysqlite3>=0.6.1'), "
            "or a Python that is linked to SQLite 3.51.3 or newer."
        )


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode (transactions are explicit). Callers see to it that one thread at a time uses it.

    The writer's commits are durable: WAL with `synchronous=FULL`.
    """
    refuse_affected()
    with translated():
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'ro' if readonly else 'rwc'}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            for pragma in _pragmas(readonly):
                db.execute(f"PRAGMA {pragma}").fetchall()
        except sqlite3.Error:
            db.close()
            raise
    return db


def _pragmas(readonly: bool) -> list[str]:
    if readonly:
        return [f"cache_size=-{READER_CACHE_KIB}", "query_only=ON"]
    return [
        f"page_size={PAGE_BYTES}",
        "journal_mode=WAL",
        "synchronous=FULL",
        f"cache_size=-{WRITER_CACHE_KIB}",
        f"wal_autocheckpoint={WAL_PAGES}",
        f"journal_size_limit={4 * WAL_PAGES * PAGE_BYTES}",
    ]


@contextmanager
def translated() -> Iterator[None]:
    """SQLite's and the system's errors as ours, chained: full disk, locked file, damaged file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _FULL:
            raise StorageFull from error
        if code in _BUSY:
            raise Unavailable("The event log is locked by another process; nothing was kept, try again.") from error
        if code in _RETRY:
            raise Unavailable(f"The event log cannot be reached ({error}); nothing was kept, try again.") from error
        raise
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (11, 26):  # SQLITE_CORRUPT, SQLITE_NOTADB
            raise Broken(f"The event log is damaged ({error}); restore it from a backup.") from error
        raise
    except OSError as error:
        raise from_system(error) from error


@contextmanager
def immediate(db: sqlite3.Connection) -> Iterator[None]:
    """One write transaction: committed at the end, undone on any error, so that the connection stays usable."""
    with translated():
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
