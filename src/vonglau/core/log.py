"""What happened, in order. Contract 3 of the house.

`append` is called by one door process only; its receipts mean durable. Positions become visible in order, without gaps that
are filled later. Readers keep their own cursors (`core.models.Cursor`, in the state database: log and state are two databases and
never share a transaction).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from vonglau.core.events import Event, Fault, Recorded


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item that cannot be an event: `raw` is what was sent (any bytes), kept so that a person can see and mend it."""

    raw: bytes
    fault: Fault
    world: str
    id: str | None = None
    source: str | None = None


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """The answer for one item, in the order of the items. A Struct like `Event`: there are as many."""

    outcome: Outcome
    pos: int | None = None
    """Position in the log; of the stored twin for a duplicate."""
    quarantine_id: int | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An item waiting for a person."""

    id: int
    at_us: int
    world: str
    source: str | None
    event_id: str | None
    pointer: str
    reason: str
    raw: bytes
    state: str
    """open | resubmitted | discarded"""
    by: str | None = None
    """Token or account that sent it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A run of the log as columns, in log order; every array and list has the same length. What a detector folds."""

    pos: NDArray[np.int64]
    time: NDArray[np.int64]
    """When it happened, µs UTC."""
    world: list[str]
    source: list[str]
    id: list[str]
    type: list[str]
    subject: list[str | None]
    lon: NDArray[np.float64]
    """NaN where unknown."""
    lat: NDArray[np.float64]
    data: list[bytes]
    through: int
    """The last position looked at: equals pos[-1] unless a filter skipped the end. A reader's next cursor."""

    def __len__(self) -> int:
        return len(self.id)

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> "Batch":
        """The given rows, in the given order."""
        index = np.asarray(rows, dtype=np.intp)
        picked = index.tolist()
        return Batch(
            pos=self.pos[index],
            time=self.time[index],
            world=[self.world[i] for i in picked],
            source=[self.source[i] for i in picked],
            id=[self.id[i] for i in picked],
            type=[self.type[i] for i in picked],
            subject=[self.subject[i] for i in picked],
            lon=self.lon[index],
            lat=self.lat[index],
            data=[self.data[i] for i in picked],
            through=self.through,
        )


class LogReader(Protocol):
    """Reads the log from any process, while the door writes."""

    def head(self) -> int:
        """The last visible position; 0 for an empty log."""

    def version(self) -> int:
        """Changes whenever something was committed: cheap enough to poll every 20 ms."""

    def read(
        self, after: int, limit: int, *, world: str | None = None, type: str | None = None, before: int | None = None
    ) -> tuple[list[Recorded], int | None]:
        """Events after a position, oldest first, and the cursor to go on from (None at the head).

        A filter may look at many rows for few results: a page may therefore hold fewer than `limit` and still have a cursor.
        """

    def batch(self, after: int, limit: int) -> Batch:
        """The same as columns, unfiltered: tail and sealed files joined at the manifest's border."""

    def get(self, positions: Sequence[int]) -> list[Recorded]:
        """Events at these positions; missing ones are left out (their retention has ended)."""

    def quarantine(
        self, after: int, limit: int, *, world: str | None = None, state: str | None = "open"
    ) -> tuple[list[Quarantined], int | None]: ...

    def quarantined(self, id: int) -> Quarantined | None: ...

    def close(self) -> None: ...


class Log(LogReader, Protocol):
    """The writer's side. One process holds it; opening it twice is refused."""

    def append(
        self, items: Sequence[Event | Rejected], *, by: str | Sequence[str | None] | None = None
    ) -> list[Receipt]:
        """Store all of them in one durable transaction, in order. Raises StorageFull or Unavailable, and then kept nothing.

        `by` names the sender, or one sender for each item when several requests share the transaction.
        """

    def settle(self, id: int, state: str, replacement: Event | None = None) -> Receipt | None:
        """Resubmit (with the mended event) or discard a quarantined item, atomically."""

    def seal(self, *, keep: int, through: int) -> int:
        """Move the oldest rows beyond the last `keep` to a Parquet file: write, fsync, rename, record in the manifest, only then
        delete. Never past `through`. Returns the number of rows sealed."""

    def probe(self) -> None:
        """An empty transaction: raises what `append` would raise when the log cannot be written just now."""

    def tail_rows(self) -> int:
        """Events that are not sealed yet."""

    def tail_since_us(self) -> int | None:
        """When the oldest of them was recorded, µs; None for an empty tail."""
