"""Writes an interval of the log as a recording, with what the detectors knew when it began.

The interval is cut by the world's own clock, as ticks tell it: it begins with the first record whose time is not before `start`, and
ends before the first tick that is not before `end`. Between the two everything is taken, in the order in which it came; so what came
late is where it was late, and a rule that counts lateness counts the same.

The states are folded anew from the events before the interval, as far back as the log reaches (or a lead-in says): what lies in the
database is what detectors know now, not what they knew then. Positions before the interval become negative, so that no evidence of the
new world can point at an event of the old.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from vonglau import __version__
from vonglau.core import seams, stops
from vonglau.core.detection import AlertDraft, Detector
from vonglau.core.errors import BadInput, StorageFull
from vonglau.core.events import TICK_TYPE, Event, to_us
from vonglau.core.lanes import Lane, Spread
from vonglau.core.log import Batch, LogReader
from vonglau.core.recordings import layout
from vonglau.core.recovery import FAILURES
from vonglau.core.seams import Service
from vonglau.core.watch import Watch
from vonglau.core.worlds import World

LIMIT = 5_000
Progress = Callable[[int, int], None]
"""(position, head of the log)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What to export. `lead_in` None: everything before; zero: empty states."""

    world: str
    start: datetime
    end: datetime
    types: frozenset[str] | None = None
    lead_in: timedelta | None = None
    installation: str = ""


@dataclass(slots=True)
class _Knowing:
    """A detector's states and open alerts, folded up to the beginning."""

    lane: Lane
    open: dict[str, AlertDraft] = field(default_factory=dict)
    failed: str = ""


def export(
    reader: LogReader,
    detectors: Iterable[tuple[Service, Detector]],
    world: World,
    spec: Spec,
    out: Path,
    progress: Progress = lambda position, head: None,
) -> layout.About:
    """Write `out`, complete and durable or not at all. BadInput when there is nothing in the interval."""
    if spec.start >= spec.end:
        raise BadInput("--from must be before --to.")
    partial = out.with_name(f"{out.name}.{os.getpid()}.partial")
    try:
        writer = layout.Writer(partial)
        try:
            about = _Export(reader, detectors, world, spec, writer, progress).run()
            writer.finish(about)
        finally:
            writer.close()
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(out)
    except OSError as error:
        if error.errno == 28:
            raise StorageFull(f"There is no room for {out}; nothing was written.") from error
        raise BadInput(f"{out} cannot be written ({error.strerror}): choose another file.") from error
    finally:
        partial.unlink(missing_ok=True)
    return about


