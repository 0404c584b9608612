"""What a map is given: points as GeoJSON with stable ids (so that they move and do not blink), counts by ward, and where to look first."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Max, Min, QuerySet
from django.http import JsonResponse

from vonglau.core.detection import Severity

MOST_POINTS = 5_000
"""Beyond that a map of points says nothing more; counts by ward still do."""
MARGIN = 0.01
"""Degrees around the outermost rows: about a kilometre."""


def bounds(rows: "QuerySet[Any]") -> str:
    """The box around rows with `lon` and `lat`, as `data-bounds` takes it; empty where none has a place."""
    found = rows.exclude(lon=None).aggregate(west=Min("lon"), south=Min("lat"), east=Max("lon"), north=Max("lat"))
    if found["west"] is None:
        return ""
    box = (found["west"] - MARGIN, found["south"] - MARGIN, found["east"] + MARGIN, found["north"] + MARGIN)
    return ",".join(f"{value:.4f}" for value in box)


def point(
    id: int, lon: float, lat: float, title: str, severity: Severity, *, url: str = "", ref: str = ""
) -> dict[str, Any]:
    """One thing on the map: its shape and colour are its severity's, `title` is shown on hover, a press goes to `url`."""
    return {
        "type": "Feature",
        "id": id,
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {"kind": "alert", "severity": severity.value, "title": title, "url": url, "ref": ref},
    }


def picture(points: Iterable[dict[str, Any]], wards: Mapping[str, int]) -> JsonResponse:
    """The answer a map asks for at `data-points`: its points, and how many each ward has (code → number)."""
    return JsonResponse({"type": "FeatureCollection", "features": list(points), "wards": dict(wards)})
