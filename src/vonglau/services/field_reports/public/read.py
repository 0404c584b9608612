"""Reading: one's own report by its secret link, any report by its number as far as it is public."""

import re
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from vonglau.core.errors import NotFound
from vonglau.core.incidents import desk, files
from vonglau.core.incidents.models import Evidence
from vonglau.core.incidents.states import OPEN
from vonglau.core.people.models import User
from vonglau.core.worlds import world as world_of
from vonglau.services.field_reports import rules
from vonglau.services.field_reports.models import Content, Report
from vonglau.services.field_reports.photos import reviews
from vonglau.services.field_reports.public import doors, nearby, pages, story
from vonglau.services.field_reports.public.facts import facts
from vonglau.services.field_reports.published.one import public_report
from vonglau.services.field_reports.voices import joining, section, verdicts

REFERENCE = re.compile(r"\s*(?:PA|SV)?-?(\d{4})-?(\d{3,10})\s*\Z", re.IGNORECASE)


def by_token(token: str) -> Report | None:
    """The report whose secret link this is."""
    rows = Report.objects.select_related("incident__agency", "incident__keeper__agency")
    return rows.filter(token=token).first() if token and "\x00" not in token else None


def _missing(request: HttpRequest, words: str) -> HttpResponse:
    return pages.show(request, "said", pages.world_shown(), {"title": _("Không tìm thấy"), "words": words}, status=404)


@require_safe
def own(request: HttpRequest, token: str) -> HttpResponse:
    """The reporter's page. Kept by no cache, found by no search engine, told to no other site."""
    report = by_token(token)
    if report is None:
        return _missing(request, _("Không có phản ánh nào ở đường dẫn này: hãy mở lại đúng đường dẫn đã nhận."))
    return own_page(request, report)


def own_page(
    request: HttpRequest, report: Report, more: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """`more`: what went wrong with something sent from it."""
    world = world_of(report.world)
    content = Content.objects.filter(report=report).first()
    calls = [door for door in doors.EMERGENCIES if door.value in request.GET.getlist("call")]
    context = {
        "report": report,
        "facts": facts(report),
        "content": content,
        "story": story.tell(report, world.now(), own=True),
        "photos": _photos(report),
        "new": "new" in request.GET,
        "near": nearby.to_report(report) if "new" in request.GET else [],
        "calls": calls,
        "link": request.build_absolute_uri(reverse("field_reports:own", args=[report.token])),
        "people": joining.people(desk.fate(report.incident)),
        "said": request.GET.get("said", ""),
        **section.own(report),
        **(more or {}),
    }
    answer = pages.show(request, "own", world, context, status=status)
    answer["Referrer-Policy"] = "no-referrer"
    answer["X-Robots-Tag"] = "noindex"
    return answer


def _photos(report: Report) -> list[Evidence]:
    """The reporter's own, and those by which staff prove a result; never another citizen's."""
    whole = desk.fate(report.incident)
    rows = list(Evidence.objects.filter(review__report=report).order_by("pk"))
    if whole.resolved_at is not None:
        rows += whole.evidence.filter(by__in=User.objects.values("username"))
    return rows


@require_safe
def own_photo(request: HttpRequest, token: str, number: int) -> HttpResponseBase:
    report = by_token(token)
    found = next((one for one in _photos(report) if one.pk == number), None) if report else None
    if found is None:
        raise Http404
    try:
        answer = FileResponse(files.open_file(found, thumb="small" in request.GET), content_type=found.media_type)
    except NotFound as missing:
        raise Http404(missing.message) from missing
    answer["Cache-Control"] = "private, no-store"
    answer["Referrer-Policy"] = "no-referrer"
    return answer


@require_safe
def one(request: HttpRequest, reference: str) -> HttpResponse:
    """What anybody may know of a report: its words and photos only after a person has looked at them. What nobody may see is answered
    like what never was: a number says nothing about whether there is a report."""
    world = pages.world_shown()
    report = public_report(world.pk, reference)
    if report is None:
        words = _(
            "Không có phản ánh công khai nào mang mã này. Người gửi xem phản ánh của mình ở đường dẫn riêng đã nhận."
        )
        return _missing(request, words)
    incident = report.incident
    fate = rules.Fate(incident.state, incident.verified_at, incident.resolved_at, incident.closed_at)
    content = Content.objects.filter(report=report).first() if rules.text_is_public(fate) else None
    context = {
        "report": report,
        "facts": facts(report),
        "words": content.public_words if content else "",
        "photos": list(reviews.public(report)),
        "story": story.tell(report, world.now(), own=False),
        "people": joining.people(desk.fate(incident)),
        "open": desk.fate(incident).state in OPEN,
        "judged": verdicts.summary(desk.fate(incident)),
        "own_voice": section.mine(request, report),
    }
    answer = pages.show(request, "one", world, context)
    answer["Link"] = (
        f'<{reverse("field_reports:report_feed", args=[reference])}>; rel="alternate"; type="application/atom+xml"'
    )
    return answer


@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """From a number that somebody types to its public page."""
    found = REFERENCE.match(request.GET.get("q", "")[:40])
    if found is None:
        words = _("Mã theo dõi có dạng PA-2611-0042.")
        return pages.show(
            request, "said", pages.world_shown(), {"title": _("Chưa đúng mã"), "words": words}, status=404
        )
    return HttpResponseRedirect(reverse("field_reports:one", args=[f"PA-{found[1]}-{found[2]}"]))
