"""What is usual: a robust seasonal profile per key, learnt as it goes.

Three nested locations: of all times, of each half hour of the day, of each half hour of working days and of
weekends. What little is known of a narrow one is shrunk towards the wider one, so that a profile is useful from its
second day and sharpens with the weeks. Two scales beside them, of deviations to the adverse and to the other side
(a speed falls much further than it rises), per three hours of the day, because a rush hour is less regular than a
night.

A half hour of a kind of day in which nothing was measured on an earlier such day is not *known*: what is expected of it
is a guess from other hours and days. While a kind of day has few days of its own and differs from the others, the
difference counts as doubt and widens the scale; the more a sensor's kinds of day differ, the sooner each is believed by
itself.

Robust in Huber's sense: a deviation teaches at most what one of `CLIP` scales would (Huber, 1964). Weights are in
units of five minutes, so that a sensor that speaks every 20 seconds learns no faster than one that speaks every
five minutes.

Speed and occupancy are judged as they are, travel time and flow by their square root, which evens out their spread
(Bartlett, 1936). Only + − × ÷ √ and comparisons: IEEE 754 defines them to the last bit, so results are the same
however batches are cut.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vonglau.services.traffic.payloads import QUANTITIES
from vonglau.services.traffic.rules.order import Ints
from vonglau.services.traffic.rules.table import Column, Table

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SPEED, OCCUPANCY, TRAVEL_TIME, FLOW = (QUANTITIES.index(name) for name in ("speed", "occupancy", "travel_time", "flow"))

SLOTS = 48
BLOCKS = 8
SLOT_US = 30 * 60_000_000
DAY_US = 86_400_000_000
UNIT_US = 300_000_000
"""A weight of 1: five minutes of measuring."""

ADVERSE, OTHER = 0, 1

COLUMNS = (
    Column("weight", "f8"),
    Column("level", "f8"),
    Column("level_scale", "f8"),
    Column("slot", "f4", SLOTS),
    Column("slot_weight", "f4", SLOTS),
    Column("day_slot", "f4", 2 * SLOTS),
    Column("day_slot_weight", "f4", 2 * SLOTS),
    Column("scale", "f8", 2),
    Column("block_scale", "f4", 2 * BLOCKS),
    Column("block_weight", "f4", 2 * BLOCKS),
    Column("apart", "f8"),
    Column("apart_weight", "f8"),
    Column("day", "i8", fill=-1),
    Column("known", "i1", SLOTS),
)
"""`apart`: mean square of what lies between a half hour of this kind of day and that half hour of all days. `day`: the
newest local day that was measured on, and `known`: which of its half hours were known when it began.
"""


@dataclass(frozen=True, slots=True)
class Learning:
    """How fast and how carefully. Chosen on principle and on series that are not scored: docs/reference/nab.md."""

    clip: float = 2.5
    """A deviation teaches the location at most this many scales."""
    spread_clip: float = 6.0
    """… and the scale at most this many."""
    level_floor: float = 1 / 2000
    slot_floor: float = 1 / 60
    """Ten days of a half hour: older ones fade."""
    day_slot_floor: float = 1 / 90
    scale_floor: float = 1 / 1500
    block_floor: float = 1 / 500
    slot_prior: float = 8.0
    """Weight at which a half hour's own location counts as much as the wider one."""
    day_slot_prior: float = 18.0
    """The same for a kind of day, where kinds differ no more than measurements do; less, the more they differ."""
    block_prior: float = 12.0
    known_weight: float = 2.0
    """A half hour of a kind of day is known from ten minutes of measuring in it, or in one beside it, on days before."""
    least_share: float = 0.06
    """The scale is never less than this share of what is expected: two decimals of a quiet night are no accident …"""
    least_occupancy: float = 2.0
    """… and for occupancy never less than this, in per cent of time."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What is expected at one moment for each of some rows, in the judged unit, and where it was read from."""

    expected: Floats
    adverse_scale: Floats
    other_scale: Floats
    least: Floats
    """No scale is less than this: a sensor that long said the same must still be able to learn something else."""
    slot: Ints
    day_slot: Ints
    block: Ints
    apart: Floats
    """From what this half hour is on all days to what it is on this kind of day …"""
    noise: Floats
    """… and how far single measurements stray."""
    known: Bools
    """Whether this half hour of this kind of day was seen on a day before: only then is the rest more than a guess."""

    def scale_of(self, side: NDArray[np.int64]) -> Floats:
        return np.where(side == ADVERSE, self.adverse_scale, self.other_scale)


