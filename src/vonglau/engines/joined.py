"""Reading the log, the same for every engine: the tail from its database, history from sealed files, joined at the manifest's border."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from vonglau.core.events import Recorded
from vonglau.core.log import Batch, Quarantined
from vonglau.engines import rows
from vonglau.engines.history import Manifest, SealedFile, SealedFiles, layout
from vonglau.engines.history.derive import Derive
from vonglau.engines.history.reading import looked_again
from vonglau.engines.history.snapshot import Asked, Snapshot, snapshot
from vonglau.engines.rows import Row

LOOK = 20_000
"""Positions one filtered `read` may look at, so that a page for a rare type comes back soon, with a cursor to go on."""


_TAIL_NAMES = {"recorded": "recorded_us", "time": "time_us"}


def tests_of(asked: Asked) -> list[tuple[str, str | int]]:
    """What is asked of each row, as SQL comparisons and their values."""
    tests = (("world =", asked.world), ("time_us >=", asked.start_us), ("time_us <", asked.end_us))
    return [(test, value) for test, value in tests if value is not None]


class Look(Manifest, Protocol):
    """One consistent look: the border, the tail and the quarantine belong together (one transaction of the log's database)."""

    def head(self) -> int:
        """The last visible position; 0 for an empty log."""

    def tail(
        self, after: int, through: int, limit: int, *, world: str | None = None, type: str | None = None
    ) -> Sequence[Row]:
        """Rows with `after < pos <= through`, oldest first (see `rows.recorded` for the columns)."""

    def columns(self, after: int, limit: int) -> Sequence[Row]:
        """Rows after a position, oldest first (see `rows.batch` for the columns)."""

    def at(self, positions: Sequence[int]) -> Sequence[Row]:
        """Rows at these positions, in any order."""

    def chunks(self, columns: Sequence[str], after: int, asked: Asked) -> Iterator[Sequence[Row]]:
        """These columns of the tail's rows after a position that are asked for, some thousands at a time; in any order."""

    def waiting(self, after: int, limit: int, *, world: str | None, state: str | None) -> Sequence[Row]:
        """Quarantined items after an id, oldest first, in the order of `Quarantined`'s fields."""

    def waiting_one(self, id: int) -> Row | None: ...


class JoinedReader(ABC):
    """`core.log.LogReader` over an engine's looks. Threads may share one; processes open one each."""

    _files: SealedFiles

    @abstractmethod
    def _look(self) -> AbstractContextManager[Look]:
        """One look at a time. Raises the house's errors."""

    @abstractmethod
    def version(self) -> int:
        """Changes whenever something was committed by the writer. Compare only values from one reader."""

    @abstractmethod
    def close(self) -> None: ...

    def head(self) -> int:
        with self._look() as look:
            return look.head()

    @looked_again
    def read(
        self, after: int, limit: int, *, world: str | None = None, type: str | None = None, before: int | None = None
    ) -> tuple[list[Recorded], int | None]:
        """Events with `after < pos < before`, oldest first. A filtered page looks at no more than `LOOK` positions."""
        with self._look() as look:
            end = look.head() if before is None else min(look.head(), before - 1)
            border = look.border()
            start = max(after, self._files.first(look) - 1)
            through = end if world is None and type is None else min(end, start + max(LOOK, limit))
            found: list[Recorded] = []
            if start < border and limit > 0:
                found = self._files.read(look, start, min(through, border), limit, world=world, type=type)
            if len(found) < limit and through > border:
                tail = look.tail(max(start, border), through, limit - len(found), world=world, type=type)
                found += [rows.recorded(row) for row in tail]
        last = found[-1].pos if found and len(found) >= limit else through
        return found, last if last < end and limit > 0 else None

    @looked_again
    def batch(self, after: int, limit: int) -> Batch:
        """Up to `limit` events as columns, unfiltered."""
        parts: list[Batch] = []
        with self._look() as look:
            border = look.border()
            while after < border and limit > 0:
                part = self._files.batch(look, after, limit)
                if part is None:
                    break
                parts.append(part)
                after, limit = part.through, limit - len(part)
            after = max(after, border) if limit > 0 else after
            if limit > 0:
                tail = look.columns(after, limit)
                if tail:
                    parts.append(rows.batch(tail))
        return rows.join(parts) if parts else rows.empty(after)

    @looked_again
    def get(self, positions: Sequence[int]) -> list[Recorded]:
        """Events at these positions, in the order asked; those whose retention has ended are left out."""
        wanted = sorted(set(positions))
        with self._look() as look:
            border = look.border()
            found = self._files.get(look, [pos for pos in wanted if pos <= border])
            found += [rows.recorded(row) for row in look.at([pos for pos in wanted if pos > border])]
        by_position = {one.pos: one for one in found}
        return [by_position[pos] for pos in positions if pos in by_position]

    def history(self, asked: Asked, derive: Derive) -> Snapshot:
        """See `engines.history.HistoryReader`. Takes the reader for as long as it reads the tail: ask with one of your own."""
        columns = [_TAIL_NAMES.get(name, name) for name in layout.needed(asked.wanted)]
        with self._look() as look:
            chunks = look.chunks(columns, look.border(), asked)
            return snapshot(asked, self._files.folder, look.files(), chunks, derive)

    def candidates(self) -> list[SealedFile]:
        """See `engines.history.HistoryReader`."""
        with self._look() as look:
            return look.candidates()

    def quarantine(
        self, after: int, limit: int, *, world: str | None = None, state: str | None = "open"
    ) -> tuple[list[Quarantined], int | None]:
        """Items waiting for a person, oldest first, and the cursor to go on from."""
        with self._look() as look:
            found = look.waiting(after, limit + 1, world=world, state=state)
        items = [Quarantined(*row) for row in found[:limit]]
        return items, items[-1].id if len(found) > limit and items else None

    def quarantined(self, id: int) -> Quarantined | None:
        with self._look() as look:
            row = look.waiting_one(id)
        return None if row is None else Quarantined(*row)
