"""Borders of the city's wards for the citizens' maps: as a file that browsers and proxies keep."""

import gzip
import hashlib
from functools import lru_cache
from typing import Any

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from vonglau.core.errors import NotFound
from vonglau.core.places import outline
from vonglau.services.field_reports.public.pages import world_shown

KEPT = 86_400
"""Seconds before a copy is asked for again."""


@require_safe
def wards(request: HttpRequest) -> HttpResponse:
    """GeoJSON; `?in=en` names the wards in English, so that copies differ by address."""
    try:
        stored = outline.ward_outlines(world_shown().locality)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    etag, packed, plain = _named(stored, "en" if request.GET.get("in") == "en" else "vi")
    if request.headers.get("If-None-Match") == etag:
        answer = HttpResponse(status=304)
    elif "gzip" in request.headers.get("Accept-Encoding", ""):
        answer = HttpResponse(packed, content_type="application/geo+json", headers={"Content-Encoding": "gzip"})
    else:
        answer = HttpResponse(plain, content_type="application/geo+json")
    answer["ETag"] = etag
    answer["Cache-Control"] = f"public, max-age={KEPT}"
    answer["Vary"] = "Accept-Encoding"
    return answer


@lru_cache(maxsize=4)
def _named(stored: bytes, language: str) -> tuple[str, bytes, bytes]:
    whole: dict[str, Any] = msgspec.json.decode(stored)
    for feature in whole["features"]:
        facts = feature["properties"]
        facts["name"] = facts["name_en"] if language == "en" else facts["short_name_vi"]
    named = msgspec.json.encode(whole)
    return f'"{hashlib.sha256(named).hexdigest()[:32]}"', gzip.compress(named, 6, mtime=0), named
