"""Incidents: the queue, one with its whole story, and the steps of the state table."""

from datetime import datetime
from typing import Any, Literal

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from ninja import Field, File, Form, Query, Router, Schema, Status
from ninja.files import UploadedFile

from vonglau.core import audit
from vonglau.core.audit_models import Note
from vonglau.core.errors import BadInput, NotAllowed, NotFound
from vonglau.core.incidents import desk, files
from vonglau.core.incidents.models import Evidence, Incident
from vonglau.core.incidents.states import ENDED, OPEN, State, Step
from vonglau.core.incidents.timeline import told
from vonglau.core.people import policy
from vonglau.core.people.policy import Actor
from vonglau.core.seams import services
from vonglau.core.words import matching
from vonglau.core.worlds import World
from vonglau.gateways.json import shapes
from vonglau.gateways.json.access import actor_of, world_of
from vonglau.gateways.json.alerts import shown as alert_shown
from vonglau.kit.paging import Order, Page, page

router = Router(tags=["Incidents"])

ORDERS = {"due": Order("due_at", nullable=True), "received": Order("received_at", descending=True)}
GROUPS = {"open": OPEN, "ended": ENDED}
PLAIN = tuple(set(shapes.IncidentOut.model_fields) - {"agency", "overdue", "keeper", "parent"})


class IncidentsAsked(Schema):
    state: str | None = Field(
        None, max_length=120, description="States by comma; `open` and `ended` stand for several."
    )
    ward: shapes.Ward = None
    agency: str | None = Field(None, max_length=40, description="Code of the agency in whose hands it is.")
    kind: str | None = Field(None, max_length=60, description="Code of a kind of incident.")
    category: str | None = Field(None, max_length=60, description="Code of a category of field reports.")
    overdue: bool | None = Field(None, description="Whether the deadline that runs has passed by the world's clock.")
    q: str | None = Field(
        None, max_length=80, description="Words of the reference, title or place, in any order, with or without marks."
    )
    order: Literal["due", "received"] = Field("due", description="What is due first, or what came last.")
    world: shapes.InWorld = None
    after: shapes.After = None
    limit: shapes.Limit = 100


def visible(actor: Actor, world: World) -> "QuerySet[Incident]":
    """`policy.may_see` as a query: an agency sees what is in its hands."""
    rows = Incident.objects.filter(world=world.pk).select_related("agency", "keeper", "parent")
    if actor.role == "agency":
        return rows.filter(agency__code=actor.agency_code) if actor.agency_code else rows.none()
    if not policy.may_see(actor, Incident(world=world.pk)):
        raise NotAllowed("Incidents are for the centre, for agencies, or for a token with the scope `read`.")
    return rows


def _states(text: str) -> set[str]:
    found: set[str] = set()
    for word in filter(None, text.split(",")):
        if word not in GROUPS and word not in tuple(State):
            raise BadInput(f"There is no state {word!r}; use {', '.join([*State, *GROUPS])}.", pointer="/query/state")
        found |= set(GROUPS.get(word, (word,)))
    return found


def shown(incident: Incident, now: datetime) -> dict[str, Any]:
    agency = incident.agency
    return {
        **{name: getattr(incident, name) for name in PLAIN},
        "agency": {"code": agency.code, "name_vi": agency.name_vi, "name_en": agency.name_en} if agency else None,
        "overdue": incident.due_at is not None and incident.due_at < now,
        "keeper": incident.keeper.ref if incident.keeper else None,
        "parent": incident.parent.ref if incident.parent else None,
    }


def listed(found: Page, world: World) -> dict[str, Any]:
    now = world.now()
    return {"items": [shown(incident, now) for incident in found.items], "next": found.next}


@router.get("/incidents", response=shapes.Listed[shapes.IncidentOut], summary="The queue")
def incidents(request: HttpRequest, asked: Query[IncidentsAsked]) -> dict[str, Any]:
    """Agencies see what is in their hands."""
    world = world_of(request, asked.world)
    rows = visible(actor_of(request), world)
    exact = {"ward": asked.ward, "agency__code": asked.agency, "kind": asked.kind, "category": asked.category}
    rows = rows.filter(**{key: value for key, value in exact.items() if value})
    if asked.state:
        rows = rows.filter(state__in=_states(asked.state))
    if asked.overdue is not None:
        late = Q(due_at__lt=world.now())
        rows = rows.filter(late) if asked.overdue else rows.exclude(late)
    if asked.q:
        rows = matching(rows, asked.q.replace("\x00", ""))
    return listed(page(rows, ORDERS[asked.order], after=asked.after, limit=asked.limit), world)


def _get(request: HttpRequest, ref: str, asked: str | None) -> tuple[Incident, World]:
    world = world_of(request, asked)
    incident = desk.get(world.pk, ref)
    if not policy.may_see(actor_of(request), incident):
        raise NotFound(f"There is no incident {ref!r} in world {world.pk!r}.")
    return incident, world


@router.get("/incidents/{ref}", response=shapes.IncidentDetail, summary="One incident with its whole story")
def incident(request: HttpRequest, ref: str, world: shapes.InWorld = None) -> dict[str, Any]:
    return _whole(*_get(request, ref, world), actor_of(request))


