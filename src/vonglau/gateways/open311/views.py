"""Service requests of GeoReport v2: search, one by its number, and the door for new ones.

Reading is public and shows the live world; a key shows its own. Sending needs a key: a token with the scope `reports:write`.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from vonglau.core.incidents.states import OPEN, State
from vonglau.core.worlds import World
from vonglau.gateways.open311 import arguments, keys, sending, shown, steps
from vonglau.gateways.open311.arguments import Arguments
from vonglau.gateways.open311.formats import Answer, Refused, georeport, respond
from vonglau.gateways.open311.offers import known_service
from vonglau.services.field_reports.models import SEALED, Report

FEW = 5_000
"""Reports in a box that are named one by one."""


@georeport("GET", "HEAD", "POST")
def requests(request: HttpRequest, format: str) -> HttpResponse:
    return sending.submit(request, format) if request.method == "POST" else _search(request, format)


def _reports(world_id: str) -> "QuerySet[Report]":
    related = ("incident__agency", "incident__keeper__agency", "content")
    rows = (
        Report.objects.filter(world=world_id, hidden_at=None)
        .select_related(*related)
        .defer(*(f"content__{one}" for one in SEALED))
    )
    return rows.order_by("-received_at", "-id")


def _search(request: HttpRequest, format: str) -> HttpResponse:
    given = arguments.query(request)
    in_world = keys.reading(request, given)
    rows = _reports(in_world.pk)
    if ids := arguments.words(given, "service_request_id"):  # overrides all other arguments
        return _list(format, given, rows.filter(reference__in=ids)[: arguments.MOST])
    rows = rows.filter(_as_asked(given) & _in_box(given, in_world.pk))
    since = arguments.moment(given, "updated_after")
    if since is not None:
        return _list(format, given, _changed_since(in_world, since, rows, arguments.page(given)))
    start, end = arguments.window(given, in_world.now())
    rows = rows.filter(received_at__gte=start, received_at__lte=end)
    return _list(format, given, rows[arguments.page(given)])


def _as_asked(given: Arguments) -> Q:
    """Service, state, and with `updated_after` the period where one is named."""
    asked = Q()
    if codes := arguments.words(given, "service_code"):
        asked &= Q(category__in=[known_service(code).code for code in codes])
    wanted = sorted(set(arguments.choice(given, "status", ("open", "closed"))))
    running = Q(incident__state__in=OPEN) | Q(incident__state=State.MERGED, incident__keeper__state__in=OPEN)
    if len(wanted) == 1:  # a merged report stands where the incident it was merged into stands
        asked &= running if wanted == ["open"] else ~running
    if since := arguments.moment(given, "start_date"):
        asked &= Q(received_at__gte=since)
    if until := arguments.moment(given, "end_date"):
        asked &= Q(received_at__lte=until)
    return asked


def _in_box(given: Arguments, world_id: str) -> Q:
    """A box by the index of points where it holds few reports; where it holds many, the newest soon turn up in it by themselves.

    Left to itself, a database without statistics looks through every recent report for a box in which there is none.
    """
    box = arguments.box(given)
    if box is None:
        return Q()
    west, south, east, north = box
    inside = Q(lat__gte=south, lat__lte=north)
    inside &= Q(lon__gte=west, lon__lte=east) if west <= east else Q(lon__gte=west) | Q(lon__lte=east)
    found = Report.objects.filter(inside, world=world_id).order_by().values_list("pk", flat=True)[: FEW + 1]
    return Q(pk__in=list(found)) if len(found) <= FEW else inside


def _changed_since(in_world: World, since: datetime, rows: "QuerySet[Report]", page: slice) -> list[Report]:
    """Reports that took a step since, the longest ago first: who goes on from the last one's `updated_datetime` misses none."""
    seen: dict[int, Report] = {}
    for taken in steps.together(steps.between(in_world, since, in_world.now())):
        refs = {one.ref for one in taken}
        under = Q(incident__ref__in=refs) | Q(incident__state=State.MERGED, incident__keeper__ref__in=refs)
        for report in rows.filter(under):
            if shown.updated_at(report) > since:
                seen.setdefault(report.pk, report)
        if len(seen) >= page.stop:
            break
    return sorted(seen.values(), key=lambda one: (shown.updated_at(one), one.pk))[page]


@georeport("GET", "HEAD")
def one_request(request: HttpRequest, id: str, format: str) -> HttpResponse:
    given = arguments.query(request)
    rows = _reports(keys.reading(request, given).pk).filter(reference=id)[:1]
    if not rows:
        raise Refused(404, f"There is no service_request_id {id[:80]}.")
    return _list(format, given, rows)


def _list(format: str, given: Arguments, rows: Iterable[Report]) -> HttpResponse:
    reports = list(rows)
    told = [shown.request(report) for report in reports]
    if arguments.yes(given, "extensions"):
        notes = steps.notes(reports)
        for report, one in zip(reports, told, strict=True):
            one |= {**shown.extended(report), "notes": notes[report.pk]}
    return respond(format, Answer("service_requests", "request", told))
