"""What was reported in the city, for anybody: a map, a list that can do the same, and every view of both a link."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from vonglau.core.errors import BadInput, NotFound
from vonglau.core.facts import categories
from vonglau.core.incidents.states import OUTCOME_NAMES, Outcome, State
from vonglau.core.people import directory
from vonglau.core.people.names import agency_name
from vonglau.core.places import outline
from vonglau.core.worlds import World
from vonglau.kit import paging, wards
from vonglau.services.field_reports.models import PublicReport
from vonglau.services.field_reports.public import pages
from vonglau.services.field_reports.public.form import grouped
from vonglau.services.field_reports.published import asking, filters
from vonglau.services.field_reports.published.cells import Box
from vonglau.services.field_reports.published.filters import Asked
from vonglau.services.field_reports.published.picture import Point, Square, picture

PER_PAGE = 20
COUNTED = 10_000
"""Beyond that a list says "more than"."""
EXCERPT = 140
"""Characters of a citizen's words in a list."""
LEAST, MARGIN = 0.06, 0.01
"""Degrees: a map shows some 6 km at least, and a kilometre around."""
NEWEST = paging.Order("received_at", descending=True)


@dataclass(frozen=True, slots=True)
class Line:
    """A report in a list. `tone`: wait | run | good | plain; each also a word."""

    row: PublicReport
    title: str
    ward: str
    agency: str
    tone: str
    stands: str
    words: str

    @property
    def place(self) -> str:
        return f"{self.row.lon!r},{self.row.lat!r}" if self.row.lon is not None else ""


class Standing(NamedTuple):
    """Of a report what says where it stands."""

    state: str
    outcome: str
    running: bool
    waiting: bool


def stands(row: "PublicReport | Standing") -> tuple[str, str]:
    """Where a report stands: a tone, and words."""
    if row.state == State.RECEIVED:
        return "wait", _("Chờ xác minh")
    if row.running:
        return ("wait", _("Chờ người dân bổ sung")) if row.waiting else ("run", _("Đang xử lý"))
    return "good" if row.outcome == Outcome.FIXED else "plain", str(OUTCOME_NAMES.get(row.outcome, _("Đã kết thúc")))


def category_name(code: str) -> str:
    known = categories().get(code)
    return known.name["en" if pages.english() else "vi"] if known else code


def line(row: PublicReport, wards_named: Mapping[str, str] | None = None) -> Line:
    named = wards.ward_names([row.ward]) if wards_named is None else wards_named
    excerpt = Truncator(" ".join(row.words.split())).chars(EXCERPT)
    return Line(
        row, category_name(row.category), named.get(row.ward, row.place), agency_name(row.agency), *stands(row), excerpt
    )


def lines(rows: Sequence[PublicReport]) -> list[Line]:
    named = wards.ward_names(row.ward for row in rows)
    return [line(row, named) for row in rows]


@require_safe
def browse(request: HttpRequest) -> HttpResponse:
    """The newest first. A cursor that is not ours starts again."""
    world = pages.world_shown()
    asked = filters.read(request.GET)
    rows = filters.rows(world, asked)
    try:
        page = _page(rows, request.GET.get("after"))
    except BadInput:
        page = _page(rows, None)
    total = rows.order_by()[: COUNTED + 1].count()
    here = reverse("field_reports:browse")
    context = {
        "asked": asked,
        "lines": lines(page.items),
        "total": min(total, COUNTED),
        "many": total > COUNTED,
        "later": "after" in request.GET,
        "next": f"{here}?{_joined(asked.query(), page.next)}" if page.next else "",
        "first": f"{here}?{asked.query()}",
        "anywhere": f"{here}?{asked.query(box=None)}",
        "points": f"{reverse('field_reports:points')}?{asked.query(box=None)}",
        "bounds": ",".join(f"{side:.5f}" for side in asked.box or _around(page.items) or _whole(world)),
        "feed": f"{reverse('field_reports:feed')}?{asked.query()}",
        "data": f"{reverse('field_reports:data')}?{asked.query()}",
        "title": _title(asked),
        **choices(world, asked),
    }
    answer = pages.show(request, "browse", world, context)
    answer["Cache-Control"] = "public, max-age=0, must-revalidate" if not request.COOKIES else "private, no-cache"
    return answer


