"""The desk where citizens' photos are covered before anybody sees them, and the pictures that anybody may see."""

from collections.abc import Callable
from typing import IO, Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from vonglau.core.errors import BadInput, Locked, NotFound
from vonglau.core.incidents import files
from vonglau.core.notify.rules import link
from vonglau.core.people.policy import Actor
from vonglau.kit import guards
from vonglau.services.field_reports import looking
from vonglau.services.field_reports.models import PhotoReview, Report
from vonglau.services.field_reports.photos import detecting, originals, reviews
from vonglau.services.field_reports.photos.boxes import MOST, Box
from vonglau.services.field_reports.public.pages import asked_again

PER_PAGE = 48
SPARE = 3
"""Empty rows of numbers that the form has without a script."""

reviewers = guards.role_required(*reviews.ROLES)


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def _world(request: HttpRequest) -> str:
    return str(request.world.pk)  # type: ignore[attr-defined]


@reviewers
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Photos that wait, oldest first; `?state=decided` the others."""
    reviews.enrol(_world(request))
    decided = request.GET.get("state") == "decided"
    rows = reviews.queue(_world(request), waiting=not decided)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "decided": decided, "detector": detecting.installed(), "words": _states()}
    return _unkept(render(request, "field_reports/photos/queue.html", context))


def _states() -> dict[str, str]:
    return {
        reviews.WAITING: _("Chờ duyệt"),
        reviews.MASKED: _("Đã che, công khai"),
        reviews.PASSED: _("Công khai nguyên ảnh"),
        reviews.WITHHELD: _("Không công khai"),
    }


def _found(request: HttpRequest, number: int) -> PhotoReview:
    rows = PhotoReview.objects.select_related("evidence__incident", "report__incident")
    review = rows.filter(pk=number, report__world=_world(request)).first()
    if review is None:
        raise Http404("There is no such photo in this world.")
    return review


@reviewers
def review(request: HttpRequest, number: int) -> HttpResponse:
    """One photo with its masks; sending the form decides and leads to the next that waits."""
    found = _found(request, number)
    if request.method == "POST":
        return _decide(request, found)
    looking.account(found.report, _actor(request), looking.Seen.PHOTO, found.evidence.sha256)
    return _page(request, found, reviews.boxes(found))


def _page(
    request: HttpRequest, found: PhotoReview, boxes: list[Box], fault: str = "", typed: Any = None
) -> HttpResponse:
    evidence = found.evidence
    rows: list[Any] = typed or [(box.x, box.y, box.w, box.h) for box in boxes]
    context = {
        "review": found,
        "incident_href": link(found.report.incident),
        "rows": [*rows, *[("", "", "", "")] * SPARE],
        "state_name": _states()[found.state],
        "fault": fault,
        "proposed": found.state == reviews.WAITING and bool(boxes),
        "detector": detecting.installed(),
        "original": getattr(evidence, "original", None),
        "left": reviews.queue(found.report.world, waiting=True).exclude(pk=found.pk).count(),
        "most": MOST,
    }
    return _unkept(render(request, "field_reports/photos/review.html", context, status=422 if fault else 200))


def _decide(request: HttpRequest, found: PhotoReview) -> HttpResponse:
    typed = list(zip(*(request.POST.getlist(side)[: 2 * MOST] for side in "xywh"), strict=False))
    typed = [row for row in typed if any(cell.strip() for cell in row)]
    try:
        boxes = [Box(*(_pixels(cell) for cell in row)) for row in typed]
        decided = reviews.decide(found, _actor(request), request.POST.get("state", ""), boxes)
    except BadInput as problem:
        return _page(request, found, [], _fault(problem), typed)
    messages.success(request, f"{decided.report.reference}: {_states()[decided.state]}")
    after = reviews.queue(found.report.world, waiting=True).exclude(pk=found.pk).first()
    return redirect("field_reports:photo", after.pk) if after else redirect("field_reports:photos")


def _pixels(text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.removeprefix("-").isdigit() and len(digits) <= 6):
        raise BadInput("A box has four whole numbers of pixels.", pointer="/boxes", reason="number")
    return int(digits)


def _fault(problem: BadInput) -> str:
    return {
        "empty": _("Chưa có ô che nào nằm trong ảnh. Hãy vẽ ít nhất một ô, hoặc chọn công khai nguyên ảnh."),
        "many": _("Nhiều nhất %(most)d ô che cho một ảnh.") % {"most": MOST},
        "number": _("Mỗi ô che cần đủ bốn số nguyên (điểm ảnh): trái, trên, rộng, cao."),
    }.get(str(problem.extra.get("reason", "")), _("Hãy chọn: che, công khai nguyên ảnh hoặc không công khai."))


@reviewers
@require_safe
def picture(request: HttpRequest, number: int) -> HttpResponse:
    """Our own picture without masks, to who covers it; `?small` its small copy."""
    found = _found(request, number)
    looking.account(found.report, _actor(request), looking.Seen.PHOTO, found.evidence.sha256)
    return _image(lambda: files.open_file(found.evidence, thumb="small" in request.GET), "private, no-store")


@reviewers
@require_POST
def original(request: HttpRequest, number: int) -> HttpResponse:
    """The file as it was sent, to be saved: it may be anything, so no browser is to show it. The look is written down."""
    found = _found(request, number)
    try:
        data = originals.look(found.evidence, _actor(request))
    except (NotFound, Locked):
        messages.error(request, _("Ảnh gốc không còn được giữ, hoặc không mở được."))
        return redirect("field_reports:photo", found.pk)
    response = HttpResponse(data, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{found.report.reference}-{found.pk}-original"'
    return _unkept(response)


@require_safe
def shown(request: HttpRequest, reference: str, number: int, thumb: bool = False) -> HttpResponse:
    """A picture that anybody may see. 404 for every other, whatever the reason; a copy is asked for again each time."""
    rows = Report.objects.select_related("incident").filter(public__isnull=False)
    report = rows.filter(world=guards.default_world().pk, reference=reference).first()
    found = next((one for one in reviews.public(report) if one.pk == number), None) if report else None
    if found is None:
        raise Http404("There is no such public photo.")
    return asked_again(request, _image(lambda: reviews.open_public(found, thumb=thumb), ""))


def address(review: PhotoReview, *, thumb: bool = False) -> str:
    """Path of a public photo."""
    name = "field_reports:photo_public_small" if thumb else "field_reports:photo_public"
    return reverse(name, args=[review.report.reference, review.pk])


def _image(opened: Callable[[], IO[bytes]], kept: str) -> HttpResponse:
    try:
        with opened() as file:
            data = file.read()
    except NotFound as gone:
        raise Http404("This photo is no longer kept.") from gone
    response = HttpResponse(data, content_type=files.MEDIA_TYPE)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = kept
    return response


def _unkept(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
