"""The desk: the queue, and one incident. For an agency the same pages are its inbox."""

from typing import Any

from django.db.models import Exists, OuterRef
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext

from vonglau.centre.access import Request, is_fragment, of_the_desk
from vonglau.centre.desk import several, why
from vonglau.centre.desk.actions import actions
from vonglau.centre.desk.beside import panel
from vonglau.centre.desk.pictures import pictures_of
from vonglau.centre.desk.queue import TABS, Filter, counts, visible_to
from vonglau.centre.names import kind_title, readable, ward_names, wards_of
from vonglau.core.detection import Severity
from vonglau.core.errors import BadInput, NotFound
from vonglau.core.incidents import clocks, desk, escalation
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.phrases import level_name
from vonglau.core.incidents.states import OPEN, STATE_NAMES, State
from vonglau.core.incidents.timeline import SEVERITIES, Entry, timeline
from vonglau.core.people import policy
from vonglau.core.people.models import Agency
from vonglau.core.people.names import agency_name
from vonglau.core.seams import incident_kinds, services
from vonglau.kit.templatetags.kit import SEVERITY_NAMES


@of_the_desk
def queue(request: Request) -> HttpResponseBase:
    asked = Filter.of(request.GET.dict())
    now = request.world.now()
    try:
        page = asked.page(request.actor, request.world.pk, now, request.GET.get("after"))
    except BadInput:
        page = asked.page(request.actor, request.world.pk, now, None)
    steps_of = several.allowed(request.actor, page.items)
    held = counts(asked, request.actor, request.world.pk, now)
    context = {
        "asked": asked,
        "rows": readable(page.items),
        "steps_of": steps_of,
        "offers": several.offers(steps_of),
        "here": asked.query(),
        "now": now,
        "tabs": [(code, str(title), asked.query(tab=code, state=""), held.get(code)) for code, title in TABS.items()],
        "held": held,
        "next": asked.query() + f"&after={page.next}" if page.next else "",
        "first": asked.query() if request.GET.get("after") else "",
        "chosen": _chosen(asked),
        "overdue_href": asked.query(overdue=not asked.overdue),
        "mine_href": asked.query(mine=not asked.mine),
        "fragment": request.get_full_path(),
        "is_agency": request.actor.role == "agency",
        **({} if is_fragment(request) else _choices(request)),
    }
    return render(request, "centre/desk/_queue.html" if is_fragment(request) else "centre/desk/queue.html", context)


def _chosen(asked: Filter) -> list[tuple[str, str]]:
    """The narrowing that is on, each with the address without it."""
    shown: list[tuple[str, str]] = []
    if asked.state:
        shown.append((str(STATE_NAMES[State(asked.state)]), asked.query(state="")))
    if asked.ward:
        shown.append((ward_names([asked.ward]).get(asked.ward, asked.ward), asked.query(ward="")))
    if asked.rank is not None:
        shown.append((str(SEVERITY_NAMES[Severity(SEVERITIES[asked.rank])]), asked.query(rank=None)))
    if asked.kind:
        shown.append((kind_title(asked.kind), asked.query(kind="")))
    if asked.agency:
        agency = Agency.objects.filter(code=asked.agency).order_by("valid_from").last()
        shown.append((agency_name(agency) or asked.agency, asked.query(agency="")))
    if asked.q:
        shown.append((gettext("“%(words)s”") % {"words": asked.q}, asked.query(q="")))
    return shown


def _choices(request: Request) -> dict[str, Any]:
    """What the filter offers: only what occurs in this world."""
    rows = visible_to(request.actor, request.world.pk)
    theirs = Incident.objects.filter(agency=OuterRef("pk"), world=request.world.pk)
    agencies = Agency.objects.filter(Exists(theirs)).order_by("name_vi").only("code", "name_vi", "name_en")
    there = rows.filter(ward=OuterRef("code"), state__in=OPEN)
    return {
        "wards": list(wards_of(request.world.locality, Exists(there)).items()),
        "kinds": [(code, str(kind.title)) for code, (_service, kind) in incident_kinds().items()],
        "agencies": [] if request.actor.role == "agency" else [(one.code, agency_name(one)) for one in agencies],
        "states": [(code, str(name)) for code, name in STATE_NAMES.items()],
    }


def find_incident(request: Request, ref: str) -> Incident:
    """The incident of this world, if the actor may see it."""
    incident = desk.get(request.world.pk, ref)
    if not policy.may_see(request.actor, incident):
        raise NotFound(f"There is no incident {ref!r} in world {request.world.pk!r}.")
    return incident


@of_the_desk
def incident(request: Request, ref: str) -> HttpResponseBase:
    context = whole(request, find_incident(request, ref))
    return render(
        request, "centre/desk/_incident.html" if is_fragment(request) else "centre/desk/incident.html", context
    )


def whole(request: Request, found: Incident) -> dict[str, Any]:
    """Everything the incident's page shows."""
    entries = timeline(found)
    pictures = pictures_of(request.actor, found)
    offered = actions(request.actor, found, seen=entries[0].n if entries else 0)
    return {
        "incident": readable([found])[0],
        "kind": kind_title(found.kind),
        "level": level_name(found.level),
        "ward": ward_names([found.ward]).get(found.ward, ""),
        "entries": entries,
        "photos": pictures.own(found.evidence.filter(erased_at=None)),
        "pictures": pictures,
        "panel": panel_of(request, found),
        "actions": offered,
        "reasons": why.reasons(found),
        "about": why.about(found),
        "beside": panel(request.actor, found),
        "objection_ends": clocks.objection_ends(found) if found.state in (State.RESOLVED, State.CLOSED) else None,
        "fate": desk.fate(found) if found.state == State.MERGED else None,
        "merged": list(found.merged.order_by("id")),
        "parts": list(found.parts.order_by("id")),
        "escalations": escalation.plan(found),
        "receive_met": _received(found, entries),
        "may_see_centre": policy.may_see_centre(request.actor),
    }


def panel_of(request: Request, found: Incident) -> str:
    """What the incident's own service shows there."""
    service = next((one for one in services() if one.name == found.service), None)
    return service.panel(request, found) if service is not None and service.panel is not None else ""


def _received(found: Incident, entries: list[Entry]) -> Any:
    """When the receive clock stopped: at verification, or when it was refused or merged."""
    if found.verified_at is not None:
        return found.verified_at
    return found.closed_at if found.state in (State.REFUSED, State.MERGED) else None