def judged(quantity: NDArray[np.int64], value: Floats) -> Floats:
    return np.where(_as_is(quantity), value, np.sqrt(value))


def original(quantity: NDArray[np.int64], judged_value: Floats) -> Floats:
    """Back to the sensor's own unit; the band's low end is never below zero."""
    positive = np.maximum(judged_value, 0.0)
    return np.where(_as_is(quantity), positive, positive * positive)


def _as_is(quantity: NDArray[np.int64]) -> Bools:
    return np.asarray((quantity == SPEED) | (quantity == OCCUPANCY), dtype=np.bool_)


def adverse_sign(quantity: NDArray[np.int64]) -> Floats:
    """+1 where more is worse (occupancy, travel time), −1 where less is worse (speed, flow)."""
    return np.where((quantity == SPEED) | (quantity == FLOW), -1.0, 1.0)


def usual(table: Table, rows: Ints, local_us: Ints, quantity: NDArray[np.int64], tuning: Learning) -> Usual:
    """What is expected now, before the new value has taught anything."""
    slot = (local_us % DAY_US) // SLOT_US
    weekend = ((local_us // DAY_US + 3) % 7 >= 5).astype(np.int64)  # 1970-01-01 was a Thursday
    day_slot = weekend * SLOTS + slot
    block = slot // (SLOTS // BLOCKS)
    _begin_day(table, rows, local_us // DAY_US, weekend, tuning)

    level = table["level"][rows]
    slot_weight = table["slot_weight"][rows, slot]
    slot_share = slot_weight / (slot_weight + tuning.slot_prior)
    pooled = level + slot_share * (table["slot"][rows, slot] - level)
    noise = np.maximum(table["scale"][rows].max(axis=1), _least(pooled, quantity, tuning))
    day_weight = table["day_slot_weight"][rows, day_slot]
    apart = np.where(day_weight > 0.0, table["day_slot"][rows, day_slot] - pooled, 0.0)
    prior = tuning.day_slot_prior * noise * noise / (noise * noise + table["apart"][rows])
    day_share = day_weight / (day_weight + prior)
    expected = pooled + day_share * apart

    # The law of total variance over the three locations, each with its share in what is expected.
    doubt = day_share * (1.0 - day_share) * apart * apart
    level_share = (1.0 - slot_share) * (1.0 - day_share)
    wide = table["level_scale"][rows]
    least = _least(expected, quantity, tuning)
    scales = []
    for side in (ADVERSE, OTHER):
        own = table["scale"][rows, side]
        cell = side * BLOCKS + block
        weight = table["block_weight"][rows, cell]
        own = own + weight / (weight + tuning.block_prior) * (table["block_scale"][rows, cell] - own)
        variance = (1.0 - level_share) * own * own + level_share * wide * wide + doubt
        scales.append(np.maximum(np.sqrt(variance), least))
    known = table["known"][rows, slot] != 0
    return Usual(
        expected=expected,
        adverse_scale=scales[ADVERSE],
        other_scale=scales[OTHER],
        least=least,
        slot=slot,
        day_slot=day_slot,
        block=block,
        apart=apart,
        noise=noise,
        known=known,
    )


def _least(expected: Floats, quantity: NDArray[np.int64], tuning: Learning) -> Floats:
    floor = np.where(quantity == OCCUPANCY, tuning.least_occupancy, 1e-6)
    return np.maximum(tuning.least_share * np.abs(expected), floor)


def _begin_day(table: Table, rows: Ints, day: Ints, weekend: Ints, tuning: Learning) -> None:
    """Note which half hours of this kind of day are known, before the day itself teaches: the beginning of a rush hour
    is no experience of it.
    """
    begins = day > table["day"][rows]
    if not begins.any():
        return
    rows = rows[begins]
    table["day"][rows] = day[begins]
    weight = table["day_slot_weight"][rows].reshape(-1, 2, SLOTS)[np.arange(len(rows)), weekend[begins]]
    around = np.roll(weight, 1, axis=1) + weight + np.roll(weight, -1, axis=1)
    table["known"][rows] = around >= tuning.known_weight


def start(table: Table, rows: Ints, value: Floats) -> None:
    """A key's first value: a location, and scales that are too wide rather than too narrow."""
    guess = 0.3 * value + 0.1
    table["level"][rows] = value
    table["level_scale"][rows] = guess
    table["scale"][rows] = guess[:, None]


def learn(
    table: Table,
    rows: Ints,
    value: Floats,
    seen: Usual,
    quantity: NDArray[np.int64],
    *,
    weight: Floats,
    free: Bools,
    tuning: Learning,
) -> None:
    """Let the value teach. `free` lifts the clip, for what has lasted so long that it is the new usual."""
    deviation = value - seen.expected
    side = np.where(deviation * adverse_sign(quantity) >= 0.0, ADVERSE, OTHER)
    scale = seen.scale_of(side)
    bound = np.where(free, np.inf, tuning.clip * scale)

    total = table["weight"][rows]
    level, wide = table["level"][rows], np.maximum(table["level_scale"][rows], seen.least)
    rate = _rate(total, weight, tuning.level_floor)
    away = value - level
    table["level"][rows] = level + rate * np.clip(away, -tuning.clip * wide, tuning.clip * wide)
    table["level_scale"][rows] = wide + rate * (
        _ABS_TO_SCALE * np.minimum(np.abs(away), tuning.spread_clip * wide) - wide
    )
    table["weight"][rows] = total + weight

    for name, cell, floor in (
        ("slot", seen.slot, tuning.slot_floor),
        ("day_slot", seen.day_slot, tuning.day_slot_floor),
    ):
        known = table[f"{name}_weight"][rows, cell]
        location = np.where(known == 0.0, seen.expected, table[name][rows, cell])
        rate = _rate(known, weight, floor)
        table[name][rows, cell] = location + rate * np.clip(value - location, -bound, bound)
        table[f"{name}_weight"][rows, cell] = known + weight

    told = seen.known | (total < DAY_US / UNIT_US)
    _learn_spread(
        table,
        rows[told],
        deviation[told],
        side=side[told],
        scale=scale[told],
        block=seen.block[told],
        total=total[told],
        weight=weight[told],
        tuning=tuning,
    )
    _learn_apart(table, rows, seen, weight=np.where(seen.known, weight, 0.0), tuning=tuning)


def _learn_spread(
    table: Table,
    rows: Ints,
    deviation: Floats,
    *,
    side: NDArray[np.int64],
    scale: Floats,
    block: Ints,
    total: Floats,
    weight: Floats,
    tuning: Learning,
) -> None:
    """How far measurements stray. After the first day only half hours that are known tell: what strays from a guess
    says nothing about regularity.
    """
    spread = _ABS_TO_SCALE * np.minimum(np.abs(deviation), tuning.spread_clip * scale)
    own = table["scale"][rows, side]
    table["scale"][rows, side] = own + _rate(total, weight, tuning.scale_floor) * (spread - own)
    cell = side * BLOCKS + block
    known = table["block_weight"][rows, cell]
    own = np.where(known == 0.0, own, table["block_scale"][rows, cell])
    table["block_scale"][rows, cell] = own + _rate(known, weight, tuning.block_floor) * (spread - own)
    table["block_weight"][rows, cell] = known + weight


def _learn_apart(table: Table, rows: Ints, seen: Usual, *, weight: Floats, tuning: Learning) -> None:
    """How different this sensor's kinds of day are (empirical Bayes): a mean over its hours, so that one day's jam in
    one hour does not pass for a kind of day.
    """
    most = tuning.spread_clip * seen.noise
    square = np.minimum(seen.apart * seen.apart, most * most)
    known, own = table["apart_weight"][rows], table["apart"][rows]
    rate = np.where(weight > 0.0, _rate(known, np.maximum(weight, 1e-9), tuning.scale_floor), 0.0)
    table["apart"][rows] = own + rate * (square - own)
    table["apart_weight"][rows] = known + weight


_ABS_TO_SCALE = 1.2533141373155003
"""√(π/2): turns a mean absolute deviation into a standard deviation, for normal deviations."""


def _rate(known: Floats, weight: Floats, floor: float) -> Floats:
    """A running mean at first, an exponential one later."""
    return np.maximum(weight / (known + weight), weight * floor)
