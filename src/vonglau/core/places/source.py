"""Reads the map files of `data/vn`: units with their shapes, checked, as arrays."""

import gzip
import hashlib
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from vonglau.core.errors import BadFile
from vonglau.core.facts import data_path

WARDS = ("vn", "wards.geojson.gz")
PROVINCES = ("vn", "provinces_34.geojson.gz")

BORDER_SOURCE = "data/vn/wards.geojson.gz (thanglequoc/vietnamese-provinces-database; geometry: sapnhap.bando.com.vn)"

Shapes = NDArray[np.object_]
"""An array of shapely geometries."""


class UnitFact(msgspec.Struct, frozen=True):
    """What the map file says of a unit beside its shape."""

    code: str
    name_vi: str
    name_en: str
    short_name_vi: str
    type: str
    province_code: str = ""
    area_km2: float | None = None


class _Feature(msgspec.Struct, frozen=True):
    properties: UnitFact
    geometry: msgspec.Raw


class _Collection(msgspec.Struct, frozen=True):
    features: list[_Feature]


class Units(NamedTuple):
    """Units and their shapes in the same order (by code). Rings are oriented: a unit lies to the left of its edges."""

    facts: list[UnitFact]
    shapes: Shapes


def digest(*parts: tuple[str, ...]) -> str:
    """A fingerprint of the named files of facts: what was built from them is stale when it changes."""
    total = hashlib.blake2b(digest_size=16)
    for part in parts:
        path = data_path(*part)
        try:
            total.update(path.read_bytes())
        except OSError as error:
            raise BadFile(
                f"{path}: cannot be read ({error.strerror}); reinstall the package or check the path"
            ) from error
    return total.hexdigest()


def read_units(path: Path | None = None) -> Units:
    """Units of a GeoJSON file, gzipped or not; the wards of the country by default. BadFile says what is wrong."""
    path = path or data_path(*WARDS)
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        features = msgspec.json.decode(raw, type=_Collection).features
    except (OSError, EOFError, zlib.error) as error:
        raise BadFile(f"{path}: cannot be read ({error}); check the path and that the download is complete") from error
    except msgspec.MsgspecError as error:
        raise BadFile(f"{path}: not a GeoJSON collection of units: {error}") from error
    features.sort(key=lambda feature: feature.properties.code)
    facts = [feature.properties for feature in features]
    codes = [fact.code for fact in facts]
    if not codes or len(set(codes)) != len(codes):
        raise BadFile(f"{path}: it has no units, or one code stands twice; a code names one unit")
    try:
        shapes: Any = shapely.from_geojson([bytes(feature.geometry) for feature in features])
    except shapely.errors.GEOSException as error:
        raise BadFile(f"{path}: a geometry cannot be read: {error}") from error
    bad = ~(shapely.is_valid(shapes) & np.isin(shapely.get_type_id(shapes), (3, 6)) & ~shapely.is_empty(shapes))
    if bad.any():
        raise BadFile(
            f"{path}: unit {codes[int(bad.argmax())]} has no valid polygon: {shapely.is_valid_reason(shapes[bad])[0]}"
        )
    return Units(facts, shapely.orient_polygons(shapes))
