"""The writer's side of the log on PostgreSQL: one session that holds the log's lock, one durable transaction per append."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
from psycopg.types.numeric import Int8Dumper

from vonglau.core.errors import BadInput, Unavailable
from vonglau.core.events import Event
from vonglau.engines import history
from vonglau.engines.appending import BUCKET_US, HORIZON_US, Appender
from vonglau.engines.database import Database
from vonglau.engines.history.files import system_errors
from vonglau.engines.history.retention import Keeper
from vonglau.engines.identities import Hasher
from vonglau.engines.postgresql import insertion, schema, sealing, tail
from vonglau.engines.postgresql.connection import connect, translated
from vonglau.engines.postgresql.holder import Holder
from vonglau.engines.postgresql.keeping import keeping
from vonglau.engines.postgresql.manifest import border_of, head_of, recorded_last
from vonglau.engines.postgresql.reader import PostgresqlReader
from vonglau.engines.postgresql.twins import PostgresqlTwins
from vonglau.engines.rows import Row
from vonglau.engines.runs import Run


class PostgresqlLog(Appender):
    """`core.log.Log` in a schema of its own and sealed Parquet. Reading goes through a connection of its own.

    Threads may share it: `lock` is held for each short transaction, so that sealing and appending interleave. When the session is
    lost (the server was restarted, the network broke), the next turn makes a new one: it takes the log's lock first and reads
    where the log stands, as another door may have written meanwhile; what the lost session was about to commit may be there or not.
    """

    def __init__(
        self, database: Database, data_dir: Path, *, horizon_us: int = HORIZON_US, bucket_us: int = BUCKET_US
    ) -> None:
        self.database = database
        self.data_dir = data_dir
        self.horizon_us = horizon_us
        self.folder = history.folder(data_dir)
        self.lock = threading.RLock()
        self.sealing = threading.Lock()
        self.pace = history.Pace()
        self.closing = False
        """Sealing looks at it between its steps and gives up."""
        with system_errors():
            self.folder.mkdir(parents=True, exist_ok=True)
        self._bucket_us = bucket_us
        self._holder = Holder.of(database)
        self._open(first=True)
        try:
            self.reader = PostgresqlReader(database, data_dir)
        except BaseException:
            self.db.close()
            raise

    def _open(self, former: int = 0, *, first: bool = False) -> None:
        """A session with the log's lock, and the state of the log as it is now.

        What a crash left in the folder is undone at the `first` alone: later a sealing or retention of this process may be under way in
        another thread, and the file it has just written is not in the manifest yet.
        """
        db = connect(self.database, self._holder.name())
        try:
            with translated(), system_errors():
                db.adapters.register_dumper(int, Int8Dumper)  # one type whatever the size: statements stay prepared
                self.settings = schema.prepare(db, self.database, bucket_us=self._bucket_us)
                self._holder.take(db, former)
                if first:
                    sealing.recover(db, self.folder)
                self.db, self._pid = db, db.info.backend_pid
                self._next = head_of(db) + 1
                self._clock_us = recorded_last(db)
                self.hasher = Hasher(self.settings.secret)
                self.tail = tail.load(db, border_of(db))
                self.twins = PostgresqlTwins(db, self.tail, self.settings.bucket_us)
        except BaseException:
            db.close()
            raise

    # writing

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self.lock, translated():
            self.ready()
            yield

    def ready(self) -> None:
        """Under the lock: a session that holds the log, made anew when it was lost."""
        if self.closing:
            raise Unavailable("The log is being closed.")
        if self.db.closed:
            self._open(former=self._pid)

    def _event_rows(
        self, first_pos: int, recorded_us: int, events: Sequence[Event], hashes: Sequence[int]
    ) -> Sequence[Row]:
        return insertion.event_rows(first_pos, recorded_us, events, hashes)

    def _write(self, rows: Sequence[Row], waiting: Sequence[Row], due: Sequence[Run]) -> list[int]:
        try:
            if not due:
                return insertion.insert(self.db, rows, waiting)
            with self.db.transaction():
                tail.store(self.db, due)
                return insertion.insert(self.db, rows, waiting)
        except psycopg.DataError as error:
            raise BadInput(f"An event cannot be stored: {error}.") from error

    def _state_of(self, id: int) -> str | None:
        row = self.db.execute("SELECT state FROM quarantine WHERE id = %s", (id,)).fetchone()
        return None if row is None else str(row[0])

    def _settle(self, id: int, state: str, pos: int | None, now: int, rows: Sequence[Row]) -> None:
        with self.db.transaction():
            insertion.copy_events(self.db, rows)
            settled = "UPDATE quarantine SET state = %s, settled_us = %s, pos = %s WHERE id = %s"
            self.db.execute(settled, (state, now, pos, id))
            insertion.beat(self.db)

    def seal(self, *, keep: int, through: int) -> int:
        """Move the oldest rows beyond the last `keep` to Parquet, never past `through`; the number of rows sealed.

        May run in a thread beside the appender: it takes the lock for a few milliseconds at a time.
        """
        with self.sealing:
            return history.seal(sealing.PostgresqlSteps(self), self.pace, keep=keep, through=through)

    def keeping(self) -> AbstractContextManager[Keeper]:
        """For retention: the manifest to change, while nothing is sealed."""
        return keeping(self)

    def probe(self) -> None:
        """An empty transaction that really writes, in its turn behind an append or a sealing."""
        with self._turn():
            insertion.beat(self.db)

    def tail_rows(self) -> int:
        return len(self.tail)

    def tail_since_us(self) -> int | None:
        with self._turn():
            query = "SELECT recorded_us FROM event WHERE pos > %s ORDER BY pos LIMIT 1"
            row = self.db.execute(query, (border_of(self.db),)).fetchone()
        return int(row[0]) if row else None

    def close(self) -> None:
        """Let go of the log; a sealing that is under way in another thread is given up, and done again another time."""
        self.closing = True
        with self.sealing, self.lock:
            self.reader.close()
            self.db.close()
