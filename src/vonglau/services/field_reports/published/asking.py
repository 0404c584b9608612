"""Asks the public table: a box on the map, the newest first, at the same speed however many rows there are."""

from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from vonglau.services.field_reports.models import PublicReport
from vonglau.services.field_reports.published.cells import Box, ranges

FEW = 1_000
"""Reports in a box that are named one by one."""


def degrees(box: Box) -> Q:
    """What lies in a box, its edges too."""
    west, south, east, north = box
    across = Q(lon__gte=west, lon__lte=east) if west <= east else Q(lon__gte=west) | Q(lon__lte=east)
    return Q(lat__gte=south, lat__lte=north) & across


LOW, HIGH = -1, -2
"""Stand for the ends of a range while a statement is put together: nothing else that is asked for is a whole number below 0."""


def along(rows: "QuerySet[Any, Any]", box: Box, most: int | None = None) -> list[tuple[Any, ...]]:
    """Values (`values_list`) of rows in a box, in no order: one walk along the index for each range of cells, and none beside it.

    One statement written out, because a database that is given the ranges as one condition joins them row by row.
    """
    inside = rows.filter(degrees(box), cell__gte=LOW, cell__lte=HIGH).order_by()
    sql, given = inside.query.sql_with_params()
    found, every = ranges(box), []
    for low, high in found:
        ends = {LOW: low, HIGH: high}
        every += [ends.get(one, one) if isinstance(one, int) else one for one in given]  # a degree of -1.0 is no mark
    limit = "" if most is None else f" LIMIT {most:d}"
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([sql] * len(found)) + limit, every)
        return list(cursor.fetchall())


def reports(
    world_id: str, box: Box | None = None, few: int | None = None
) -> "tuple[QuerySet[PublicReport], int | None]":
    """The reports of a world, in a box; and how many the box holds if they are few.

    Few are named one by one, found by their cells; the world is not asked of them again, because SQLite takes it for the narrower key
    and reads every report of the world. Where there are many, the newest soon turn up by themselves, and the condition is only their
    degrees: left to itself, a database without statistics looks through every recent report for a box in which there is none.
    """
    if box is None:
        return PublicReport.objects.filter(world=world_id), None
    most = FEW if few is None else few
    found = along(PublicReport.objects.filter(world=world_id).values_list("pk"), box, most + 1)
    if len(found) <= most:
        return PublicReport.objects.filter(pk__in=[pk for (pk,) in found]), len(found)
    return PublicReport.objects.filter(degrees(box), world=world_id), None


def newest(rows: "QuerySet[Any]") -> "QuerySet[Any]":
    return rows.order_by("-received_at", "-pk")
