"""One report as anybody may find it by its number: the same answer at every door, so that none tells of what another hides."""

from django.db.models import QuerySet

from vonglau.services.field_reports.models import Report


def public_reports(world_id: str) -> "QuerySet[Report]":
    """Those of a world that anybody may see."""
    return Report.objects.filter(world=world_id, public__isnull=False, hidden_at=None)


def public_report(world_id: str, reference: str) -> Report | None:
    """None for what nobody may see, as for what never was. With its incident, its keeper, and their agencies."""
    if "\x00" in reference or len(reference) > 40:
        return None
    rows = public_reports(world_id).select_related("incident__agency", "incident__keeper__agency")
    return rows.filter(reference=reference).first()


def is_public(report: Report) -> bool:
    return public_reports(report.world).filter(pk=report.pk).exists()
