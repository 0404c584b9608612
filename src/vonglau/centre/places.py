"""Borders for the maps, as files a browser keeps: they change with an edition of the map, not with a day's work."""

import gzip
import hashlib
from functools import lru_cache
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from vonglau.centre.access import of_the_desk
from vonglau.centre.names import language
from vonglau.core.places import outline as outlines

KEPT = 86_400
"""Seconds a browser uses its copy without asking; afterwards it asks by ETag."""


@of_the_desk
def outline(request: HttpRequest, code: str) -> HttpResponseBase:
    """The wards of a locality; with `?around` its neighbours, for context. `?in=` names the language, so that copies differ by address."""
    around = "around" in request.GET
    stored = outlines.neighbours_outline(code) if around else outlines.ward_outlines(code)
    etag, plain, packed = _named(stored, "en" if request.GET.get("in", language()) == "en" else "vi")
    response: HttpResponse
    if request.headers.get("If-None-Match") == etag:
        response = HttpResponse(status=304)
    elif "gzip" in request.headers.get("Accept-Encoding", ""):
        response = HttpResponse(packed, content_type="application/geo+json", headers={"Content-Encoding": "gzip"})
    else:
        response = HttpResponse(plain, content_type="application/geo+json")
    response["ETag"] = etag
    response["Cache-Control"] = f"private, max-age={KEPT}"
    response["Vary"] = "Accept-Encoding, Cookie"
    return response


@lru_cache(maxsize=8)
def _named(stored: bytes, language: str) -> tuple[str, bytes, bytes]:
    """ETag, the outline with each place's `name` in the reader's language, and the same gzipped."""
    plain: dict[str, Any] = msgspec.json.decode(stored)
    for feature in plain["features"]:
        facts = feature["properties"]
        facts["name"] = facts["name_en"] if language == "en" else facts["short_name_vi"]
    named = msgspec.json.encode(plain)
    return f'"{hashlib.sha256(named).hexdigest()[:32]}"', named, gzip.compress(named, 6, mtime=0)
