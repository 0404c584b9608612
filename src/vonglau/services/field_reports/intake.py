"""Receiving a report, and forgetting who sent it. Each is one transaction."""

import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL
from django.utils import timezone

from vonglau.core import audit
from vonglau.core.errors import BadInput, Conflict
from vonglau.core.events import LIVE
from vonglau.core.facts import categories
from vonglau.core.forgetting import overwriting
from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.notify_models import Publication
from vonglau.core.people.policy import Actor
from vonglau.core.places.index import Located, PlaceIndex
from vonglau.core.worlds import World, world
from vonglau.services.field_reports import masking, replies, rules
from vonglau.services.field_reports.attributes import Answer
from vonglau.services.field_reports.models import Content, Report
from vonglau.services.field_reports.photos import erasing
from vonglau.services.field_reports.published import writing
from vonglau.services.field_reports.voices import following, forgetting, joining
from vonglau.services.field_reports.voices.who import Who

KIND = "field_report"
SERVICE = "field_reports"
RECEIVED = "vn.vonglau.field_reports.received"
SOURCE = "/vonglau/field_reports"


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """What a citizen sends about the matter and about themself; each may be empty."""

    description: str = ""
    contact_name: str = ""
    email: str = ""
    phone: str = ""
    address: str = ""
    media_url: str = ""
    device_id: str = ""
    account_id: str = ""
    attributes: Mapping[str, Answer] = field(default_factory=dict)
    """Answers to the category's own questions, as `attributes.check` gives them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A report on its way in. `external_id` is its identity for this sender: sent twice, kept once."""

    world: str
    category: str
    lon: float | None = None
    lat: float | None = None
    ward: str = ""
    """As the sender named it, where there is no point; a point decides by itself."""
    personal: Personal = Personal()
    source: str
    sent_by: str = ""
    external_id: str = ""
    at: datetime | None = None
    """When it was received; absent: now, by the world's clock."""
    language: str = "vi"
    """In which its sender is told."""
    site: str = ""
    """Where its sender reached us, for links in messages."""
    who: Who | None = None
    """The browser it was sent with, where there is one."""


@lru_cache(maxsize=8)
def _index(folder: Path, locality: str) -> PlaceIndex:
    return PlaceIndex.open(folder, frozenset({locality}))


def locate(in_world: World, lon: float | None, lat: float | None) -> Located | None:
    """The ward of a point of the world's own locality; None elsewhere."""
    if lon is None or lat is None or not in_world.locality:
        return None
    return _index(Path(settings.VONGLAU_DATA) / "places", in_world.locality).locate(lon, lat)


def place_index(in_world: World) -> PlaceIndex | None:
    """The same for many points at once; None for a world that lies in no locality of the country."""
    return _index(Path(settings.VONGLAU_DATA) / "places", in_world.locality) if in_world.locality else None


Then = Callable[[Incident], None]


def receive(submission: Submission, actor: Actor, then: Then | None = None, in_world: World | None = None) -> Report:
    """Keep a report: its row, its personal content apart, its incident, and the event that says so.

    `then` runs inside the transaction with the new incident (a photo that cannot be read undoes all). `in_world`: the
    submission's, where it is at hand. The same `external_id` again gives the report kept the first time. Raises BadInput for
    an unknown category, Conflict when an identity comes with another content.
    """
    category = categories().get(submission.category)
    if category is None:
        raise BadInput(f"There is no category {submission.category!r}.", pointer="/category")
    in_world = in_world or world(submission.world)
    with transaction.atomic():
        known = _known(submission)
        if known is not None:
            return known
        at = submission.at or in_world.now()
        found = locate(in_world, submission.lon, submission.lat)
        incident = desk.open_incident(
            desk.Opening(
                world=in_world.pk,
                kind=KIND,
                service=SERVICE,
                title=category.name.vi,
                origin="report",
                level=category.level,
                category=category.code,
                lon=submission.lon,
                lat=submission.lat,
                ward=found.ward_code if found else submission.ward if submission.lon is None else "",
                near_border=found.near_border if found else False,
                at=at,
                because={"report": submission.source},
            ),
            actor,
            in_world,
        )
        report = Report.objects.create(
            world=in_world.pk,
            reference=rules.reference_of(incident.ref),
            token=secrets.token_urlsafe(12),
            incident=incident,
            category=category.code,
            lon=submission.lon,
            lat=submission.lat,
            ward=incident.ward,
            received_at=at,
            source=submission.source,
            sent_by=submission.sent_by,
            external_id=submission.external_id,
        )
        shown = masking.public(submission.personal.description)
        Content.objects.create(report=report, public_words=shown, **asdict(submission.personal))
        if then is None:
            writing.begin(report)
        else:
            then(incident)
            writing.publish([report.pk])
        _first_voice(report, submission)
        _publish(report, incident)
    return report


