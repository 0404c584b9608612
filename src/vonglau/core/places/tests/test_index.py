"""The index answers as the map does, only faster."""

import json
import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from vonglau.core.errors import BadFile
from vonglau.core.places.cells import NEAR_METRES, cut, metres_per_unit
from vonglau.core.places.index import Located, PlaceIndex
from vonglau.core.places.source import UnitFact, Units, read_units

country = cache(read_units)


@cache
def city() -> PlaceIndex:
    return PlaceIndex.build({"48"}, country())


@cache
def whole() -> PlaceIndex:
    return PlaceIndex.build(None, country())


@cache
def tree() -> shapely.STRtree:
    return shapely.STRtree(country().shapes)


def code_of(row: int) -> str:
    return country().facts[row].code


def province_of(row: int) -> str:
    return country().facts[row].province_code


lons, lats = st.floats(107.8, 108.45), st.floats(15.8, 16.25)
"""Đà Nẵng, its neighbours and the sea before it."""


def metric(shape: shapely.Geometry, lat: float) -> shapely.Geometry:
    """Degrees as metres, good enough around one point."""
    east, north = metres_per_unit(lat)
    return shapely.transform(shape, lambda xy: xy * np.array([float(east), float(north)]) * 100_000)


def by_geometry(lon: float, lat: float) -> tuple[str | None, float, float]:
    """Brute force: the ward that contains the point, metres to the nearest other ward, metres to the nearest ward."""
    point = shapely.Point(lon, lat)
    around = tree().query(shapely.buffer(point, 0.01))
    here = [i for i in around if shapely.intersects(country().shapes[i], point)]
    flat = metric(point, lat)
    away = {int(i): float(shapely.distance(metric(country().shapes[i], lat), flat)) for i in around}
    ward = code_of(here[0]) if here else None
    others = [distance for i, distance in away.items() if not here or i != here[0]]
    return ward, min(others, default=math.inf), min(away.values(), default=math.inf)


@given(lons, lats)
def test_one_point_as_the_map_says(lon: float, lat: float) -> None:
    ward, other, nearest = by_geometry(lon, lat)
    found = whole().locate(lon, lat)
    if ward is not None:
        assert found is not None
        assert found.ward_code == ward or other < 0.01
        if abs(other - NEAR_METRES) > 1:
            assert found.near_border == (other < NEAR_METRES)
    elif abs(nearest - NEAR_METRES) > 1:
        assert (found is not None) == (nearest < NEAR_METRES)
        assert found is None or found.near_border


def test_many_random_points_as_the_map_says() -> None:
    generator = np.random.default_rng(48)
    lon, lat = generator.uniform(102, 110, 30_000), generator.uniform(8, 23.5, 30_000)
    point, ward = tree().query(shapely.points(lon, lat), predicate="intersects")
    codes, near = whole().locate_many(lon, lat)
    assert len(point) > 5_000
    assert codes[point].tolist() == [code_of(i) for i in ward]
    outside = np.setdiff1d(np.arange(30_000), point)
    assert near[outside].tolist() == (codes[outside] != "").tolist()


def test_points_close_to_borders_as_the_map_says() -> None:
    """Along every border of the city and a little beside it, where cells cannot know."""
    generator = np.random.default_rng(7)
    own = country().shapes[[i for i, fact in enumerate(country().facts) if fact.province_code == "48"]]
    vertices = shapely.get_coordinates(own)
    beside = vertices + generator.normal(0, 0.0004, vertices.shape)
    point, ward = tree().query(shapely.points(beside), predicate="intersects")
    codes, near = city().locate_many(beside[:, 0], beside[:, 1])
    expected = [code_of(i) if province_of(i) == "48" else "" for i in ward]
    assert codes[point].tolist() == expected
    assert near[codes != ""].mean() > 0.8


@given(st.lists(st.tuples(lons, lats), min_size=1, max_size=50))
def test_one_and_many_agree(points: list[tuple[float, float]]) -> None:
    for index in (city(), whole()):
        codes, near = index.locate_many(*zip(*points, strict=True))
        for (lon, lat), code, marked in zip(points, codes.tolist(), near.tolist(), strict=True):
            found = index.locate(lon, lat)
            assert (code, marked) == ((found.ward_code, found.near_border) if found else ("", False))


@given(st.integers(0, 10**9))
def test_a_vertex_of_the_map_belongs_to_a_ward_that_has_it(number: int) -> None:
    shape = country().shapes[number % len(country().facts)]
    vertices = shapely.get_coordinates(shape)
    lon, lat = vertices[number % len(vertices)].tolist()
    found = whole().locate(lon, lat)
    assert found is not None
    assert found.ward_code in {code_of(i) for i in tree().query(shapely.Point(lon, lat), predicate="intersects")}


@given(lons, lats)
def test_a_city_answers_as_the_country_does_for_its_own(lon: float, lat: float) -> None:
    here, there = city().locate(lon, lat), whole().locate(lon, lat)
    if there is None or (there.province_code == "48" and not there.near_border):
        assert here == there
    elif there.province_code != "48":
        assert here is None or here.near_border


