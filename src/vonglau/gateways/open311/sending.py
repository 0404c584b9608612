"""POST requests: a citizen's report through the one door of the service, `intake.receive`."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from vonglau.core.errors import Conflict
from vonglau.core.facts import Category
from vonglau.core.incidents.files import Upload
from vonglau.core.incidents.models import Incident
from vonglau.core.people.policy import Actor
from vonglau.core.worlds import World
from vonglau.gateways.open311 import arguments, forms, keys, tickets
from vonglau.gateways.open311.formats import Answer, Refused, respond
from vonglau.gateways.open311.forms import Form
from vonglau.gateways.open311.offers import known_service
from vonglau.services.field_reports import attributes, intake, whereabouts
from vonglau.services.field_reports.models import Report
from vonglau.services.field_reports.photos import reviews

IDENTITY = 80
"""Characters of an Idempotency-Key."""


def submit(request: HttpRequest, format: str) -> HttpResponse:
    form = forms.read(request)
    reporter, in_world = keys.sender(request, form.fields)
    code = form.fields.get("service_code", "")
    if not code:
        raise Refused(400, "service_code is missing.")
    category = known_service(code)
    lon, lat = arguments.place(form.fields)
    personal = _personal(form, category)
    if elsewhere := whereabouts.refusal(in_world, lon, lat):
        raise Refused(400, elsewhere)
    identity = request.headers.get("Idempotency-Key", "").strip()
    if len(identity) > IDENTITY or "\x00" in identity:
        raise Refused(400, f"Idempotency-Key is longer than {IDENTITY} characters.")
    submission = intake.Submission(
        world=in_world.pk,
        category=code,
        lon=lon,
        lat=lat,
        personal=personal,
        source="open311",
        sent_by=reporter.name,
        external_id=identity,
    )
    report = keep(submission, reporter, form.photos, in_world)
    named = {"token": tickets.issue(report)} if tickets.seconds() else {"service_request_id": report.reference}
    told = {
        **named,
        "service_notice": _("Trung tâm sẽ xác minh và cho biết cơ quan xử lý; mã này để theo dõi."),
        "account_id": None,
    }
    return respond(format, Answer("service_requests", "request", [told]))


def _personal(form: Form, category: Category) -> intake.Personal:
    """Words, contacts and answers; refused with all their faults at once."""
    faults = arguments.faults(form.fields, form.links)
    answers: dict[str, attributes.Answer] = {}
    try:
        answers = attributes.check(category, form.attributes)
    except attributes.BadAnswers as problem:
        faults += problem.faults
    if faults:
        raise Refused(400, *faults)
    return arguments.personal(form.fields, form.links, answers)


def keep(submission: intake.Submission, reporter: Actor, photos: Sequence[Upload], in_world: World) -> Report:
    pictures = reviews.decoded(photos)

    def attach(incident: Incident) -> None:
        for photo in pictures:
            reviews.attach(incident, reporter, photo)

    try:
        return intake.receive(submission, reporter, attach if pictures else None, in_world)
    except Conflict as problem:
        raise Refused(409, problem.message) from problem
