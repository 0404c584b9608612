"""Open incidents that may be about the same matter as a report, for the desk to see side by side. A person merges, never this.

Words are the public's form on both sides: what is compared and named is what whoever looks may read.
"""

import math
from dataclasses import replace
from datetime import timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from vonglau.core import audit
from vonglau.core.audit_models import AuditRow
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import OPEN
from vonglau.core.seams import Alike, Beside
from vonglau.services.field_reports.duplicates.columns import One
from vonglau.services.field_reports.duplicates.nearby import Candidate, candidates
from vonglau.services.field_reports.duplicates.pairs import METRES_PER_DEGREE, REACHES
from vonglau.services.field_reports.duplicates.reasons import reasons
from vonglau.services.field_reports.models import Report
from vonglau.services.field_reports.text import plain, words_of
from vonglau.services.field_reports.voices.joining import SAME

SHOWN = 3
LOOKED_AT = 400
"""Reports in reach that are compared, the newest first: a storm must not make the desk slow."""
SAME_METRES, OTHER_METRES = 300.0, 60.0
"""Within which a report is worth a look: of the same category or with words in common, and without either."""
SHARED_WORDS = 2
"""One word in common is often chance ("người", "cây")."""


def beside(incident: Incident) -> Beside | None:
    """What the incident's own report may double; None without a point, or when nothing is worth a look."""
    own = Report.objects.filter(incident=incident).select_related("content").order_by("received_at", "id").first()
    if own is None or own.lat is None or own.lon is None:
        return None
    others = {report.reference: report for report in in_reach(own)}
    found = candidates(_one(own), [_one(report) for report in others.values()], later=True, limit=3 * SHOWN)
    named = _named(incident)
    alike: dict[str, Alike] = {}
    for candidate in sorted(filter(worth, found), key=lambda one: others[one.id].incident.ref not in named):
        report = others[candidate.id]
        alike.setdefault(report.incident.ref, _alike(own, report, candidate, named))
    return Beside(words=_words(own), alike=list(alike.values())[:SHOWN]) if alike else None


def _named(incident: Incident) -> set[str]:
    """Incidents of which a reporter said that they are the same matter."""
    rows = audit.decoded(AuditRow.objects.filter(stream=incident.stream))
    return {str(body.get("alike")) for _row, body in rows if body.get("step") == SAME}


def in_reach(own: Report) -> list[Report]:
    """Reports of other open incidents that the ranking would look at, the newest first."""
    assert own.lat is not None
    assert own.lon is not None
    near = Q()
    for reach in REACHES:
        north = reach.metres / METRES_PER_DEGREE
        east = north / max(0.01, math.cos(math.radians(own.lat)))
        span = timedelta(days=reach.days)
        near |= Q(
            lat__range=(own.lat - north, own.lat + north),
            lon__range=(own.lon - east, own.lon + east),
            received_at__range=(own.received_at - span, own.received_at + span),
        )
    rows = (
        Report.objects.filter(near, world=own.world, incident__state__in=OPEN)
        .exclude(incident=own.incident_id)
        .select_related("incident", "content")
        .defer(*(f"content__{name}" for name in ("description", "media_url")))
    )
    return list(rows.order_by("-received_at", "-id")[:LOOKED_AT])


def _words(report: Report) -> str:
    """ "" where they were erased."""
    content = getattr(report, "content", None)
    return str(content.public_words) if content else ""


def _one(report: Report) -> One:
    return One(
        id=report.reference,
        at=report.received_at.timestamp(),
        lat=math.nan if report.lat is None else report.lat,
        lon=math.nan if report.lon is None else report.lon,
        service=report.category,
        words=_words(report),
    )


def worth(candidate: Candidate) -> bool:
    alike = candidate.same_service or len(candidate.shared) >= SHARED_WORDS
    return candidate.metres <= (SAME_METRES if alike else OTHER_METRES)


def _alike(own: Report, report: Report, candidate: Candidate, named: set[str]) -> Alike:
    as_written = {plain(word): word.lower() for word in words_of(_words(own))}
    shared = tuple(as_written.get(word, word) for word in candidate.shared)
    return Alike(
        ref=report.incident.ref,
        at=report.received_at,
        words=_words(report),
        reasons=[
            *([_("người phản ánh nói là cùng việc")] if report.incident.ref in named else []),
            *reasons(replace(candidate, shared=shared)),
        ],
    )
