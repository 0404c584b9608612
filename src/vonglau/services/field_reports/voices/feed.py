"""A report's steps as an Atom feed (RFC 4287): to follow without giving any address. What anybody may read, nothing else."""

from xml.etree import ElementTree

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_safe

from vonglau.services.field_reports.models import Report
from vonglau.services.field_reports.public import pages, story
from vonglau.services.field_reports.public.facts import facts
from vonglau.services.field_reports.published.one import public_report

ATOM = "http://www.w3.org/2005/Atom"


@require_safe
def atom(request: HttpRequest, reference: str) -> HttpResponse:
    """`?in=en` speaks English: a reader of feeds says nothing of its language."""
    world = pages.world_shown()
    report = public_report(world.pk, reference)
    if report is None:
        raise Http404
    with override("en" if request.GET.get("in") == "en" else "vi"):
        body = _feed(request, report, story.tell(report, world.now(), own=False))
    answer = HttpResponse(body, content_type="application/atom+xml; charset=utf-8")
    return pages.asked_again(request, answer)


def _feed(request: HttpRequest, report: Report, told: story.Story) -> bytes:
    ElementTree.register_namespace("", ATOM)
    page = request.build_absolute_uri(reverse("field_reports:one", args=[report.reference]))
    root = ElementTree.Element(f"{{{ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": pages.spoken()})
    known = facts(report)
    _add(root, "id", page)
    _add(root, "title", " · ".join(filter(None, (report.reference, known["category"], known["ward"]))))
    _add(root, "subtitle", " ".join(filter(None, (told.headline + ".", told.next))))
    _add(root, "updated", (told.events[0].at if told.events else report.received_at).isoformat())
    author = ElementTree.SubElement(root, f"{{{ATOM}}}author")
    _add(author, "name", _("Phản ánh hiện trường"))
    ElementTree.SubElement(root, f"{{{ATOM}}}link", {"rel": "alternate", "href": page})
    ElementTree.SubElement(root, f"{{{ATOM}}}link", {"rel": "self", "href": request.build_absolute_uri()})
    for event in told.events:
        entry = ElementTree.SubElement(root, f"{{{ATOM}}}entry")
        _add(entry, "id", f"{page}#{event.step}-{event.at.isoformat()}")
        _add(entry, "title", event.title)
        _add(entry, "updated", event.at.isoformat())
        _add(entry, "summary", " · ".join(filter(None, (event.title, event.more))))
        ElementTree.SubElement(entry, f"{{{ATOM}}}link", {"rel": "alternate", "href": page})
    body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return body


def _add(to: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(to, f"{{{ATOM}}}{name}").text = text
