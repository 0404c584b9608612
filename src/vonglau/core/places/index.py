"""Which ward a point lies in, in microseconds. Pure: no database, no clock.

Built once from the ward map and kept as a file beside the data, named by the digest of its source, so that a new map
makes a new index by itself. Answers agree with the map; the map is precise to about 100 m: hence `near_border`.
"""

import math
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vonglau.core.places.cells import (
    CELL,
    FOREIGN,
    NEAR_METRES,
    OUTSIDE,
    REF_X,
    REF_Y,
    TILE,
    UNIT,
    Cells,
    Floats,
    Ints,
    cut,
    metres_per_unit,
)
from vonglau.core.places.source import WARDS, Units, digest, read_units

FORMAT = 1
"""Raise it when the layout of `Cells` or the meaning of an answer changes."""

CHUNK = 100_000
"""Points handled at once by `locate_many`: bounds its memory to some 50 MB."""


class Located(NamedTuple):
    """Where a point lies."""

    ward_code: str
    province_code: str
    near_border: bool
    """Within 150 m of another ward, or up to 150 m beyond the map's edge: it may be another ward, a person decides."""


class PlaceIndex:
    """Point → ward.

    A shore or a frontier is no border for a point inside; a point up to 150 m beyond it (a beach, a pier) belongs to
    the nearest ward and is marked. Farther out, abroad, or in a locality that was not asked for: None.
    """

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        pairs = list(zip(cells.codes.tolist(), cells.provinces.tolist(), strict=True))
        self._inside = [Located(code, province, False) for code, province in pairs]
        self._marked = [Located(code, province, True) for code, province in pairs]
        self._row0, self._col0, self._high, self._wide = cells.origin.tolist()
        rows = np.arange(self._high * TILE) + self._row0
        self._east, self._north = metres_per_unit((rows + 0.5) * CELL / UNIT)
        # Memory views give plain Python numbers several times faster than arrays do.
        self._directory, self._values = _view(cells.directory), _view(cells.cells)
        self._offsets, self._near = _view(cells.offsets), _view(cells.near)
        self._reference = _view(cells.reference)
        self._edges = _view(cells.edges)
        self._scale = list(zip(self._east.tolist(), self._north.tolist(), strict=True))

    # ------------------------------------------------------------------ making one

    @classmethod
    def build(cls, province_codes: set[str] | frozenset[str] | None = None, units: Units | None = None) -> "PlaceIndex":
        """From the shipped map, or from the given units; for some provinces, or the whole country."""
        return cls(cut(units or read_units(), None if province_codes is None else frozenset(province_codes)))

    @classmethod
    def open(cls, folder: Path, province_codes: set[str] | frozenset[str] | None = None) -> "PlaceIndex":
        """The index kept in `folder`, built and kept there first when it is absent, older than the map, or damaged."""
        name = "all" if province_codes is None else "-".join(sorted(province_codes))
        path = folder / f"places-{name}-{digest(WARDS)[:16]}-{FORMAT}.npz"
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
                return cls(Cells(**{field: saved[field] for field in Cells._fields}))
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error):
            made = cls.build(province_codes)
        made.save(path)
        for stale in set(folder.glob(f"places-{name}-*.npz")) - {path}:
            stale.unlink(missing_ok=True)
        return made

    def save(self, path: Path) -> None:
        """Write it so that a reader sees the whole file or none."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        with part.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **self.cells._asdict())
        part.replace(path)

    @property
    def nbytes(self) -> int:
        """Size of the tables in memory."""
        return sum(array.nbytes for array in self.cells)

    # ------------------------------------------------------------------ one point

    def locate(self, lon: float, lat: float) -> Located | None:
        """The ward of a point (WGS 84, degrees), or None outside. Not-a-number is outside."""
        x, y = lon * UNIT, lat * UNIT
        if not (math.isfinite(x) and math.isfinite(y)):
            return None
        row, col = int(y // CELL) - self._row0, int(x // CELL) - self._col0
        if not (0 <= row < self._high * TILE and 0 <= col < self._wide * TILE):
            return None
        slot = self._directory[row // TILE * self._wide + col // TILE]
        if slot < 0:
            return None
        value = self._values[slot * TILE * TILE + row % TILE * TILE + col % TILE]
        if value < 0:
            return None
        border = value - len(self._inside)
        return self._inside[value] if border < 0 else self._decide(border, x, y, row, col)

    def _decide(self, border: int, x: float, y: float, row: int, col: int) -> Located | None:
        """Walk from the point to the cell's reference: the first edge met has the point's ward on the point's side."""
        ward = self._reference[border]
        to_x, to_y = (col + self._col0) * CELL + REF_X - x, (row + self._row0) * CELL + REF_Y - y
        east, north = self._scale[row]
        edges = self._edges
        limit = NEAR_METRES * NEAR_METRES
        first, border_d2, shore_d2, shore = 2.0, math.inf, math.inf, OUTSIDE
        for at in self._near[self._offsets[border] : self._offsets[border + 1]]:
            at *= 6  # noqa: PLW2901 - six numbers an edge
            left, right = edges[at + 4], edges[at + 5]
            if left == right:
                continue
            ax, ay = edges[at] - x, edges[at + 1] - y
            bx, by = edges[at + 2] - x, edges[at + 3] - y
            dx, dy = bx - ax, by - ay
            side = ax * by - bx * ay  # twice the triangle edge–point: positive when the point is on the left
            if (to_x * ay - to_y * ax >= 0) != (to_x * by - to_y * bx >= 0):
                other = dx * (to_y - ay) - dy * (to_x - ax)
                if (side > 0) != (other > 0) and side / (side - other) < first:
                    first = side / (side - other)
                    ward = left if side > 0 else right
            ax, ay, dx, dy = ax * east, ay * north, dx * east, dy * north
            along = min(max(-(ax * dx + ay * dy) / (dx * dx + dy * dy), 0.0), 1.0)
            d2 = (ax + along * dx) ** 2 + (ay + along * dy) ** 2
            if OUTSIDE not in (left, right):
                border_d2 = min(border_d2, d2)
            elif d2 < shore_d2:
                shore_d2, shore = d2, left if right == OUTSIDE else right
        if ward >= 0:
            return self._marked[ward] if border_d2 <= limit else self._inside[ward]
        return self._marked[shore] if ward == OUTSIDE and shore >= 0 and shore_d2 <= limit else None

    # ------------------------------------------------------------------ many points

    def locate_many(self, lon: ArrayLike, lat: ArrayLike) -> tuple[NDArray[np.str_], NDArray[np.bool_]]:
        """Ward codes ("" outside) and border marks of many points; the same answers as `locate`."""
        wards, near = self.indices(lon, lat)
        return np.append(self.cells.codes, "")[wards], near

    def indices(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Ints, NDArray[np.bool_]]:
        """The same as numbers: rows of `cells.codes`, -1 outside."""
        x = np.asarray(lon, dtype=np.float64) * UNIT
        y = np.asarray(lat, dtype=np.float64) * UNIT
        wards = np.full(x.shape, OUTSIDE, dtype=np.int64)
        near = np.zeros(x.shape, dtype=np.bool_)
        for begin in range(0, len(x), CHUNK):
            part = slice(begin, begin + CHUNK)
            wards[part], near[part] = self._chunk(x[part], y[part])
        return wards, near

    def _chunk(self, x: Floats, y: Floats) -> tuple[Ints, NDArray[np.bool_]]:
        wards = np.full(len(x), OUTSIDE, dtype=np.int64)
        near = np.zeros(len(x), dtype=np.bool_)
        with np.errstate(invalid="ignore"):
            row_f, col_f = np.floor(y / CELL) - self._row0, np.floor(x / CELL) - self._col0
            inside = (row_f >= 0) & (row_f < self._high * TILE) & (col_f >= 0) & (col_f < self._wide * TILE)
        which = np.flatnonzero(inside)
        row, col = row_f[which].astype(np.int64), col_f[which].astype(np.int64)
        slot = self.cells.directory[row // TILE * self._wide + col // TILE]
        value = self.cells.cells[np.maximum(slot, 0) * TILE * TILE + row % TILE * TILE + col % TILE]
        value = np.where(slot < 0, OUTSIDE, value)
        border = value - len(self._inside)
        wards[which] = np.where(border < 0, value, OUTSIDE)
        hard = np.flatnonzero(border >= 0)
        if len(hard):
            at = which[hard]
            wards[at], near[at] = self._decide_many(border[hard], x[at], y[at], row[hard], col[hard])
        return wards, near

    def _decide_many(self, border: Ints, x: Floats, y: Floats, row: Ints, col: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """`_decide` for all points at once: every (point, edge in reach) is a row, answers are minima per point."""
        begin = self.cells.offsets[border].astype(np.int64)
        counts = self.cells.offsets[border + 1] - begin
        starts = np.cumsum(counts) - counts
        point = np.repeat(np.arange(len(border)), counts)
        edge = self.cells.near[np.arange(len(point)) - starts[point] + begin[point]]
        x1, y1, x2, y2, left, right = self.cells.edges[edge].T.astype(np.float64)
        ax, ay, bx, by = x1 - x[point], y1 - y[point], x2 - x[point], y2 - y[point]
        to_x = ((col + self._col0) * CELL + REF_X - x)[point]
        to_y = ((row + self._row0) * CELL + REF_Y - y)[point]
        dx, dy = x2 - x1, y2 - y1
        side = ax * by - bx * ay
        other = dx * (to_y - ay) - dy * (to_x - ax)
        crosses = (to_x * ay - to_y * ax >= 0) != (to_x * by - to_y * bx >= 0)
        crosses &= ((side > 0) != (other > 0)) & (left != right)
        share = np.full(len(point), np.inf)
        np.divide(side, side - other, out=share, where=crosses)
        ward = self.cells.reference[border].astype(np.int64)
        best = _first_minimum(share, starts, point)
        found = np.isfinite(share[best])
        ward[found] = np.where(side > 0, left, right)[best[found]].astype(np.int64)

        east, north = self._east[row][point], self._north[row][point]
        ax, ay, dx, dy = ax * east, ay * north, dx * east, dy * north
        along = np.clip(-(ax * dx + ay * dy) / (dx * dx + dy * dy), 0.0, 1.0)
        d2 = (ax + along * dx) ** 2 + (ay + along * dy) ** 2
        shared = (left != OUTSIDE) & (right != OUTSIDE)
        limit = NEAR_METRES * NEAR_METRES
        marked = np.minimum.reduceat(np.where(shared & (left != right), d2, np.inf), starts) <= limit
        shore_d2 = np.where(shared, np.inf, d2)
        best = _first_minimum(shore_d2, starts, point)
        shore = np.where(right == OUTSIDE, left, right)[best].astype(np.int64)
        beach = (ward == OUTSIDE) & (shore >= 0) & (shore_d2[best] <= limit)
        ward = np.where(beach, shore, np.where(ward == FOREIGN, OUTSIDE, ward))
        return ward, np.where(beach, True, marked & (ward >= 0))


def _view(array: NDArray[np.int32]) -> memoryview:
    flat: Any = np.ascontiguousarray(array).reshape(-1)
    return memoryview(flat)


def _first_minimum(values: Floats, starts: Ints, point: Ints) -> Ints:
    """The row of the first smallest value of each point."""
    rows = np.flatnonzero(values == np.minimum.reduceat(values, starts)[point])
    first = np.full(len(starts), -1, dtype=np.int64)
    first[point[rows[::-1]]] = rows[::-1]
    return first