class _Export:
    def __init__(
        self,
        reader: LogReader,
        detectors: Iterable[tuple[Service, Detector]],
        world: World,
        spec: Spec,
        writer: layout.Writer,
        progress: Progress,
    ) -> None:
        self.reader, self.world, self.spec, self.writer, self.progress = reader, world, spec, writer, progress
        self.start_us, self.end_us = to_us(spec.start), to_us(spec.end)
        self.head = reader.head()
        skipped, watch, spread = stops.skipped(), Watch(), Spread()
        self.knowing: list[_Knowing] = []
        self.without: dict[str, str] = {}
        for service, detector in detectors:
            if spec.types is not None and not detector.types - {TICK_TYPE} <= spec.types:
                self.without[detector.name] = "types left out"
                continue
            lane = Lane(service, detector, world.pk, watch, spread, skipped.get((detector.name, world.pk), frozenset()))
            lane.begin()
            self.knowing.append(_Knowing(lane))
        self.complete = True
        self.lead_us = -(2**62) if spec.lead_in is None else self.start_us - int(spec.lead_in.total_seconds() * 1e6)

    def run(self) -> layout.About:
        after = self._before()
        states, alerts = self._known()
        events, ticks, through = self._inside(after)
        if not events:
            raise BadInput(
                f"Nothing happened in {self.spec.world} from {self.spec.start.isoformat()} to {self.spec.end.isoformat()}: "
                "look at `vonglau history` or at the world's replay for what there is."
            )
        lead_in = self.spec.lead_in
        return layout.About(
            layout=layout.LAYOUT,
            program=__version__,
            installation=self.spec.installation,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            world=self.world.pk,
            kind=self.world.kind,
            locality=self.world.locality,
            title_vi=self.world.title_vi,
            title_en=self.world.title_en,
            start=self.spec.start.isoformat(),
            end=self.spec.end.isoformat(),
            after=after,
            through=through,
            types=None if self.spec.types is None else sorted(self.spec.types),
            lead_in="all" if lead_in is None else str(int(lead_in.total_seconds())) if lead_in else "none",
            lead_in_complete=self.complete,
            detectors={one.lane.detector.name: one.lane.detector.version for one in self.knowing if not one.failed},
            without=self.without,
            events=events,
            ticks=ticks,
            states=states,
            alerts=alerts,
        )

    def _before(self) -> int:
        """Fold what lies before the interval; the position behind which it begins."""
        after, first = 0, True
        while after < self.head:
            batch = seams.upgrades().batch(self.reader.batch(after, LIMIT))
            if batch.through <= after:
                break
            if first and len(batch):
                self.complete, first = int(batch.pos[0]) == 1, False
            mine = [row for row, world in enumerate(batch.world) if world == self.world.pk]
            begins = next((row for row in mine if batch.time[row] >= self.start_us), None)
            self._fold(batch, [row for row in mine if begins is None or row < begins])
            if begins is not None:
                return int(batch.pos[begins]) - 1
            after = batch.through
            self.progress(after, self.head)
        return self.head

    def _fold(self, batch: Batch, rows: list[int]) -> None:
        rows = [row for row in rows if batch.time[row] >= self.lead_us]
        if not rows or self.lead_us >= self.start_us:
            return
        part = batch.take(rows)
        for one in self.knowing:
            mine = None if one.failed else one.lane.wanted(part, 0)
            if mine is None:
                continue
            try:
                said = one.lane.fold(_before_all(mine, self.head))
            except FAILURES as problem:  # a supervisor: one bad rule must not keep the others' states out
                one.failed = self.without[one.lane.detector.name] = type(problem).__name__
                continue
            for draft in sorted(said, key=lambda draft: draft.updated_us):
                one.open[draft.identity] = draft
            one.open = {name: draft for name, draft in one.open.items() if draft.ended_us is None}

    def _known(self) -> tuple[int, int]:
        """Write states, then open alerts; how many of each."""
        states = alerts = 0
        for one in self.knowing:
            if one.failed:
                continue
            detector = one.lane.detector
            for bucket in sorted(one.lane.shards()):
                row = one.lane.stored(bucket, 0)
                self.writer.add(
                    record=layout.STATE,
                    detector=detector.name,
                    version=detector.version,
                    bucket=bucket,
                    state=bytes(row.dump),
                )
                states += 1
        for one in self.knowing:
            for draft in [] if one.failed else sorted(one.open.values(), key=lambda draft: draft.updated_us):
                detector = one.lane.detector
                data = msgspec.json.encode(draft)
                self.writer.add(
                    record=layout.ALERT, detector=detector.name, version=detector.version, data=data.decode()
                )
                alerts += 1
        self.writer.flush()
        return states, alerts

    def _inside(self, after: int) -> tuple[int, int, int]:
        """Write the interval; events, ticks, last position."""
        events = ticks = 0
        through, cursor = after, after
        more: int | None = after
        while more is not None:
            found, more = self.reader.read(cursor, LIMIT, world=self.world.pk, before=self.head + 1)
            for one in found:
                event = one.event
                if event.type == TICK_TYPE and event.time_us >= self.end_us:
                    return events, ticks, through
                through = one.pos
                if self.spec.types is not None and event.type != TICK_TYPE and event.type not in self.spec.types:
                    continue
                self.writer.add(**_cells(event), pos=one.pos, recorded=one.recorded_us)
                ticks += event.type == TICK_TYPE
                events += event.type != TICK_TYPE
            cursor = more if more is not None else cursor
            self.progress(cursor, self.head)
        return events, ticks, through


def _cells(event: Event) -> dict[str, Any]:
    extensions = msgspec.json.encode(dict(event.extensions), order="sorted").decode() if event.extensions else None
    return {
        "record": layout.EVENT,
        "time": event.time_us,
        "source": event.source,
        "id": event.id,
        "type": event.type,
        "subject": event.subject,
        "lon": event.lon,
        "lat": event.lat,
        "data": event.data.decode(),
        "extensions": extensions,
    }


def _before_all(batch: Batch, head: int) -> Batch:
    """The same rows at positions below zero, in their order."""
    cells = {name: getattr(batch, name) for name in Batch.__slots__}
    return Batch(**{**cells, "pos": np.asarray(batch.pos - head - 1), "through": batch.through - head - 1})
