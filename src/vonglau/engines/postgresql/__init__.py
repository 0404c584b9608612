"""When one machine is outgrown: log and state in one PostgreSQL database, sealed history in a folder that its hosts share."""

from pathlib import Path

from vonglau.engines.appending import BUCKET_US, HORIZON_US
from vonglau.engines.database import Database
from vonglau.engines.postgresql.reader import PostgresqlReader
from vonglau.engines.postgresql.writer import PostgresqlLog

__all__ = ["PostgresqlLog", "PostgresqlReader", "open_reader", "open_writer"]


def open_writer(
    database: Database, data_dir: Path | str, *, horizon_us: int = HORIZON_US, bucket_us: int = BUCKET_US
) -> PostgresqlLog:
    """Take the log for writing, creating its schema in a new database. Raises `Unavailable` when another process has it.

    `horizon_us`: how long the identities of sealed events are remembered, µs of log time. `bucket_us`: width of an
    identity bucket, µs of event time; counts only when the log is new.
    """
    return PostgresqlLog(database, Path(data_dir), horizon_us=horizon_us, bucket_us=bucket_us)


def open_reader(database: Database, data_dir: Path | str) -> PostgresqlReader:
    """Read the log from any process, while the door writes. Raises `Unavailable` when there is none yet."""
    return PostgresqlReader(database, Path(data_dir))
