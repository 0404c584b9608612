"""The writer's side of the log: one process, one durable transaction per append."""

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vonglau.core.errors import BadInput, Conflict, NotFound
from vonglau.core.events import Event, Fault, Recorded
from vonglau.core.log import Batch, Outcome, Quarantined, Receipt, Rejected
from vonglau.engines import history
from vonglau.engines.embedded import schema, sealing
from vonglau.engines.embedded.identities import Hasher, Hashes, TailIndex
from vonglau.engines.embedded.insertion import event_rows, insert_events, insert_quarantine, quarantine_row
from vonglau.engines.embedded.lock import hold
from vonglau.engines.embedded.manifest import border_of, head_of, recorded_last
from vonglau.engines.embedded.reader import EmbeddedReader
from vonglau.engines.embedded.sqlite import connect, immediate, translated
from vonglau.engines.embedded.twins import Known, Suspects, Twins, verdict
from vonglau.engines.rows import storable, structured

HORIZON_US = 7 * 86_400 * 1_000_000
"""How long the identity of a sealed event is remembered, µs of log time."""

_LOAD_ROWS = 200_000
_TIMES = (-62_135_596_800_000_000, 253_402_300_799_999_999)
"""What a `datetime` can hold, µs: years 1 to 9999."""


class EmbeddedLog:
    """`core.log.Log` on one SQLite file and sealed Parquet. Reading goes through a connection of its own.

    Threads may share it: `lock` is held for each short transaction, so that sealing and appending interleave.
    """

    def __init__(self, data_dir: Path, *, horizon_us: int = HORIZON_US, bucket_us: int = schema.BUCKET_US) -> None:
        self.data_dir = data_dir
        self.horizon_us = horizon_us
        self.lock = threading.RLock()
        self.sealing = threading.Lock()
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
        self.db = connect(schema.path(self.data_dir))
        with translated():
            self.settings = schema.prepare(self.db, bucket_us=bucket_us)
            sealing.recover(self.db, self.data_dir)
            self._next = head_of(self.db) + 1
            self._clock_us = recorded_last(self.db)
            self.hasher = Hasher(self.settings.secret)
            self.tail = self._load_tail()
            self.twins = Twins(self.db, self.tail, self.settings.bucket_us)
        self.reader = EmbeddedReader(self.data_dir)

    def _load_tail(self) -> TailIndex:
        """Rebuild the tail's identities from its rows: about a second for a million."""
        tail, after = TailIndex(), border_of(self.db)
        query = "SELECT hash, pos FROM event WHERE pos > ? ORDER BY pos LIMIT ?"
        while rows := self.db.execute(query, (after, _LOAD_ROWS)).fetchall():
            table = np.array(rows, dtype=np.int64)
            tail.add_run(table[:, 0], table[:, 1])
            after = rows[-1][1]
        return tail

    # writing

    def append(
        self, items: Sequence[Event | Rejected], *, by: str | Sequence[str | None] | None = None
    ) -> list[Receipt]:
        """Store all in one durable transaction, in order. Raises StorageFull or Unavailable, and then kept nothing."""
        if not items:
            return []
        senders = [by] * len(items) if by is None or isinstance(by, str) else by
        with self.lock, translated():
            now = self._now()
            events = [item for item in items if isinstance(item, Event)]
            hashes = self._hashes(events)
            suspects = self.twins.suspects(events, hashes)
            if len(events) == len(items) and not suspects:
                return self._store(events, hashes.tolist(), now)
            return self._sort_out(items, senders, hashes.tolist(), suspects, now)

    def settle(self, id: int, state: str, replacement: Event | None = None) -> Receipt | None:
        """Resubmit (with the mended event) or discard a quarantined item, atomically.

        A replacement that cannot be stored is answered with a QUARANTINED receipt, and nothing has changed.
        """
        if (state, replacement is None) not in (("resubmitted", False), ("discarded", True)):
            raise BadInput("A quarantined item is either resubmitted with a mended event, or discarded without one.")
        with self.lock, translated():
            found = self.db.execute("SELECT state FROM quarantine WHERE id = ?", (id,)).fetchone()
            if found is None:
                raise NotFound(f"There is no item {id} in quarantine.")
            if found[0] != "open":
                raise Conflict(f"Item {id} has already been {found[0]}.")
            now = self._now()
            settled = "UPDATE quarantine SET state = ?, settled_us = ?, pos = ? WHERE id = ?"
            if replacement is None:
                with immediate(self.db):
                    self.db.execute(settled, (state, now, None, id))
                return None
            hashes = self._hashes([replacement])
            suspects = self.twins.suspects([replacement], hashes)
            twin = verdict(replacement, suspects.get(int(hashes[0]), ()))
            if isinstance(twin, Fault):
                return Receipt(Outcome.QUARANTINED, fault=twin)
            pos = self._next if twin is None else twin
            rows = event_rows(pos, now, [replacement], hashes.tolist()) if twin is None else []
            with immediate(self.db):
                insert_events(self.db, rows)
                self.db.execute(settled, (state, now, pos, id))
            self._committed(rows)
            return Receipt(Outcome.ACCEPTED if twin is None else Outcome.DUPLICATE, pos)

    def seal(self, *, keep: int, through: int) -> int:
        """Move the oldest rows beyond the last `keep` to Parquet, never past `through`; the number of rows sealed.

        May run in a thread beside the appender: it takes the lock for a few milliseconds at a time.
        """
        with self.sealing:
            return history.seal(sealing.EmbeddedSteps(self), keep=keep, through=through)

    def probe(self) -> None:
        """An empty transaction, in its turn behind an append or a sealing."""
        with self.lock, immediate(self.db):
            pass

    def tail_rows(self) -> int:
        return len(self.tail)

    def tail_since_us(self) -> int | None:
        with self.lock, translated():
            row = self.db.execute("SELECT recorded_us FROM event ORDER BY pos LIMIT 1").fetchone()
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

    def _now(self) -> int:
        """Receipt time, µs; never goes back, whatever the machine's clock does."""
        return max(time.time_ns() // 1000, self._clock_us)

    def _hashes(self, events: Sequence[Event]) -> Hashes:
        try:
            times = [event.time_us for event in events]
            if times and not (_TIMES[0] <= min(times) and max(times) <= _TIMES[1]):
                raise OverflowError("time outside the years 1 to 9999")
            b"\n".join([event.data for event in events]).decode()
            return self.hasher([(event.world, event.source, event.id) for event in events])
        except (UnicodeError, OverflowError) as error:
            for event in events:
                storable(event)
            raise BadInput(f"An event cannot be stored: {error}.") from error

    def _store(self, events: Sequence[Event], hashes: list[int], now: int) -> list[Receipt]:
        """The common case: nothing but new events."""
        first = self._next
        rows = event_rows(first, now, events, hashes)
        self._commit(events, rows, [])
        accepted = Outcome.ACCEPTED
        return [Receipt(accepted, pos) for pos in range(first, first + len(rows))]

    def _sort_out(
        self,
        items: Sequence[Event | Rejected],
        senders: Sequence[str | None],
        hashes: list[int],
        suspects: Suspects,
        now: int,
    ) -> list[Receipt]:
        """Item by item: new, twin of one in the log or earlier in this append, contradiction, or no event at all."""
        fresh: list[Event] = []
        fresh_hashes: list[int] = []
        waiting: list[tuple[Any, ...]] = []
        receipts: list[Receipt] = []
        hash_of = iter(hashes)
        for item, sender in zip(items, senders, strict=True):
            if isinstance(item, Rejected):
                waiting.append(quarantine_row(now, item, sender))
                receipts.append(Receipt(Outcome.QUARANTINED, fault=item.fault))
                continue
            hashed = next(hash_of)
            twin = verdict(item, suspects[hashed]) if hashed in suspects else None
            if isinstance(twin, Fault):
                rejected = Rejected(structured(item), twin, item.world, item.id, item.source)
                waiting.append(quarantine_row(now, rejected, sender))
                receipts.append(Receipt(Outcome.QUARANTINED, fault=twin))
            elif twin is not None:
                receipts.append(Receipt(Outcome.DUPLICATE, twin))
            else:
                pos = self._next + len(fresh)
                fresh.append(item)
                fresh_hashes.append(hashed)
                if hashed in suspects:
                    suspects[hashed].append(Known(pos, item))
                receipts.append(Receipt(Outcome.ACCEPTED, pos))
        ids = iter(self._commit(fresh, event_rows(self._next, now, fresh, fresh_hashes), waiting))
        return [
            Receipt(r.outcome, None, next(ids), r.fault) if r.outcome is Outcome.QUARANTINED else r for r in receipts
        ]

    def _commit(
        self, events: Sequence[Event], rows: Sequence[tuple[Any, ...]], waiting: Sequence[tuple[Any, ...]]
    ) -> list[int]:
        if not rows and not waiting:
            return []
        try:
            with immediate(self.db):
                insert_events(self.db, rows)
                ids = insert_quarantine(self.db, waiting)
        except (UnicodeError, OverflowError):
            for event in events:
                storable(event)
            raise
        self._committed(rows)
        return ids

    def _committed(self, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self.tail.add([row[-1] for row in rows], [row[0] for row in rows])
            self._next = rows[-1][0] + 1
            self._clock_us = rows[-1][1]

    # reading

    def head(self) -> int:
        return self.reader.head()

    def version(self) -> int:
        return self.reader.version()

    def read(
        self, after: int, limit: int, *, world: str | None = None, type: str | None = None, before: int | None = None
    ) -> tuple[list[Recorded], int | None]:
        return self.reader.read(after, limit, world=world, type=type, before=before)

    def batch(self, after: int, limit: int) -> Batch:
        return self.reader.batch(after, limit)

    def get(self, positions: Sequence[int]) -> list[Recorded]:
        return self.reader.get(positions)

    def quarantine(
        self, after: int, limit: int, *, world: str | None = None, state: str | None = "open"
    ) -> tuple[list[Quarantined], int | None]:
        return self.reader.quarantine(after, limit, world=world, state=state)

    def quarantined(self, id: int) -> Quarantined | None:
        return self.reader.quarantined(id)
