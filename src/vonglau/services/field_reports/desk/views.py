"""Asking for what stands behind a report: the look is written down, then the panel shows it in its place."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from vonglau.core.errors import BadInput, NotAllowed, NotFound
from vonglau.core.incidents import files
from vonglau.core.notify.rules import link
from vonglau.core.people import policy
from vonglau.core.people.policy import Actor
from vonglau.kit import guards
from vonglau.services.field_reports import covering, hiding, looking, masking, rules
from vonglau.services.field_reports.desk import later, panel
from vonglau.services.field_reports.looking import Seen
from vonglau.services.field_reports.models import PhotoReview, Report
from vonglau.services.field_reports.photos import reviews

WHY = 2000
"""Characters of a reason."""
WORDS, PHOTOS, CONTACTS, LATER = "words", "photos", "contacts", "later"


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def _world(request: HttpRequest) -> str:
    return str(request.world.pk)  # type: ignore[attr-defined]


def find(request: HttpRequest, reference: str) -> Report:
    """404 for one that is not there, or not for whoever asks: they learn no difference."""
    rows = Report.objects.select_related("incident__agency")
    found = rows.filter(world=_world(request), reference=reference).first()
    if found is None or not policy.may_see(_actor(request), found.incident):
        raise Http404("There is no such report in this world.")
    return found


@guards.signed_in
@require_POST
def look(request: HttpRequest, reference: str, what: str) -> HttpResponse:
    """Open the words, the photos or the contacts of one report for this person, or what was written after the reports of its incident."""
    report, actor = find(request, reference), _actor(request)
    try:
        if what == WORDS:
            looking.words(report, actor)
        elif what == PHOTOS:
            for review in PhotoReview.objects.filter(report=report, evidence__erased_at=None).select_related(
                "evidence"
            ):
                looking.account(report, actor, Seen.PHOTO, review.evidence.sha256)
        elif what == CONTACTS:
            looking.contacts(report, actor)
        elif what == LATER:
            later.look(report.incident, actor)
        else:
            raise Http404("There is nothing of that name to look at.")
    except NotAllowed as refused:
        raise PermissionDenied(_("Chỉ người đang làm việc với phản ánh mới được xem.")) from refused
    except NotFound:
        pass  # erased meanwhile: the panel says so
    if request.headers.get("HX-Request") == "true":
        return unkept(HttpResponse(_panel(request, report, what)))
    if what == CONTACTS:  # nowhere else to be seen: they are covered again on the incident's page
        context = {"report": report, "back": link(report.incident), "panel": _panel(request, report, what)}
        return unkept(render(request, "field_reports/desk/page.html", context))
    return unkept(redirect(link(report.incident)))


def _panel(request: HttpRequest, report: Report, what: str) -> str:
    return panel.panel(request, report.incident, contacts_of=report.reference if what == CONTACTS else "")


@guards.role_required(*hiding.ROLES)
@require_http_methods(["GET", "POST"])
def words(request: HttpRequest, reference: str) -> HttpResponse:
    """The words as written, each to be covered or shown by a press; sending says what the public reads, `preview` only what it would."""
    report, actor = find(request, reference), _actor(request)
    try:
        text = looking.words(report, actor)
        kept = looking.content(report)
    except NotFound:
        messages.error(request, _("Lời của phản ánh này đã được xoá."))
        return unkept(redirect(link(report.incident)))
    wanted = looking.by_hand(kept)
    if request.method == "POST":
        wanted = covering.decided(text, request.POST.getlist("cover"))
        if "preview" not in request.POST and "preview" not in request.GET:
            looking.mask(report, actor, wanted)
            messages.success(request, _("%(ref)s: đã lưu phần che") % {"ref": report.reference})
            return unkept(redirect(link(report.incident)))
    context = {
        "report": report,
        "back": link(report.incident),
        "units": covering.units(text, wanted),
        "after": _after(text, wanted),
        "preview": masking.public(text, wanted),
        "is_public": report.hidden_at is None and rules.text_is_public(_fate(report)),
    }
    fragment = request.headers.get("HX-Request") == "true"
    return unkept(render(request, f"field_reports/desk/{'_preview' if fragment else 'words'}.html", context))


def _after(text: str, wanted: masking.ByHand) -> str:
    """What stands behind the last unit."""
    made = covering.units(text, wanted)
    return text[made[-1].end :] if made else text


def _fate(report: Report) -> rules.Fate:
    own = report.incident
    return rules.Fate(own.state, own.verified_at, own.resolved_at, own.closed_at)


@guards.role_required(*hiding.ROLES)
@require_POST
def hide(request: HttpRequest, reference: str) -> HttpResponse:
    """Take the whole report from the public, or bring it back; a reason is asked for both."""
    report = find(request, reference)
    hidden = request.POST.get("hidden") == "1"
    why = request.POST.get("why", "").replace("\x00", "").strip()[:WHY]
    fault = ""
    try:
        hiding.decide(report, _actor(request), hidden=hidden, why=why)
    except BadInput:
        fault = reference
    if request.headers.get("HX-Request") == "true":
        html = panel.panel(request, report.incident, unsaid=fault)
        return unkept(HttpResponse(html))
    if fault:
        messages.error(request, _("Chưa ghi: hãy viết vì sao."))
    return unkept(redirect(link(report.incident)))


@guards.signed_in
@require_safe
def photo(request: HttpRequest, number: int) -> HttpResponse:
    """A citizen's photo to who works on its report: as it is once they have asked for it, else as the public sees it."""
    rows = PhotoReview.objects.select_related("evidence", "report__incident__agency")
    review = rows.filter(pk=number, report__world=_world(request), evidence__erased_at=None).first()
    if review is None or not policy.may_see(_actor(request), review.report.incident):
        raise Http404("There is no such photo in this world.")
    open_now = panel.sends(review, _actor(request))
    if open_now is None:
        raise PermissionDenied(_("Ảnh được che đến khi bạn bấm xem trên trang của sự việc."))
    small = "small" in request.GET
    try:
        opened = files.open_file(review.evidence, thumb=small) if open_now else reviews.open_public(review, thumb=small)
        with opened as file:
            response = HttpResponse(file.read(), content_type=files.MEDIA_TYPE)
    except NotFound as gone:
        raise Http404("This photo is no longer kept.") from gone
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return unkept(response)


def unkept(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