def test_known_places() -> None:
    assert city().locate(108.2208, 16.0678) == Located("20242", "48", False)  # the middle of Hải Châu
    assert city().locate(112.5555, 16.0358) == Located("20333", "48", False)  # Đặc khu Hoàng Sa
    assert city().locate(108.35, 16.20) is None  # the sea
    assert city().locate(105.85, 21.03) is None  # Hà Nội is not in this index
    assert whole().locate(105.85, 21.03).province_code == "01"  # type: ignore[union-attr]


def test_a_beach_belongs_to_its_ward_and_is_marked() -> None:
    beach = 108.2460
    assert city().locate(beach, 16.06) is not None
    while city().locate(beach, 16.06) == Located("20275", "48", False):
        beach += 0.0002  # eastwards over the shore of Mỹ Khê
    found = city().locate(beach, 16.06)
    assert found == Located("20275", "48", True)
    assert city().locate(beach + 0.003, 16.06) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e300, 1e18])
def test_what_is_no_place_is_outside(bad: float) -> None:
    assert city().locate(bad, 16.0) is None
    assert city().locate(108.2, bad) is None
    codes, near = city().locate_many([bad, 108.2208], [16.0, 16.0678])
    assert (codes.tolist(), near.tolist()) == (["", "20242"], [False, False])


def test_many_of_nothing() -> None:
    codes, near = city().locate_many([], [])
    assert (len(codes), len(near)) == (0, 0)


def test_it_is_kept_beside_the_data_and_made_anew_when_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = PlaceIndex.open(tmp_path, {"48"})
    (kept,) = tmp_path.iterdir()

    def never(*_: object) -> None:
        raise AssertionError("a kept index must not be built again")

    with monkeypatch.context() as patched:
        patched.setattr(PlaceIndex, "build", never)
        again = PlaceIndex.open(tmp_path, {"48"})
    for mine, theirs in zip(first.cells, again.cells, strict=True):
        assert np.array_equal(mine, theirs)
    kept.write_bytes(kept.read_bytes()[:1000])
    assert PlaceIndex.open(tmp_path, {"48"}).locate(108.2208, 16.0678) == Located("20242", "48", False)
    (tmp_path / kept.name.replace("-1.npz", "-0.npz")).write_bytes(b"older format")
    kept.unlink()
    PlaceIndex.open(tmp_path, {"48"})
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]


def square(code: str, x: float, y: float, size: float, hole: float = 0) -> tuple[UnitFact, shapely.Geometry]:
    holes = [shapely.box(x + hole, y + hole, x + size - hole, y + size - hole).exterior] if hole else []
    shape = shapely.Polygon(shapely.box(x, y, x + size, y + size).exterior, holes)
    return UnitFact(code=code, name_vi=code, name_en=code, short_name_vi=code, type="", province_code=code[:2]), shape


def units(*pairs: tuple[UnitFact, shapely.Geometry]) -> Units:
    shapes = np.array([shape for _, shape in pairs], dtype=object)
    return Units([fact for fact, _ in pairs], shapely.orient_polygons(shapes))


def test_a_ward_inside_another_and_the_southern_and_western_half_of_the_earth() -> None:
    index = PlaceIndex.build(
        None, units(square("01000", -70.1, -30.1, 0.2, hole=0.08), square("02000", -70.02, -30.02, 0.04))
    )
    assert index.locate(-70.0, -30.0) == Located("02000", "02", False)
    assert index.locate(-70.09, -30.09) == Located("01000", "01", False)
    assert index.locate(-70.0199, -30.0) == Located("02000", "02", True)
    assert index.locate(-70.0201, -30.0) == Located("01000", "01", True)
    assert index.locate(-70.11, -30.0) is None


def test_overlapping_wards_are_refused() -> None:
    with pytest.raises(BadFile, match="overlaps"):
        cut(units(square("01000", 108, 16, 0.1), square("01001", 108, 16, 0.1)))


def test_an_unknown_province_is_refused() -> None:
    with pytest.raises(BadFile, match="no ward of province 99"):
        PlaceIndex.build({"99"}, country())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not json", "not a GeoJSON"),
        (b"\x1f\x8b broken", "cannot be read"),
        (b'{"type": "FeatureCollection", "features": []}', "no units"),
        (b'{"features": [{"properties": {"code": "1"}, "geometry": {}}]}', "not a GeoJSON.*name_vi"),
    ],
)
def test_a_wrong_map_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "wards.geojson"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=message):
        read_units(path)


def test_a_shape_that_crosses_itself_is_refused(tmp_path: Path) -> None:
    facts = {"code": "00001", "name_vi": "a", "name_en": "a", "short_name_vi": "a", "type": "Xã", "province_code": "01"}
    bow = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    path = tmp_path / "wards.geojson"
    path.write_text(json.dumps({"features": [{"properties": facts, "geometry": bow}]}), encoding="utf-8")
    with pytest.raises(BadFile, match="00001 has no valid polygon: Self-intersection"):
        read_units(path)
    with pytest.raises(BadFile, match="cannot be read"):
        read_units(tmp_path / "absent.geojson")
