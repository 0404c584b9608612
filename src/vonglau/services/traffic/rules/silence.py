"""A sensor that has stopped speaking: one alert from the first tick that finds it overdue until it speaks again, brought
up to date once an hour.

What is overdue is learnt per sensor (its source and subject together, all quantities): its usual interval, and its
longest gap of late, for a probe that finds no cars at night is not broken. Silence is measured on the listening
clock, which counts only the time in which ticks came: when our own door was closed nobody could be heard, and a
restart must not report a whole city.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vonglau.core.detection import AlertDraft, Certainty, Detector, Severity, Urgency, identity
from vonglau.core.events import TICK_TYPE, from_us
from vonglau.core.log import Batch
from vonglau.services.traffic.payloads import EVENT_TYPE
from vonglau.services.traffic.rules.anomaly import Said
from vonglau.services.traffic.rules.baseline import Bools
from vonglau.services.traffic.rules.episode import SENSOR_SILENT
from vonglau.services.traffic.rules.inputs import key, places_of, ticks_of
from vonglau.services.traffic.rules.order import Ints, TickLine, rounds
from vonglau.services.traffic.rules.table import Column, Table

MINUTE_US = 60_000_000

SCHEMA = (
    Column("count", "i8"),
    Column("first", "i8"),
    Column("last", "i8"),
    Column("last_pos", "i8"),
    Column("interval", "f8"),
    Column("long_gap", "f8"),
    Column("allowed", "i8"),
    Column("due", "i8"),
    Column("silent", "i1"),
    Column("raised", "i8"),
    Column("told", "i8"),
    Column("lon", "f8", fill=np.nan),
    Column("lat", "f8", fill=np.nan),
)
TEXT = ("source", "subject")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a silence is usual. Declared, not tuned."""

    intervals: float = 6.0
    """Usual intervals …"""
    long_gaps: float = 2.0
    """… or longest gaps of late, whichever is longer …"""
    least_us: int = 10 * MINUTE_US
    """… and never less than this."""
    warm_count: int = 30
    """Measurements before a silence can mean anything …"""
    warm_us: int = 24 * 60 * MINUTE_US
    """… over at least a day and a night."""
    forget_us: int = 14 * 24 * 60 * MINUTE_US
    """A long gap that does not come again is forgotten over this time."""
    told_every_us: int = 60 * MINUTE_US
    """An open silence is said again this often, so that what it says about its length is true."""
    outage_us: int = 10 * MINUTE_US
    """A longer step from tick to tick is our own absence and counts as this much."""


