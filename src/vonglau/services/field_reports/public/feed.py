"""An Atom feed (RFC 4287) of what a reader asked for: a street's reports in a feed reader, without an account."""

from datetime import datetime
from xml.etree import ElementTree as ET

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_safe

from vonglau.services.field_reports.public import pages
from vonglau.services.field_reports.public.browse import Line, lines
from vonglau.services.field_reports.published import asking, filters
from vonglau.services.field_reports.published.plainly import for_xml

ENTRIES = 50
ATOM, GEORSS = "http://www.w3.org/2005/Atom", "http://www.georss.org/georss"


@require_safe
def feed(request: HttpRequest) -> HttpResponse:
    """The newest reports of a filter; `?in=en` for English, since a feed reader has no cookie."""
    with override("en" if request.GET.get("in") == "en" else "vi"):
        return _feed(request)


def _feed(request: HttpRequest) -> HttpResponse:
    world, asked = pages.world_shown(), filters.read(request.GET)
    found = list(asking.newest(filters.rows(world, asked)).select_related("agency")[:ENTRIES])
    page = request.build_absolute_uri(f"{reverse('field_reports:browse')}?{asked.query()}")
    root = ET.Element("feed", {"xmlns": ATOM, "xmlns:georss": GEORSS, "xml:lang": "en" if pages.english() else "vi"})
    _add(root, "id", page)
    _add(root, "title", _("Phản ánh hiện trường"))
    _add(root, "updated", _moment(max((row.updated_at for row in found), default=world.now())))
    ET.SubElement(root, "link", {"rel": "self", "href": request.build_absolute_uri(), "type": "application/atom+xml"})
    ET.SubElement(root, "link", {"rel": "alternate", "href": page, "type": "text/html"})
    author = ET.SubElement(root, "author")
    _add(author, "name", "Vọng Lâu")
    for line in lines(found):
        _entry(root, request, line)
    text: bytes = ET.tostring(root, encoding="utf-8")
    answer = HttpResponse(
        b'<?xml version="1.0" encoding="utf-8"?>\n' + text, content_type="application/atom+xml; charset=utf-8"
    )
    return pages.asked_again(request, answer)


def _entry(root: ET.Element, request: HttpRequest, line: Line) -> None:
    row, entry = line.row, ET.SubElement(root, "entry")
    address = request.build_absolute_uri(reverse("field_reports:one", args=[row.reference]))
    _add(entry, "id", address)
    _add(entry, "title", " · ".join(filter(None, (line.title, line.ward, line.stands))))
    _add(entry, "updated", _moment(row.updated_at))
    _add(entry, "published", _moment(row.received_at))
    ET.SubElement(entry, "link", {"rel": "alternate", "href": address, "type": "text/html"})
    ET.SubElement(entry, "category", {"term": row.category, "label": line.title})
    _add(entry, "summary", row.words or line.stands)
    if row.lon is not None and row.lat is not None:
        _add(entry, "georss:point", f"{row.lat!r} {row.lon!r}")


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = for_xml(text)


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
