"""Borders for the maps, as files a browser keeps: they change with an edition of the map, not with a day's work."""

import gzip
import hashlib
from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from vonglau.centre.access import of_the_desk
from vonglau.core.places import outline as outlines

KEPT = 86_400
"""Seconds a browser uses its copy without asking; afterwards it asks by ETag."""


@of_the_desk
def outline(request: HttpRequest, code: str) -> HttpResponseBase:
    """The wards of a locality; with `?around` its neighbours, for context."""
    around = "around" in request.GET
    plain = outlines.neighbours_outline(code) if around else outlines.ward_outlines(code)
    etag, packed = _packed(plain)
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


@lru_cache(maxsize=16)
def _packed(plain: bytes) -> tuple[str, bytes]:
    """ETag and the gzipped bytes: the outline itself is cached by the core, so hashing finds its key by identity."""
    return f'"{hashlib.sha256(plain).hexdigest()[:32]}"', gzip.compress(plain, 6, mtime=0)
