"""Where the map begins: at what is asked for, else where something is open, else the whole locality."""

from collections.abc import Mapping

import shapely
from django.db.models import Max, Min

from vonglau.core.errors import NotFound
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import OPEN
from vonglau.core.places.models import WardBorder
from vonglau.core.places.outline import Box, bounds
from vonglau.core.worlds import World

LEAST = 0.09
"""Degrees, some 10 km: nearer than that a map of a city tells nothing."""
MARGIN = 0.15
"""Of the box's own size, on every side."""
COUNTRY: Box = (102.0, 8.0, 110.0, 23.5)
"""Until borders are loaded."""


def first_view(world: World, asked: Mapping[str, str]) -> Box:
    if asked.get("ward"):
        border = WardBorder.objects.current().filter(code=asked["ward"]).first()
        if border is not None:
            west, south, east, north = shapely.from_wkb(bytes(border.wkb)).bounds
            return widened((west, south, east, north))
    return _where_it_happens(world) or _locality(world)


def _locality(world: World) -> Box:
    try:
        return bounds(world.locality)[0]
    except NotFound:
        return COUNTRY


def _where_it_happens(world: World) -> Box | None:
    rows = Incident.objects.filter(world=world.pk, state__in=OPEN, lon__isnull=False, lat__isnull=False)
    found = rows.aggregate(west=Min("lon"), south=Min("lat"), east=Max("lon"), north=Max("lat"))
    if found["west"] is None:
        return None
    return widened((found["west"], found["south"], found["east"], found["north"]))


def widened(box: Box) -> Box:
    """With a margin, and never smaller than what tells something."""
    west, south, east, north = box
    x, y = (west + east) / 2, (south + north) / 2
    half_x, half_y = (max(LEAST, size * (1 + 2 * MARGIN)) / 2 for size in (east - west, north - south))
    return (x - half_x, y - half_y, x + half_x, y + half_y)
