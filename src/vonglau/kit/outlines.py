"""Borders for maps, as files that browsers keep: they change with an edition of the map, not with a day's work."""

import gzip
import hashlib
from functools import lru_cache
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse

KEPT = 86_400
"""Seconds a copy is used without asking; afterwards it is asked for by ETag."""


def answer(request: HttpRequest, stored: bytes, language: str, *, shared: bool) -> HttpResponse:
    """An outline of `core.places.outline` as GeoJSON, each place's `name` in the language (vi | en).

    `shared`: proxies may keep it too, as it is the same for everybody.
    """
    etag, plain, packed = _named(stored, language)
    headers = {
        "ETag": etag,
        "Cache-Control": f"{'public' if shared else 'private'}, max-age={KEPT}",
        "Vary": "Accept-Encoding" if shared else "Accept-Encoding, Cookie",
    }
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
    body = packed if "Content-Encoding" in headers else plain
    return HttpResponse(body, content_type="application/geo+json", headers=headers)


@lru_cache(maxsize=8)
def _named(stored: bytes, language: str) -> tuple[str, bytes, bytes]:
    """ETag, the outline with names, and the same gzipped."""
    whole: dict[str, Any] = msgspec.json.decode(stored)
    for feature in whole["features"]:
        facts = feature["properties"]
        facts["name"] = facts["name_en"] if language == "en" else facts["short_name_vi"]
    named = msgspec.json.encode(whole)
    return f'"{hashlib.sha256(named).hexdigest()[:32]}"', named, gzip.compress(named, 6, mtime=0)
