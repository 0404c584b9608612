"""Writes `PublicReport` in the transaction that changes what it is derived from; fills it anew; says where it differs."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.models import QuerySet

from vonglau.core.bulk import insert_many
from vonglau.core.incidents.models import Incident
from vonglau.core.incidents.states import State
from vonglau.services.field_reports.models import PublicReport, Report
from vonglau.services.field_reports.published import deriving
from vonglau.services.field_reports.published.deriving import Models

CHUNK = 1000
"""Reports derived at once."""
COMPARED = [one.attname for one in PublicReport._meta.concrete_fields]
WRITTEN = [one.name for one in PublicReport._meta.concrete_fields if not one.primary_key]

Progress = Callable[[int, int], None]
"""(reports done, reports in all)."""


def stepped(incident: Incident, step: str) -> None:
    """After a step of an incident: its reports, and those merged into it, which stand where it stands."""
    if step == "receive":
        return  # its report comes with it, and publishes itself
    merged = Incident.objects.filter(keeper=incident, state=State.MERGED)
    under = [incident.pk, *merged.values_list("pk", flat=True)]
    if incident.state == State.MERGED and incident.keeper_id is not None:
        under.append(incident.keeper_id)  # it counts who joined
    publish(list(Report.objects.filter(incident__in=under).values_list("pk", flat=True)))


def begin(report: Report) -> None:
    """The first row of a report that this transaction made: nobody has read it, joined it or decided about it, so nothing is looked up."""
    row = deriving.row(report, deriving.Known())
    if row is not None:
        row.save(force_insert=True)


@transaction.atomic
def publish(pks: Sequence[int]) -> None:
    """Derive the public rows of these reports anew, and write them.

    The incidents that decide are locked first: whoever else derives one of these rows sees what this transaction did, or comes before it.
    """
    if not pks:
        return
    if connection.features.has_select_for_update:
        _lock(pks)
    found = deriving.rows(list(_derived(Report.objects.filter(pk__in=pks))), apps)
    shown = [one for one in found.values() if one is not None]
    PublicReport.objects.filter(pk__in=[pk for pk in pks if found.get(pk) is None]).delete()
    PublicReport.objects.bulk_create(shown, update_conflicts=True, unique_fields=["report"], update_fields=WRITTEN)


def _lock(pks: Sequence[int]) -> None:
    rows = Report.objects.filter(pk__in=pks).values_list("incident", "incident__keeper")
    wanted = {one for pair in rows for one in pair if one is not None}
    list(Incident.objects.select_for_update().filter(pk__in=wanted).order_by("pk").values_list("pk"))


def _derived(rows: "QuerySet[Any]") -> "QuerySet[Any]":
    return rows.select_related("incident__keeper").order_by("pk")


def of_world(world_id: str) -> None:
    """Derive a world's rows anew, where many of its reports have come at once. In the caller's transaction."""
    last = 0
    while chunk := _numbers(Report.objects.filter(world=world_id), last):
        arrived(chunk)
        last = chunk[-1]


def arrived(pks: Sequence[int], models: Models = apps) -> None:
    """Of reports that have no public rows yet, and that nobody else knows of yet. In the caller's transaction."""
    reports = models.get_model("field_reports", "Report").objects.filter(pk__in=pks)
    found = deriving.rows(list(_derived(reports)), models)
    insert_many([one for one in found.values() if one is not None])


def _numbers(rows: "QuerySet[Any]", after: int) -> list[int]:
    return list(rows.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:CHUNK])


def fill(said: Progress = lambda done, total: None, models: Models = apps) -> int:
    """Derive every public row anew, a chunk per transaction; how many there are. Safe to repeat, beside a running server too."""
    report_model, model = models.get_model("field_reports", "Report"), models.get_model("field_reports", "PublicReport")
    total, done, last = report_model.objects.count(), 0, 0
    while True:
        with transaction.atomic():
            chunk = _numbers(report_model.objects, last)
            if not chunk:
                break
            if models is apps:
                publish(chunk)
            else:  # a migration: nobody else is there, and there are no rows yet
                arrived(chunk, models)
        last, done = chunk[-1], done + len(chunk)
        said(done, max(total, done))
    return int(model.objects.count())


def differences() -> Iterator[str]:
    """Every public row that is not what it is derived from, in words."""
    last = 0
    while chunk := list(_derived(Report.objects.filter(pk__gt=last))[:CHUNK]):
        last = chunk[-1].pk
        found = deriving.rows(chunk, apps)
        stored = PublicReport.objects.in_bulk(list(found))
        for report in chunk:
            wanted, kept = found[report.pk], stored.get(report.pk)
            if wanted is None and kept is not None:
                yield f"{report.world}/{report.reference} is public, and must not be"
            elif wanted is not None and kept is None:
                yield f"{report.world}/{report.reference} is not public, and should be"
            elif wanted is not None and kept is not None:
                wrong = [name for name in COMPARED if name != "plain" and getattr(wanted, name) != getattr(kept, name)]
                if wrong:
                    yield f"{report.world}/{report.reference} differs in {', '.join(wrong)}"