class SensorSilence(Detector):
    """Sensors that are overdue by their own habit."""

    name: ClassVar[str] = "traffic.silence"
    version: ClassVar[int] = 2
    types: ClassVar[frozenset[str]] = frozenset({EVENT_TYPE, TICK_TYPE})

    def __init__(self, patience: Patience | None = None) -> None:
        self.patience = patience or Patience()

    def initial(self) -> Table:
        table = Table(SCHEMA, TEXT)
        table.totals = {"clock": 0, "listened": 0}
        return table

    def dump(self, state: Table) -> bytes:
        return state.dump()

    def load(self, dumped: bytes) -> Table:
        return Table.load(dumped, SCHEMA, TEXT)

    def fold(self, state: Table, batch: Batch) -> tuple[Table, list[AlertDraft]]:
        ticks = ticks_of(batch, state.totals["clock"])
        listened = self._listening(state, ticks)
        place = places_of(batch)
        row = self._rows(state, batch, place)
        said: Said = []
        previous = np.full(len(state), -1, dtype=np.int64)
        for chosen in rounds(row):
            rows, places = row[chosen], place[chosen]
            self._overdue(state, rows, after=previous[rows], before=places, clocks=(ticks, listened), said=said)
            previous[rows] = places
            self._hear(state, rows, places, batch=batch, listened=listened, said=said)
        everyone = np.arange(len(state))
        end = np.full(len(state), len(batch))
        self._overdue(state, everyone, after=previous, before=end, clocks=(ticks, listened), said=said)
        state.totals["clock"], state.totals["listened"] = ticks.now, listened.now
        said.sort(key=lambda one: one[:2])
        return state, [alert for _, _, alert in said]

    def _listening(self, state: Table, ticks: TickLine) -> TickLine:
        """The same ticks on the listening clock."""
        steps = np.minimum(np.diff(ticks.clock), self.patience.outage_us)
        if len(steps) and ticks.clock[0] == 0:
            steps[0] = 0  # the very first tick: nothing has been listened to before it
        return TickLine(ticks.rows, state.totals["listened"] + np.cumsum(steps), state.totals["listened"])

    def _rows(self, state: Table, batch: Batch, place: Ints) -> Ints:
        known, picked = len(state), place.tolist()
        row = state.rows([key("", batch.source[i], batch.subject[i]) for i in picked])
        if len(state) > known:
            for i, at in zip(picked, row.tolist(), strict=True):
                if at >= known:
                    state.text["source"][at] = batch.source[i]
                    state.text["subject"][at] = batch.subject[i] or batch.source[i]
        return row

    def _hear(
        self,
        state: Table,
        rows: Ints,
        places: Ints,
        *,
        batch: Batch,
        listened: TickLine,
        said: Said,
    ) -> None:
        """It has spoken: an open silence ends, and its habit is learnt from the gap, unless it was an outage."""
        time = batch.time[places]
        for one in np.flatnonzero(state["silent"][rows]).tolist():
            row = int(rows[one])
            until = max(int(time[one]), int(state["last"][row]))
            at = max(until, int(state["told"][row]))  # never before what was said last: an older word would be ignored
            said.append((int(places[one]), row, self._draft(state, row, at_us=at, ended_us=until)))
        was_silent = state["silent"][rows] != 0
        state["silent"][rows] = 0
        self._learn(state, rows, time, was_silent)
        newest = time >= state["last"][rows]
        state["last"][rows[newest]] = time[newest]
        state["last_pos"][rows[newest]] = batch.pos[places[newest]]
        state["count"][rows] += 1
        lon, lat = batch.lon[places], batch.lat[places]
        placed = ~(np.isnan(lon) | np.isnan(lat))
        state["lon"][rows[placed]], state["lat"][rows[placed]] = lon[placed], lat[placed]
        allowed = np.maximum(
            self.patience.intervals * state["interval"][rows], self.patience.long_gaps * state["long_gap"][rows]
        )
        state["allowed"][rows] = np.maximum(allowed, self.patience.least_us).astype(np.int64)
        state["due"][rows] = listened.at(places) + state["allowed"][rows]

    def _learn(self, state: Table, rows: Ints, time: Ints, was_silent: Bools) -> None:
        """Huberised mean of the gaps; and the longest of late, which a silence that was reported can raise to its
        bound only.
        """
        gap = (time - state["last"][rows]).astype(np.float64)
        count = state["count"][rows]
        state["first"][rows] = np.where(count == 0, time, state["first"][rows])
        counts = (count > 0) & (gap > 0.0)
        usual = np.where(count <= 1, gap, state["interval"][rows])
        step = np.clip(gap - usual, -2.0 * usual, 2.0 * usual)
        usual = usual + np.maximum(1.0 / (count + 1.0), 0.02) * step
        believed = np.where(was_silent, np.minimum(gap, state["allowed"][rows]), gap)
        kept = np.maximum(1.0 - gap / self.patience.forget_us, 0.0)
        long = np.maximum(believed, state["long_gap"][rows] * kept)
        state["interval"][rows] = np.where(counts, usual, state["interval"][rows])
        state["long_gap"][rows] = np.where(counts, long, state["long_gap"][rows])

    def _overdue(
        self,
        state: Table,
        rows: Ints,
        *,
        after: Ints,
        before: Ints,
        clocks: tuple[TickLine, TickLine],
        said: Said,
    ) -> None:
        """Raise a silence at the first tick between two places that finds it, and say it again while it lasts."""
        ticks, _ = clocks
        if not len(ticks.rows):
            return
        self._raise(state, rows, after=after, before=before, clocks=clocks, said=said)
        silent = np.flatnonzero(state["silent"][rows])
        while len(silent):
            number = ticks.first_past(state["told"][rows[silent]] + self.patience.told_every_us - 1, after[silent])
            due = number < len(ticks.rows)
            due[due] = ticks.rows[number[due]] < before[silent[due]]
            silent, number = silent[due], number[due]
            for one, tick in zip(silent.tolist(), number.tolist(), strict=True):
                self._say(state, int(rows[one]), tick, ticks, said)

    def _raise(
        self,
        state: Table,
        rows: Ints,
        *,
        after: Ints,
        before: Ints,
        clocks: tuple[TickLine, TickLine],
        said: Said,
    ) -> None:
        ticks, listened = clocks
        quiet = (state["silent"][rows] == 0) & (state["count"][rows] >= self.patience.warm_count)
        quiet &= state["last"][rows] - state["first"][rows] >= self.patience.warm_us
        quiet &= state["due"][rows] < listened.now
        one_of = np.flatnonzero(quiet)
        number = listened.first_past(state["due"][rows[one_of]], after[one_of])
        for one, tick in zip(one_of.tolist(), number.tolist(), strict=True):
            if tick < len(ticks.rows) and ticks.rows[tick] < before[one]:
                row = int(rows[one])
                state["silent"][row] = 1
                state["raised"][row] = ticks.clock[tick + 1]
                self._say(state, row, tick, ticks, said)

    def _say(self, state: Table, row: int, tick: int, ticks: TickLine, said: Said) -> None:
        at = int(ticks.clock[tick + 1])
        state["told"][row] = at
        said.append((int(ticks.rows[tick]), row, self._draft(state, row, at_us=at, ended_us=None)))

    def _draft(self, state: Table, row: int, *, at_us: int, ended_us: int | None) -> AlertDraft:
        last = int(state["last"][row])
        lon, lat = float(state["lon"][row]), float(state["lat"][row])
        return AlertDraft(
            identity=identity(self.name, state.keys[row], last),
            kind=SENSOR_SILENT,
            severity=Severity.MINOR,
            urgency=Urgency.FUTURE if ended_us is None else Urgency.PAST,
            certainty=Certainty.OBSERVED,
            onset_us=last,
            updated_us=at_us,
            ended_us=ended_us,
            subject=state.text["subject"][row],
            lon=None if np.isnan(lon) else lon,
            lat=None if np.isnan(lat) else lat,
            facts={
                "subject": state.text["subject"][row],
                "source": state.text["source"][row],
                "last_heard": from_us(last).isoformat(),
                "silent_s": max((at_us if ended_us is None else ended_us) - last, 0) // 1_000_000,
                "usual_interval_s": round(float(state["interval"][row]) / 1e6),
                "longest_gap_s": round(float(state["long_gap"][row]) / 1e6),
                "allowed_s": int(state["allowed"][row]) // 1_000_000,
                "heard_before": int(state["count"][row]),
                "raised": from_us(int(state["raised"][row])).isoformat(),
                "ended_by": None if ended_us is None else "heard_again",
            },
            evidence=(int(state["last_pos"][row]),),
        )
