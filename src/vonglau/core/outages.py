"""Failures of the state's storage that pass, told from mistakes of the program: a full disk, a locked file, a database that is away.

The state is reached through Django, whose errors say little; what SQLite, PostgreSQL and the system mean stands in their causes.
"""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError

from vonglau.core.errors import Broken, StorageFull, Unavailable, VongLauError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SQLITE_FULL = 13
_SQLITE_BUSY = frozenset({5, 6})  # SQLITE_BUSY, SQLITE_LOCKED
_SQLITE_AWAY = frozenset({8, 10, 14})  # SQLITE_READONLY, SQLITE_IOERR, SQLITE_CANTOPEN
_AWAY = ("08", "57P", "53")
"""Classes of SQLSTATE: connection exceptions, the server ends or starts, resources are used up."""
_DISK_FULL = "53100"


def outage(problem: BaseException) -> Unavailable | None:
    """What to tell whoever asked; None when it is no such failure."""
    if isinstance(problem, Unavailable):
        return problem
    if isinstance(problem, OSError):
        return StorageFull() if problem.errno in _FULL else None
    if not isinstance(problem, DatabaseError):
        return None
    cause = problem.__cause__
    if isinstance(cause, sqlite3.Error):
        return _sqlite(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    return _postgresql(cause) if cause is not None and hasattr(cause, "sqlstate") else None


def foreseen(problem: BaseException | None) -> VongLauError | None:
    """An outage, or a file that is damaged: both have words of their own. None for everything else."""
    if problem is None:
        return None
    return problem if isinstance(problem, Broken) else outage(problem)


def _sqlite(code: int) -> Unavailable | None:
    if code == _SQLITE_FULL:
        return StorageFull()
    if code in _SQLITE_BUSY:
        return Unavailable("The state is being written by others for too long; nothing was kept, try again.")
    if code in _SQLITE_AWAY:
        return Unavailable("The state's file cannot be written just now; nothing was kept. Look at its disk.")
    return None


def _postgresql(cause: BaseException) -> Unavailable | None:
    """An error of psycopg, which is not loaded where nobody needs it. One without a state never reached the server."""
    state = getattr(cause, "sqlstate", None)
    if state == _DISK_FULL:
        return StorageFull("No room left on the database's disk; nothing was kept. Free space and try again.")
    away = state is None and type(cause).__name__ in ("OperationalError", "InterfaceError", "ConnectionTimeout")
    if away or (state or "").startswith(_AWAY):
        return Unavailable("The state's database does not answer; nothing was kept, try again.")
    return None


@contextmanager
def translated() -> Iterator[None]:
    """An outage as the house's own error, chained; everything else as it is."""
    try:
        yield
    except (DatabaseError, OSError) as problem:
        found = outage(problem)
        if found is None:
            raise
        raise found from problem
