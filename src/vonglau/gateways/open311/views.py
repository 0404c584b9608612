"""Service requests of GeoReport v2: search, one by its number, and the door for new ones.

Reading is public and shows the live world; a key shows its own. Sending needs a key: a token with the scope `reports:write`.
"""

from collections.abc import Sequence

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from vonglau.gateways.open311 import arguments, keys, sending, shown, steps
from vonglau.gateways.open311.arguments import Arguments
from vonglau.gateways.open311.formats import Answer, Refused, georeport, respond
from vonglau.gateways.open311.offers import known_service
from vonglau.services.field_reports.models import SEALED, PublicReport, Report
from vonglau.services.field_reports.published import asking


@georeport("GET", "HEAD", "POST")
def requests(request: HttpRequest, format: str) -> HttpResponse:
    return sending.submit(request, format) if request.method == "POST" else _search(request, format)


def _search(request: HttpRequest, format: str) -> HttpResponse:
    given = arguments.query(request)
    in_world = keys.reading(request, given)
    if ids := arguments.words(given, "service_request_id"):  # overrides all other arguments
        named, _few = asking.reports(in_world.pk)
        return _list(format, given, asking.newest(named.filter(reference__in=ids))[: arguments.MOST])
    wanted = _as_asked(given)
    found, _few = asking.reports(in_world.pk, arguments.box(given) or None)
    rows = found.filter(wanted)
    since = arguments.moment(given, "updated_after")
    if since is not None:  # the longest ago first: who goes on from the last one's `updated_datetime` misses none
        changed = rows.filter(updated_at__gt=since).order_by("updated_at", "pk")
        return _list(format, given, changed[arguments.page(given)])
    start, end = arguments.window(given, in_world.now())
    rows = rows.filter(received_at__gte=start, received_at__lte=end)
    return _list(format, given, asking.newest(rows)[arguments.page(given)])


def _as_asked(given: Arguments) -> Q:
    """Service, state, and with `updated_after` the period where one is named."""
    asked = Q()
    if codes := arguments.words(given, "service_code"):
        asked &= Q(category__in=[known_service(code).code for code in codes])
    wanted = sorted(set(arguments.choice(given, "status", ("open", "closed"))))
    if len(wanted) == 1:  # a merged report stands where the incident it was merged into stands
        asked &= Q(running=wanted == ["open"])
    if since := arguments.moment(given, "start_date"):
        asked &= Q(received_at__gte=since)
    if until := arguments.moment(given, "end_date"):
        asked &= Q(received_at__lte=until)
    return asked


@georeport("GET", "HEAD")
def one_request(request: HttpRequest, id: str, format: str) -> HttpResponse:
    given = arguments.query(request)
    found, _few = asking.reports(keys.reading(request, given).pk)
    rows = found.filter(reference=id)[:1]
    if not rows:
        raise Refused(404, f"There is no service_request_id {id[:80]}.")
    return _list(format, given, rows)


def _list(format: str, given: Arguments, rows: "QuerySet[PublicReport]") -> HttpResponse:
    """What is public; with `extensions` also the answers and steps, of the reports behind it."""
    public = list(rows.select_related("agency"))
    told = [shown.request(one) for one in public]
    if arguments.yes(given, "extensions"):
        reports = _behind(public)
        notes = steps.notes(list(reports.values()))
        for row, one in zip(public, told, strict=True):
            one |= {**shown.extended(row, reports[row.pk]), "notes": notes[row.pk]}
    return respond(format, Answer("service_requests", "request", told))


def _behind(public: Sequence[PublicReport]) -> dict[int, Report]:
    related = ("incident__keeper", "content")
    rows = Report.objects.select_related(*related).defer(*(f"content__{one}" for one in SEALED))
    return rows.in_bulk([one.pk for one in public])
