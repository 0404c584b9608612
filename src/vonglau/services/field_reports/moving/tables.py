"""Which rows make up field reports, in the order in which they can be written again, and which of their columns anybody may have.

What is not named here as open is exported only with personal data: a column that somebody adds later leaks nowhere.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Q, QuerySet

from vonglau.core.audit_models import AuditHead, AuditRow, Note
from vonglau.core.incidents.models import Evidence, Incident, IncidentCounter
from vonglau.core.incidents.states import State
from vonglau.services.field_reports.intake import KIND
from vonglau.services.field_reports.models import Content, PhotoReview, PublicReport, Question, Report, Verdict
from vonglau.services.field_reports.photos.reviews import PUBLIC

FORMAT = "vonglau-reports/1"
AT_ONCE = 1_000
SERVICE = "field_reports"

OPEN: Mapping[type[models.Model], frozenset[str]] = {
    Incident: frozenset({
        "id", "world", "ref", "kind", "service", "title", "origin", "category", "level", "rank", "state", "agency_id", "unit_id",
        "lon", "lat", "ward", "near_border", "place", "words", "received_at", "verified_at", "assigned_at", "started_at",
        "resolved_at", "closed_at", "receive_due", "handle_due", "paused_at", "due_at", "escalated", "escalates_at", "outcome",
        "planned_for", "reopened", "late_before", "keeper_id", "parent_id", "version",
    }),
    Report: frozenset({
        "id", "world", "reference", "incident_id", "category", "lon", "lat", "ward", "received_at", "source", "original_category",
        "erased_at", "hidden_at",
    }),
    Content: frozenset({"id", "report_id", "public_words"}),
    Evidence: frozenset({"id", "incident_id", "sha256", "media_type", "size", "width", "height", "at", "erased_at"}),
    PhotoReview: frozenset({"id", "evidence_id", "report_id", "state", "public_sha256", "created_at", "at"}),
}  # fmt: skip
"""Columns for anybody. The chain of steps names who did what, and a note may say anything: both are personal. The counter of numbers
would tell how many incidents of a month are not in the export."""


def _shown(report: str) -> Q:
    """Of reports that have a public row, as `rules.text_is_public` has it: verified, not refused."""
    verified = Q(
        **{
            f"{report}hidden_at": None,
            f"{report}public__isnull": False,
            f"{report}incident__verified_at__isnull": False,
        }
    )
    return verified & ~Q(**{f"{report}incident__state": State.REFUSED})


PUBLIC_INCIDENTS = Report.objects.filter(public__isnull=False, hidden_at=None).values("incident")
"""Of a complaint, a denunciation or a state secret nobody else learns that there was one: it has no public row, nor has what is hidden."""

SHOWN: Mapping[type[models.Model], Q] = {
    Incident: Q(pk__in=PUBLIC_INCIDENTS),
    Report: Q(public__isnull=False, hidden_at=None),
    Content: _shown("report__"),
    PhotoReview: _shown("report__") & Q(state__in=PUBLIC),
    Evidence: Q(review__state__in=PUBLIC) & _shown("review__report__"),
}

LEFT_OUT: frozenset[type[models.Model]] = frozenset({PublicReport, Question})
"""Made anew where they arrive, or of one day."""


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of row, and which rows of a world there are."""

    model: type[models.Model]
    rows: "QuerySet[Any]"
    incidents: "QuerySet[Incident] | None" = None
    """Whose audit streams its rows belong to, where they do."""

    @property
    def name(self) -> str:
        return self.model._meta.label_lower

    def columns(self, *, personal: bool) -> list[Any]:
        fields = list(self.model._meta.concrete_fields)
        return fields if personal else [field for field in fields if field.attname in OPEN.get(self.model, ())]

    def shown(self, *, personal: bool) -> "QuerySet[Any]":
        return self.rows if personal else self.rows.filter(SHOWN.get(self.model, Q()))

    def read(self, *, personal: bool = True) -> Iterator[Any]:
        """Every row in a fixed order; without personal data only those that the public may see something of."""
        if self.incidents is None:
            yield from self.shown(personal=personal).order_by("pk").iterator(AT_ONCE)
            return
        incidents = self.incidents.order_by("pk").only("world", "ref").iterator(AT_ONCE)
        while some := list(islice(incidents, AT_ONCE)):
            yield from self.rows.filter(stream__in=[one.stream for one in some]).order_by("pk").iterator(AT_ONCE)


def incidents_of(world: str) -> "QuerySet[Incident]":
    """Incidents of reports, and those of other services that such a one was merged into: its fate is theirs."""
    merged = Incident.objects.filter(world=world, kind=KIND).exclude(keeper=None).exclude(keeper__kind=KIND)
    return Incident.objects.filter(Q(kind=KIND) | Q(pk__in=merged.values("keeper")), world=world)


def tables(world: str) -> list[Table]:
    """Parents before their children. Tables that the service has beside those named here follow, if they lead to a report."""
    incidents = incidents_of(world)
    named = [
        Table(IncidentCounter, IncidentCounter.objects.filter(world=world)),
        Table(Incident, incidents),
        Table(Report, Report.objects.filter(world=world)),
        Table(Content, Content.objects.filter(report__world=world)),
        Table(Evidence, Evidence.objects.filter(incident__in=incidents)),
    ]
    own = [model for model in apps.get_app_config(SERVICE).get_models() if model not in {Report, Content} | LEFT_OUT]
    for model in own:
        leads = [field.name for field in model._meta.concrete_fields if field.related_model is Report]
        if leads:
            named.append(Table(model, model._default_manager.filter(**{f"{leads[0]}__world": world})))
    return [
        *named,
        Table(Note, Note.objects.all(), incidents),
        Table(Verdict, Verdict.objects.filter(voice__report__world=world)),
        Table(AuditRow, AuditRow.objects.all(), incidents),
        Table(AuditHead, AuditHead.objects.all(), incidents),
    ]
