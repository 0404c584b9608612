"""Whether what is brought belongs together: nothing may hang on, or speak for, what was in the installation before, or in another world.

The world has no incident before an import begins, so that what belongs to one of its incidents came with them. A folder's own manifest
proves only that it was copied whole: who wrote it may have written anything.
"""

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef

from vonglau.core.audit_models import Note
from vonglau.core.errors import BadFile
from vonglau.core.incidents.models import Incident
from vonglau.services.field_reports.intake import KIND
from vonglau.services.field_reports.moving.tables import Table, tables


def rows(table: Table, some: Sequence[models.Model], world: str) -> None:
    """Some rows that are about to be written, after the tables they lead to. Raises BadFile."""
    if "world" in {field.attname for field in table.model._meta.concrete_fields}:
        _same([getattr(row, "world") for row in some], {world}, "a row of another world")  # noqa: B009
    if table.incidents is not None:
        _streams([getattr(row, "stream") for row in some], world)  # noqa: B009
    homes = {one.model: one for one in tables(world)}
    for field in table.model._meta.concrete_fields:
        home = homes.get(field.related_model) if isinstance(field.related_model, type) else None
        if home is None or home.model is table.model:  # one of its own kind may come later: `whole` looks at those
            continue
        ends = {end for row in some if (end := getattr(row, field.attname)) is not None}
        there = set(_of(home, world).filter(pk__in=ends).values_list("pk", flat=True))
        _same(ends, there, f"{field.attname} leads to a row that is not in this export")


def whole(world: str) -> None:
    """All incidents, once they are written. Raises BadFile."""
    incidents = Incident.objects.filter(world=world)
    for link in ("keeper", "parent"):
        there = Exists(incidents.filter(pk=OuterRef(link)))
        lost = incidents.exclude(**{link: None}).filter(~there).values_list("ref", flat=True).first()
        if lost is not None:
            raise BadFile(f"core.incident: {lost[:40]} has a {link} that is not in this export")
    other = incidents.exclude(kind=KIND).exclude(
        pk__in=incidents.filter(kind=KIND).exclude(keeper=None).values("keeper")
    )
    alone = other.values_list("ref", flat=True).first()
    if alone is not None:
        raise BadFile(f"core.incident: {alone[:40]} is of another service, and no report was merged into it")


def _of(home: Table, world: str) -> "models.QuerySet[Any]":
    """Its rows that belong to the world."""
    if home.model is Incident:
        return Incident.objects.filter(world=world)
    return home.rows.filter(stream__startswith=f"incident/{world}/") if home.model is Note else home.rows


def _streams(streams: Sequence[str], world: str) -> None:
    start = f"incident/{world}/"
    refs = {stream.removeprefix(start): stream for stream in streams if stream.startswith(start)}
    there = set(Incident.objects.filter(world=world, ref__in=refs).values_list("ref", flat=True))
    _same(streams, {refs[ref] for ref in there}, "a stream of no incident of this export")


def _same(found: Any, allowed: set[Any], words: str) -> None:
    for one in found:
        if one not in allowed:
            raise BadFile(f"{words}: {str(one)[:80]}")
