"""Cells and boxes: pure."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from vonglau.services.field_reports.published.cells import BITS, RANGES, STEPS, cell, ranges, shift

lons = st.floats(-180, 180, allow_nan=False)
lats = st.floats(-90, 90, allow_nan=False)
boxes = st.tuples(lons, lats, lons, lats).map(
    lambda four: (four[0], min(four[1], four[3]), four[2], max(four[1], four[3]))
)


def inside(box: tuple[float, float, float, float], lon: float, lat: float) -> bool:
    west, south, east, north = box
    across = west <= lon <= east if west <= east else lon >= west or lon <= east
    return across and south <= lat <= north


@given(boxes, lons, lats)
def test_every_point_of_a_box_is_in_its_ranges(box: tuple[float, float, float, float], lon: float, lat: float) -> None:
    if inside(box, lon, lat):
        number = cell(lon, lat)
        assert number is not None
        assert any(low <= number <= high for low, high in ranges(box))


@given(boxes)
def test_ranges_are_few_in_order_and_apart(box: tuple[float, float, float, float]) -> None:
    found = ranges(box)
    assert 1 <= len(found) <= RANGES
    assert all(low <= high < STEPS * STEPS for low, high in found)
    assert all(high + 1 < low for (_, high), (low, _) in itertools.pairwise(found))


@given(st.floats(102, 110), st.floats(8, 24), st.floats(0.002, 0.2), st.floats(0.002, 0.2))
def test_little_outside_a_box_of_a_city_is_read(west: float, south: float, width: float, height: float) -> None:
    """What the ranges cover beyond the box: of one as wide as high within some shape, less than the box itself again."""
    box = (west, south, west + width, south + height)
    covered = sum(high - low + 1 for low, high in ranges(box)) / (STEPS * STEPS) * 360 * 360
    assert covered <= width * height * (2 + 3 * max(width / height, height / width))


@given(lons, lats)
def test_a_cell_holds_its_point(lon: float, lat: float) -> None:
    """The bits woven apart again give the corner of the finest cell, within its size."""
    number = cell(lon, lat)
    assert number is not None
    x = sum((number >> (2 * bit + 1) & 1) << bit for bit in range(BITS))
    y = sum((number >> (2 * bit) & 1) << bit for bit in range(BITS))
    size = 360 / STEPS
    assert math.isclose(x * size - 180, lon, abs_tol=size * 1.001)
    assert math.isclose(y * size - 180, lat, abs_tol=size * 1.001)


def test_no_point_no_cell() -> None:
    assert cell(None, 16.0) is None
    assert cell(108.0, None) is None
    assert shift(BITS) == 0
