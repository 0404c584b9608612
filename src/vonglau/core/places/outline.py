"""Outlines for maps that work without internet: GeoJSON from the stored borders, made once per edition."""

from datetime import date
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import shapely

from vonglau.core.errors import NotFound
from vonglau.core.places.models import Locality, LocalityBorder, PlacesEdition, Ward, WardBorder

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""

SEAM = 0.02
"""Degrees, some 2 km: so near to the own locality its neighbours are drawn from their full borders: no gap shows."""


def ward_outlines(province_code: str, on: date | None = None) -> bytes:
    """A GeoJSON FeatureCollection of a locality's wards: borders as stored, neighbours share edges, 5 decimals.

    `id` is the code as a number; properties are code, name_vi, name_en, short_name_vi, type, label_lon, label_lat.
    """
    return _ward_outlines(province_code, on, _edition())


def neighbours_outline(province_code: str) -> bytes:
    """A GeoJSON FeatureCollection of all other localities, simplified, to draw beneath the wards for context.

    `id` is the code as a number; properties are code, name_vi, name_en, short_name_vi.
    """
    return _neighbours_outline(province_code, _edition())


def bounds(province_code: str) -> tuple[Box, Box]:
    """Where a map begins, and all it can show: the box of the main part and near islands, and the box of everything."""
    border = LocalityBorder.objects.current().filter(code=province_code).first()
    if border is None:
        raise _unknown(province_code)
    return tuple(border.mainland), tuple(border.full)


def _edition() -> str:
    """What cached outlines were made from, so that a new load is seen by every process."""
    return PlacesEdition.objects.filter(name="vn").values_list("digest", flat=True).first() or ""


def _unknown(province_code: str) -> NotFound:
    return NotFound(f"No borders are stored for the locality {province_code!r}; check the code, or run `vonglau init`.")


def _collection(shapes: list[shapely.Geometry], properties: list[dict[str, Any]]) -> bytes:
    features = [
        {"type": "Feature", "id": int(facts["code"]), "properties": facts, "geometry": msgspec.Raw(text.encode())}
        for facts, text in zip(properties, shapely.to_geojson(shapes).tolist(), strict=True)
    ]
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})


def _rounded(shape: shapely.Geometry, decimals: int) -> shapely.Geometry:
    return shapely.transform(shape, lambda xy: np.round(xy, decimals))


def _names(row: Ward | Locality) -> dict[str, Any]:
    return {"code": row.code, "name_vi": row.name_vi, "name_en": row.name_en, "short_name_vi": row.short_name_vi}


@lru_cache(maxsize=64)
def _ward_outlines(province_code: str, on: date | None, edition: str) -> bytes:
    stored = WardBorder.objects.filter(province_code=province_code).order_by("code")
    named = Ward.objects.filter(province_code=province_code)
    borders = list(stored.current() if on is None else stored.on(on))
    if not borders:
        raise _unknown(province_code)
    wards = {ward.code: ward for ward in (named.current() if on is None else named.on(on))}
    return _collection(
        [_rounded(shapely.from_wkb(bytes(border.wkb)), 5) for border in borders],
        [
            {
                **_names(wards[border.code]),
                "type": wards[border.code].type,
                "label_lon": border.label_lon,
                "label_lat": border.label_lat,
            }
            for border in borders
        ],
    )


@lru_cache(maxsize=64)
def _neighbours_outline(province_code: str, edition: str) -> bytes:
    own = [shapely.from_wkb(bytes(b.wkb)) for b in WardBorder.objects.current().filter(province_code=province_code)]
    if not own:
        raise _unknown(province_code)
    mine = shapely.coverage_union_all(own)
    borders = list(LocalityBorder.objects.current().exclude(code=province_code).order_by("code"))
    names = {row.code: row for row in Locality.objects.current()}
    return _collection(
        [_beside(mine, border) for border in borders],
        [_names(names[border.code]) for border in borders],
    )


def _beside(mine: shapely.Geometry, border: LocalityBorder) -> shapely.Geometry:
    """A neighbour's simplified shape, exact along its border with the own locality; the others as they are."""
    overview = shapely.from_wkb(bytes(border.overview_wkb))
    if not shapely.dwithin(overview, mine, SEAM):
        return _rounded(overview, 4)
    strip = shapely.buffer(mine, SEAM, quad_segs=2)
    wards = [shapely.from_wkb(bytes(b.wkb)) for b in WardBorder.objects.current().filter(province_code=border.code)]
    along = [shapely.intersection(ward, strip) for ward in wards if shapely.intersects(ward, strip)]
    parts = shapely.get_parts(shapely.union_all([shapely.difference(overview, mine), *along]))
    return _rounded(shapely.multipolygons(parts[shapely.get_type_id(parts) == 3]), 5)
