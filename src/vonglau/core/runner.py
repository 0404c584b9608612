"""Runs the detectors over the log. Alerts commit at once; states follow one shard at a time, and then the cursors.

The runner reads from memory's position. Every few seconds a *round* of saving begins: between two steps one changed shard is written,
with the position it holds, and when all of them are, the cursors move to where the round began. So an alert never waits for more than
one shard. After a crash each shard goes on from its own position: what is folded again gives the same alerts under the same identities.

A lane that fails (one detector in one world) leaves the step and goes on by itself in `core/recovery.py`; the others never wait for it.
"""

import logging
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field

from django.db import models, transaction

from vonglau.core import alerts, lanes, seams
from vonglau.core.alert_models import Cursor, DetectorState
from vonglau.core.detection import Detector
from vonglau.core.events import from_us
from vonglau.core.lanes import Lane, Spread, bucket_of
from vonglau.core.log import Batch, LogReader
from vonglau.core.recovery import FAILURES, Recovery
from vonglau.core.seams import Service
from vonglau.core.watch import Watch
from vonglau.core.worlds import World, WorldKind

__all__ = ["Progress", "Runner", "bucket_of", "reader_of"]

log = logging.getLogger("vonglau.runner")

SAVE_SECONDS = 3.0
SAVE_EVENTS = 50_000
SAVE_SHARE = 0.05
"""At most this share of the time is spent on saving: large states are saved less often, and more is folded again after a crash."""
LOOK_SECONDS = 1.0
"""How often the stops are read again: commands and pages change them."""


def reader_of(detector: Detector) -> str:
    """A cursor per detector: one that was stopped goes on later from where it stood, and misses nothing."""
    return f"detector/{detector.name}/{detector.version}"


@dataclass(slots=True)
class Progress:
    """For metrics: what the runner did so far in this process."""

    position: int = 0
    saved: int = 0
    events: int = 0
    alerts: int = 0
    late: int = 0
    skipped: int = 0
    """Events that people let detectors pass over."""
    stopped: dict[tuple[str, str], str] = field(default_factory=dict)
    """(detector, world) → class of the error: isolated, resumable."""


@dataclass(slots=True)
class _Round:
    """Of saving: what is still to be written, and where the cursors may move then."""

    through: int
    left: deque[tuple[Lane, int]]
    spent: float = 0.0


