"""Which pairs of reports are looked at at all: near in space and time, or with the same words or address soon after one another.

Reports are sorted by cell and time, so each report asks nine cells for a span of time: the work grows with the reports,
not with their square. A pair that is found from one side is found from the other, unless a cell is crowded (`CROWD`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vonglau.services.field_reports.duplicates.columns import Bools, Floats, Ints, Prepared

DAY = 86_400.0
METRES_PER_DEGREE = 111_195.0
"""Of latitude, on a sphere of 6,371 km."""

CROWD = 300
"""Of a crowded cell (a default point, a storm) only so many reports on each side in time are looked at."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Pairs within `metres` and `days`."""

    metres: float
    days: float


REACHES = (Reach(120.0, 365.0), Reach(300.0, 45.0), Reach(1_000.0, 2.0))
SAME_WORDS_DAYS = 3.0
SAME_ADDRESS_DAYS = 3.0


def distance(lat_a: Floats, lon_a: Floats, lat_b: Floats, lon_b: Floats) -> Floats:
    """Metres; a plane at the middle latitude is good to a millimetre over a kilometre. The date line is no border."""
    east = (lon_a - lon_b + 180.0) % 360.0 - 180.0
    x = east * np.cos(np.radians((lat_a + lat_b) / 2))
    found: Floats = METRES_PER_DEGREE * np.hypot(x, lat_a - lat_b)
    return found


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs (`of`, `to`) of row numbers, sorted by both, each once."""

    of: Ints
    to: Ints


class _Order:
    """Rows by key, then time: answers "which rows of this key lie within that span" for many at once."""

    def __init__(self, keys: Ints, at: Floats, rows: Ints) -> None:
        self.known, inverse = np.unique(keys, return_inverse=True)
        order = np.lexsort((at, inverse))
        self.rows, self.at = rows[order], at[order]
        self.origin = float(at.min()) if len(at) else 0.0
        self.span = (float(at.max()) - self.origin if len(at) else 0.0) + 1.0
        self.line = inverse[order] * (2 * self.span) + (self.at - self.origin)
        """One ascending number per row: the keys lie apart by twice the whole span."""

    def ask(self, of: Ints, keys: Ints, at: Floats, seconds: float, later: bool) -> tuple[Ints, Ints]:
        place = np.searchsorted(self.known, keys)
        there = place < len(self.known)
        there[there] = self.known[place[there]] == keys[there]
        of, at, place = of[there], at[there], place[there]
        base = place * (2 * self.span)
        since = at - self.origin
        start = np.searchsorted(self.line, base + np.clip(since - seconds, 0.0, self.span))
        middle = np.searchsorted(self.line, base + np.clip(since, 0.0, self.span))
        end = middle
        if later:
            end = np.searchsorted(self.line, base + np.clip(since + seconds, -0.5, self.span), side="right")
        start, end = np.maximum(start, middle - CROWD), np.minimum(end, middle + CROWD)
        counts = np.maximum(end - start, 0)
        total = int(counts.sum())
        steps = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(of, counts), self.rows[np.repeat(start, counts) + steps]


class _Place:
    """Cells of a size in metres. Each band of latitude has columns of its own width in degrees."""

    def __init__(self, reports: Prepared, rows: Ints, reach: Reach) -> None:
        self.reach = reach
        columns = reports.columns
        self.order = _Order(self._key(self._band(columns.lat[rows]), columns.lon[rows], 0), columns.at[rows], rows)

    def _band(self, lat: Floats) -> Ints:
        found: Ints = np.floor(lat * (METRES_PER_DEGREE / self.reach.metres)).astype(np.int64)
        return found

    def _key(self, band: Ints, lon: Floats, aside: int) -> Ints:
        middle = (band + 0.5) * (self.reach.metres / METRES_PER_DEGREE)
        narrow = np.minimum(np.cos(np.radians(np.abs(middle) + self.reach.metres / METRES_PER_DEGREE)), 1.0)
        width = METRES_PER_DEGREE / self.reach.metres * np.maximum(narrow, 1e-6)
        column: Ints = np.floor((lon + 180.0) * width).astype(np.int64) + aside
        around = np.maximum(np.floor(360.0 * width).astype(np.int64) + 1, 1)
        found: Ints = band * (1 << 31) + column % around
        return found

    def ask(self, reports: Prepared, of: Ints, later: bool) -> Iterator[tuple[Ints, Ints]]:
        columns = reports.columns
        band, lon, at = self._band(columns.lat[of]), columns.lon[of], columns.at[of]
        for up in (-1, 0, 1):
            for aside in (-1, 0, 1):
                yield self.order.ask(of, self._key(band + up, lon, aside), at, self.reach.days * DAY, later)


class Generator:
    """All rows in order, ready to be asked for the candidates of some."""

    def __init__(self, reports: Prepared) -> None:
        self.reports = reports
        rows = np.flatnonzero(reports.placed)
        at = reports.columns.at
        self.places = [_Place(reports, rows, reach) for reach in REACHES]
        self.alike = []
        for keys, days in ((reports.text_key, SAME_WORDS_DAYS), (reports.address_key, SAME_ADDRESS_DAYS)):
            with_key = rows[keys[rows] >= 0]
            self.alike.append((_Order(keys[with_key], at[with_key], with_key), keys, days))

    def of(self, rows: Ints, *, later: bool) -> Pairs:
        """Candidates of the rows; `later`: those sent after them too."""
        reports = self.reports
        columns = reports.columns
        rows = rows[reports.placed[rows]]
        found: list[tuple[Ints, Ints]] = []
        for place in self.places:
            for of, to in place.ask(reports, rows, later):
                near = distance(columns.lat[of], columns.lon[of], columns.lat[to], columns.lon[to])
                keep = near <= place.reach.metres
                found.append((of[keep], to[keep]))
        for order, keys, days in self.alike:
            asked = rows[keys[rows] >= 0]
            found.append(order.ask(asked, keys[asked], columns.at[asked], days * DAY, later))
        of = np.concatenate([one for one, _ in found])
        to = np.concatenate([one for _, one in found])
        keep = reports.id_key[of] != reports.id_key[to]
        if not later:
            keep &= columns.at[to] < columns.at[of]
        pair = np.unique(of[keep] * len(reports) + to[keep])
        return Pairs(pair // max(len(reports), 1), pair % max(len(reports), 1))


def in_reach(metres: Floats, seconds: Floats) -> Bools:
    """Near enough in space and time, by one of the reaches."""
    found = np.zeros(len(metres), dtype=np.bool_)
    for reach in REACHES:
        found |= (metres <= reach.metres) & (np.abs(seconds) <= reach.days * DAY)
    return found


def of_first(reports: Prepared, *, later: bool) -> Pairs:
    """The same pairs for the first row alone, against few others: comparing with each is quicker then than sorting all."""
    columns = reports.columns
    rows = np.flatnonzero(reports.placed) if len(reports) and reports.placed[0] else np.empty(0, dtype=np.int64)
    first = np.zeros(len(rows), dtype=np.int64)
    metres = distance(columns.lat[first], columns.lon[first], columns.lat[rows], columns.lon[rows])
    seconds = columns.at[first] - columns.at[rows]
    keep = in_reach(metres, seconds)
    for keys, days in ((reports.text_key, SAME_WORDS_DAYS), (reports.address_key, SAME_ADDRESS_DAYS)):
        keep |= (keys[rows] == keys[first]) & (keys[first] >= 0) & (np.abs(seconds) <= days * DAY)
    keep &= reports.id_key[rows] != reports.id_key[first]
    if not later:
        keep &= seconds > 0
    return Pairs(first[keep], rows[keep])
