"""Becoming a voice of a report. The reporter is the first; whoever has the same trouble adds one to its count, once."""

import secrets
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language

from vonglau.core import audit
from vonglau.core.incidents import desk
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import State
from vonglau.core.worlds import world
from vonglau.services.field_reports.models import Report, Voice
from vonglau.services.field_reports.voices.who import Who

REPORTER, JOINED, FOLLOWER = "reporter", "joined", "follower"
SAME = "alike"
"""Step of the chain: a reporter was shown another matter and said that it is theirs."""
PEOPLE = (REPORTER, JOINED)
"""Parts that have the trouble; a follower only wants to know."""


def new_token() -> str:
    return secrets.token_urlsafe(18)


def site_of(request: HttpRequest) -> str:
    """Where links in messages lead."""
    return str(settings.VONGLAU_ORIGIN) or f"{request.scheme}://{request.get_host()}"


def language() -> str:
    return "en" if (get_language() or "vi").startswith("en") else "vi"


def under(incident: Incident) -> list[int]:
    """Incidents whose fate it is: itself, and those merged into it. Asked first, because a database reads every report and voice for a
    condition that holds over two tables."""
    merged = Incident.objects.filter(keeper=incident, state=State.MERGED).values_list("pk", flat=True)
    return [incident.pk, *merged]


def voices_of(incident: Incident) -> Q:
    """Voices of the reports under it."""
    return Q(report__incident__in=under(incident))


def first(report: Report, **more: object) -> Voice:
    """The reporter's own, with a report that was kept this moment."""
    return Voice.objects.create(report=report, part=REPORTER, token=new_token(), created_at=timezone.now(), **more)


def of_reporter(report: Report, **more: object) -> Voice:
    """The reporter's own: made with the report, or when it is first needed."""
    made = {"token": new_token(), "created_at": timezone.now(), **more}
    found: Voice = Voice.objects.get_or_create(report=report, part=REPORTER, defaults=made)[0]
    return found


@transaction.atomic
def join(report: Report, part: str, who: Who, *, site: str = "", now: datetime | None = None) -> Voice:
    """A voice for this browser, the one it has if it has one. A follower who has the trouble too becomes one who joined."""
    Report.objects.select_for_update().filter(pk=report.pk).first()
    mine = Voice.objects.filter(report=report, device__in=who.devices()).exclude(part=REPORTER).order_by("pk").first()
    if mine is not None:
        if part == JOINED and mine.part == FOLLOWER:
            mine.part, mine.counted = JOINED, _counts(report, who)
            mine.save(update_fields=["part", "counted"])
        return mine
    return Voice.objects.create(
        report=report,
        part=part,
        token=new_token(),
        language=language(),
        site=site,
        device=who.device,
        network=who.network,
        counted=part in PEOPLE and _counts(report, who),
        created_at=now or timezone.now(),
    )


@transaction.atomic
def programme(report: Report, name: str, url: str) -> tuple[Voice, str]:
    """A follower that is a programme, told by webhook; the secret that signs is shown once. Raises BadInput for an address that is none."""
    from vonglau.services.field_reports.voices import following

    made = Voice.objects.create(
        report=report,
        part=FOLLOWER,
        token=new_token(),
        language="en",
        counted=False,
        sent_by=name,
        created_at=timezone.now(),
    )
    return made, following.by_webhook(made, url)


def _counts(report: Report, who: Who) -> bool:
    """Whether nobody of this browser or network was counted for the matter yet."""
    whole = report.incident.keeper if report.incident.state == State.MERGED else report.incident
    same = Q(device__in=who.devices()) | Q(network__in=who.networks())
    return not Voice.objects.filter(voices_of(whole or report.incident), same, part__in=PEOPLE, counted=True).exists()


@transaction.atomic
def said_alike(own: Report, other: Report) -> None:
    """Write down, once, that a reporter took another matter for theirs: the desk sees it beside the two."""
    incident = Incident.objects.select_for_update().get(pk=own.incident_id)
    ref = desk.fate(other.incident).ref
    for _row, body in audit.rows(incident.stream):
        if body.get("step") == SAME and body.get("alike") == ref:
            return
    at = world(own.world).now().isoformat(timespec="microseconds")
    said = {"at": at, "who": "web", "role": "reporter", "step": SAME, "report": own.reference, "alike": ref}
    audit.record(incident.stream, said)
    desk.tell(incident, SAME, "web")


def merged(incident: Incident) -> None:
    """It was merged: who was counted for its keeper already is not counted again."""
    keeper = incident.keeper
    assert keeper is not None
    there = Voice.objects.filter(voices_of(keeper), part__in=PEOPLE, counted=True).exclude(report__incident=incident)
    marks = {mark for row in there.values_list("device", "network") for mark in row if mark}
    if marks:
        here = Voice.objects.filter(report__incident=incident, part__in=PEOPLE, counted=True)
        here.filter(Q(device__in=marks) | Q(network__in=marks)).update(counted=False)


def people(incident: Incident) -> int:
    """How many people have the trouble: reports under an incident, and those who joined one of them. Nobody twice as far as can be told."""
    found = under(incident)
    voices = Voice.objects.filter(report__incident__in=found)
    sent = Report.objects.filter(incident__in=found).count()
    joined = voices.filter(part=JOINED, counted=True).count()
    again = voices.filter(part=REPORTER, counted=False).count()
    return sent + joined - again
