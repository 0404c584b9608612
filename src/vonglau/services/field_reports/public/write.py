"""The form of citizens: one page that works without a script, one way in (`intake.receive`), one answer under a secret link.

The form carries an idempotency key from the moment it was opened: sent again, by a thumb or by the queue of a phone that had no
connection, it is kept once and answered alike.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from vonglau.core.errors import BadInput, Conflict
from vonglau.core.incidents.files import Upload
from vonglau.core.incidents.models import Incident
from vonglau.core.worlds import World
from vonglau.kit import language as languages
from vonglau.services.field_reports import intake, text
from vonglau.services.field_reports.models import Report
from vonglau.services.field_reports.photos import reviews, taken
from vonglau.services.field_reports.public import doors, pages, places
from vonglau.services.field_reports.public.form import PHOTOS, ReportForm, new_key
from vonglau.services.field_reports.voices import joining, who

SOURCE = "web"


@pages.from_our_pages
@require_http_methods(["GET", "HEAD", "POST"])
def form(request: HttpRequest) -> HttpResponse:
    world = pages.world_shown()
    if request.method != "POST":
        asked = {"key": new_key(), "category": request.GET.get("category", ""), **_where(request.GET)}
        if re.fullmatch(r"PA-\d{4}-\d{3,10}", request.GET.get("about", ""), re.ASCII):
            asked["description"] = _("Tiếp theo %(ref)s: ") % {"ref": request.GET["about"]}
        return pages.show(request, "form", world, _context(ReportForm(world, initial=asked)))
    if "find" in request.POST:
        return _places(request, world)
    photos = [photo for photo in request.FILES.getlist("photos") if photo.size]
    filled = ReportForm(world, _placed(request.POST, photos))
    if not _enough(filled, photos):
        return _refused(request, world, filled)
    aware = set(filled.cleaned_data["aware"].split())
    said = doors.doors(filled.cleaned_data["description"])
    ask = [door for door in said if door not in doors.EMERGENCIES and door not in aware]
    if ask:
        return _refused(request, world, filled, ask)
    try:
        report = _kept(request, world, filled, photos)
    except Conflict:
        filled = filled.begun_anew(new_key())
        filled.add_error(
            None,
            _(
                "Biểu mẫu này đã được gửi một lần với nội dung khác, và bản ấy đã được nhận. Nếu đây là việc khác, hãy gửi lại."
            ),
        )
        return _refused(request, world, filled, status=409)
    except BadInput as problem:
        filled.add_error(None, photo_words(str(problem.extra.get("reason", ""))))
        return _refused(request, world, filled)
    danger = [door for door in said if door in doors.EMERGENCIES]
    address = reverse("field_reports:own", args=[report.token])
    if _wants_json(request):
        return JsonResponse({"reference": report.reference, "url": address}, status=201)
    return HttpResponseRedirect(f"{address}?{'new=1' + ''.join(f'&call={door.value}' for door in danger)}", status=303)


def _placed(given: QueryDict, photos: Sequence[Upload]) -> QueryDict:
    """With the place that was chosen among those found by name; or that a photo names, if its sender agreed and named none."""
    if chosen := _where({"ward": given.get("place", "")}) or _point(given.get("place", "")):
        placed = given.copy()
        placed.update(chosen)
        return placed
    found = None if given.get("lat") or given.get("ward") else taken.place_of(photos, agreed="photo_place" in given)
    if found is None:
        return given
    placed = given.copy()
    placed["lon"], placed["lat"] = repr(found.lon), repr(found.lat)
    return placed


def _point(text: str) -> dict[str, str]:
    """{lat, lon} of "lon,lat"; empty for what is none."""
    found = re.fullmatch(r"(-?\d{1,3}(?:\.\d{1,7})?),(-?\d{1,2}(?:\.\d{1,7})?)", text, re.ASCII)
    return {"lon": found[1], "lat": found[2]} if found else {}


def _where(given: Mapping[str, Any]) -> dict[str, str]:
    """Where a report is to be, as a link to the form says it: a point, or a ward."""
    if re.fullmatch(r"\d{5}", given.get("ward", ""), re.ASCII):
        return {"ward": given["ward"]}
    return _point(f"{given.get('lon', '')},{given.get('lat', '')}")


def _places(request: HttpRequest, world: World) -> HttpResponse:
    """Without a script: the form again, with the places of the name that was typed to choose from, and nothing sent."""
    filled = ReportForm(world, initial=request.POST.dict())
    filled.given = request.POST
    found, said = places.look(world, request.POST.get("address", ""))
    context = {**_context(filled), "found": found, "found_said": said, "aware": request.POST.get("aware", "")[:80]}
    return pages.show(request, "form", world, context)


def _wants_json(request: HttpRequest) -> bool:
    return "application/json" in request.headers.get("Accept", "")


def _enough(filled: ReportForm, photos: Sequence[Any]) -> bool:
    """Everything that is wrong is said at once."""
    filled.full_clean()
    if len(photos) > PHOTOS:
        filled.add_error(None, _("Nhiều nhất %(most)d ảnh cho một phản ánh.") % {"most": PHOTOS})
    if (
        not text.visible(filled.cleaned_data.get("description", ""))
        and not photos
        and "description" not in filled.errors
    ):
        filled.add_error("description", _("Hãy viết vài lời, hoặc gửi kèm một ảnh."))
    return filled.is_valid()


def photo_words(reason: str) -> str:
    """What is wrong with a photo, by the reason of its `BadInput`."""
    words = {
        "large": _("Có ảnh lớn hơn 15 MB."),
        "pixels": _("Có ảnh quá nhiều điểm ảnh."),
        "heic": _("Có ảnh HEIC, chưa đọc được: hãy chọn JPEG trong cài đặt máy ảnh, hoặc chụp lại màn hình."),
        "moving": _("Có ảnh động."),
    }.get(reason, _("Có tệp không phải ảnh đọc được (JPEG, PNG, WebP)."))
    return f"{words} {_('Chưa có gì được gửi: hãy chọn ảnh khác rồi gửi lại.')}"


def _kept(request: HttpRequest, world: World, filled: ReportForm, photos: Sequence[Upload]) -> Report:
    given = filled.cleaned_data
    submission = intake.Submission(
        world=world.pk,
        category=given["category"],
        lon=given["lon"],
        lat=given["lat"],
        ward=given["ward"],
        personal=intake.Personal(
            description=given["description"].strip(),
            contact_name=given["contact_name"].strip(),
            email=given["email"],
            phone=given["phone"].strip(),
            address=given["address"].strip(),
            attributes=filled.answers,
        ),
        source=SOURCE,
        sent_by=pages.REPORTER.name,
        external_id=given["key"],
        language=joining.language(),
        site=joining.site_of(request),
        who=who.of(request),
    )

    pictures = reviews.decoded(photos)

    def attach(incident: Incident) -> None:
        for photo in pictures:
            reviews.attach(incident, pages.REPORTER, photo)

    try:
        return intake.receive(submission, pages.REPORTER, attach if pictures else None)
    except IntegrityError:  # the same key at the same moment: the other one was kept, and is found now
        return intake.receive(submission, pages.REPORTER)


def _context(filled: ReportForm, ask: list[doors.Door] | None = None) -> dict[str, Any]:
    return {
        "form": filled,
        "ask": " ".join(ask or []),
        "aware": " ".join(ask or []),
        "patterns_json": json.dumps(doors.patterns()),
        "photos": PHOTOS,
        "hints": reverse("field_reports:hints"),
    }


def _refused(
    request: HttpRequest, world: World, filled: ReportForm, ask: list[doors.Door] | None = None, *, status: int = 422
) -> HttpResponse:
    """The form with what was written in it, and why it was not taken."""
    if _wants_json(request):
        faults = {name: " ".join(map(str, found)) for name, found in filled.errors.items()}
        return JsonResponse({"errors": faults, "doors": [door.value for door in ask or []]}, status=status)
    return pages.show(request, "form", world, _context(filled, ask), status=status)


@pages.from_our_pages
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Keep a choice of language in a cookie that holds nothing else, and go back to the page."""
    target = request.POST.get("next", "")
    own = target if target.startswith("/field_reports/") and "\\" not in target else reverse("field_reports:new")
    answer = HttpResponseRedirect(own, status=303)
    code = request.POST.get("language", "")
    if code in languages.KNOWN:
        answer.set_cookie(
            languages.COOKIE, code, max_age=365 * 86_400, samesite="Lax", httponly=True, secure=request.is_secure()
        )
    return answer
