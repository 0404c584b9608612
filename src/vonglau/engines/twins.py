"""Is this event already in the log? Candidates by hash, each confirmed against what was stored."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vonglau.core.events import TIME_ASSUMED, Event, Fault
from vonglau.engines.identities import Hashes, TailIndex
from vonglau.engines.rows import Row, difference, digests_of, recorded, same_identity

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


class Twins(ABC):
    """Finds what is known under the hashes of an append. An engine brings three queries on the writer's own connection."""

    def __init__(self, tail: TailIndex, bucket_us: int) -> None:
        self._tail = tail
        self._bucket_us = bucket_us
        self.remembered: set[int] = set()
        """Spans of event time in which sealed identities are remembered; live events fall in none: no query."""
        self.reload()

    @abstractmethod
    def _rows(self, positions: Sequence[int]) -> Iterable[Row]:
        """Rows of the tail at these positions."""

    @abstractmethod
    def _identities(self, probes: Sequence[tuple[int, int]]) -> Iterable[tuple[int, int, int, bytes, bytes]]:
        """(hash, pos, time_us, who, what) of sealed identities under these (bucket, hash), oldest first, each once."""

    @abstractmethod
    def _bucket_from(self, bucket: int) -> int | None:
        """The first bucket from this one on that holds a sealed identity."""

    def span(self, time_us: int) -> int:
        return time_us // self._bucket_us // _SPAN

    def reload(self) -> None:
        """Read again where sealed identities are remembered: one jump in the index for each span."""
        spans, after = set(), -(2**63)
        while (bucket := self._bucket_from(after)) is not None:
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
        known = self._tail.find(hashes)
        if known:
            stored = {row[0]: recorded(row).event for row in self._rows([pos for all in known.values() for pos in all])}
            for hashed, positions in known.items():
                found.setdefault(hashed, []).extend(Known(pos, stored[pos]) for pos in positions)
        for hashed, one in self._sealed(events, listed):
            found.setdefault(hashed, []).append(one)
        return found

    def _sealed(self, events: Sequence[Event], hashes: list[int]) -> list[tuple[int, Known]]:
        remembered = self.remembered
        if not remembered or remembered.isdisjoint({self.span(event.time_us) for event in events}):
            return []
        probes = [
            (event.time_us // self._bucket_us, hashed)
            for event, hashed in zip(events, hashes, strict=True)
            if self.span(event.time_us) in remembered
        ]
        return [
            (hashed, Known(pos=pos, time_us=time_us, who=who, what=what))
            for hashed, pos, time_us, who, what in self._identities(probes)
        ]


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
