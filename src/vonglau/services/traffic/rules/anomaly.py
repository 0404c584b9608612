"""Traffic that is not as usual: one robust seasonal profile per sensor and quantity, one alert per episode.

How it decides, for each measurement:

1. Compare with what is usual for this half hour of this kind of day (`baseline`): z = adverse deviation ÷ its usual size.
2. Add up evidence as a one-sided cumulative sum (Page, 1954): min(z, cap) − drift, never below zero, weighted by
   the minutes that the measurement stands for. Persistence and size trade against each other: a jam opens an alert
   after one to three five-minute measurements, a single odd 20-second one does not.
3. Open when the evidence reaches a bound; the onset is when the evidence began. Close after `calm_us` within the
   band (hysteresis), when the sensor has said nothing for `stale_us`, or when the unusual has lasted so long that
   it was learnt.

Better than usual opens a Minor `abnormal_traffic` at twice the bound. Nothing opens before a day has been seen, nor at
an hour that was not seen before on this kind of day: the first Monday after a weekend is listened to, not judged.
What is beyond the band teaches the profile little, and within an open episode less.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from vonglau.core.detection import AlertDraft, Detector
from vonglau.core.events import TICK_TYPE
from vonglau.core.log import Batch
from vonglau.services.traffic.payloads import EVENT_TYPE
from vonglau.services.traffic.rules import baseline, episode, inputs
from vonglau.services.traffic.rules.baseline import ADVERSE, FLOW, OTHER, Bools, Floats, Learning, Usual
from vonglau.services.traffic.rules.episode import BETTER, NONE, RING, WORSE, Grading
from vonglau.services.traffic.rules.inputs import TEXT, Inputs
from vonglau.services.traffic.rules.order import Ints, LocalTime, TickLine, rounds
from vonglau.services.traffic.rules.table import Column, Table

MINUTE_US = 60_000_000

Said = list[tuple[int, int, AlertDraft]]
"""Alerts with the place in the batch and the row in the table that gave them: sorted by these they are in log order."""

SCHEMA = (
    Column("quantity", "i1"),
    Column("count", "i8"),
    Column("first", "i8"),
    Column("last", "i8"),
    Column("mark", "i8"),
    Column("heard", "i8"),
    Column("lon", "f8", fill=np.nan),
    Column("lat", "f8", fill=np.nan),
    Column("evidence", "f8", 2),
    Column("since", "i8", 2),
    Column("open", "i1"),
    Column("onset", "i8"),
    Column("raised", "i8"),
    Column("told", "i8"),
    Column("calm_since", "i8"),
    Column("calm_count", "i8"),
    Column("rank", "i1"),
    Column("confirmed", "i1"),
    Column("worst_z", "f8"),
    Column("worst_seen", "f8"),
    Column("worst_expected", "f8"),
    *baseline.COLUMNS,
    *episode.COLUMNS,
)


@dataclass(frozen=True, slots=True)
class Tuning:
    """When to speak. Chosen on principle and on series that are not scored: docs/reference/nab.md."""

    band: float = 3.0
    """Half width of the usual band, in scales: what screens draw and `beyond` counts."""
    drift: float = 2.0
    cap: float = 8.0
    bound: float = 4.0
    """Evidence that opens an alert: one five-minute measurement at 6 scales, two at 4, or four at 3."""
    other_factor: float = 2.0
    confirmed_factor: float = 2.0
    """Evidence, in bounds, from which an alert is `Observed` and may be Severe."""
    calm: float = 2.0
    calm_us: int = 30 * MINUTE_US
    calm_least: int = 3
    stale_us: int = 60 * MINUTE_US
    adopt_us: int = 24 * 60 * MINUTE_US
    """After this long an episode is the new usual."""
    told_every_us: int = 5 * MINUTE_US
    warm_us: int = 24 * 60 * MINUTE_US
    warm_weight: float = 60.0
    """Five hours of five-minute measurements, spread over at least `warm_us`."""
    lateness_us: int = 15 * MINUTE_US
    episode_teaches: float = 0.25
    learning: Learning = field(default_factory=Learning)
    grading: Grading = field(default_factory=Grading)


class TrafficAnomaly(Detector):
    """Speed, occupancy, travel time and flow that are not as usual for the sensor and the hour."""

    name: ClassVar[str] = "traffic.anomaly"
    version: ClassVar[int] = 2
    types: ClassVar[frozenset[str]] = frozenset({EVENT_TYPE, TICK_TYPE})

    def __init__(self, zone: str = "Asia/Ho_Chi_Minh", tuning: Tuning | None = None) -> None:
        """`zone`: whose working days and rush hours the profiles follow."""
        self.tuning = tuning or Tuning()
        self._local = LocalTime(zone)

    def initial(self) -> Table:
        table = Table(SCHEMA, TEXT)
        table.totals = {"clock": 0, "late": 0, "unreadable": 0}
        return table

    def dump(self, state: Table) -> bytes:
        return state.dump()

    def load(self, dumped: bytes) -> Table:
        return Table.load(dumped, SCHEMA, TEXT)

    def late(self, state: Table) -> int:
        return state.totals["late"]

    def fold(self, state: Table, batch: Batch) -> tuple[Table, list[AlertDraft]]:
        ticks = inputs.ticks_of(batch, state.totals["clock"])
        measured = inputs.read(state, batch, self._local)
        said: Said = []
        previous = np.full(len(state), -1, dtype=np.int64)
        for chosen in rounds(measured.row):
            _Round(self, state, measured, chosen=chosen, ticks=ticks, previous=previous, said=said).run()
        everyone = np.arange(len(state))
        self.close_stale(
            state, everyone, after=previous, before=np.full(len(state), len(batch)), ticks=ticks, said=said
        )
        state.totals["clock"] = ticks.now
        said.sort(key=lambda one: one[:2])
        return state, [alert for _, _, alert in said]

    def close_stale(self, table: Table, rows: Ints, *, after: Ints, before: Ints, ticks: TickLine, said: Said) -> None:
        """End episodes about which nothing has been heard: at the first tick between two places that shows it."""
        opened = np.flatnonzero(table["open"][rows] != NONE)
        if not len(opened) or not len(ticks.rows):
            return
        tick = ticks.first_past(table["heard"][rows[opened]] + self.tuning.stale_us, after[opened])
        for one, number in zip(opened.tolist(), tick.tolist(), strict=True):
            if number < len(ticks.rows) and ticks.rows[number] < before[one]:
                row = int(rows[one])
                at = int(ticks.clock[number + 1])
                alert = self.close(table, row, at, int(table["last"][row]), "no_data")
                said.append((int(ticks.rows[number]), row, alert))

    def close(self, table: Table, row: int, at_us: int, ended_us: int, by: str) -> AlertDraft:
        """The last word on an episode; the key is then free for the next."""
        ended = max(ended_us, int(table["onset"][row]))
        alert = episode.draft(self.name, table, row, at_us=at_us, ended_us=ended, ended_by=by)
        table["open"][row] = NONE
        table["evidence"][row] = 0.0
        table["calm_since"][row] = table["calm_count"][row] = 0
        return alert


class _Round:
    """One round: at most one measurement of each key."""

    def __init__(
        self,
        detector: TrafficAnomaly,
        table: Table,
        measured: Inputs,
        *,
        chosen: Ints,
        ticks: TickLine,
        previous: Ints,
        said: Said,
    ) -> None:
        self.detector, self.tuning, self.table, self.said = detector, detector.tuning, table, said
        rows = measured.row[chosen]
        place = measured.place[chosen]
        detector.close_stale(table, rows, after=previous[rows], before=place, ticks=ticks, said=said)
        previous[rows] = place
        time = measured.time[chosen]
        late = time < table["mark"][rows] - self.tuning.lateness_us
        if late.any():
            table.totals["late"] += int(late.sum())
            chosen, rows, place, time = (column[~late] for column in (chosen, rows, place, time))
        self.chosen, self.rows, self.place, self.time = chosen, rows, place, time
        self.pos, self.quantity = measured.pos[chosen], measured.quantity[chosen]
        self.seen = measured.value[chosen]
        self.value = baseline.judged(self.quantity, self.seen)
        self.local = measured.local[chosen]
        self.measured = measured
        self.clock = ticks.at(place)

    def run(self) -> None:
        if not len(self.rows):
            return
        table, rows = self.table, self.rows
        self._arrive()
        usual = baseline.usual(table, rows, self.local, self.quantity, self.tuning.learning)
        deviation = (self.value - usual.expected) * baseline.adverse_sign(self.quantity)
        z = deviation / np.where(deviation >= 0.0, usual.adverse_scale, usual.other_scale)
        open_, free = table["open"][rows], self._outlasted()
        teaches = self.weight * np.where((open_ != NONE) & ~free, self.tuning.episode_teaches, 1.0)
        learning = self.tuning.learning
        baseline.learn(table, rows, self.value, usual, self.quantity, weight=teaches, free=free, tuning=learning)
        self._remember(usual, z)
        self._judge(z, usual.known)

    def _arrive(self) -> None:
        """Bookkeeping of the key, and how many minutes this measurement stands for."""
        table, rows, time = self.table, self.rows, self.time
        new = table["count"][rows] == 0
        if new.any():
            baseline.start(table, rows[new], self.value[new])
            table["first"][rows[new]] = time[new]
            table["last"][rows[new]] = time[new] - baseline.UNIT_US
            table["mark"][rows[new]] = time[new]
        since_last = time - table["last"][rows]
        table["mark"][rows] = np.maximum(table["mark"][rows], time)
        self._forget(np.flatnonzero(since_last > self.tuning.stale_us))
        elapsed = np.abs(since_last) / baseline.UNIT_US
        self.weight = np.clip(elapsed, 0.05, 1.0)
        table["count"][rows] += 1
        table["last"][rows] = time
        table["heard"][rows] = np.maximum(time, self.clock)
        lon, lat = self.measured.lon[self.chosen], self.measured.lat[self.chosen]
        placed = ~(np.isnan(lon) | np.isnan(lat))
        table["lon"][rows[placed]], table["lat"][rows[placed]] = lon[placed], lat[placed]

    def _forget(self, gone: Ints) -> None:
        """After a gap evidence starts anew, and an episode that no tick has ended ends where the sensor fell silent."""
        table = self.table
        for one in gone[table["open"][self.rows[gone]] != NONE].tolist():
            row = int(self.rows[one])
            alert = self.detector.close(table, row, int(table["mark"][row]), int(table["last"][row]), "no_data")
            self._say(int(self.place[one]), row, alert)
        table["evidence"][self.rows[gone]] = 0.0

    def _outlasted(self) -> Bools:
        open_ = self.table["open"][self.rows] != NONE
        lasted: Ints = self.time - self.table["onset"][self.rows]
        return np.asarray(open_ & (lasted > self.tuning.adopt_us), dtype=np.bool_)

    def _remember(self, usual: Usual, z: Floats) -> None:
        """Into the ring, in the sensor's own unit."""
        table, rows, band = self.table, self.rows, self.tuning.band
        up = np.where(baseline.adverse_sign(self.quantity) > 0, usual.adverse_scale, usual.other_scale)
        down = np.where(baseline.adverse_sign(self.quantity) > 0, usual.other_scale, usual.adverse_scale)
        self.expected = expected = baseline.original(self.quantity, usual.expected)
        low = baseline.original(self.quantity, usual.expected - band * down)
        high = baseline.original(self.quantity, usual.expected + band * up)
        at = table["ring_next"][rows] % RING
        table["ring_next"][rows] += 1
        for name, values in (
            ("time", self.time),
            ("pos", self.pos),
            ("seen", self.seen),
            ("expected", expected),
            ("low", low),
            ("high", high),
            ("beyond", np.sign(np.where(np.abs(z) > band, z, 0.0))),
        ):
            table[f"ring_{name}"][rows, at] = values
        table["last_z"][rows] = z

    def _judge(self, z: Floats, known: Bools) -> None:
        """Evidence, and what it opens, keeps open or closes."""
        table, rows, tuning, time = self.table, self.rows, self.tuning, self.time
        warm = (time - table["first"][rows] >= tuning.warm_us) & (table["weight"][rows] >= tuning.warm_weight)
        speaks = warm & known
        top = 4.0 * tuning.bound * tuning.other_factor
        evidence = []
        for side, sided in ((ADVERSE, z), (OTHER, -z)):
            before = table["evidence"][rows, side]
            now = np.clip(before + self.weight * (np.minimum(sided, tuning.cap) - tuning.drift), 0.0, top)
            now = np.where(speaks, now, 0.0)
            table["evidence"][rows, side] = now
            began = (before == 0.0) & (now > 0.0)
            table["since"][rows[began], side] = time[began]
            evidence.append(now)
        adverse_bound = tuning.bound * np.where(self.quantity == FLOW, tuning.other_factor, 1.0)
        worse = evidence[ADVERSE] >= adverse_bound
        better = evidence[OTHER] >= tuning.bound * tuning.other_factor
        open_ = table["open"][rows]
        z_open = np.where(open_ == BETTER, -z, z)
        calm = (open_ != NONE) & (z_open < tuning.calm)
        began = calm & (table["calm_count"][rows] == 0)
        table["calm_since"][rows[began]] = time[began]
        table["calm_count"][rows] = np.where(calm, table["calm_count"][rows] + 1, 0)
        calmed = (
            calm
            & (table["calm_count"][rows] >= tuning.calm_least)
            & (time - table["calm_since"][rows] >= tuning.calm_us)
        )
        turned = (open_ == BETTER) & worse
        opens = ((open_ == NONE) & (worse | better)) | turned
        evident = np.where(worse | (open_ == WORSE), evidence[ADVERSE], evidence[OTHER])
        for one in np.flatnonzero((open_ != NONE) | opens).tolist():
            row, place = int(rows[one]), int(self.place[one])
            time_us = int(table["mark"][row])  # what is said is dated by the newest seen, never back
            if turned[one]:
                self._say(place, row, self.detector.close(table, row, time_us, time_us, "turned"))
            elif calmed[one]:
                self._say(place, row, self._close_calm(row, time_us))
                continue
            if opens[one]:
                self._open(one, row, WORSE if worse[one] else BETTER)
            if self._worsen(one, row, float(z[one]), float(evident[one])) or opens[one] or self._due(row, time_us):
                table["told"][row] = time_us
                self._say(place, row, episode.draft(self.detector.name, table, row, at_us=time_us))

    def _say(self, place: int, row: int, alert: AlertDraft) -> None:
        self.said.append((place, row, alert))

    def _due(self, row: int, time_us: int) -> bool:
        return time_us - int(self.table["told"][row]) >= self.tuning.told_every_us

    def _close_calm(self, row: int, time_us: int) -> AlertDraft:
        ended = int(self.table["calm_since"][row])
        lasted = ended - int(self.table["onset"][row])
        return self.detector.close(
            self.table, row, time_us, ended, "adopted" if lasted > self.tuning.adopt_us else "usual_again"
        )

    def _open(self, one: int, row: int, what: int) -> None:
        table = self.table
        table["open"][row] = what
        table["onset"][row] = table["since"][row, ADVERSE if what == WORSE else OTHER]
        table["raised"][row] = table["mark"][row]
        table["rank"][row] = table["confirmed"][row] = 0
        table["worst_z"][row] = 0.0
        payload = self.measured.payload[int(self.chosen[one])]
        table.text["name"][row] = payload.name or ""
        table.text["unit"][row] = payload.unit or ""

    def _worsen(self, one: int, row: int, z: float, evident: float) -> bool:
        """Keep the worst that was seen; true when the alert became more severe."""
        table, tuning = self.table, self.tuning
        open_ = int(table["open"][row])
        sided = z if open_ == WORSE else -z
        seen, expected = float(self.seen[one]), float(self.expected[one])
        if sided > table["worst_z"][row]:
            table["worst_z"][row], table["worst_seen"][row], table["worst_expected"][row] = sided, seen, expected
        sustained = evident >= tuning.bound * tuning.confirmed_factor
        if sustained:
            table["confirmed"][row] = 1
        rank = episode.rank(int(self.quantity[one]), open_, seen, expected, sustained=sustained, grading=tuning.grading)
        worsened = rank > int(table["rank"][row])
        if worsened:
            table["rank"][row] = rank
        return worsened