@router.post("/incidents/{ref}/steps", response=shapes.IncidentDetail, summary="Make a step")
def step(request: HttpRequest, ref: str, said: shapes.StepIn, world: shapes.InWorld = None) -> dict[str, Any]:
    """One row of the state table. 403 when it is not yours to make, 409 when the state has no such step or the incident is at
    another `version` than the one you name. A step sent twice with its version is made once."""
    found, where = _get(request, ref, world)
    if said.step not in tuple(Step):
        raise BadInput(f"There is no step {said.step!r}; use one of {', '.join(Step)}.", pointer="/step")
    details = desk.Details(
        why=said.why.replace("\x00", ""),
        outcome=said.outcome,
        agency=said.agency,
        keeper=said.keeper,
        level=said.level,
        title=said.title.replace("\x00", ""),
        planned_for=said.planned_for,
        reason=said.reason,
        target=said.target,
    )
    taken = desk.take(where.pk, found.ref, said.step, actor_of(request), details, version=said.version)
    return _whole(taken, where, actor_of(request))


@router.post("/incidents/{ref}/evidence", response={201: shapes.EvidenceOut}, summary="Attach a photo")
def evidence(
    request: HttpRequest,
    ref: str,
    photo: File[UploadedFile],
    caption: Form[str] = "",
    place: Form[str] = "",
    lon: Form[float | None] = None,
    lat: Form[float | None] = None,
    world: shapes.InWorld = None,
) -> Status[dict[str, Any]]:
    """JPEG, PNG or WebP up to 15 MB. It is written anew without metadata; the same photo again changes nothing.

    `place` in words, or `lon` and `lat` in degrees, say where it was taken: what proves that a field report is `fixed` needs one of them.
    """
    where = files.Where(lon=lon, lat=lat, place=place.replace("\x00", ""))
    found, _world = _get(request, ref, world)
    kept = files.attach(found, actor_of(request), photo, caption.replace("\x00", ""), where)
    return Status(201, _evidence(kept))


def _evidence(kept: Evidence) -> dict[str, Any]:
    return {name: getattr(kept, name) for name in shapes.EvidenceOut.model_fields}


def _whole(incident: Incident, world: World, actor: Actor) -> dict[str, Any]:
    now = world.now()
    return {
        **shown(incident, now),
        "clocks": [_receive(incident, now), _handle(incident, now)],
        "alerts": [alert_shown(one) for one in incident.alerts.select_related("incident").order_by("onset", "id")],
        "evidence": [_evidence(one) for one in incident.evidence.all()],
        "about": _about(incident),
        "timeline": _timeline(incident),
        "steps": policy.steps(actor, incident),
    }


def _receive(incident: Incident, now: datetime) -> dict[str, Any]:
    ended = incident.verified_at or (incident.closed_at if incident.state in (State.REFUSED, State.MERGED) else None)
    running = incident.state == State.RECEIVED
    return _clock("receive", incident.received_at, incident.receive_due, ended, now, running=running)


def _handle(incident: Incident, now: datetime) -> dict[str, Any]:
    running = incident.is_open and incident.state != State.RECEIVED
    told = _clock("handle", incident.verified_at, incident.handle_due, incident.resolved_at, now, running=running)
    if running and incident.paused_at is not None:
        told["state"] = "paused"
    return told


def _clock(
    name: str, start: datetime | None, due: datetime | None, met: datetime | None, now: datetime, *, running: bool
) -> dict[str, Any]:
    """`missed` as soon as the deadline has passed; `unknown` where a recording does not say enough."""
    until = now if running else met
    if due is None or until is None:
        state = "waiting" if due is None and (running or name == "handle") and met is None else "unknown"
    elif until > due:
        state = "missed"
    else:
        state = "running" if running else "met"
    return {"name": name, "start": start, "due": due, "met_at": met, "state": state}


def _about(incident: Incident) -> list[dict[str, str]]:
    service = next((one for one in services() if one.name == incident.service), None)
    if service is None or service.about is None:
        return []
    return [{"label": str(label), "text": text} for label, text in service.about(incident)]


HEAD = frozenset({"at", "who", "role", "step", "from", "to", "why"})


def _timeline(incident: Incident) -> list[dict[str, Any]]:
    """The audit rows, oldest first, with the free texts that are still kept; those of citizens covered."""
    notes = dict(Note.objects.filter(stream=incident.stream).values_list("pk", "text"))
    entries = []
    for row, body in audit.rows(incident.stream):
        why = body.get("why")
        number = why.get("note") if isinstance(why, dict) else None
        entries.append(
            {
                "n": row.n,
                "at": body["at"],
                "step": body.get("step", ""),
                "who": body.get("who", ""),
                "role": body.get("role", ""),
                "before": body.get("from", ""),
                "after": body.get("to", ""),
                "why": told(body, notes[number]) if number in notes else None,
                "erased": number is not None and number not in notes,
                "facts": {key: value for key, value in body.items() if key not in HEAD},
                "hash": row.hash,
            }
        )
    return entries
