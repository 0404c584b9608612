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


def named(world_id: str, box: Box, most: int) -> list[int]:
    """Rows in a box, in no order, no more than `most`: one walk along the index for each range of cells, and none beside it.

    Written out, because a database that is given the ranges as one condition joins them row by row.
    """
    west, south, east, north = box
    across = "lon BETWEEN %s AND %s" if west <= east else "(lon >= %s OR lon <= %s)"
    one = f"SELECT report_id FROM {TABLE} WHERE world = %s AND cell BETWEEN %s AND %s AND lat BETWEEN %s AND %s AND {across}"  # noqa: S608
    found = ranges(box)
    given: list[Any] = []
    for low, high in found:
        given += [world_id, low, high, south, north, west, east]
    with connection.cursor() as cursor:
        cursor.execute(f"{' UNION ALL '.join([one] * len(found))} LIMIT %s", [*given, most])
        return [pk for (pk,) in cursor.fetchall()]


TABLE = f'"{PublicReport._meta.db_table}"'
"""A name of our own, never input."""


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
    found = named(world_id, box, most + 1)
    if len(found) <= most:
        return PublicReport.objects.filter(pk__in=found), len(found)
    return PublicReport.objects.filter(degrees(box), world=world_id), None


def newest(rows: "QuerySet[Any]") -> "QuerySet[Any]":
    return rows.order_by("-received_at", "-pk")
