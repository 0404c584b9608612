"""A lane: one detector in one world, with its shards. What fails in a lane stays in it.

A fold consumes its state, so a lane that failed is read again from what is stored. Its shards are stored one at a time and may be ahead
of the reader's cursor: each remembers up to where, and passes over what it has.
"""

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vonglau.core.alert_models import DetectorState
from vonglau.core.detection import AlertDraft, Detector
from vonglau.core.events import TICK_TYPE
from vonglau.core.log import Batch
from vonglau.core.seams import Service
from vonglau.core.watch import Watch

STATE_BYTES = 256 << 20
"""Most bytes of one shard's state. A rule whose state outgrows it forgets nothing, and would take the machine with it."""

KNOWN_KEYS = 200_000


class StateTooLarge(Exception):
    """The state of a shard is larger than any state may be."""


class StateUnsaved(Exception):
    """The state of a shard cannot be turned into bytes; the cause says why."""


class StateUnreadable(Exception):
    """The stored state of a shard cannot be read."""


def bucket_of(key: str, buckets: int) -> int:
    """Stable across processes and machines, unlike hash()."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big") % buckets


class Spread:
    """Rows by bucket. Remembers the buckets of keys, which recur."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], int] = {}

    def __call__(self, batch: Batch, detector: Detector) -> dict[int, list[int]]:
        """Rows by bucket, each in log order; a tick goes to every bucket.

        Also to those without state: a bucket's clock must not depend on when its first key appeared.
        """
        ticks = TICK_TYPE in detector.types
        known = self._known
        rows: dict[int, list[int]] = {bucket: [] for bucket in range(detector.buckets)}
        for row, (key, type_) in enumerate(zip(detector.shard(batch), batch.type, strict=True)):
            if ticks and type_ == TICK_TYPE:
                for members in rows.values():
                    members.append(row)
                continue
            bucket = known.get((detector.buckets, key))
            if bucket is None:
                if len(known) > KNOWN_KEYS:
                    known.clear()
                bucket = known[detector.buckets, key] = bucket_of(key, detector.buckets)
            rows[bucket].append(row)
        return {bucket: members for bucket, members in rows.items() if members}


NEVER = -(1 << 62)


@dataclass(slots=True)
class Shard:
    state: Any
    through: int = NEVER
    """Events up to here were in the stored state it was read from."""
    dirty: bool = False


@dataclass(slots=True)
class Lane:
    """Makes its shards when they are needed. `position`: how far it has folded, while it goes on its own."""

    service: Service
    detector: Detector
    world: str
    watch: Watch
    spread: Spread
    skipped: frozenset[int] = frozenset()
    position: int = 0
    _shards: dict[int, Shard] | None = field(default=None)

    def shards(self) -> dict[int, Shard]:
        """Read from the database when they are not there. Raises StateUnreadable."""
        if self._shards is None:
            rows = DetectorState.objects.filter(
                detector=self.detector.name, version=self.detector.version, world=self.world
            )
            found: dict[int, Shard] = {}
            for row in rows.order_by("bucket"):
                try:
                    with self._watched(row.position, row.position):
                        found[row.bucket] = Shard(self.detector.load(bytes(row.dump)), row.position)
                except Exception as problem:
                    raise StateUnreadable(type(problem).__name__) from problem
            self._shards = found
        return self._shards

    def begin(self) -> None:
        """Start from nothing, whatever is stored: for a past that is folded anew."""
        self._shards = {}

    def forget(self) -> None:
        """Drop what is in memory: after a failure nobody knows what a fold left behind."""
        self._shards = None

    def wanted(self, batch: Batch, after: int) -> Batch | None:
        """Its rows of this batch behind a position; None when there are none."""
        types = self.detector.types
        rows = [row for row, type_ in enumerate(batch.type) if type_ in types]
        if after >= batch.pos[0] or self.skipped:
            positions = batch.pos.tolist()
            rows = [row for row in rows if positions[row] > after and positions[row] not in self.skipped]
        if not rows:
            return None
        return batch if len(rows) == len(batch) else batch.take(rows)

    def fold(self, mine: Batch) -> list[AlertDraft]:
        """Fold rows that are all its own. Whatever it raises, the lane must be forgotten then."""
        shards, drafts = self.shards(), list[AlertDraft]()
        with self._watched(int(mine.pos[0]), int(mine.pos[-1])):
            for bucket, rows in self.spread(mine, self.detector).items():
                shard = shards.get(bucket)
                if shard is None:
                    shard = shards[bucket] = Shard(self.detector.initial())
                part = _behind(mine, rows, shard.through)
                if part is None:
                    continue
                shard.dirty = True
                shard.state, said = self.detector.fold(shard.state, part)
                drafts.extend(said)
        return drafts

    def stored(self, bucket: int, position: int) -> DetectorState:
        """A shard as a row that holds everything up to `position`. Raises StateUnsaved and StateTooLarge."""
        shard = self.shards()[bucket]
        try:
            with self._watched(position, position):
                dump, late = self.detector.dump(shard.state), self.detector.late(shard.state)
        except Exception as problem:
            raise StateUnsaved(type(problem).__name__) from problem
        if len(dump) > STATE_BYTES:
            raise StateTooLarge(f"{len(dump)} bytes")
        return DetectorState(
            detector=self.detector.name,
            version=self.detector.version,
            world=self.world,
            bucket=bucket,
            position=position,
            dump=dump,
            late=late,
        )

    def dirty(self) -> list[int]:
        return [bucket for bucket, shard in (self._shards or {}).items() if shard.dirty]

    def clean(self, bucket: int, position: int) -> None:
        """The shard's row has been written."""
        shard = self.shards()[bucket]
        shard.dirty, shard.through = False, max(shard.through, position)

    def _watched(self, first: int, last: int) -> AbstractContextManager[None]:
        return self.watch.folding(self.detector.name, self.detector.version, self.world, first, last)


def _behind(mine: Batch, rows: list[int], through: int) -> Batch | None:
    """The given rows behind a position."""
    if through >= mine.pos[rows[0]]:
        index = np.asarray(rows, dtype=np.intp)
        rows = index[mine.pos[index] > through].tolist()
        if not rows:
            return None
    return mine if len(rows) == len(mine) else mine.take(rows)


def write(rows: Sequence[DetectorState]) -> None:
    """Insert or replace states; the caller holds the transaction."""
    DetectorState.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["detector", "version", "world", "bucket"],
        update_fields=["dump", "late", "position"],
    )
