"""Places of a locality by the names people type: its wards, what these were called before the merger, and its own list of streets.

All of it is what the installation holds: nobody else is asked. The list is `data/places/<code>.csv` (`name_vi`, `name_en`, `kind`, `lon`,
`lat`), a city's own through `VONGLAU_FACTS`; former names are `data/vn/former_wards.csv`. Some hundred names, kept in memory.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import shapely

from vonglau.core.errors import BadFile
from vonglau.core.facts import data_path, read_csv
from vonglau.core.places.models import PlacesEdition, Ward, WardBorder
from vonglau.core.words import plain

WARD, FORMER = "ward", "former"
MOST = 8
LONGEST = 120
"""Characters that are looked for."""
AROUND = 0.006
"""Degrees about a point, some 650 m: what a map shows of it."""
_GENERIC = "duong pho phuong xa thi tran quan huyen thanh tp street st road ward commune district city"
NO_NAME = frozenset(_GENERIC.split())
"""What stands before or after a name and tells no place apart."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`ward`: the code of the ward in force that it is, or became; "" for a point. `within`: of a former ward its district."""

    name_vi: str
    name_en: str
    kind: str
    lon: float
    lat: float
    box: Box
    """West, south, east, north: what a map shows of it."""
    ward: str = ""
    within: str = ""
    words: frozenset[str] = field(default=frozenset(), repr=False)


def words_of(text: str) -> list[str]:
    """What is compared: plain words, in order."""
    return re.findall(r"\w+", plain(text) or "")


def point(name_vi: str, name_en: str, kind: str, lon: float, lat: float) -> Place:
    box = (lon - AROUND, lat - AROUND, lon + AROUND, lat + AROUND)
    known = frozenset(words_of(f"{name_vi} {name_en}"))
    return Place(name_vi=name_vi, name_en=name_en, kind=kind, lon=lon, lat=lat, box=box, words=known)


def find(locality: str, typed: str, most: int = MOST) -> list[Place]:
    """The likeliest first. What is typed may lack marks, and be begun; a house number, which nobody knows here, is left out."""
    said = words_of(typed[:LONGEST])
    asked = [word for word in said if word not in NO_NAME] or said
    found = _matching(locality, asked)
    while not found and asked and any(sign.isdigit() for sign in asked[0]):
        asked = asked[1:]
        found = _matching(locality, asked)
    return found[:most]


def _matching(locality: str, asked: Sequence[str]) -> list[Place]:
    if not asked:
        return []
    known = _known(locality, _edition(), _mark(_list(locality)))
    found = [place for place in known if all(any(word.startswith(one) for word in place.words) for one in asked)]
    return sorted(found, key=lambda place: _rank(place, asked))


def _rank(place: Place, asked: Sequence[str]) -> tuple[bool, bool, int, int, str]:
    bare = [[word for word in words_of(name) if word not in NO_NAME] for name in (place.name_vi, place.name_en)]
    order = {WARD: 0, FORMER: 2}.get(place.kind, 1)
    begins = any(name[: len(asked)] == list(asked) for name in bare)
    return list(asked) not in bare, not begins, order, len(place.name_vi), place.name_vi


def _edition() -> str:
    return PlacesEdition.objects.filter(name="vn").values_list("digest", flat=True).first() or ""


def _list(locality: str) -> Path:
    return data_path("places", f"{locality}.csv") if re.fullmatch(r"\d{2}", locality, re.ASCII) else Path("/nowhere")


def _mark(path: Path) -> str:
    """Another file, or another state of it, is read anew."""
    try:
        seen = path.stat()
    except OSError:
        return ""
    return f"{path} {seen.st_mtime_ns} {seen.st_size}"


@lru_cache(maxsize=4)
def _known(locality: str, edition: str, mark: str) -> tuple[Place, ...]:
    wards = {one.ward: one for one in _wards(locality)}
    return (*wards.values(), *_former(wards), *(_own(_list(locality)) if mark else ()))


def _wards(locality: str) -> Iterator[Place]:
    borders = {one.code: one for one in WardBorder.objects.filter(province_code=locality).current()}
    for ward in Ward.objects.filter(province_code=locality).current():
        border = borders.get(ward.code)
        if border is not None:
            west, south, east, north = shapely.bounds(shapely.from_wkb(bytes(border.wkb))).tolist()
            yield Place(
                name_vi=ward.name_vi,
                name_en=ward.name_en,
                kind=WARD,
                lon=border.label_lon,
                lat=border.label_lat,
                box=(west, south, east, north),
                ward=ward.code,
                words=frozenset(words_of(f"{ward.name_vi} {ward.name_en}")),
            )


def _former(wards: dict[str, Place]) -> Iterator[Place]:
    for _line, row in read_csv(data_path("vn", "former_wards.csv"), "name_vi", "district_vi", "code", "part"):
        now = wards.get(row["code"])
        if now is not None and words_of(row["name_vi"]) != words_of(now.name_vi):
            yield Place(
                name_vi=row["name_vi"],
                name_en=row["name_vi"],
                kind=FORMER,
                lon=now.lon,
                lat=now.lat,
                box=now.box,
                ward=now.ward,
                within=row["district_vi"],
                words=frozenset(words_of(row["name_vi"])),
            )


def _own(path: Path) -> Iterator[Place]:
    for line, row in read_csv(path, "name_vi", "name_en", "kind", "lon", "lat"):
        try:
            lon, lat = float(row["lon"]), float(row["lat"])
        except ValueError as wrong:
            raise BadFile(f"{path}, line {line}: lon and lat are degrees, such as 108.22420 and 16.06830") from wrong
        if not (math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90 and row["name_vi"]):
            raise BadFile(f"{path}, line {line}: a place has a name_vi, and lon and lat in degrees")
        yield point(row["name_vi"], row["name_en"] or row["name_vi"], row["kind"], lon, lat)
