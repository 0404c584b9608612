"""Incidents as they are stored. What may happen to them stands in `states.py` and `desk.py`."""

from django.db import models

from vonglau.core.incidents.states import OPEN, OUTCOME_NAMES, STATE_NAMES, State
from vonglau.core.words import PlainField


class Incident(models.Model):
    """What people work on. All moments are of its world's clock."""

    world = models.CharField(max_length=63)
    ref = models.CharField(max_length=40)
    """What people say and type: unique within the world."""
    kind = models.CharField(max_length=60)
    service = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    """No personal data: made from the alert or the category."""
    origin = models.CharField(max_length=10)
    """alert | report | desk | load"""
    category = models.CharField(max_length=60, blank=True)
    level = models.CharField(max_length=20)
    rank = models.PositiveSmallIntegerField(default=0)
    """CAP severity, 4 Extreme … 0 Unknown."""
    state = models.CharField(max_length=12, default=State.RECEIVED)
    agency = models.ForeignKey("core.Agency", on_delete=models.PROTECT, null=True, related_name="incidents")
    unit = models.ForeignKey("core.Unit", on_delete=models.SET_NULL, null=True, related_name="incidents")
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    ward = models.CharField(max_length=5, blank=True)
    near_border = models.BooleanField(default=False)
    place = models.CharField(max_length=200, blank=True)
    words = PlainField(of=("ref", "title", "place"))
    """What a search reads."""

    received_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True)
    assigned_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    """Closed, refused or merged."""
    receive_due = models.DateTimeField(null=True)
    handle_due = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    """The deadline that runs now; null while paused and when no clock runs. Recomputed by a command, never by a query."""
    escalated = models.PositiveSmallIntegerField(default=0)
    """Per cent of the running clock of which people were told that they have run; 0: of none."""
    escalates_at = models.DateTimeField(null=True)
    """When the next ones will have run; null while paused, when no clock runs, and after the last."""

    outcome = models.CharField(max_length=12, blank=True)
    planned_for = models.DateField(null=True)
    reopened = models.PositiveSmallIntegerField(default=0)
    late_before = models.PositiveSmallIntegerField(default=0)
    """Results that had come after their deadline and were withdrawn: a new clock does not make a late matter timely."""
    keeper = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="merged")
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="parts")
    version = models.PositiveIntegerField(default=1)
    """Grows with every change: what an optimistic writer must name."""

    class Meta:
        app_label = "core"
        constraints = (models.UniqueConstraint(fields=("world", "ref"), name="incident_ref"),)
        indexes = (
            models.Index(fields=("world", "due_at"), name="incident_due"),
            models.Index(
                fields=("world", "escalates_at"),
                condition=models.Q(escalates_at__isnull=False),
                name="incident_escalates",
            ),
            models.Index(fields=("world", "state", "due_at", "agency"), name="incident_queue"),
            models.Index(fields=("world", "kind", "state"), name="incident_kind"),
            models.Index(fields=("world", "ward", "state", "due_at"), name="incident_ward"),
            models.Index(fields=("agency", "state", "due_at"), name="incident_agency"),
            models.Index(fields=("world", "rank", "state"), name="incident_rank"),
            models.Index(fields=("world", "resolved_at"), name="incident_resolved"),
            models.Index(fields=("world", "closed_at"), name="incident_closed"),
            models.Index(fields=("world", "received_at"), name="incident_received"),
        )

    def __str__(self) -> str:
        return self.ref

    @property
    def stream(self) -> str:
        """Its audit stream."""
        return f"incident/{self.world}/{self.ref}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def state_name(self) -> str:
        return str(STATE_NAMES[State(self.state)])

    @property
    def outcome_name(self) -> str:
        return str(OUTCOME_NAMES.get(self.outcome, "")) if self.outcome else ""

    @property
    def clock(self) -> str:
        """Which clock runs: receive | handle | none."""
        if self.state == State.RECEIVED:
            return "receive"
        return "handle" if self.state in OPEN else "none"


class IncidentCounter(models.Model):
    """The next number of a world's incidents in a month, so that references are short and in order."""

    world = models.CharField(max_length=63)
    month = models.CharField(max_length=4)
    last = models.PositiveIntegerField(default=0)

    class Meta:
        app_label = "core"
        constraints = (models.UniqueConstraint(fields=("world", "month"), name="incident_counter"),)


class Evidence(models.Model):
    """A file under an incident. The file itself lies in the data folder under its SHA-256, without metadata (EXIF)."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="evidence")
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=60)
    size = models.PositiveIntegerField()
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    caption = models.CharField(max_length=200, blank=True)
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    """Where it was taken, as the device said (WGS 84); null: not said."""
    place = models.CharField(max_length=200, blank=True)
    """Where it was taken, in the words of whoever took it."""
    by = models.CharField(max_length=150)
    at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)
    """Wall time at which the file was erased; the row stays, since the chain speaks of it."""

    class Meta:
        app_label = "core"
        ordering = ("id",)

    @property
    def placed(self) -> bool:
        """Whether it is said where it was taken."""
        return self.lon is not None or bool(self.place)
