"""Is this event already in the log? Candidates by hash, each confirmed against what was stored."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from vonglau.core.events import TIME_ASSUMED, Event, Fault
from vonglau.engines.embedded.identities import Hashes, TailIndex
from vonglau.engines.embedded.schema import COLUMNS
from vonglau.engines.rows import difference, digests_of, recorded, same_identity

_ROW = f"SELECT {COLUMNS} FROM event WHERE pos = ?"  # noqa: S608 - constants
_SPAN = 360
"""Buckets in one entry of `remembered`: an hour at the usual width."""


@dataclass(frozen=True, slots=True)
class Known:
    """An event in the log, or earlier in the same append, whose hash equals that of a new one."""

    pos: int
    event: Event | None = None
    """None once it has been sealed: then the digests speak for it."""
    time_us: int = 0
    who: bytes = b""
    what: bytes = b""


Suspects = dict[int, list[Known]]
"""hash → what is known under it. Hashes that are absent belong to new events."""


class Twins:
    """Finds what is known under the hashes of an append."""

    def __init__(self, db: sqlite3.Connection, tail: TailIndex, bucket_us: int) -> None:
        self._db = db
        self._tail = tail
        self._bucket_us = bucket_us
        self.remembered: set[int] = set()
        """Spans of event time in which sealed identities are remembered; live events fall in none: no query."""
        self.reload()

    def span(self, time_us: int) -> int:
        return time_us // self._bucket_us // _SPAN

    def reload(self) -> None:
        """Read again where sealed identities are remembered: one jump in the index for each span."""
        spans, after = set(), -(2**63)
        while True:
            (bucket,) = self._db.execute("SELECT min(bucket) FROM identity WHERE bucket >= ?", (after,)).fetchone()
            if bucket is None:
                break
            spans.add(bucket // _SPAN)
            after = (bucket // _SPAN + 1) * _SPAN
        self.remembered = spans

    def suspects(self, events: Sequence[Event], hashes: Hashes) -> Suspects:
        listed = hashes.tolist()
        found: Suspects = {}
        if len(set(listed)) < len(listed):
            seen: set[int] = set()
            for hashed in listed:
                if hashed in seen:
                    found[hashed] = []
                seen.add(hashed)
        for hashed, positions in self._tail.find(hashes).items():
            found.setdefault(hashed, []).extend(self._stored(pos) for pos in positions)
        for hashed, known in self._sealed(events, listed):
            found.setdefault(hashed, []).append(known)
        return found

    def _stored(self, pos: int) -> Known:
        row = self._db.execute(_ROW, (pos,)).fetchone()
        return Known(pos, recorded(row).event)

    def _sealed(self, events: Sequence[Event], hashes: list[int]) -> list[tuple[int, Known]]:
        remembered = self.remembered
        if not remembered or remembered.isdisjoint({self.span(event.time_us) for event in events}):
            return []
        probes = [
            (event.time_us // self._bucket_us, hashed)
            for event, hashed in zip(events, hashes, strict=True)
            if self.span(event.time_us) in remembered
        ]
        rows = self._db.execute(
            "SELECT DISTINCT i.hash, i.pos, i.time_us, i.who, i.what FROM json_each(?) AS probe "
            "CROSS JOIN identity AS i ON i.bucket = probe.value ->> 0 AND i.hash = probe.value ->> 1 ORDER BY i.pos",
            (msgspec.json.encode(probes).decode(),),
        )
        return [(row[0], Known(pos=row[1], time_us=row[2], who=row[3], what=row[4])) for row in rows]


def verdict(event: Event, candidates: Sequence[Known]) -> int | Fault | None:
    """The position of the stored twin, the fault when it is not the same event after all, None for a new identity."""
    for known in candidates:
        if known.event is not None:
            if not same_identity(known.event, event):
                continue
            differs = difference(known.event, event)
        else:
            who, what = digests_of(event)
            if known.who != who:
                continue
            differs = _digests_differ(event, what, known)
        if differs is None:
            return known.pos
        pointer, word = differs
        return Fault(
            pointer,
            f"This id of this source is already stored (position {known.pos}) with another {word}. "
            "An event never changes: send what is new under a new id.",
        )
    return None


def _digests_differ(event: Event, what: bytes, known: Known) -> tuple[str, str] | None:
    if known.what != what:
        return "", "content"
    if known.time_us != event.time_us and TIME_ASSUMED not in event.extensions:
        return "/time", "time"
    return None
