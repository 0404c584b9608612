"""Cuts a clean coverage of wards into cells, so that a point is located without geometry for most of the country.

Coordinates are integers of 0.00001 degrees (the precision of the map), so neighbours' edges match exactly. A cell is
0.005 degrees (some 550 m) wide. A cell with no edge within `NEAR_METRES` lies in one ward wholly and away from borders;
the others keep the few edges in reach, each with the ward on its left and on its right, and the ward of a reference
point to walk to.
"""

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from vonglau.core.errors import BadFile
from vonglau.core.places.source import Shapes, Units

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

UNIT = 100_000
"""Units per degree."""
CELL = 500
"""Units per cell."""
TILE = 16
"""Cells per side of a tile; only tiles with something in them are kept."""
NEAR_METRES = 150.0
"""The map is precise to about 100 m, a phone's position to some tens: nearer than this a person decides."""
REF_X, REF_Y = 250.381966011, 249.236067977
"""The reference point inside a cell. Not a number of units, so that no vertex of the map is ever level with it."""
OUTSIDE = -1
"""No ward: the sea, or abroad."""
FOREIGN = -2
"""A ward of another locality than those asked for."""

_ROW0, _COL0, _COLS = 18_000, 36_000, 72_001


class Edges(NamedTuple):
    """Edges of the map, each once, from its smaller end to its larger (by x, then y), with the wards beside it."""

    x1: Ints
    y1: Ints
    x2: Ints
    y2: Ints
    left: Ints
    right: Ints


class Cells(NamedTuple):
    """What a `PlaceIndex` looks things up in: plain arrays, saved as they are."""

    codes: NDArray[np.str_]
    provinces: NDArray[np.str_]
    origin: Ints
    """Row and column of the first cell, rows and columns of tiles."""
    directory: NDArray[np.int32]
    """Tile → its slot in `cells`, or -1."""
    cells: NDArray[np.int32]
    """TILE² values a slot: -1 nothing, below len(codes) that ward wholly, else len(codes) + a border cell's number."""
    reference: NDArray[np.int32]
    """Border cell → ward of its reference point, OUTSIDE or FOREIGN."""
    offsets: NDArray[np.int32]
    """Border cell → where its edges begin in `near`; one entry more."""
    near: NDArray[np.int32]
    edges: NDArray[np.int32]
    """Six numbers an edge: x1, y1, x2, y2, left, right."""


def metres_per_unit(lat: Floats | float) -> tuple[Floats, Floats]:
    """Metres of one unit eastwards and northwards at a latitude in degrees (WGS 84 series, good to centimetres)."""
    phi = np.radians(np.asarray(lat, dtype=np.float64))
    east = 111_412.84 * np.cos(phi) - 93.5 * np.cos(3 * phi)
    north = 111_132.954 - 559.822 * np.cos(2 * phi) + 1.175 * np.cos(4 * phi)
    return east / UNIT, north / UNIT


def edges_of(shapes: Shapes) -> Edges:
    """The edges of oriented polygons. BadFile when two of them lie on the same side of an edge: they overlap."""
    parts, part_of = shapely.get_parts(shapes, return_index=True)
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    coords, at = shapely.get_coordinates(rings, return_index=True)
    units = np.rint(coords * UNIT).astype(np.int64)
    joined = np.flatnonzero((at[1:] == at[:-1]) & (units[1:] != units[:-1]).any(axis=1))
    owner = part_of[ring_of[at[joined]]]
    ends = (units << np.array([32, 0])).sum(axis=1)  # one number a vertex, ordered by x, then y
    first, second = ends[joined], ends[joined + 1]
    low, high = np.minimum(first, second), np.maximum(first, second)
    order = np.lexsort((high, low))
    low, high, owner, forward = low[order], high[order], owner[order], (first < second)[order]
    begins = np.flatnonzero(np.concatenate(([True], (low[1:] != low[:-1]) | (high[1:] != high[:-1]))))
    group = np.cumsum(np.isin(np.arange(len(low)), begins, assume_unique=True)) - 1
    sides = np.full((2, len(begins)), OUTSIDE, dtype=np.int64)
    side = np.where(forward, 0, 1)
    if len(np.unique(group * 2 + side)) != len(group):
        raise BadFile("the ward map overlaps itself; it must be a clean coverage, neighbours sharing their edges")
    sides[side, group] = owner
    return Edges(*_apart(low[begins]), *_apart(high[begins]), sides[0], sides[1])


def _apart(ends: Ints) -> tuple[Ints, Ints]:
    x = (ends + (1 << 31)) >> 32
    return x, ends - (x << 32)


def _spread(counts: Ints) -> tuple[Ints, Ints]:
    """For counts 2, 0, 3: owners 0 0 2 2 2 and steps 0 1 0 1 2."""
    owners = np.repeat(np.arange(len(counts)), counts)
    return owners, np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)


def _key(row: Ints, col: Ints) -> Ints:
    return (row + _ROW0) * _COLS + col + _COL0


