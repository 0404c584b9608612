"""Loads localities, wards and borders from `data/vn` into the state database: `vonglau init`; safe to repeat."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import islice
from typing import TypeVar

import numpy as np
import shapely
from django.db import models, transaction

from vonglau.core.errors import BadFile
from vonglau.core.facts import data_path, read_csv
from vonglau.core.places.frames import LINEAGE, LOCALITIES, MERGER, frames
from vonglau.core.places.models import (
    Locality,
    LocalityBorder,
    LocalitySuccession,
    PlacesEdition,
    Ward,
    WardBorder,
)
from vonglau.core.places.source import BORDER_SOURCE, PROVINCES, WARDS, Shapes, Units, digest, read_units

CHANGES = ("vn", "ward_changes.csv")

WARD_SOURCE = "19/2025/QĐ-TTg"
"""The list of wards in force since the merger."""

OVERVIEW_TOLERANCE = 0.003
"""Degrees, some 300 m: neighbours of the own locality are drawn for context only."""

TINY_ISLAND = 0.5
"""km²: smaller islands near a coast are left out of the overview. Far ones are kept whatever their size."""

NEAR_ISLAND = 0.5
"""Degrees, some 55 km: islands within a chain of such steps from the main part belong to the first view. Hoàng Sa
(300 km) and Trường Sa (400 km and more) do not: they stay on the map beyond it."""

BATCH = 500
Row = TypeVar("Row", bound=models.Model)
Progress = Callable[[int, int], None]


def load_places(progress: Progress | None = None, *, force: bool = False) -> dict[str, int]:
    """Bring the tables in line with the files, in one transaction; rows per table, whether loaded now or before.

    `progress(done, total)` counts rows. Unchanged files (by digest) are not read again unless `force`.
    """
    mark = digest(WARDS, PROVINCES, LOCALITIES, LINEAGE, CHANGES)
    tables: tuple[type[models.Model], ...] = (Locality, LocalitySuccession, Ward, WardBorder, LocalityBorder)
    if not force and PlacesEdition.objects.filter(name="vn", digest=mark).exists():
        return {table.__name__: table._default_manager.count() for table in tables}
    wards, provinces = read_units(), read_units(data_path(*PROVINCES))
    rows: list[list[models.Model]] = [
        list(_localities()),
        list(_wards(wards)),
        list(_ward_borders(wards)),
        list(_locality_borders(provinces)),
    ]
    total, done = sum(map(len, rows)), 0
    with transaction.atomic():
        for table in reversed(tables):
            table._default_manager.all().delete()
        for batch in _batches(rows):
            type(batch[0])._default_manager.bulk_create(batch)
            done += len(batch)
            if progress:
                progress(done, total)
        LocalitySuccession.objects.bulk_create(_successions())
        PlacesEdition.objects.update_or_create(name="vn", defaults={"digest": mark})
    return {table.__name__: table._default_manager.count() for table in tables}


def _batches(rows: list[list[models.Model]]) -> Iterator[list[models.Model]]:
    for table in rows:
        each = iter(table)
        while batch := list(islice(each, BATCH)):
            yield batch


def _localities() -> Iterator[Locality]:
    for unit in frames().units:
        yield Locality(level="province", **unit._asdict())


def _successions() -> Iterator[LocalitySuccession]:
    register = frames()
    ids = {(row.code, row.valid_from): row for row in Locality.objects.all()}
    for unit in register.units:
        for successor in register.successors(unit):
            yield LocalitySuccession(
                predecessor=ids[unit.key], successor=ids[successor.key], in_force=successor.valid_from
            )


def _wards(wards: Units) -> Iterator[Ward]:
    path = data_path(*CHANGES)
    facts = {fact.code: fact for fact in wards.facts}
    began: dict[str, tuple[date, str]] = {}
    for line, row in read_csv(path, "code", "changed_on", "old_name_vi", "old_name_en", "old_type", "source"):
        code = row["code"]
        try:
            changed = date.fromisoformat(row["changed_on"])
        except ValueError as error:
            raise BadFile(f"{path}, line {line}: changed_on {row['changed_on']!r} is not a date YYYY-MM-DD") from error
        if code not in facts or code in began:
            raise BadFile(f"{path}, line {line}: ward {code} is not on the map, or stands twice; check the code")
        began[code] = (changed, row["source"])
        yield Ward(
            code=code,
            valid_from=MERGER,
            valid_to=changed - timedelta(days=1),
            name_vi=row["old_name_vi"],
            name_en=row["old_name_en"],
            short_name_vi=facts[code].short_name_vi,
            type=row["old_type"],
            source=WARD_SOURCE,
            province_code=facts[code].province_code,
            area_km2=facts[code].area_km2,
        )
    for fact in wards.facts:
        since, source = began.get(fact.code, (MERGER, WARD_SOURCE))
        yield Ward(
            code=fact.code,
            valid_from=since,
            name_vi=fact.name_vi,
            name_en=fact.name_en,
            short_name_vi=fact.short_name_vi,
            type=fact.type,
            source=source,
            province_code=fact.province_code,
            area_km2=fact.area_km2,
        )


def _ward_borders(wards: Units) -> Iterator[WardBorder]:
    labels = shapely.point_on_surface(_largest_parts(wards.shapes))
    lon, lat = shapely.get_x(labels).round(5).tolist(), shapely.get_y(labels).round(5).tolist()
    for fact, wkb, x, y in zip(wards.facts, shapely.to_wkb(wards.shapes), lon, lat, strict=True):
        yield WardBorder(
            code=fact.code,
            province_code=fact.province_code,
            valid_from=MERGER,
            wkb=wkb,
            label_lon=x,
            label_lat=y,
            source=BORDER_SOURCE,
        )


def _largest_parts(shapes: Shapes) -> Shapes:
    parts, of = shapely.get_parts(shapes, return_index=True)
    order = np.lexsort((shapely.area(parts), of))
    last = np.flatnonzero(np.append(of[order][1:] != of[order][:-1], True))
    largest: Shapes = parts[order[last]]
    return largest


def _locality_borders(provinces: Units) -> Iterator[LocalityBorder]:
    overview = shapely.coverage_simplify(provinces.shapes, OVERVIEW_TOLERANCE)
    for fact, shape, simple in zip(provinces.facts, provinces.shapes, overview, strict=True):
        main = main_parts(shape)
        parts = shapely.get_parts(simple)
        km2 = shapely.area(parts) * 111.2**2 * np.cos(np.radians(shapely.get_y(shapely.centroid(parts))))
        shown = parts[(km2 >= TINY_ISLAND) | ~shapely.intersects(parts, shapely.box(*shapely.bounds(main)))]
        yield LocalityBorder(
            code=fact.code,
            valid_from=MERGER,
            overview_wkb=shapely.to_wkb(shapely.multipolygons(shown)),
            mainland=_box(main),
            full=_box(shape),
            source=BORDER_SOURCE,
        )


def main_parts(shape: shapely.Geometry) -> shapely.Geometry:
    """The largest part with everything a chain of `NEAR_ISLAND` steps reaches from it."""
    parts = shapely.get_parts(shape)
    tree = shapely.STRtree(parts)
    reached = np.zeros(len(parts), dtype=np.bool_)
    front = np.array([int(shapely.area(parts).argmax())])
    while len(front):
        reached[front] = True
        found = np.unique(tree.query(parts[front], predicate="dwithin", distance=NEAR_ISLAND)[1])
        front = found[~reached[found]]
    return shapely.MultiPolygon(list(parts[reached]))


def _box(shape: shapely.Geometry) -> list[float]:
    return [round(float(value), 5) for value in shapely.bounds(shape)]
