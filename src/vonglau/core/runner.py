"""Runs the detectors over the log. Alerts commit at once; state and cursor commit together, a little later.

The runner reads from memory's position and saves state and cursors every few seconds. After a crash it goes on from the saved cursor
with the saved state: the events since then are folded again, and give the same alerts under the same identities.
"""

import hashlib
import logging
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from vonglau.core import alerts, changes, seams
from vonglau.core.alert_models import Cursor, DetectorState
from vonglau.core.detection import AlertDraft, Detector
from vonglau.core.events import TICK_TYPE, from_us
from vonglau.core.log import Batch, LogReader
from vonglau.core.seams import Service
from vonglau.core.worlds import World, WorldKind

log = logging.getLogger("vonglau.runner")

SAVE_SECONDS = 3.0
SAVE_EVENTS = 50_000
SAVE_SHARE = 0.05
"""At most this share of the time is spent on saving: large states are saved less often, and more is folded again after a crash."""


def bucket_of(key: str, buckets: int) -> int:
    """Stable across processes and machines, unlike hash()."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big") % buckets


def reader_of(detector: Detector) -> str:
    """A cursor per detector: one that was stopped goes on later from where it stood, and misses nothing."""
    return f"detector/{detector.name}/{detector.version}"


@dataclass(slots=True)
class _Shard:
    state: Any
    dirty: bool = False


@dataclass(slots=True)
class Progress:
    """For metrics: what the runner did so far in this process."""

    position: int = 0
    saved: int = 0
    events: int = 0
    alerts: int = 0
    late: int = 0
    broken: dict[str, str] = field(default_factory=dict)
    """Detector → why it was stopped: isolated, resumable."""


class Runner:
    """One per installation. `step` folds the next stretch of the log; call it whenever the log's version changes."""

    def __init__(
        self,
        reader: LogReader,
        detectors: tuple[tuple[Service, Detector], ...],
        locate: alerts.Locate | None = None,
        *,
        limit: int = 5_000,
    ) -> None:
        self.reader, self.detectors, self.locate, self.limit = reader, detectors, locate, limit
        self.progress = Progress()
        self._shards: dict[tuple[str, str, int], _Shard] = {}
        self._buckets: dict[tuple[int, str], int] = {}
        self._saved_at = time.monotonic()
        self._pause = SAVE_SECONDS
        self._unsaved = 0
        self._load()

    def _load(self) -> None:
        cursors = dict(Cursor.objects.values_list("reader", "position"))
        self._done = {detector.name: cursors.get(reader_of(detector), 0) for _service, detector in self.detectors}
        self.progress.position = self.progress.saved = min(self._done.values(), default=0)
        stored = {(d.detector, d.version, d.world, d.bucket): d for d in DetectorState.objects.all()}
        for _service, detector in self.detectors:
            for (name, version, world, bucket), row in stored.items():
                if (name, version) == (detector.name, detector.version):
                    try:
                        self._shards[name, world, bucket] = _Shard(detector.load(bytes(row.dump)))
                    except (
                        Exception
                    ) as problem:  # a supervisor: a state that cannot be read stops its detector, not the worker
                        log.exception(
                            "state cannot be read", extra={"detector": name, "world": world, "bucket": bucket}
                        )
                        self.progress.broken[name] = f"{type(problem).__name__}: {problem}"

    def step(self) -> int:
        """Fold up to `limit` events. Returns how many were read; 0 at the head."""
        batch = seams.upgrades().batch(self.reader.batch(self.progress.position, self.limit))
        if batch.through <= self.progress.position:
            self._save_if_due()
            return 0
        by_world: dict[str, list[int]] = defaultdict(list)
        for row, world in enumerate(batch.world):
            by_world[world].append(row)
        for world, rows in by_world.items():
            part = batch if len(by_world) == 1 else batch.take(rows)
            self._drive(world, part)
            for service, detector in self.detectors:
                if detector.name not in self.progress.broken:
                    self._fold(world, part, service, detector)
        self.progress.position = batch.through
        for _service, detector in self.detectors:
            if detector.name not in self.progress.broken:
                self._done[detector.name] = max(self._done[detector.name], batch.through)
        self.progress.events += len(batch)
        self._unsaved += len(batch)
        self._save_if_due()
        return len(batch)

    def _drive(self, world: str, part: Batch) -> None:
        """A recording's clock shows the largest time seen."""
        latest = from_us(int(part.time.max()))
        World.objects.filter(pk=world, kind=WorldKind.RECORDING).exclude(seen_until__gte=latest).update(
            seen_until=latest
        )

    def _fold(self, world: str, part: Batch, service: Service, detector: Detector) -> None:
        done = self._done[detector.name]
        wanted = [row for row, type_ in enumerate(part.type) if type_ in detector.types]
        if done > part.pos[0]:
            wanted = [row for row in wanted if part.pos[row] > done]
        if not wanted:
            return
        mine = part if len(wanted) == len(part) else part.take(wanted)
        drafts: list[AlertDraft] = []
        try:
            for bucket, rows in self._spread(mine, detector).items():
                shard = self._shards.setdefault((detector.name, world, bucket), _Shard(detector.initial()))
                shard.state, said = detector.fold(shard.state, mine if len(rows) == len(mine) else mine.take(rows))
                shard.dirty = True
                drafts.extend(said)
        except Exception as problem:  # a supervisor: one bad detector must not stop the others or the log
            log.exception(
                "detector stopped", extra={"detector": detector.name, "world": world, "position": int(mine.pos[0])}
            )
            self._stop(world, service, detector, problem)
            return
        changed = alerts.store(world, service, detector, drafts, self.locate)
        self.progress.alerts += len(changed)

    def _spread(self, mine: Batch, detector: Detector) -> dict[int, list[int]]:
        """Rows by bucket, each in log order; a tick goes to every bucket.

        Also to those without state: a bucket's clock must not depend on when its first key appeared.
        """
        ticks = TICK_TYPE in detector.types
        known = self._buckets
        rows: dict[int, list[int]] = {bucket: [] for bucket in range(detector.buckets)}
        for row, (key, type_) in enumerate(zip(detector.shard(mine), mine.type, strict=True)):
            if ticks and type_ == TICK_TYPE:
                for members in rows.values():
                    members.append(row)
                continue
            bucket = known.get((detector.buckets, key))
            if bucket is None:
                if len(known) > 200_000:
                    known.clear()
                bucket = known[detector.buckets, key] = bucket_of(key, detector.buckets)
            rows[bucket].append(row)
        return {bucket: members for bucket, members in rows.items() if members}

    def _stop(self, world: str, service: Service, detector: Detector, problem: Exception) -> None:
        self.progress.broken[detector.name] = f"{type(problem).__name__}: {problem}"
        changes.announce(world, "world", f"detector/{detector.name}", broken=True)

    def _save_if_due(self) -> None:
        if self.progress.position == self.progress.saved:
            return
        waited = time.monotonic() - self._saved_at
        if waited >= self._pause or (self._unsaved >= SAVE_EVENTS and waited >= self._pause / 5):
            self.save()

    def save(self) -> None:
        """State and cursor in one transaction."""
        began = time.monotonic()
        versions = {detector.name: detector for _service, detector in self.detectors}
        rows, late = [], 0
        for (name, world, bucket), shard in self._shards.items():
            detector = versions[name]
            late += detector.late(shard.state)
            if shard.dirty:
                rows.append(
                    DetectorState(
                        detector=name,
                        version=detector.version,
                        world=world,
                        bucket=bucket,
                        dump=detector.dump(shard.state),
                        late=detector.late(shard.state),
                    )
                )
        with transaction.atomic():
            DetectorState.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["detector", "version", "world", "bucket"],
                update_fields=["dump", "late"],
            )
            for name, position in self._done.items():
                Cursor.objects.update_or_create(pk=reader_of(versions[name]), defaults={"position": position})
        for shard in self._shards.values():
            shard.dirty = False
        self.progress.saved, self.progress.late = self.progress.position, late
        self._unsaved, self._saved_at = 0, time.monotonic()
        self._pause = max(SAVE_SECONDS, (self._saved_at - began) / SAVE_SHARE)

    def lag(self) -> int:
        """Events between the log's head and the fold."""
        return max(0, self.reader.head() - self.progress.position)
