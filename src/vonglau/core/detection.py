"""Detectors: pure folds over batches of events. Contract 4 of the house.

`fold(state, batch) → (state, alerts)` is pure and vectorised over a hash bucket of the shard key. State is plain data that
`dump` turns into bytes and `load` back. The runner commits alerts at once and state together with its cursor a little later;
after a crash events are folded again from the last cursor, and because an alert's identity is derived from its cause and
alerts are upserted, that changes nothing. Where batches are cut and how shards interleave never changes a result.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from vonglau.core.log import Batch


class Severity(StrEnum):
    """CAP 1.2 `severity`."""

    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


class Urgency(StrEnum):
    """CAP 1.2 `urgency`."""

    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    """CAP 1.2 `certainty`."""

    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"


def identity(*cause: object) -> str:
    """A stable name for what caused an alert: the same cause gives the same alert, however often it is folded."""
    return hashlib.blake2b("\x1f".join(map(str, cause)).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDraft:
    """What a detector says. Upserted by `identity`: a later draft of the same identity updates the alert."""

    identity: str
    kind: str
    """One of the service's declared alert kinds; its words (headline, explanation) are templates there, filled from `facts`."""
    severity: Severity
    urgency: Urgency
    certainty: Certainty
    onset_us: int
    updated_us: int
    ended_us: int | None = None
    """Set when the condition is over."""
    subject: str
    lon: float | None = None
    lat: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Plain data under the words: what was expected, what was seen, by how much, since when."""
    series: tuple[tuple[int, float, float, float, float], ...] = ()
    """For the small chart: (time µs, seen, expected, low, high), at most 100 points, oldest first."""
    evidence: tuple[int, ...] = ()
    """Log positions of the events it rests on, at most 50."""


class Detector(ABC):
    """A rule of a service, run by the worker, by replay and by `vonglau detect` alike.

    `fold` consumes its state: the caller must not use the old one afterwards (so large tables need not be copied).
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    """Raise it when the state's layout or the rule changes: the runner then starts from an empty state."""
    types: ClassVar[frozenset[str]]
    """Event types it folds. Add `events.TICK_TYPE` to see time pass: every bucket then gets every tick of its world."""
    buckets: ClassVar[int] = 4

    def shard(self, batch: Batch) -> list[str]:
        """The shard key of each row; rows of one key are folded in log order by one bucket."""
        return [f"{source} {subject or ''}" for source, subject in zip(batch.source, batch.subject, strict=True)]

    @abstractmethod
    def initial(self) -> Any:
        """The state before the first event."""

    @abstractmethod
    def fold(self, state: Any, batch: Batch) -> tuple[Any, list[AlertDraft]]:
        """One step. No I/O, no clock, no randomness: the same log gives the same alerts."""

    @abstractmethod
    def dump(self, state: Any) -> bytes:
        """State as bytes (Arrow IPC by habit): plain data, so that another engine or version can read it."""

    @abstractmethod
    def load(self, dumped: bytes) -> Any: ...

    def late(self, state: Any) -> int:
        """How many events came later than the declared lateness: stored and counted, not folded."""
        return 0
