"""From the name of a place to the map, or into the form: wards, names they bore before, landmarks; streets by a geocoder where one is set.

Without a script it is a page of links; the form asks the same by POST, so that where somebody stands is in no log.
"""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from vonglau.core.errors import NotFound
from vonglau.core.places import names, outline
from vonglau.core.places.names import LONGEST, Place
from vonglau.core.worlds import World
from vonglau.kit import wards
from vonglau.services.field_reports import intake
from vonglau.services.field_reports.public import geocoding, pages

LEAST = 2
"""Characters from which something is looked for."""
KINDS: dict[str, Promise] = {
    names.WARD: gettext_lazy("phường, xã"),
    "street": gettext_lazy("một điểm trên đường"),
    "bridge": gettext_lazy("cầu"),
    "junction": gettext_lazy("nút giao"),
    "market": gettext_lazy("chợ"),
    "park": gettext_lazy("công viên"),
    "beach": gettext_lazy("bãi biển"),
    "neighbourhood": gettext_lazy("khu dân cư"),
    "landmark": gettext_lazy("địa danh"),
    geocoding.STREET: gettext_lazy("địa chỉ"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A place as the reader is told of it. `value`: as the form sends it: "lon,lat", or a ward's code."""

    name: str
    note: str
    value: str
    lon: float
    lat: float
    ward: str
    on_map: str
    report: str


def look(world: World, typed: str) -> tuple[list[Found], str]:
    """What there is of that name, and what is to be said of it, in the reader's language."""
    typed = " ".join(typed.replace("\x00", "").split())[:LONGEST]
    if len(typed) < LEAST:
        return [], _("Hãy gõ tên đường, chợ, cầu, hoặc phường xã.")
    found = names.find(world.locality, typed) if world.locality else []
    asked, failed = geocoding.is_set(), False
    if asked and world.locality:
        try:
            found += _streets(world, typed)
        except geocoding.NoAnswer:
            failed = True
    shown = [_found(world, one) for one in found[: names.MOST]]
    return shown, _said(len(shown), asked=asked, failed=failed)


def _streets(world: World, typed: str) -> list[Place]:
    try:
        box = outline.bounds(world.locality)[1]
    except NotFound:
        return []
    rows = geocoding.ask(typed, box, pages.spoken())
    return [one for one in rows if intake.locate(world, one.lon, one.lat) is not None]


def _said(count: int, *, asked: bool, failed: bool) -> str:
    if failed and not count:
        return _("Lúc này chưa tìm được đường và số nhà: hãy thử lại sau, chạm vào bản đồ, hoặc chọn phường xã.")
    if count:
        return _("Chọn một chỗ dưới đây.")
    if asked:
        return _("Không thấy chỗ nào như vậy trong thành phố: hãy chạm vào bản đồ, hoặc chọn phường xã.")
    return _(
        "Chưa biết tên này. Ở đây tìm được phường xã (cả tên cũ), đường và địa danh lớn, chưa tìm được số nhà: "
        "hãy chạm vào bản đồ, hoặc chọn phường xã."
    )


def _found(world: World, place: Place) -> Found:
    english = pages.english()
    note = str(KINDS.get(place.kind, ""))
    if place.kind == names.FORMER:
        now = wards.ward_names([place.ward]).get(place.ward, "")
        note = _("tên cũ (%(within)s), nay thuộc %(now)s") % {"within": place.within, "now": now}
    box = ",".join(f"{side:.5f}" for side in place.box)
    where = {"ward": place.ward} if place.ward else {"bbox": box}
    at = {"ward": place.ward} if place.ward else {"lon": f"{place.lon:.5f}", "lat": f"{place.lat:.5f}"}
    return Found(
        name=place.name_en if english else place.name_vi,
        note=note,
        value=place.ward or f"{place.lon:.5f},{place.lat:.5f}",
        lon=round(place.lon, 5),
        lat=round(place.lat, 5),
        ward=place.ward,
        on_map=f"{reverse('field_reports:browse')}?{urlencode(where)}",
        report=f"{reverse('field_reports:new')}?{urlencode(at)}",
    )


@pages.from_our_pages
@require_http_methods(["GET", "HEAD", "POST"])
def places(request: HttpRequest) -> HttpResponse:
    """A page of links; JSON for the form. A single place that is meant leads to its map at once."""
    world = pages.world_shown()
    typed = str((request.POST if request.method == "POST" else request.GET).get("q", ""))
    found, said = look(world, typed)
    if "application/json" in request.headers.get("Accept", ""):
        rows: list[dict[str, Any]] = [
            {"name": one.name, "note": one.note, "lon": one.lon, "lat": one.lat, "ward": one.ward} for one in found
        ]
        answer: HttpResponse = JsonResponse({"places": rows, "said": said})
    elif len(found) == 1:
        answer = HttpResponseRedirect(found[0].on_map, status=303)
    else:
        answer = pages.show(request, "places", world, {"typed": typed[:LONGEST], "found": found, "told": said})
    answer["Cache-Control"] = "no-store"
    return answer