class Runner:
    """One per installation. `step` folds the next stretch of the log; call it whenever the log's version changes."""

    def __init__(
        self,
        reader: LogReader,
        detectors: tuple[tuple[Service, Detector], ...],
        locate: alerts.Locate | None = None,
        *,
        limit: int = 5_000,
        watch: Watch | None = None,
    ) -> None:
        self.reader, self.detectors, self.locate, self.limit = reader, detectors, locate, limit
        self.watch = watch or Watch()
        self.progress = Progress()
        self.spread = Spread()
        self.lanes: dict[tuple[str, str], Lane] = {}
        self._round: _Round | None = None
        self._saved_at = self._looked_at = time.monotonic()
        self._pause = SAVE_SECONDS
        self._unsaved = 0
        self._load()

    def _load(self) -> None:
        cursors = dict(Cursor.objects.values_list("reader", "position"))
        self._done = {detector.name: cursors.get(reader_of(detector), 0) for _service, detector in self.detectors}
        self._saved = dict(self._done)
        self.progress.position = self.progress.saved = min(self._done.values(), default=0)
        self.recovery = Recovery(self)
        self.recovery.look()

    def lane(self, service: Service, detector: Detector, world: str) -> Lane:
        found = self.lanes.get((detector.name, world))
        if found is None:
            found = Lane(service, detector, world, self.watch, self.spread)
            found.skipped = self.recovery.skipped.get((detector.name, world), frozenset())
            self.lanes[detector.name, world] = found
        return found

    def read(self, after: int) -> Batch:
        """The next stretch of the log, with payloads of older versions brought forward."""
        return seams.upgrades().batch(self.reader.batch(after, self.limit))

    def saved(self, detector: str) -> int:
        """The position from which a lane of this detector would go on after a crash."""
        return self._saved[detector]

    def step(self) -> int:
        """Fold up to `limit` events. Returns how many were read or made up for (1 while saving); 0: nothing to do."""
        if time.monotonic() - self._looked_at >= LOOK_SECONDS:
            self._looked_at = time.monotonic()
            self.recovery.look()
        done = self._step() + self.recovery.step()
        self._save_if_due()
        if done or self._round is not None:
            return max(1, done)
        self.watch.rest()
        return 0

    def _step(self) -> int:
        batch = self.read(self.progress.position)
        if batch.through <= self.progress.position:
            return 0
        by_world: dict[str, list[int]] = defaultdict(list)
        for row, world in enumerate(batch.world):
            by_world[world].append(row)
        for world, rows in by_world.items():
            part = batch if len(by_world) == 1 else batch.take(rows)
            self._drive(world, part)
            for service, detector in self.detectors:
                if (detector.name, world) not in self.recovery.stopped:
                    self._fold(self.lane(service, detector, world), part)
        self.progress.position = batch.through
        for name, position in self._done.items():
            self._done[name] = max(position, batch.through)
        self.progress.events += len(batch)
        self._unsaved += len(batch)
        return len(batch)

    def _drive(self, world: str, part: Batch) -> None:
        """A recording's clock shows the largest time seen."""
        latest = from_us(int(part.time.max()))
        World.objects.filter(pk=world, kind=WorldKind.RECORDING).exclude(seen_until__gte=latest).update(
            seen_until=latest
        )

    def _fold(self, lane: Lane, part: Batch) -> None:
        mine = lane.wanted(part, self._done[lane.detector.name])
        if mine is None:
            return
        try:
            self.said(lane, mine)
        except FAILURES as problem:  # a supervisor: one bad detector must not stop the others or the log
            self.recovery.stop(lane, int(mine.pos[0]), int(mine.pos[-1]), problem, events=len(mine))

    def said(self, lane: Lane, mine: Batch) -> None:
        """Fold, and store what was said."""
        changed = alerts.store(lane.world, alerts.Sayer.of(lane.service, lane.detector), lane.fold(mine), self.locate)
        self.progress.alerts += len(changed)

    # saving

    def _save_if_due(self) -> None:
        if self._round is None:
            if self.progress.position == self.progress.saved:
                return
            waited = time.monotonic() - self._saved_at
            if waited < self._pause and (self._unsaved < SAVE_EVENTS or waited < self._pause / 5):
                return
        self._save_one()

    def save(self) -> None:
        """Everything, now: what is left of a round, or a whole one."""
        self._round = None
        while self._save_one():
            pass

    def _save_one(self) -> bool:
        """Write one changed shard of the round, beginning one if need be; the last one moves the cursors. False at its end."""
        began = time.monotonic()
        if self._round is None:
            self._unsaved = 0
            changed = [(lane, bucket) for lane in self._in_step() for bucket in lane.dirty()]
            self._round = _Round(self.progress.position, deque(changed))
        going = self._round
        while going.left:
            lane, bucket = going.left[0]
            due = (lane.detector.name, lane.world) not in self.recovery.stopped and bucket in lane.dirty()
            if due:
                self._write(lane, bucket)
            going.left.popleft()  # only now: what could not be written for lack of a database is still to be written
            if not due:
                continue
            going.spent += time.monotonic() - began
            return True
        self._finish(going.through)
        going.spent += time.monotonic() - began
        self._round, self._saved_at = None, time.monotonic()
        self._pause = max(SAVE_SECONDS, going.spent / SAVE_SHARE)
        return False

    def _in_step(self) -> list[Lane]:
        return [lane for key, lane in self.lanes.items() if key not in self.recovery.stopped]

    def _write(self, lane: Lane, bucket: int) -> None:
        position = max(self._done[lane.detector.name], self.progress.position)
        try:
            row = lane.stored(bucket, position)
        except FAILURES as problem:  # a supervisor: a state that cannot be written stops its detector
            self.recovery.stop(lane, position, position, problem)
            return
        with transaction.atomic():
            lanes.write([row])
        lane.clean(bucket, position)

    def _finish(self, through: int) -> None:
        """Every shard that had changed up to `through` is stored: so far the detectors have come."""
        with transaction.atomic():
            for _service, detector in self.detectors:
                position = max(through, self._saved[detector.name])
                if position != self._saved[detector.name]:
                    Cursor.objects.update_or_create(pk=reader_of(detector), defaults={"position": position})
                self._saved[detector.name] = position
        self.progress.saved = through
        self.progress.late = DetectorState.objects.aggregate(models.Sum("late"))["late__sum"] or 0

    def lag(self) -> int:
        """Events between the log's head and the fold."""
        return max(0, self.reader.head() - self.progress.position)
