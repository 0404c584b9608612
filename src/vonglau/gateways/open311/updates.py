"""Service request updates, as FixMyStreet defines them: what was done to requests, and what their senders add.

GET lists the steps of a period, the earliest first. POST takes a comment, an objection (status OPEN after a result: it is reopened) or a
consent (status CLOSED), of the programme that sent the request.
"""

import re
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse

from vonglau.core.errors import StepNotPossible
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import OPEN, Outcome, State
from vonglau.core.worlds import World
from vonglau.gateways.open311 import arguments, forms, keys, steps
from vonglau.gateways.open311.arguments import Arguments
from vonglau.gateways.open311.formats import Answer, Refused, georeport, respond
from vonglau.gateways.open311.forms import Form
from vonglau.gateways.open311.steps import Taken
from vonglau.services.field_reports import replies
from vonglau.services.field_reports.models import Report
from vonglau.services.field_reports.photos import reviews
from vonglau.services.field_reports.rules import DESCRIPTION_LIMIT

ROOT, CHILD = "service_request_updates", "request_update"

BY_STATE = {
    State.RECEIVED: "OPEN",
    State.VERIFIED: "INVESTIGATING",
    State.ASSIGNED: "INVESTIGATING",
    State.IN_PROGRESS: "IN_PROGRESS",
    State.MERGED: "DUPLICATE",
    State.RESOLVED: "CLOSED",
    State.CLOSED: "CLOSED",
    State.REFUSED: "NO_FURTHER_ACTION",
}
BY_OUTCOME = {
    Outcome.FIXED: "FIXED",
    Outcome.PLANNED: "ACTION_SCHEDULED",
    Outcome.EXPLAINED: "NO_FURTHER_ACTION",
    Outcome.REDIRECTED: "NOT_COUNCILS_RESPONSIBILITY",
    Outcome.UNFOUNDED: "NO_FURTHER_ACTION",
}
"""FixMyStreet's additional states for ours; each of its clients knows them."""

UNSOLVED = frozenset({"OPEN", "REOPEN", "INVESTIGATING", "IN_PROGRESS", "PLANNED", "ACTION_SCHEDULED"})
SOLVED = frozenset({"CLOSED", "FIXED"})

IDENTITY = re.compile(r"[A-Za-z0-9_.:-]{1,80}\Z", re.ASCII)


@georeport("GET", "HEAD", "POST")
def updates(request: HttpRequest, format: str) -> HttpResponse:
    return _add(request, format) if request.method == "POST" else _list(request, format)


# ---------------------------------------------------------------------------------------------- reading


def _list(request: HttpRequest, format: str) -> HttpResponse:
    given = arguments.query(request)
    in_world = keys.reading(request, given)
    start, end = arguments.window(given, in_world.now())
    told: list[dict[str, Any]] = []
    for taken in steps.together(one for one in steps.between(in_world, start, end) if one.step in steps.TOLD):
        told += _told(in_world, taken)
        if len(told) >= arguments.MOST:
            break
    return respond(format, Answer(ROOT, CHILD, told[: arguments.MOST]))


def _told(in_world: World, taken: list[Taken]) -> list[dict[str, Any]]:
    reports = steps.reports_of(in_world.pk, {one.ref for one in taken})
    words = steps.Words(taken)
    return [
        {
            "update_id": update_id(report, one.ref, one.n),
            "service_request_id": report.reference,
            "status": _status(one),
            "external_status_code": str(one.body.get("outcome") or one.state),
            "updated_datetime": arguments.local(one.at),
            "description": words.say(one),
            "media_url": None,
        }
        for one in taken
        for report in reports.get(one.ref, ())
    ]


def update_id(report: Report, ref: str, n: int) -> str:
    """Stable, and unlike that of every other update: a keeper's steps are told of each report merged into it."""
    return f"{report.reference}.{n}" if report.incident.ref == ref else f"{report.reference}.{ref}.{n}"


def _status(one: Taken) -> str:
    outcome = str(one.body.get("outcome", ""))
    if outcome in BY_OUTCOME and one.state not in OPEN:
        return BY_OUTCOME[Outcome(outcome)]
    return BY_STATE.get(State(one.state), "OPEN") if one.state else "OPEN"


# ---------------------------------------------------------------------------------------------- adding


def _add(request: HttpRequest, format: str) -> HttpResponse:
    form = forms.read(request)
    reporter, in_world = keys.sender(request, form.fields)
    wanted = form.fields.get("service_request_id", "")
    if not wanted:
        raise Refused(400, "service_request_id is missing.")
    report = Report.objects.select_related("incident__keeper").filter(world=in_world.pk, reference=wanted[:80]).first()
    if report is None:
        raise Refused(404, f"There is no service_request_id {wanted[:80]}.")
    reply = _reply(form, in_world.now())

    pictures = reviews.decoded(form.photos)

    def attach(incident: Incident) -> None:
        for photo in pictures:
            reviews.attach(incident, reporter, photo, report)

    try:
        n = replies.receive(report, reply, reporter, attach if pictures else None)
    except StepNotPossible as problem:
        raise Refused(409, problem.message) from problem
    told = {"update_id": f"{report.reference}.{n}", "account_id": None}
    return respond(format, Answer(ROOT, CHILD, [told]))


def _reply(form: Form, now: datetime) -> replies.Reply:
    """Refused with all its faults at once."""
    fields = form.fields
    identity = fields.get("update_id") or fields.get("update_id_ext", "")
    words = "\n".join((fields.get("description", "").strip(), *form.links)).strip()
    faults = arguments.faults(fields, form.links)
    if not IDENTITY.match(identity):
        faults.append("update_id is missing, or not of 1 to 80 letters, digits and . : _ -")
    if not words:
        faults.append("description is missing.")
    if len(words) > DESCRIPTION_LIMIT:
        faults.append(f"description and links are longer than {DESCRIPTION_LIMIT} characters.")
    if faults:
        raise Refused(400, *faults)
    at = arguments.moment(fields, "updated_datetime") or now
    return replies.Reply(identity=identity, words=words, written_at=min(at, now), solved=_solved(fields))


def _solved(fields: Arguments) -> bool | None:
    status = fields.get("status", "").strip().upper().replace(" ", "_")
    if status in SOLVED:
        return True
    if status and status not in UNSOLVED:
        raise Refused(400, f"status is OPEN or CLOSED, not {status[:40]}.")
    return False if status else None
