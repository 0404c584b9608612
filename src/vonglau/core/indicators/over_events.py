"""Indicators that count events: an Ibis expression over the table `events`, computed wherever history is asked.

An expression sees the events of one world and period, of one ward where one is asked for, with the columns of `vonglau history`; it builds
integers only (counts, sums of scaled integers), which are divided once, in `Value.ratio`. So every engine gives the same value. How events
are opened is said at the start by whoever composes the product; the core knows no engine.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

from vonglau.core.errors import NothingYet, Overloaded
from vonglau.core.indicators.definitions import Counted, Indicator, Row, Scope, Text, Unit

Expression = Callable[[Any, Scope], Any]
"""(events, scope) → a table of one row with the integer columns `numerator` and, unless nothing divides, `denominator`."""

Under = Callable[[Any, Scope, str], Any]
"""(events, scope, "numerator" | "denominator") → a table of what stands under a part: `key`, ordered, and what `row` needs."""

FRESH_SECONDS = 60.0
"""A value is computed at most this often: people look at it far more often than it changes."""
MOST_KEPT = 256
AT_ONCE = 4
"""Values computed at the same time in one process: each may take a core, and memory, for seconds."""
MOST_ROWS = 10_000


class Events(Protocol):
    """Events within a frame."""

    table: Any
    """Ibis table."""

    def answer(self, expression: Any) -> Any:
        """An expression over it, as an Arrow table."""


Open = Callable[[Scope, frozenset[str]], AbstractContextManager[Events]]
"""(scope, columns that are used) → its events. Raises Unavailable where there is no log yet."""

_open: list[Open] = []


def open_with(opener: Open) -> None:
    """Say how events are opened; the last one holds."""
    _open[:] = [opener]


@dataclass(frozen=True, slots=True)
class Item:
    """One row under a part. `pk` is its key, as of a database row."""

    pk: str
    values: dict[str, Any]


class Items(Sequence[Item]):
    """What stands under a part, with as much of a queryset as pages of rows use."""

    model = Item

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = list(items)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, at: Any) -> Any:
        return self._items[at]

    def count(self, value: Any = None) -> int:
        return len(self._items)

    def filter(self, *, pk__in: Sequence[str]) -> "Items":
        return Items([item for item in self._items if item.pk in set(pk__in)])

    def values_list(self, field: str, *, flat: bool = True) -> list[Any]:
        return [getattr(item, field) for item in self._items]


@dataclass(slots=True)
class _Slot:
    """One value: who asks while it is computed waits for it alone."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    at: float = -math.inf
    value: Any = None
    refused: str = ""
    """Why it took too long: asked again at once, it would take as long again."""

    def fresh(self) -> bool:
        return time.monotonic() - self.at < FRESH_SECONDS

    def said(self) -> Any:
        if self.refused:
            raise Overloaded(self.refused)
        return self.value


class _Kept:
    """Values of the last minute, in this process. What is fresh waits for nobody; what is computed waits for its own kind alone."""

    def __init__(self) -> None:
        self._slots: dict[Any, _Slot] = {}
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(AT_ONCE)

    def get(self, key: Any, compute: Callable[[], Any]) -> Any:
        """One computation of a value at a time: two people who open a page at once wait for the same one."""
        slot = self._slot(key)
        if slot.fresh():
            return slot.said()
        with slot.lock:
            if not slot.fresh():
                slot.value, slot.refused = None, ""
                try:
                    with self._room:
                        slot.value = compute()
                except Overloaded as problem:
                    slot.refused = problem.message
                slot.at = time.monotonic()
            return slot.said()

    def _slot(self, key: Any) -> _Slot:
        with self._lock:
            found = self._slots.get(key)
            if found is None:
                if len(self._slots) >= MOST_KEPT:
                    self._slots.clear()
                found = self._slots[key] = _Slot()
            return found

    def clear(self) -> None:
        with self._lock:
            self._slots.clear()


_kept = _Kept()


def forget() -> None:
    """Compute everything anew."""
    _kept.clear()


def over_events(
    *,
    code: str,
    title: Text,
    definition: Text,
    numerator: Text,
    denominator: Text | None,
    unit: Unit,
    columns: frozenset[str],
    count: Expression,
    under: Under,
    row: Callable[[Any], Row],
    scale: int = 1,
    aggregation: str = "ratio of sums",
    better: str = "higher",
) -> Indicator:
    """An indicator from expressions. `columns`: those of `events` that they use; `row`: an `Item` in words; `scale`: of the numerator."""

    def counted(scope: Scope) -> Counted:
        (found,) = _answered(scope, columns, lambda table: count(table, scope)) or [{}]
        below = None if denominator is None else int(found.get("denominator") or 0)
        return Counted(int(found.get("numerator") or 0), below, scale)

    def rows(scope: Scope, part: str) -> Items:
        found = _answered(scope, columns, lambda table: under(table, scope, part).limit(MOST_ROWS))
        return Items([Item(str(one.pop("key")), one) for one in found])

    return Indicator(
        code=code,
        title=title,
        definition=definition,
        numerator=numerator,
        denominator=denominator,
        unit=unit,
        aggregation=aggregation,
        better=better,
        count=lambda scope: _kept.get((code, _steady(scope)), lambda: counted(scope)),
        rows=lambda scope, part: _kept.get((code, part, _steady(scope)), lambda: rows(scope, part)),
        row=row,
    )


def _steady(scope: Scope) -> Scope:
    """The present moves with every look; a minute is the same one."""
    return replace(scope, end=scope.end.replace(second=0, microsecond=0))


def _answered(scope: Scope, columns: frozenset[str], build: Callable[[Any], Any]) -> list[dict[str, Any]]:
    if not _open:
        return []
    try:
        with _open[0](scope, columns | {"ward"} if scope.ward else columns) as events:
            table = events.table.filter(events.table.ward == scope.ward) if scope.ward else events.table
            found: list[dict[str, Any]] = events.answer(build(table)).to_pylist()
            return found
    except NothingYet:
        return []


def hours_of(scope: Scope) -> Iterator[int]:
    """The hours that have begun in the period, as numbers from its start."""
    started = scope.end - scope.start
    yield from range(-(-started // timedelta(hours=1)))
