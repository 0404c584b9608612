"""GeoReport v2: discovery, services, and service requests, in XML and JSON.

Reading is public and shows the live world; a key shows its own world. Sending needs a key: a token with the scope `reports:write`. What
is shown never holds contacts, addresses or links of citizens; their words only after the desk has verified the report.
"""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from vonglau.core.errors import Conflict
from vonglau.core.events import LIVE
from vonglau.core.facts import Category, categories, category_groups
from vonglau.core.incidents import files
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import OPEN, OUTCOME_NAMES, STATE_NAMES, State
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import world
from vonglau.gateways.open311 import arguments
from vonglau.gateways.open311.arguments import Arguments
from vonglau.gateways.open311.formats import Answer, Refused, georeport, respond
from vonglau.kit import tokens
from vonglau.services.field_reports import intake, rules
from vonglau.services.field_reports.models import Report

CHANGED = datetime(2026, 11, 22, tzinfo=UTC)
"""When this interface last changed in a way that its callers notice."""

SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"

REPORTER = "reporter"


def _language() -> str:
    return get_language() or "vi"


def _key(request: HttpRequest, given: Arguments) -> Actor | None:
    """Who the key stands for; None without one. A wrong one is refused, also where none is needed."""
    text = tokens.bearer(request.headers.get("Authorization")) or given.get("api_key")
    if text is None:
        return None
    actor = tokens.actor_of(text, request.META.get("REMOTE_ADDR"))
    if actor is None:
        raise Refused(403, "The api_key is not known here, or was revoked.")
    return actor


def _world_of(request: HttpRequest, given: Arguments) -> str:
    actor = _key(request, given)
    return LIVE if actor is None or actor.world is None else actor.world


@georeport("GET", "HEAD")
def discovery(request: HttpRequest, format: str) -> HttpResponse:
    base = request.build_absolute_uri("/open311/v2")
    told = {
        "changeset": CHANGED,
        "contact": settings.DEFAULT_FROM_EMAIL,
        "key_service": _("Khóa là một mã truy cập có quyền reports:write; xin ở quản trị viên của trung tâm."),
        "endpoints": [
            {
                "specification": SPECIFICATION,
                "url": base,
                "changeset": CHANGED,
                "type": "test" if settings.VONGLAU_DEMO else "production",
                "formats": ["text/xml", "application/json"],
            }
        ],
    }
    return respond(format, Answer("discovery", "", [told], alone=True))


def _service(category: Category) -> dict[str, Any]:
    language = _language()
    return {
        "service_code": category.code,
        "service_name": category.name[language],
        "description": category.description[language],
        "metadata": False,
        "type": "realtime",
        "keywords": ",".join(category.keywords),
        "group": category_groups()[category.group].name[language],
    }


@georeport("GET", "HEAD")
def services(request: HttpRequest, format: str) -> HttpResponse:
    return respond(format, Answer("services", "service", [_service(one) for one in categories().values()]))


@georeport("GET", "HEAD")
def definition(request: HttpRequest, code: str, format: str) -> HttpResponse:
    if code not in categories():
        raise Refused(404, f"There is no service_code {code}.")
    told: dict[str, Any] = {"service_code": code, "attributes": []}
    return respond(format, Answer("service_definition", "", [told], alone=True))


@georeport("GET", "HEAD", "POST")
def requests(request: HttpRequest, format: str) -> HttpResponse:
    return _submit(request, format) if request.method == "POST" else _search(request, format)


# ---------------------------------------------------------------------------------------------- sending


def _submit(request: HttpRequest, format: str) -> HttpResponse:
    given, photos = arguments.form(request)
    actor = _key(request, given)
    if actor is None:
        raise Refused(403, "An api_key is needed to send a request; /open311/v2/discovery says where to get one.")
    if "reports:write" not in actor.scopes or actor.world is None:
        raise Refused(403, "This api_key may not send requests: it lacks the scope reports:write.")
    code = given.get("service_code", "")
    if not code:
        raise Refused(400, "service_code is missing.")
    if code not in categories():
        raise Refused(404, f"There is no service_code {code[:60]}.")
    lon, lat = arguments.place(given)
    personal = arguments.personal(given)
    identity = request.headers.get("Idempotency-Key", "").strip()
    if len(identity) > 80:
        raise Refused(400, "Idempotency-Key is longer than 80 characters.")
    submission = intake.Submission(
        world=actor.world,
        category=code,
        lon=lon,
        lat=lat,
        personal=personal,
        source="open311",
        sent_by=actor.name,
        external_id=identity,
    )
    report = _keep(submission, actor, photos)
    told = {
        "service_request_id": report.reference,
        "service_notice": _("Trung tâm sẽ xác minh và cho biết cơ quan xử lý; mã này để theo dõi."),
        "account_id": None,
    }
    return respond(format, Answer("service_requests", "request", [told]))


