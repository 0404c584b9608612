"""Where it runs: files on one machine, or PostgreSQL when that is outgrown. One setting chooses (see `database.py`)."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from vonglau.core.errors import NothingYet
from vonglau.engines.database import Database, database_of
from vonglau.engines.defaults import BUCKET_US, HORIZON_US

if TYPE_CHECKING:
    from vonglau.core.log import Log, LogReader
    from vonglau.engines.history import HistoryReader
    from vonglau.engines.inspection import Inspection
    from vonglau.engines.layouts import Upgraded

__all__ = [
    "database_of",
    "installed",
    "log_layout",
    "open_history",
    "open_inspection",
    "open_reader",
    "open_writer",
    "refuse_second_writer",
    "upgrading",
]


def open_writer(data: Path | str, *, horizon_us: int = HORIZON_US, bucket_us: int = BUCKET_US) -> "Log":
    """Take the log of this installation for writing, creating it where there is none.

    `horizon_us`: how long the identities of sealed events are remembered, µs of log time. `bucket_us`: width of an identity
    bucket, µs of event time; counts only when the log is new.
    Raises `Unavailable` when another process has it, or when the database cannot be reached.
    """
    database = database_of(data)
    if database is not None:
        from vonglau.engines import postgresql

        return postgresql.open_writer(database, data, horizon_us=horizon_us, bucket_us=bucket_us)
    from vonglau.engines import embedded

    return embedded.open_writer(data, horizon_us=horizon_us, bucket_us=bucket_us)


def refuse_second_writer(data: Path | str) -> None:
    """Raise `Unavailable`, naming who it is, while another process writes the log in this folder's database; nothing is taken.

    Of a log in files the lock of the folder says so.
    """
    database = database_of(data)
    if database is None:
        return
    from vonglau.engines.postgresql.connection import connect
    from vonglau.engines.postgresql.holder import Holder

    with connect(database, "vonglau", readonly=True) as db:
        Holder.of(database).refuse_second(db)


def log_layout(data: Path | str) -> tuple[int, int]:
    """The layout of the log, and the one that this program writes; the same twice where there is no log yet.

    Raises `Unavailable` when it cannot be reached, `Broken` when it says none.
    """
    database = database_of(data)
    if database is not None:
        from vonglau.engines.postgresql import layouts as postgresql

        try:
            return postgresql.layout_of(database), postgresql.newest()
        except NothingYet:
            return postgresql.newest(), postgresql.newest()
    from vonglau.engines.embedded import layouts, schema

    path = schema.path(Path(data))
    return layouts.layout_of(path) if path.exists() else layouts.newest(), layouts.newest()


def upgrading(data: Path | str, told: Callable[[str], None]) -> "AbstractContextManager[Upgraded]":
    """Bring the log, which is there, to today's layout; it commits when the block ends. See the engine's `layouts.upgrading`."""
    database = database_of(data)
    if database is not None:
        from vonglau.engines.postgresql import layouts as postgresql

        return postgresql.upgrading(database, told)
    from vonglau.engines.embedded import layouts, schema

    return layouts.upgrading(schema.path(Path(data)), Path(data) / schema.LOCK, told)


def open_reader(data: Path | str) -> "LogReader":
    """Read the log from any process, while the door writes. Raises `Unavailable` when there is none yet."""
    return open_history(data)


def open_history(data: Path | str) -> "HistoryReader":
    """The same, for questions about history: a reader of its own, since a long question keeps it busy."""
    database = database_of(data)
    if database is not None:
        from vonglau.engines import postgresql

        return postgresql.open_reader(database, data)
    from vonglau.engines import embedded

    return embedded.open_reader(data)


def open_inspection(data: Path | str) -> "Inspection":
    """The log's own tables, for `vonglau check`. Raises `Unavailable` when they cannot be reached."""
    database = database_of(data)
    if database is not None:
        from vonglau.engines.postgresql.inspection import PostgresqlInspection

        return PostgresqlInspection(database)
    from vonglau.engines.embedded.inspection import EmbeddedInspection

    return EmbeddedInspection(Path(data))


def installed(database: Database) -> bool:
    """Whether `vonglau init` has made an installation there. Raises `Unavailable` when the database cannot be reached."""
    from vonglau.engines.postgresql.connection import connect

    with connect(database, "vonglau") as db:
        row = db.execute("SELECT to_regclass(%s)", (f"{database.state_schema}.django_migrations",)).fetchone()
    return row is not None and row[0] is not None