def _page(rows: "QuerySet[PublicReport]", after: str | None) -> paging.Page:
    """A page after a cursor: where the last one ended."""
    if after:
        at, pk = paging.decode(NEWEST, after)
        rows = rows.filter(Q(received_at__lt=at) | Q(received_at=at, pk__lt=pk), received_at__lte=at)
    found = list(asking.newest(rows.select_related("agency"))[: PER_PAGE + 1])
    if len(found) <= PER_PAGE:
        return paging.Page(found, None)
    last = found[PER_PAGE - 1]
    return paging.Page(found[:PER_PAGE], paging.encode(NEWEST, last.received_at, last.pk))


def _joined(query: str, after: str | None) -> str:
    return "&".join(part for part in (query, f"after={after}") if part)


def choices(world: World, asked: Asked) -> dict[str, Any]:
    """What a reader may choose from."""
    today = timezone.localdate(world.now())
    agencies = {one.code: agency_name(one) for one in directory.agencies(today)}
    if asked.agency and asked.agency not in agencies:
        agencies[asked.agency] = asked.agency
    return {
        "categories": grouped(),
        "states": [(code, name) for code, (name, _where) in filters.STATES.items()],
        "periods": filters.PERIODS.items(),
        "wards": wards.wards_of(world.locality).items(),
        "agencies": sorted(agencies.items(), key=lambda one: one[1]),
    }


def _title(asked: Asked) -> str:
    """What is looked at, in a few words."""
    said = [
        category_name(asked.category) if asked.category else "",
        str(filters.STATES[asked.state][0]) if asked.state else "",
        wards.ward_names([asked.ward]).get(asked.ward, asked.ward) if asked.ward else "",
        f"“{asked.q}”" if asked.q else "",
    ]
    return " · ".join(filter(None, said))


def _around(rows: Sequence[PublicReport]) -> Box | None:
    """Where the listed ones lie, and never nearer than what tells something: the newest show where a city lives."""
    placed = [(row.lon, row.lat) for row in rows if row.lon is not None and row.lat is not None]
    if not placed:
        return None
    (west, south), (east, north) = map(min, zip(*placed, strict=True)), map(max, zip(*placed, strict=True))
    x, y = (west + east) / 2, (south + north) / 2
    half_x, half_y = (max(LEAST, size) / 2 + MARGIN for size in (east - west, north - south))
    return max(-180, x - half_x), max(-90, y - half_y), min(180, x + half_x), min(90, y + half_y)


def _whole(world: World) -> tuple[float, float, float, float]:
    """Where a map begins: the city, else the country."""
    try:
        return outline.bounds(world.locality)[0]
    except NotFound:
        return (102.0, 8.0, 110.0, 23.5)


@require_safe
def points(request: HttpRequest) -> HttpResponse:
    """GeoJSON of what lies in `view` (west,south,east,north) at `zoom`: reports, or how many there are in small squares."""
    world, asked = pages.world_shown(), filters.read(request.GET)
    view = filters.read({"bbox": request.GET.get("view", "")}).box
    try:
        zoom = float(request.GET.get("zoom", ""))
    except ValueError:
        zoom = -1.0
    if view is None or not 0 <= zoom <= 24:
        problem = {"title": "view=west,south,east,north in degrees and zoom from 0 to 24 are needed.", "status": 400}
        return JsonResponse(problem, status=400, content_type="application/problem+json")
    found = picture(world, asked, view, zoom)
    features = [*_points(found.points), *(_square(one) for one in found.squares)]
    body = {"type": "FeatureCollection", "features": features, "total": found.total}
    answer = HttpResponse(msgspec.json.encode(body), content_type="application/geo+json")
    answer["Cache-Control"] = "no-cache"
    return answer


def _points(rows: Sequence[Point]) -> Iterator[dict[str, Any]]:
    """What many share is said once."""
    name, state, url = cache(category_name), cache(stands), reverse("field_reports:one", args=["-"]).rpartition("-")
    for row in rows:
        tone, words = state(Standing(row.state, row.outcome, row.running, row.waiting))
        told = {
            "reference": row.reference,
            "title": name(row.category),
            "stands": words,
            "tone": tone,
            "url": f"{url[0]}{quote(row.reference)}{url[2]}",
        }
        yield _feature(row.pk, row.lon, row.lat, told)


def _square(one: Square) -> dict[str, Any]:
    return _feature(one.number, one.lon, one.lat, {"reports": one.reports, "running": one.running})


def _feature(id: int, lon: float | None, lat: float | None, told: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": id,
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": told,
    }
