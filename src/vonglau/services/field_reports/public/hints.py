"""What the form is told while somebody writes: what was reported near there, and the likeliest category. Both propose; a person decides.

Asked by POST, so that words as they are written stand in no log.
"""

import math
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST

from vonglau.core.facts import categories
from vonglau.core.worlds import World
from vonglau.services.field_reports import rules
from vonglau.services.field_reports.masking import public
from vonglau.services.field_reports.public import nearby, pages
from vonglau.services.field_reports.suggesting.features import Report as Asked
from vonglau.services.field_reports.suggesting.installed import suggest_for

LEAST_WORDS = 8
"""Characters from which a category is looked for."""


@pages.from_our_pages
@require_POST
def hints(request: HttpRequest) -> HttpResponse:
    """JSON: `near` is a piece of the page, empty when nothing is near; `category` a proposal, or null when it abstains."""
    world = pages.world_shown()
    words = request.POST.get("description", "")[: rules.DESCRIPTION_LIMIT]
    category = request.POST.get("category", "")
    place = _place(request)
    found = nearby.near(world, *place, category, words, world.now()) if place else []
    answer = JsonResponse(
        {
            "near": render_to_string("field_reports/public/_near.html", {"near": found}) if found else "",
            "category": _category(world, words, place),
        }
    )
    answer["Cache-Control"] = "no-store"
    return answer


def _place(request: HttpRequest) -> tuple[float, float] | None:
    try:
        lon, lat = float(request.POST.get("lon", "")), float(request.POST.get("lat", ""))
    except ValueError:
        return None
    whole = math.isfinite(lon) and math.isfinite(lat) and -180 <= lon <= 180 and -90 <= lat <= 90
    return (lon, lat) if whole else None


def _category(world: World, words: str, place: tuple[float, float] | None) -> dict[str, Any] | None:
    if len(words.strip()) < LEAST_WORDS:
        return None
    lon, lat = place or (math.nan, math.nan)
    asked = Asked(words=public(words), at=world.now().timestamp(), lat=lat, lon=lon, photo=False)
    found = suggest_for(asked, Path(settings.VONGLAU_DATA))
    if found.abstained or not found.code:
        return None
    return {"code": found.code, "name": categories()[found.code].name[pages.spoken()]}