def _wards_at_references(edges: Edges) -> tuple[Ints, Ints]:
    """Cells whose reference point lies in a ward, and that ward: one sweep along each row of reference points."""
    low, high = np.minimum(edges.y1, edges.y2), np.maximum(edges.y1, edges.y2)
    first = np.ceil((low - REF_Y) / CELL).astype(np.int64)
    edge, step = _spread(np.maximum(np.floor((high - REF_Y) / CELL).astype(np.int64) - first + 1, 0))
    row = first[edge] + step
    x1, y1, x2, y2 = (values[edge] for values in edges[:4])
    x = x1 + (row * CELL + REF_Y - y1) * (x2 - x1) / (y2 - y1)
    east = np.where(y2 > y1, edges.right[edge], edges.left[edge])
    order = np.lexsort((x, row))
    row, x, east = row[order], x[order], east[order]
    run = np.flatnonzero((row[1:] == row[:-1]) & (east[:-1] != OUTSIDE))
    from_col = np.ceil((x[run] - REF_X) / CELL).astype(np.int64)
    to_col = np.floor((x[run + 1] - REF_X) / CELL).astype(np.int64)
    which, step = _spread(np.maximum(to_col - from_col + 1, 0))
    return _key(row[run][which], from_col[which] + step), east[run][which]


def _cells_in_reach(edges: Edges) -> tuple[Ints, Ints]:
    """Pairs (cell, edge) with the edge within `NEAR_METRES` of the cell, or nearly so; sorted, each once."""
    pieces = np.maximum(np.abs(edges.x2 - edges.x1), np.abs(edges.y2 - edges.y1)) // CELL + 1
    edge, step = _spread(pieces)
    x1, y1, x2, y2 = (values[edge] for values in edges[:4])
    begin, end = step / pieces[edge], (step + 1) / pieces[edge]
    xa, ya, xb, yb = x1 + begin * (x2 - x1), y1 + begin * (y2 - y1), x1 + end * (x2 - x1), y1 + end * (y2 - y1)
    east, north = metres_per_unit((np.maximum(np.abs(ya), np.abs(yb)) + 2 * CELL) / UNIT)
    reach_x, reach_y = NEAR_METRES / east + 2, NEAR_METRES / north + 2
    cols = [np.floor(v / CELL).astype(np.int64) for v in (np.minimum(xa, xb) - reach_x, np.maximum(xa, xb) + reach_x)]
    rows = [np.floor(v / CELL).astype(np.int64) for v in (np.minimum(ya, yb) - reach_y, np.maximum(ya, yb) + reach_y)]
    wide = cols[1] - cols[0] + 1
    piece, step = _spread(wide * (rows[1] - rows[0] + 1))
    key = _key(rows[0][piece] + step // wide[piece], cols[0][piece] + step % wide[piece])
    of = edge[piece]
    order = np.lexsort((of, key))
    key, of = key[order], of[order]
    fresh = np.concatenate(([True], (key[1:] != key[:-1]) | (of[1:] != of[:-1])))
    return key[fresh], of[fresh]


def cut(units: Units, provinces: frozenset[str] | None = None) -> Cells:
    """The cells of the given provinces (all by default). The whole map is read even so: neighbours make borders."""
    kept = np.array([provinces is None or fact.province_code in provinces for fact in units.facts], dtype=bool)
    if not kept.any():
        raise BadFile(f"the ward map has no ward of province {', '.join(sorted(provinces or ()))}; check the code")
    names = np.full(len(kept) + 1, FOREIGN, dtype=np.int64)
    names[:-1][kept] = np.arange(kept.sum())
    names[OUTSIDE] = OUTSIDE  # the last entry: what -1 points at
    edges = edges_of(units.shapes)
    edges = edges._replace(left=names[edges.left], right=names[edges.right])
    inner, ward = _wards_at_references(edges)
    key, edge = _cells_in_reach(edges)

    border, begin = np.unique(key, return_index=True)
    ours = np.logical_or.reduceat(np.maximum(edges.left[edge], edges.right[edge]) >= 0, begin)
    counts = np.diff(np.append(begin, len(key)))
    edge, border, counts = edge[np.repeat(ours, counts)], border[ours], counts[ours]
    used, near = np.unique(edge, return_inverse=True)

    at = np.minimum(np.searchsorted(inner_sorted := np.sort(inner), border), len(inner) - 1)
    by_key = np.argsort(inner)
    reference = np.where(inner_sorted[at] == border, ward[by_key[at]], OUTSIDE)
    count = int(kept.sum())
    inner, ward = inner[ward >= 0], ward[ward >= 0]
    every = np.concatenate((inner, border))
    value = np.concatenate((ward, count + np.arange(len(border))))
    origin, directory, cells = _tiles(every, value)
    facts = [fact for fact, own in zip(units.facts, kept, strict=True) if own]
    return Cells(
        codes=np.array([fact.code for fact in facts]),
        provinces=np.array([fact.province_code for fact in facts]),
        origin=origin,
        directory=directory,
        cells=cells,
        reference=reference.astype(np.int32),
        offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int32),
        near=near.astype(np.int32),
        edges=np.stack([values[used] for values in edges], axis=1).astype(np.int32),
    )


def _tiles(key: Ints, value: Ints) -> tuple[Ints, NDArray[np.int32], NDArray[np.int32]]:
    """Cells in tiles; where a key stands twice, the later value counts (border cells come last)."""
    row, col = key // _COLS - _ROW0, key % _COLS - _COL0
    row0, col0 = int(row.min()) // TILE * TILE, int(col.min()) // TILE * TILE
    row, col = row - row0, col - col0
    high, wide = int(row.max()) // TILE + 1, int(col.max()) // TILE + 1
    tile = row // TILE * wide + col // TILE
    present, slot = np.unique(tile, return_inverse=True)
    directory = np.full(high * wide, -1, dtype=np.int32)
    directory[present] = np.arange(len(present))
    cells = np.full(len(present) * TILE * TILE, -1, dtype=np.int32)
    cells[slot * TILE * TILE + row % TILE * TILE + col % TILE] = value
    return np.array([row0, col0, high, wide], dtype=np.int64), directory, cells
