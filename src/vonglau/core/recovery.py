"""Lanes that fail: kept apart, narrowed down to the event that does it, tried again, and let back into step.

    in step ──fails──▶ stopped (record + alert) ──due──▶ goes on by itself from its own cursor ──caught up──▶ in step, alert ended
                          ▲                                   │ fails again: fewer events at a time, until it is one
                          └───────────────────────────────────┘

Everything a lane does by itself starts from its stored state and commits state and cursor together: nothing is missed or said twice.
"""

import logging
import time
from typing import TYPE_CHECKING

from django.db import DataError, IntegrityError, OperationalError, transaction
from django.utils import timezone

from vonglau.core import lanes, stops
from vonglau.core.alert_models import DetectorStop
from vonglau.core.detection import Detector
from vonglau.core.lanes import Lane, StateTooLarge, StateUnreadable, StateUnsaved
from vonglau.core.log import Batch
from vonglau.core.seams import Service
from vonglau.core.stops import Reason
from vonglau.core.watch import DEATHS_MOST, FoldTooLong

if TYPE_CHECKING:
    from vonglau.core.runner import Runner

log = logging.getLogger("vonglau.runner")

FAILURES = (Exception, FoldTooLong)
"""What stops a lane and nothing else."""

SAVE_EVERY = 1.0
"""Seconds between two commits of a lane that catches up; while it is narrowed down, each stretch is committed."""

Key = tuple[str, str]


def reason_of(problem: BaseException) -> Reason:
    """What a failure says about its cause. Drafts that the database refuses are the detector's doing; a busy database is not."""
    if isinstance(problem, FoldTooLong):
        return Reason.TOO_LONG
    if isinstance(problem, StateUnreadable):
        return Reason.UNREADABLE
    if isinstance(problem, (StateTooLarge, StateUnsaved)):
        return Reason.UNSAVED
    if isinstance(problem, (DataError, IntegrityError)):
        return Reason.RAISED
    if isinstance(problem, (OperationalError, MemoryError, OSError)):
        return Reason.PASSING
    return Reason.RAISED


