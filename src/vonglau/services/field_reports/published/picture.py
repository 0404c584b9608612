"""What a map shows of a box: every report where there are few, how many there are in each small square where there are many.

Counted at the database, of the last commit: a city's hundred thousand points never travel to a phone.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Avg, Count, F, Q, QuerySet

from vonglau.core.worlds import World
from vonglau.services.field_reports.models import PublicReport
from vonglau.services.field_reports.published import asking, filters
from vonglau.services.field_reports.published.cells import BITS, Box, shift

MOST_POINTS = 300
"""Reports in view that are drawn one by one."""
FINER = 3
"""A square is this many levels below the zoom: 64 px wide, as wide as the largest circle."""
CLOSEST = 17
"""From this zoom on even many are drawn one by one: they share an address."""
MOST = 2_000


class Point(NamedTuple):
    """Of a public report what a map says of it, under the names it has there."""

    pk: int
    lon: float
    lat: float
    reference: str
    category: str
    state: str
    outcome: str
    running: bool
    waiting: bool


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

    points: list[Point]
    squares: list[Square]
    total: int


def picture(world: World, asked: filters.Asked, box: Box, zoom: float) -> Picture:
    """What lies in `box`, at a zoom of web maps (0: the whole world in 512 px)."""
    rows = filters.rows(world, asked, inside=PublicReport.objects.filter(world=world.pk))
    if zoom >= CLOSEST:
        points = _points(rows, box, MOST)
        return Picture(points, [], len(points))
    squares = _squares(rows, box, min(BITS, max(0, int(zoom) + FINER)))
    total = sum(one.reports for one in squares)
    return Picture([], squares, total) if total > MOST_POINTS else Picture(_points(rows, box, MOST_POINTS), [], total)


def _points(rows: "QuerySet[Any]", box: Box, most: int) -> list[Point]:
    return [Point(*one) for one in asking.along(rows.values_list(*Point._fields), box, most)]


def _squares(rows: "QuerySet[Any]", box: Box, level: int) -> list[Square]:
    """Counted along the index, of which alone is read; a square that two ranges share is put together again."""
    counted: Any = (
        rows.annotate(square=F("cell").bitrightshift(shift(level)))
        .values("square")
        .annotate(x=Avg("lon"), y=Avg("lat"), reports=Count("cell"), still=Count("cell", filter=Q(running=True)))
        .values_list("square", "x", "y", "reports", "still")
    )
    found: dict[int, Square] = {}
    for part in asking.along(counted, box):
        one = Square(*part)
        before = found.get(one.number)
        found[one.number] = one if before is None else _together(before, one)
    return list(found.values())


def _together(one: Square, other: Square) -> Square:
    both = one.reports + other.reports
    lon, lat = ((a * one.reports + b * other.reports) / both for a, b in ((one.lon, other.lon), (one.lat, other.lat)))
    return Square(one.number, lon, lat, both, one.running + other.running)
