"""Appending to the log, the same for every engine: what is new, what is a twin, what contradicts, what waits in quarantine.

One process appends, one durable transaction an append; positions are given here, densely, and become visible in order. An engine
brings the transactions; the identities of the tail are in memory (`identities.py`).
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from vonglau.core.errors import BadInput, Conflict, NotFound
from vonglau.core.events import Event, Fault, Recorded
from vonglau.core.log import Batch, LogReader, Outcome, Quarantined, Receipt, Rejected
from vonglau.engines import runs
from vonglau.engines.defaults import BUCKET_US, HORIZON_US
from vonglau.engines.identities import Hasher, Hashes, TailIndex
from vonglau.engines.rows import Row, storable, structured
from vonglau.engines.runs import Run
from vonglau.engines.twins import Known, Suspects, Twins, verdict

_TIMES = (-62_135_596_800_000_000, 253_402_300_799_999_999)
"""What a `datetime` can hold, µs: years 1 to 9999."""


__all__ = ["BUCKET_US", "HORIZON_US", "Appender", "quarantine_row"]


class Appender(ABC):
    """The writer's half of `core.log.Log`. Threads may share it: `_turn` is held for each short transaction."""

    hasher: Hasher
    tail: TailIndex
    twins: Twins
    reader: LogReader
    _next: int
    """The position that the next new event gets."""
    _clock_us: int
    """When the newest event was recorded."""

    @abstractmethod
    def _turn(self) -> AbstractContextManager[None]:
        """The writer's lock, with the engine's errors translated."""

    @abstractmethod
    def _event_rows(
        self, first_pos: int, recorded_us: int, events: Sequence[Event], hashes: Sequence[int]
    ) -> Sequence[Row]:
        """Rows for `_write`: the position first, then when recorded; the hash last."""

    @abstractmethod
    def _write(self, rows: Sequence[Row], waiting: Sequence[Row], due: Sequence[Run]) -> list[int]:
        """Events, rows of `quarantine_row` and runs of hashes in one durable transaction; the new ids of the second."""

    @abstractmethod
    def _state_of(self, id: int) -> str | None:
        """The state of an item in quarantine; None when there is none."""

    @abstractmethod
    def _settle(self, id: int, state: str, pos: int | None, now: int, rows: Sequence[Row]) -> None:
        """Settle an open item, and store the event that replaces it, in one durable transaction."""

    # writing

    def append(
        self, items: Sequence[Event | Rejected], *, by: str | Sequence[str | None] | None = None
    ) -> list[Receipt]:
        """Store all in one durable transaction, in order. Raises StorageFull or Unavailable, and then kept nothing."""
        if not items:
            return []
        senders = [by] * len(items) if by is None or isinstance(by, str) else by
        with self._turn():
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
        with self._turn():
            found = self._state_of(id)
            if found is None:
                raise NotFound(f"There is no item {id} in quarantine.")
            if found != "open":
                raise Conflict(f"Item {id} has already been {found}.")
            now = self._now()
            if replacement is None:
                self._settle(id, state, None, now, [])
                return None
            hashes = self._hashes([replacement])
            suspects = self.twins.suspects([replacement], hashes)
            twin = verdict(replacement, suspects.get(int(hashes[0]), ()))
            if isinstance(twin, Fault):
                return Receipt(Outcome.QUARANTINED, fault=twin)
            pos = self._next if twin is None else twin
            rows = self._event_rows(pos, now, [replacement], hashes.tolist()) if twin is None else []
            self._settle(id, state, pos, now, rows)
            self._committed(rows)
            return Receipt(Outcome.ACCEPTED if twin is None else Outcome.DUPLICATE, pos)

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
        rows = self._event_rows(first, now, events, hashes)
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
        ids = iter(self._commit(fresh, self._event_rows(self._next, now, fresh, fresh_hashes), waiting))
        return [
            Receipt(r.outcome, None, next(ids), r.fault) if r.outcome is Outcome.QUARANTINED else r for r in receipts
        ]

    def _commit(
        self, events: Sequence[Event], rows: Sequence[tuple[Any, ...]], waiting: Sequence[tuple[Any, ...]]
    ) -> list[int]:
        if not rows and not waiting:
            return []
        due = runs.due(self.tail, self._next - 1)
        try:
            ids = self._write(rows, waiting, due)
        except (UnicodeError, OverflowError):
            for event in events:
                storable(event)
            raise
        if due:
            self.tail.kept = due[-1][1]
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


def quarantine_row(now: int, item: Rejected, sender: str | None) -> Row:
    """(at_us, world, source, event_id, pointer, reason, raw, by): any bytes, any text."""
    texts = [_text(value) for value in (item.world, item.source, item.id, item.fault.pointer, item.fault.reason)]
    return (now, *texts, bytes(item.raw), _text(sender))


def _text(value: str | None) -> str | None:
    """Text that a database can hold: lone surrogates become question marks, NUL its symbol (`raw` has the bytes as they came)."""
    return value if value is None else value.encode("utf-8", "replace").decode().replace("\0", "\u2400")
