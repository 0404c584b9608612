"""Streets and house numbers from a geocoder of the operator's choice, one that answers as Nominatim does; off unless it is set.

The server asks, never the citizen's phone: the geocoder sees our address and the words, within the city's box, and no more often than
`BUDGET` says. What it answers is only ever bounded text and two numbers, and counts only where it lies in the city.
"""

import json
import math
from threading import Lock
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from vonglau.core.places.names import Box, Place, point
from vonglau.kit.limits import Buckets, Policy
from vonglau.services.field_reports.options import GEOCODER

SECONDS = 3.0
BYTES = 200_000
MOST = 5
NAME = 200
"""Characters of a name."""
STREET = "address"
BUDGET = Policy("geocoder", 1.0, 5.0)
"""Questions a second of one process, all citizens together: what public servers of this kind allow."""

_buckets, _lock = Buckets(), Lock()


class NoAnswer(Exception):
    """It is not there, not to be asked so soon again, or answers what nobody can read."""


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Another address than the one that was set is not asked."""


def is_set() -> bool:
    return bool(GEOCODER.value())


def ask(typed: str, box: Box, language: str) -> list[Place]:
    """Raises NoAnswer. Points of anywhere: the caller keeps those of the city."""
    with _lock:
        free = _buckets.take(BUDGET, "all").passes
    if not free:
        raise NoAnswer("asked too often")
    west, south, east, north = box
    query = {
        "q": typed,
        "format": "jsonv2",
        "limit": MOST,
        "viewbox": f"{west:.5f},{south:.5f},{east:.5f},{north:.5f}",
        "bounded": 1,
        "accept-language": language,
    }
    request = Request(  # noqa: S310 - the operator's own setting, http or https by its type
        f"{GEOCODER.value()}?{urlencode(query)}",
        headers={"User-Agent": "Vong Lau (address search)", "Accept": "application/json"},
    )
    try:
        with build_opener(_Stay).open(request, timeout=SECONDS) as answer:
            data = answer.read(BYTES + 1)
        rows = json.loads(data) if len(data) <= BYTES else None
    except (URLError, OSError, ValueError) as problem:
        raise NoAnswer(str(problem)) from problem
    if not isinstance(rows, list):
        raise NoAnswer("no list")
    return [place for row in rows[:MOST] if (place := _place(row)) is not None]


def _place(row: Any) -> Place | None:
    try:
        name, lon, lat = str(row["display_name"]), float(row["lon"]), float(row["lat"])
    except (KeyError, TypeError, ValueError):
        return None
    name = " ".join("".join(sign if sign.isprintable() else " " for sign in name).split())[:NAME]
    whole = bool(name) and math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90
    return point(name, name, STREET, lon, lat) if whole else None