def _keep(submission: intake.Submission, actor: Actor, photos: list[files.Upload]) -> Report:
    reporter = Actor(actor.name, REPORTER, world=actor.world)

    def attach(incident: Incident) -> None:
        for photo in photos:
            files.attach(incident, reporter, photo)

    try:
        return intake.receive(submission, reporter, attach if photos else None)
    except Conflict as problem:
        raise Refused(409, problem.message) from problem


# ---------------------------------------------------------------------------------------------- reading


def _reports(world_id: str) -> "QuerySet[Report]":
    related = ("incident__agency", "incident__keeper__agency", "content")
    return Report.objects.filter(world=world_id).select_related(*related).order_by("-received_at", "-id")


def _with_status(wanted: list[str]) -> Q:
    """A merged report stands where the incident it was merged into stands."""
    running = Q(incident__state__in=OPEN) | Q(incident__state=State.MERGED, incident__keeper__state__in=OPEN)
    return running if wanted == ["open"] else ~running if wanted == ["closed"] else Q()


def _search(request: HttpRequest, format: str) -> HttpResponse:
    given = arguments.query(request)
    world_id = _world_of(request, given)
    rows = _reports(world_id)
    if ids := arguments.words(given, "service_request_id"):
        return _list(format, rows.filter(reference__in=ids)[: arguments.MOST])
    start, end = arguments.window(given, world(world_id).now())
    rows = rows.filter(received_at__gte=start, received_at__lte=end)
    if codes := arguments.words(given, "service_code"):
        if unknown := sorted(set(codes) - set(categories())):
            raise Refused(404, f"There is no service_code {unknown[0][:60]}.")
        rows = rows.filter(category__in=codes)
    rows = rows.filter(_with_status(sorted(set(arguments.choice(given, "status", ("open", "closed"))))))
    return _list(format, rows[arguments.page(given)])


@georeport("GET", "HEAD")
def one_request(request: HttpRequest, id: str, format: str) -> HttpResponse:
    rows = _reports(_world_of(request, arguments.query(request))).filter(reference=id)[:1]
    if not rows:
        raise Refused(404, f"There is no service_request_id {id[:80]}.")
    return _list(format, rows)


def _list(format: str, rows: "QuerySet[Report]") -> HttpResponse:
    return respond(format, Answer("service_requests", "request", [_request(report) for report in rows]))


def _fate(incident: Incident) -> rules.Fate:
    return rules.Fate(incident.state, incident.verified_at, incident.resolved_at, incident.closed_at)


def _request(report: Report) -> dict[str, Any]:
    """A report as anybody may see it."""
    own = report.incident
    merged = own.state == State.MERGED and own.keeper is not None
    shown: Incident = own.keeper if merged and own.keeper is not None else own
    fate = _fate(shown)
    category = categories().get(report.category)
    agency = shown.agency
    language = _language()
    content = getattr(report, "content", None)
    text = content.description if content is not None and rules.text_is_public(_fate(own)) else None
    ended = rules.ended_at(fate)
    moments = (report.received_at, shown.verified_at, shown.assigned_at, shown.started_at, ended)
    return {
        "service_request_id": report.reference,
        "status": "open" if rules.is_open(fate) else "closed",
        "status_notes": _notes(shown, own if merged else None),
        "service_name": category.name[language] if category else None,
        "service_code": report.category,
        "description": text or None,
        "agency_responsible": (agency.name_en if language.startswith("en") else agency.name_vi) if agency else None,
        "service_notice": None,
        "requested_datetime": arguments.local(report.received_at),
        "updated_datetime": arguments.local(ended or max(one for one in moments if one is not None)),
        "expected_datetime": arguments.local(shown.due_at if shown.state == State.RECEIVED else shown.handle_due),
        "address": own.place or None,
        "address_id": None,
        "zipcode": None,
        "lat": report.lat,
        "long": report.lon,
        "media_url": None,
    }


def _notes(incident: Incident, merged: Incident | None) -> str:
    """The real state in words, since the specification knows only open and closed."""
    parts = [str(STATE_NAMES[State(incident.state)])]
    if incident.outcome:
        parts.append(str(OUTCOME_NAMES[incident.outcome]))
    if incident.planned_for is not None:
        parts.append(incident.planned_for.isoformat())
    if incident.paused_at is not None:
        parts.append(_("chờ người dân bổ sung"))
    told = " – ".join(parts)
    if merged is None:
        return told
    return _("Đã gộp vào một sự việc khác: %(state)s") % {"state": told}