class Recovery:
    """The stopped lanes of a runner. `stopped` is what the database says, read again every second."""

    def __init__(self, runner: "Runner") -> None:
        self.runner = runner
        self.stopped: dict[Key, DetectorStop] = {}
        self.skipped = stops.skipped()
        self._committed_at: dict[Key, float] = {}
        self._known = {detector.name: (service, detector) for service, detector in runner.detectors}
        self._forget_versions()
        self._try_again()
        self._blame()

    def _forget_versions(self) -> None:
        """A new version of a rule begins afresh: the stops of the old one are over."""
        for stop in DetectorStop.objects.all():
            known = self._known.get(stop.detector)
            if known is not None and known[1].version != stop.version:
                self._end(stop, *known)

    def _try_again(self) -> None:
        """A process that starts may carry a mended rule: whatever is not waiting for a person is tried at once."""
        DetectorStop.objects.exclude(retry_at=None).update(retry_at=timezone.now())

    def _blame(self) -> None:
        """The last process ended in the middle of a fold: of a hang, or the third time over the same events."""
        blamed = self.runner.watch.blamed
        known = self._known.get(blamed.detector) if blamed is not None else None
        if blamed is None or known is None or known[1].version != blamed.version:
            return
        if blamed.hung or blamed.deaths >= DEATHS_MOST:
            self.look()
            self._record(
                (blamed.detector, blamed.world),
                *known,
                between=(blamed.first, blamed.last),
                reason=Reason.TOO_LONG if blamed.hung else Reason.DIED,
                error="FoldTooLong" if blamed.hung else "ProcessDied",
            )

    def look(self) -> None:
        """Read what commands and pages may have changed."""
        before = self.stopped
        self.stopped = {
            (stop.detector, stop.world): stop
            for stop in DetectorStop.objects.all()
            if stop.detector in self._known and self._known[stop.detector][1].version == stop.version
        }
        for key, stop in before.items():
            now = self.stopped.get(key)
            if now is None or now.retry_at != stop.retry_at:
                self._committed_at.pop(key, None)  # a person has spoken: begin from what is stored
        if self.stopped or self.skipped:
            self.skipped = stops.skipped()
            for key, lane in self.runner.lanes.items():
                lane.skipped = self.skipped.get(key, frozenset())
        progress = self.runner.progress
        progress.stopped = {key: stop.error for key, stop in self.stopped.items()}
        progress.skipped = sum(map(len, self.skipped.values()))

    # failing

    def stop(self, lane: Lane, first: int, last: int, problem: BaseException, *, events: int = 0) -> None:
        """Take a lane out of step, or note that it failed again."""
        key = (lane.detector.name, lane.world)
        lane.forget()
        cause = (
            problem.__cause__ if isinstance(problem, (StateUnreadable, StateUnsaved)) and problem.__cause__ else problem
        )
        log.log(
            logging.WARNING if key in self.stopped else logging.ERROR,
            "detector %s stopped in world %s between %d and %d",
            *key,
            first,
            last,
            exc_info=None if key in self.stopped else problem,
        )
        self._record(
            key,
            lane.service,
            lane.detector,
            between=(first, last),
            reason=reason_of(problem),
            error=type(cause).__name__,
            events=events,
        )

    def _record(
        self,
        key: Key,
        service: Service,
        detector: Detector,
        *,
        between: tuple[int, int],
        reason: Reason,
        error: str,
        events: int = 0,
    ) -> None:
        stop = self.stopped.get(key) or DetectorStop(
            detector=detector.name,
            version=detector.version,
            world=key[1],
            position=self.runner.saved(detector.name),
            since=stops.clock(key[1]),
        )
        # Looking for the culprit is one try; a try is what fails once it is found, or what no event is to blame for.
        again = stop.pk is not None and (stop.first, stop.last, stop.reason) == (*between, reason)
        stop.tries = stop.tries + 1 if again else 0
        stop.first, stop.last = between
        stop.reason, stop.error = reason, error[:80]
        narrowed = reason in (Reason.RAISED, Reason.TOO_LONG, Reason.DIED)
        stop.stretch = max(1, (events or between[1] - between[0] + 1) // stops.NARROWER) if narrowed else 0
        stop.retry_at = stops.next_try(stop, timezone.now())
        with transaction.atomic():
            stop.save()
            if not stops.quiet(stop):
                stops.tell(stop, service.name)
        self.stopped[key] = stop
        self.runner.progress.stopped[key] = stop.error

    # going on

    def step(self) -> int:
        """One stretch of every lane that is due. Returns how many events were read for them."""
        now = timezone.now()
        due = [key for key, stop in self.stopped.items() if stop.retry_at is not None and stop.retry_at <= now]
        return sum(self._go_on(key) for key in due)

    def _go_on(self, key: Key) -> int:
        stop = self.stopped[key]
        service, detector = self._known[stop.detector]
        lane = self.runner.lane(service, detector, stop.world)
        if key not in self._committed_at:
            lane.forget()
            lane.position, self._committed_at[key] = stop.position, time.monotonic()
        batch, mine = self._stretch(lane, stop)
        first, last = (int(mine.pos[0]), int(mine.pos[-1])) if mine is not None else (lane.position, lane.position)
        try:
            lane.shards()
            if mine is not None:
                self.runner.said(lane, mine)
            lane.position = max(lane.position, batch.through)
            self._commit(lane, stop, service)
        except FAILURES as problem:  # a supervisor: it stays apart, and is tried again later
            del self._committed_at[key]
            self.stop(lane, first, last, problem, events=len(mine) if mine is not None else 0)
        return max(1, len(batch))

    def _stretch(self, lane: Lane, stop: DetectorStop) -> tuple[Batch, Batch | None]:
        """The next rows of the log, cut behind the lane's `stretch`-th event, and those among them that are the lane's."""
        batch = self.runner.read(lane.position)
        ahead = [
            row for row, world in enumerate(batch.world) if world == lane.world and batch.pos[row] <= self._target()
        ]
        if not ahead:
            through = min(max(batch.through, lane.position), max(self._target(), lane.position))
            return _through(batch, through), None
        part = batch.take(ahead)
        mine = lane.wanted(part, lane.position)
        if mine is not None and stop.stretch and len(mine) > stop.stretch:
            mine = mine.take(range(stop.stretch))
            return _through(batch, int(mine.pos[-1])), mine
        return _through(batch, min(batch.through, self._target())), mine

    def _target(self) -> int:
        return self.runner.progress.position

    def _commit(self, lane: Lane, stop: DetectorStop, service: Service) -> None:
        """State and cursor of the lane together, when it is time; a lane that has caught up is in step again."""
        key = (stop.detector, stop.world)
        caught_up = lane.position >= self._target()
        if not caught_up and not stop.stretch and time.monotonic() - self._committed_at[key] < SAVE_EVERY:
            return
        changed = lane.dirty()
        rows = [lane.stored(bucket, lane.position) for bucket in changed]
        past = lane.position > stop.last
        with transaction.atomic():
            lanes.write(rows)
            stop.position = lane.position
            if past:  # what was found guilty is behind it: as many as usual again
                stop.stretch = 0
            DetectorStop.objects.filter(pk=stop.pk).update(position=stop.position, stretch=stop.stretch)
            if caught_up:
                self._end(stop, service, lane.detector)
        for bucket in changed:
            lane.clean(bucket, lane.position)
        self._committed_at[key] = time.monotonic()
        if caught_up:
            del self.stopped[key], self._committed_at[key]
            self.runner.progress.stopped.pop(key, None)

    def _end(self, stop: DetectorStop, service: Service, detector: Detector) -> None:
        with transaction.atomic():
            stops.tell(stop, service.name, ended=True)
            DetectorStop.objects.filter(detector=detector.name, version=stop.version, world=stop.world).delete()


def _through(batch: Batch, position: int) -> Batch:
    """The rows up to a position, which is where it has then been read to."""
    kept = batch.take([row for row, pos in enumerate(batch.pos.tolist()) if pos <= position])
    return Batch(**{name: getattr(kept, name) for name in Batch.__slots__ if name != "through"}, through=position)
