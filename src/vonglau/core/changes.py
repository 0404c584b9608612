"""The change stream's rows. Contract 9 of the house: written in the transaction that made the change, followed over SSE."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils import timezone


class Change(models.Model):
    """One thing that pages and programs may want to know. The primary key is its position (Last-Event-ID)."""

    id = models.BigAutoField(primary_key=True)
    world = models.CharField(max_length=63)
    kind = models.CharField(max_length=20)
    """alert | incident | indicator | quarantine | world"""
    ref = models.CharField(max_length=120)
    agency = models.CharField(max_length=40, blank=True)
    """Agency users see incidents of their own agency only; others see all. Empty: everybody of the centre."""
    body = models.JSONField(default=dict)
    """Small and without personal data: what a list needs to decide whether to refresh."""
    at = models.DateTimeField()

    class Meta:
        app_label = "core"


def announce(world: str, kind: str, ref: str, *, agency: str = "", **body: Any) -> Change:
    """Call inside the transaction that made the change."""
    return Change.objects.create(world=world, kind=kind, ref=ref, agency=agency, body=body, at=timezone.now())


def announce_many(rows: Iterable[tuple[str, str, str, str, dict[str, Any]]]) -> None:
    """The same for (world, kind, ref, agency, body) rows in one statement."""
    now = timezone.now()
    Change.objects.bulk_create(
        Change(world=world, kind=kind, ref=ref, agency=agency, body=body, at=now)
        for world, kind, ref, agency, body in rows
    )


def prune(keep: int = 200_000) -> int:
    """Forget all but the newest rows. A follower that asks for an older position is told to reload."""
    newest = Change.objects.order_by("-id").values_list("id", flat=True).first()
    if newest is None:
        return 0
    deleted, _ = Change.objects.filter(id__lte=newest - keep).delete()
    return deleted
