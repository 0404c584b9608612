"""What anybody may see of a report, derived from what is kept: the report, its incident, its words as the public reads them, its photos.

The models are handed over, so that a migration derives with those of its own moment.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from vonglau.core.incidents import desk, wording
from vonglau.core.incidents.states import OPEN, State, Step
from vonglau.services.field_reports import models, rules
from vonglau.services.field_reports.published.cells import cell

PUBLIC_PHOTOS = ("masked", "passed")
UNKNOWN = "?"


class Models(Protocol):
    """Where models are found: `django.apps.apps`, or a migration's own."""

    def get_model(self, app_label: str, model_name: str) -> Any: ...


@dataclass(slots=True)
class Known:
    """What was read for some reports at once."""

    words: dict[int, str] = field(default_factory=dict)
    """By report: as the public may read them, whether or not it may already."""
    photos: dict[int, list[int]] = field(default_factory=dict)
    """By report: those that may be shown."""
    reasons: dict[int, str] = field(default_factory=dict)
    """By refused incident: the code of its reason; `UNKNOWN` where none was named."""
    joined: Mapping[int, int] = field(default_factory=dict)
    """By incident: how many reports were merged into it."""
    keepers: dict[int, str] = field(default_factory=dict)
    """By incident that keeps others: the number of its own report, as far as anybody may know it."""


def fate_of(incident: Any) -> rules.Fate:
    return rules.Fate(incident.state, incident.verified_at, incident.resolved_at, incident.closed_at)


def hidden(incident: Any, reason: str) -> bool:
    """A complaint, a denunciation or a state secret that came in as a report: nobody else learns that there was one.

    What was redirected without a reason that is known, or with one the city no longer has, may have been one.
    """
    if incident.state != State.REFUSED:
        return False
    prescribed = wording.of(incident.kind)
    if prescribed is None:
        return False
    known = prescribed.refusal(reason)
    return known.hidden if known is not None else incident.outcome == "redirected"


def updated_at(report: Any, whole: Any) -> datetime:
    """When the work last took a step that is told, or ended: Open311 wants the moment of closing then."""
    moments = (report.received_at, whole.verified_at, whole.assigned_at, whole.started_at)
    ended: datetime | None = rules.ended_at(fate_of(whole))
    return ended or max(one for one in moments if one is not None)


def _minutes(since: datetime, until: datetime | None) -> int | None:
    return None if until is None else max(0, int((until - since).total_seconds() // 60))


def row(report: Any, known: Known, model: Any = models.PublicReport) -> Any:
    """Its public row, unsaved; None for what nobody may see: hidden by a person, or refused as what is nobody else's business."""
    own = report.incident
    whole = desk.fate(own)
    if report.hidden_at is not None or any(hidden(one, known.reasons.get(one.pk, UNKNOWN)) for one in {own, whole}):
        return None
    readable = rules.text_is_public(fate_of(own))
    photos = known.photos.get(report.pk, []) if readable else []
    merged = own.state == State.MERGED
    return model(
        report_id=report.pk,
        world=report.world,
        reference=report.reference,
        category=report.category,
        level=whole.level,
        ward=report.ward,
        place=own.place,
        lon=report.lon,
        lat=report.lat,
        cell=cell(report.lon, report.lat),
        agency_id=whole.agency_id,
        state=str(whole.state),
        outcome=str(whole.outcome),
        running=whole.state in OPEN,
        waiting=whole.paused_at is not None,
        reopened=whole.reopened,
        was_late=whole.late_before > 0,
        planned_for=whole.planned_for,
        merged=merged,
        keeper=known.keepers.get(whole.pk, "") if merged else "",
        joined=0 if merged else known.joined.get(own.pk, 0),
        received_at=report.received_at,
        verified_at=whole.verified_at,
        resolved_at=whole.resolved_at,
        took=_minutes(report.received_at, whole.resolved_at),
        updated_at=updated_at(report, whole),
        receive_due=whole.receive_due,
        handle_due=whole.handle_due,
        words=known.words.get(report.pk, "") if readable else "",
        photo=photos[0] if photos else None,
        photos=len(photos),
    )


def rows(reports: Sequence[Any], apps: Models) -> dict[int, Any]:
    """By report its public row, unsaved, or None. Reports bring their incidents and keepers along (`select_related`)."""
    known = learn(reports, apps)
    model = apps.get_model("field_reports", "PublicReport")
    return {report.pk: row(report, known, model) for report in reports}


def learn(reports: Sequence[Any], apps: Models) -> Known:
    """Read what rows are derived from, a few questions for all of them."""
    own = {report.incident for report in reports}
    wholes = {desk.fate(one) for one in own}
    found = Known(reasons=_reasons({one for one in own | wholes if one.state == State.REFUSED}, apps))
    readable = [report.pk for report in reports if rules.text_is_public(fate_of(report.incident))]
    if readable:
        contents = apps.get_model("field_reports", "Content").objects.filter(report__in=readable)
        found.words = dict(contents.values_list("report", "public_words"))
        reviews = apps.get_model("field_reports", "PhotoReview").objects
        shown = reviews.filter(report__in=readable, state__in=PUBLIC_PHOTOS).exclude(public_sha256="")
        for report, pk in shown.order_by("pk").values_list("report", "pk"):
            found.photos.setdefault(report, []).append(pk)
    report_model = apps.get_model("field_reports", "Report")
    under = report_model.objects.filter(incident__keeper__in=[one.pk for one in own], incident__state=State.MERGED)
    found.joined = Counter(under.values_list("incident__keeper", flat=True))
    keepers = {one.pk for one in wholes if one not in own} | {one.pk for one in wholes & own if found.joined[one.pk]}
    if keepers:
        named = report_model.objects.filter(incident__in=keepers, hidden_at=None).order_by("-pk")
        found.keepers = dict(named.values_list("incident", "reference"))
    return found


def _reasons(refused: Iterable[Any], apps: Models) -> dict[int, str]:
    """By incident the coded reason of its refusal, out of its audit: the one place that has it."""
    streams = {f"incident/{one.world}/{one.ref}": one.pk for one in refused}
    if not streams:
        return {}
    found: dict[int, str] = {}
    rows = apps.get_model("core", "AuditRow").objects.filter(stream__in=streams).order_by("stream", "n")
    for stream, body in rows.values_list("stream", "body"):
        said = json.loads(bytes(body))
        if said.get("step") == Step.REFUSE:
            found[streams[stream]] = str(said.get("reason") or UNKNOWN)
    return found
