"""The writer's side of the log: one process, one durable transaction per append."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from vonglau.core import damages
from vonglau.core.events import Event
from vonglau.engines import history
from vonglau.engines.appending import BUCKET_US, HORIZON_US, Appender
from vonglau.engines.embedded import aside, schema, sealing, tail
from vonglau.engines.embedded.insertion import event_rows, insert_events, insert_quarantine
from vonglau.engines.embedded.keeping import keeping
from vonglau.engines.embedded.lock import hold
from vonglau.engines.embedded.manifest import border_of, head_of, recorded_last
from vonglau.engines.embedded.reader import EmbeddedReader
from vonglau.engines.embedded.sqlite import connect, immediate, translated
from vonglau.engines.embedded.twins import EmbeddedTwins
from vonglau.engines.history.retention import Keeper
from vonglau.engines.identities import Hasher
from vonglau.engines.rows import Row
from vonglau.engines.runs import Run


class EmbeddedLog(Appender):
    """`core.log.Log` on one SQLite file and sealed Parquet. Reading goes through a connection of its own.

    Threads may share it: `lock` is held for each short transaction, so that sealing and appending interleave.
    """

    def __init__(self, data_dir: Path, *, horizon_us: int = HORIZON_US, bucket_us: int = BUCKET_US) -> None:
        self.data_dir = data_dir
        self.horizon_us = horizon_us
        self.lock = threading.RLock()
        self.sealing = threading.Lock()
        self.pace = history.Pace()
        self.closing = False
        """Sealing looks at it between its steps and gives up."""
        with translated():
            data_dir.mkdir(parents=True, exist_ok=True)
            history.folder(data_dir).mkdir(parents=True, exist_ok=True)
        self._held = hold(data_dir / schema.LOCK)
        try:
            self._open(bucket_us)
        except BaseException:
            os.close(self._held)
            raise

    def _open(self, bucket_us: int) -> None:
        path = schema.path(self.data_dir)
        aside.look(path)
        self.db = connect(path)
        for found in aside.unsettled(path):
            aside.refuse_mixed(path, self.db)
            damages.settle(self.data_dir, found)
        with translated():
            self.settings = schema.prepare(self.db, bucket_us=bucket_us)
            sealing.recover(self.db, self.data_dir)
            self._next = head_of(self.db) + 1
            self._clock_us = recorded_last(self.db)
            self.hasher = Hasher(self.settings.secret)
            self.tail = tail.load(self.db, border_of(self.db))
            self.twins = EmbeddedTwins(self.db, self.tail, self.settings.bucket_us)
        self.reader = EmbeddedReader(self.data_dir)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self.lock, translated():
            yield

    def _event_rows(
        self, first_pos: int, recorded_us: int, events: Sequence[Event], hashes: Sequence[int]
    ) -> Sequence[Row]:
        return event_rows(first_pos, recorded_us, events, hashes)

    def _write(self, rows: Sequence[Row], waiting: Sequence[Row], due: Sequence[Run]) -> list[int]:
        with immediate(self.db):
            tail.store(self.db, due)
            insert_events(self.db, rows)
            return insert_quarantine(self.db, waiting)

    def _state_of(self, id: int) -> str | None:
        row = self.db.execute("SELECT state FROM quarantine WHERE id = ?", (id,)).fetchone()
        return None if row is None else str(row[0])

    def _settle(self, id: int, state: str, pos: int | None, now: int, rows: Sequence[Row]) -> None:
        with immediate(self.db):
            insert_events(self.db, rows)
            settled = "UPDATE quarantine SET state = ?, settled_us = ?, pos = ? WHERE id = ?"
            self.db.execute(settled, (state, now, pos, id))

    def seal(self, *, keep: int, through: int) -> int:
        """Move the oldest rows beyond the last `keep` to Parquet, never past `through`; the number of rows sealed.

        May run in a thread beside the appender: it takes the lock for a few milliseconds at a time.
        """
        with self.sealing:
            return history.seal(sealing.EmbeddedSteps(self), self.pace, keep=keep, through=through)

    def keeping(self) -> AbstractContextManager[Keeper]:
        """For retention: the manifest to change, while nothing is sealed."""
        return keeping(self)

    def probe(self) -> None:
        """An empty transaction, in its turn behind an append or a sealing."""
        with self.lock, immediate(self.db):
            pass

    def tail_rows(self) -> int:
        return len(self.tail)

    def tail_since_us(self) -> int | None:
        with self.lock, translated():
            query = "SELECT recorded_us FROM event WHERE pos > ? ORDER BY pos LIMIT 1"
            row = self.db.execute(query, (border_of(self.db),)).fetchone()
        return int(row[0]) if row else None

    def close(self) -> None:
        """Let go of the log; a sealing that is under way in another thread is given up, and done again another time."""
        self.closing = True
        with self.sealing, self.lock:
            if self._held < 0:
                return
            self.reader.close()
            self.db.close()
            os.close(self._held)
            self._held = -1