def _first_voice(report: Report, submission: Submission) -> None:
    """Who sent it, known again by browser, and asked at the address they gave whether they want the news."""
    email = submission.personal.email.strip()
    if not email and submission.who is None:
        return
    voice = joining.first(
        report,
        language=submission.language,
        site=submission.site,
        network=submission.who.network if submission.who else "",
    )
    if email:
        with suppress(BadInput):  # the report counts, whatever the address is
            following.by_email(voice, email)


IDENTIFIED = RawSQL("NOT (field_reports_report.external_id = '')", (), output_field=BooleanField())
"""The condition of the index `report_identity`, word for word: with a parameter in it SQLite would read every report of the world."""


def _known(submission: Submission) -> Report | None:
    """The report this sender has already sent under this identity."""
    if not submission.external_id:
        return None
    identity = Report.objects.filter(
        IDENTIFIED,
        world=submission.world,
        source=submission.source,
        sent_by=submission.sent_by,
        external_id=submission.external_id,
    )
    pk = identity.values_list("pk", flat=True).first()
    if pk is None:  # as good as always: its incident and words are not joined for nothing
        return None
    found = Report.objects.select_related("incident", "content").get(pk=pk)
    same = (found.category, found.lon, found.lat) == (submission.category, submission.lon, submission.lat)
    content: Content | None = getattr(found, "content", None)
    if content is not None:
        same = same and all(
            getattr(content, one.name) == getattr(submission.personal, one.name) for one in fields(Personal)
        )
    if not same:
        raise Conflict("This identity was already used for a report with another content; give a new one its own.")
    return found


def _publish(report: Report, incident: Incident) -> None:
    """What the rest of the city may know: that there is a report, of what, and where."""
    event_id = f"{report.world}/{report.reference}"
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": event_id,
        "source": SOURCE,
        "type": RECEIVED,
        "subject": report.reference,
        "time": report.received_at.isoformat(timespec="microseconds"),
        "datacontenttype": "application/json",
        "data": {
            "reference": report.reference,
            "incident": incident.ref,
            "category": report.category,
            "ward": report.ward,
        },
    }
    if report.lon is not None and report.lat is not None:
        event |= {"lon": repr(report.lon), "lat": repr(report.lat)}
    if report.world != LIVE:
        event["exercise"] = report.world
    Publication.objects.create(
        world=report.world,
        event_id=f"{SERVICE}/{event_id}",
        body=json.dumps(event, ensure_ascii=False).encode(),
        created_at=timezone.now(),
    )


@transaction.atomic
def erase(report: Report, actor: Actor, why: str) -> Report:
    """Forget the citizen's words and contacts for good. The incident, its chain and every count stay; twice is as once.

    `why` names the ground (retention, the person's request): a code or a sentence without personal data.
    """
    with overwriting():
        Content.objects.filter(report=report).delete()
        replies.forget(report)
        erasing.forget(report)
        forgetting.reporter(report)
        writing.publish([report.pk])
    if report.erased_at is None:
        report.erased_at = timezone.now()
        report.save(update_fields=["erased_at"])
        body = {
            "at": world(report.world).now().isoformat(timespec="microseconds"),
            "who": actor.name,
            "role": actor.role,
            "step": "erase",
            "report": report.reference,
            "ground": why,
        }
        audit.record(report.incident.stream, body)
    return report
