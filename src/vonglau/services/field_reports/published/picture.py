"""What a map shows of a box: every report where there are few, how many there are in each small square where there are many.

Counted at the database, of the last commit: a city's hundred thousand points never travel to a phone.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import Avg, Count, F, Q, QuerySet

from vonglau.core.worlds import World
from vonglau.services.field_reports.models import PublicReport
from vonglau.services.field_reports.published import asking, filters
from vonglau.services.field_reports.published.cells import BITS, Box, ranges, shift

MOST_POINTS = 300
"""Reports in view that are drawn one by one."""
FINER = 3
"""A square is this many levels below the zoom: 64 px wide, as wide as the largest circle."""
CLOSEST = 17
"""From this zoom on even many are drawn one by one: they share an address."""
MOST = 2_000


@dataclass(frozen=True, slots=True)
class Square:
    """Some reports near one another. `running`: how many of them wait for a result."""

    number: int
    lon: float
    lat: float
    reports: int
    running: int


@dataclass(frozen=True, slots=True)
class Picture:
    """Either points or squares; `total`: the reports in view."""

    points: list[PublicReport]
    squares: list[Square]
    total: int


def picture(world: World, asked: filters.Asked, box: Box, zoom: float) -> Picture:
    """What lies in `box`, at a zoom of web maps (0: the whole world in 512 px)."""
    inside, few = asking.reports(world.pk, box)
    rows = filters.rows(world, asked, inside=inside)
    most = MOST if zoom >= CLOSEST else MOST_POINTS
    if few is not None or zoom >= CLOSEST:
        points = list(rows.order_by()[: most + 1])
        if len(points) <= most or zoom >= CLOSEST:
            return Picture(points[:most], [], len(points))
    level = min(BITS, max(0, int(zoom) + FINER))
    squares = _squares(rows, None if few is not None else ranges(box), level)
    total = sum(one.reports for one in squares)
    if total <= MOST_POINTS:  # many lie there, few of them are asked for
        return Picture(list(rows.order_by()[:MOST_POINTS]), [], total)
    return Picture([], squares, total)


def _squares(rows: "QuerySet[PublicReport]", spans: list[tuple[int, int]] | None, level: int) -> list[Square]:
    """Counted along the index, a range of cells at a time; a square that two ranges share is put together again."""
    found: dict[int, Square] = {}
    parts = [rows] if spans is None else [rows.filter(cell__gte=low, cell__lte=high) for low, high in spans]
    for part in parts:
        counted: Any = (
            part.order_by()
            .annotate(square=F("cell").bitrightshift(shift(level)))
            .values("square")
            .annotate(lon=Avg("lon"), lat=Avg("lat"), reports=Count("pk"), still=Count("pk", filter=Q(running=True)))
            .values_list("square", "lon", "lat", "reports", "still")
        )
        for number, lon, lat, reports, still in counted:
            before = found.get(number)
            one = Square(number, lon, lat, reports, still)
            found[number] = one if before is None else _together(before, one)
    return list(found.values())


def _together(one: Square, other: Square) -> Square:
    both = one.reports + other.reports
    lon, lat = ((a * one.reports + b * other.reports) / both for a, b in ((one.lon, other.lon), (one.lat, other.lat)))
    return Square(one.number, lon, lat, both, one.running + other.running)
