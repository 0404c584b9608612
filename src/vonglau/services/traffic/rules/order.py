"""Log order inside a batch: rounds over keys, and the ticks between two events of a key.

A batch is folded in rounds: the k-th event of every key together, as arrays. Within a key this is log order, and
keys do not touch each other, so the result is that of folding event by event: it cannot depend on where batches are
cut.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from vonglau.core.events import from_us

Ints = NDArray[np.int64]

HOUR_US = 3_600_000_000
NEVER = np.iinfo(np.int64).max


def rounds(rows: Ints) -> Iterator[Ints]:
    """Positions in `rows`, so that each yielded array names every table row at most once, and each row's in their
    order.
    """
    if not len(rows):
        return
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    nth = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    by_round = np.argsort(nth, kind="stable")
    yield from np.split(order[by_round], np.cumsum(np.bincount(nth))[:-1])


class TickLine:
    """The ticks of a batch. The clock never runs backwards: a tick behind an earlier one shows the earlier one's
    time.
    """

    def __init__(self, rows: Ints, times: Ints, before: int) -> None:
        self.rows = rows
        """Where in the batch the ticks stand."""
        self.clock = np.maximum.accumulate(np.concatenate(([before], times)))
        """The clock before the first tick, and after each."""

    @property
    def now(self) -> int:
        return int(self.clock[-1])

    def at(self, places: Ints) -> Ints:
        """What the clock showed at these places of the batch."""
        return np.asarray(self.clock[np.searchsorted(self.rows, places)], dtype=np.int64)

    def first_past(self, deadlines: Ints, after: Ints) -> Ints:
        """The number of the first tick that stands behind `after` and shows more than the deadline;
        `len(self.rows)` if none.
        """
        by_time = np.searchsorted(self.clock[1:], deadlines, side="right")
        by_place = np.searchsorted(self.rows, after, side="right")
        return np.maximum(by_time, by_place).astype(np.int64)


class LocalTime:
    """Local time of day and day of week, vectorised: one look at the zone's rules per hour that occurs, remembered."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._offsets: dict[int, int] = {}

    def local_us(self, times: Ints) -> Ints:
        """µs since 1970-01-01 00:00 on the local clock."""
        hours, which = np.unique(times // HOUR_US, return_inverse=True)
        return times + np.array([self._offset(int(hour)) for hour in hours], dtype=np.int64)[which]

    def _offset(self, hour: int) -> int:
        if (known := self._offsets.get(hour)) is not None:
            return known
        if len(self._offsets) > 100_000:
            self._offsets.clear()
        moment: datetime = from_us(hour * HOUR_US).astimezone(self._zone)
        offset = (moment.utcoffset() or timedelta()) // timedelta(microseconds=1)
        self._offsets[hour] = offset
        return offset
