"""Live and drills, each with its clock. Contract 2 of the house.

Everything carries a world: `live`, or a drill's or a recording's id. The same code computes in each; no query mixes two. A live
clock is the wall; a drill's runs at a rate from a start; a recording's is driven by the events themselves.
"""

from datetime import UTC, datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from vonglau.core import clock
from vonglau.core.errors import BadInput, NotFound
from vonglau.core.events import LIVE, WORLD_PATTERN


class WorldKind(models.TextChoices):
    LIVE = "live", _("Thật")
    DRILL = "drill", _("Diễn tập")
    RECORDING = "recording", _("Bản ghi")


class World(models.Model):
    """A world and its clock. World time = `clock_start` + (wall − `clock_set_at`) × `clock_rate`, unless driven by its events."""

    id = models.CharField(primary_key=True, max_length=63)
    kind = models.CharField(max_length=10, choices=WorldKind)
    title_vi = models.CharField(max_length=200)
    title_en = models.CharField(max_length=200)
    locality = models.CharField(max_length=2)
    """Province code of the locality, as of the world's own time."""
    clock_start = models.DateTimeField(null=True)
    clock_set_at = models.DateTimeField(null=True)
    clock_rate = models.FloatField(default=1.0)
    seen_until = models.DateTimeField(null=True)
    """Recordings: the largest event time folded so far; what their clock shows."""
    ended_at = models.DateTimeField(null=True)
    own_ticks = models.BooleanField(default=False)
    """Recordings of this house's log bring the ticks that were heard then: none are made for them."""

    class Meta:
        app_label = "core"

    def __str__(self) -> str:
        return self.id

    @property
    def driven(self) -> bool:
        """True when its clock is driven by its events."""
        return self.kind == WorldKind.RECORDING

    @property
    def rate(self) -> float:
        return self.clock_rate if self.kind == WorldKind.DRILL else (0.0 if self.driven else 1.0)

    def now(self) -> datetime:
        wall = clock.now()
        if self.kind == WorldKind.DRILL and self.clock_start is not None and self.clock_set_at is not None:
            return self.clock_start + (wall - self.clock_set_at) * self.clock_rate
        if self.driven:
            return self.seen_until or datetime(1970, 1, 1, tzinfo=UTC)
        return wall

    def wall(self, at: datetime) -> datetime:
        """The wall time at which its clock shows a moment. A recording's clock says nothing about the wall: the first day of all."""
        if self.kind == WorldKind.DRILL and self.clock_start is not None and self.clock_set_at is not None:
            return self.clock_set_at + (at - self.clock_start) / self.clock_rate
        return datetime(1970, 1, 1, tzinfo=UTC) if self.driven else at


def world(id: str = LIVE) -> World:
    """The world of this id, or NotFound."""
    try:
        return World.objects.get(pk=id)
    except World.DoesNotExist as missing:
        raise NotFound(
            f"There is no world {id!r}; `vonglau token create --world` and `load` create recordings."
        ) from missing


def ensure_world(
    id: str, kind: WorldKind, locality: str, title_vi: str = "", title_en: str = "", **clock: object
) -> World:
    """The world of this id, made if it is not there yet. An existing one of another kind is refused."""
    if not WORLD_PATTERN.match(id):
        raise BadInput(f"World {id!r}: use up to 63 small letters, digits and hyphens.")
    found, _made = World.objects.get_or_create(
        id=id,
        defaults={"kind": kind, "locality": locality, "title_vi": title_vi or id, "title_en": title_en or id, **clock},
    )
    if found.kind != kind:
        raise BadInput(f"World {id!r} exists and is of kind {found.kind}, not {kind}.")
    return found
