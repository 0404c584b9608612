"""Where it runs: files on one machine, or PostgreSQL when that is outgrown. One setting chooses (see `database.py`)."""

from pathlib import Path

from vonglau.core.log import Log, LogReader
from vonglau.engines.database import Database, database_of
from vonglau.engines.history import HistoryReader

__all__ = ["database_of", "installed", "open_history", "open_reader", "open_writer"]


def open_writer(data: Path | str) -> Log:
    """Take the log of this installation for writing, creating it where there is none.

    Raises `Unavailable` when another process has it, or when the database cannot be reached.
    """
    from vonglau.engines import embedded

    return embedded.open_writer(data)


def open_reader(data: Path | str) -> LogReader:
    """Read the log from any process, while the door writes. Raises `Unavailable` when there is none yet."""
    from vonglau.engines import embedded

    return embedded.open_reader(data)


def open_history(data: Path | str) -> HistoryReader:
    """The same, for questions about history: a reader of its own, since a long question keeps it busy."""
    from vonglau.engines import embedded

    return embedded.open_reader(data)


def installed(database: Database) -> bool:
    """Whether `vonglau init` has made an installation there. Raises `Unavailable` when the database cannot be reached."""
    from vonglau.engines.postgresql.connection import connect

    with connect(database, "vonglau") as db:
        row = db.execute("SELECT to_regclass(%s)", (f"{database.state_schema}.django_migrations",)).fetchone()
    return row is not None and row[0] is not None
