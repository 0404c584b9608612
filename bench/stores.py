"""A log to measure on either engine: durable, in a folder of its own, filled as far as a scenario asks."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import postgres

from vonglau.core.events import Event
from vonglau.core.log import Log, LogReader
from vonglau.engines import embedded, postgresql
from vonglau.engines.database import FILE_VARIABLE, VARIABLE, Database

ENGINES = ("sqlite", "postgresql")

SIZED = {"shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "15min", "wal_compression": "lz4"}
"""What docs/howto/postgresql.md advises for a machine of this size; fsync and synchronous_commit stay on."""

_AT_ONCE = 5_000
_START_US = 1_767_225_600_000_000  # 2026-01-01


@dataclass(frozen=True)
class Store:
    """Where the log is, and how a process is told."""

    folder: Path
    database: Database | None = None
    environment: dict[str, str] = field(default_factory=dict)
    version: str = ""
    pid: int = 0
    """The database's server, when it is one of its own."""

    def open_writer(self) -> Log:
        if self.database is None:
            return embedded.open_writer(self.folder)
        return postgresql.open_writer(self.database, self.folder)

    def open_reader(self) -> LogReader:
        if self.database is None:
            return embedded.open_reader(self.folder)
        return postgresql.open_reader(self.database, self.folder)

    def fill(self, events: int) -> float:
        """So many events in the tail, through the engine, as a city sends them; events per second."""
        log, began = self.open_writer(), time.perf_counter()
        try:
            for start in range(0, events, _AT_ONCE):
                log.append([_event(n) for n in range(start, min(start + _AT_ONCE, events))])
        finally:
            log.close()
        return events / max(time.perf_counter() - began, 1e-9)


@contextmanager
def store(engine: str, folder: Path) -> Iterator[Store]:
    """An empty log. PostgreSQL: a server of its own, with durable settings."""
    kept = {name: value for name, value in os.environ.items() if name not in (VARIABLE, FILE_VARIABLE)}
    if engine == "sqlite":
        import sqlite3

        yield Store(folder, environment=kept, version=f"SQLite {sqlite3.sqlite_version}, WAL, synchronous=FULL")
        return
    with postgres.server(**SIZED) as server:
        database = Database(server.url("bench"))
        version = f"PostgreSQL {server.version()}, fsync and synchronous_commit on"
        assert server.process is not None
        yield Store(folder, database, {**kept, VARIABLE: database.url}, version, server.process.pid)


def _event(n: int) -> Event:
    sensor = n * 7919 % 5_000
    return Event(
        id=f"{n:08x}-{n * 2654435761 % 2**32:08x}{n * 40503 % 2**32:08x}",
        source=f"/sensors/{sensor}",
        type="vn.vonglau.traffic.measured",
        time_us=_START_US + n * 1_000,
        subject=f"road-{sensor % 1_000}",
        lon=108.1 + sensor / 20_000,
        lat=16.0 + sensor / 40_000,
        data=b'{"quantity": "speed", "value": %d.25, "unit": "km/h", "period_s": 60}' % (n % 60),
    )
