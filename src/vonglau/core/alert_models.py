"""Alerts as they are stored; what happens to them stands in `alerts.py`."""

from django.db import models


class Alert(models.Model):
    """What a detector says, upserted by identity within a world."""

    world = models.CharField(max_length=63)
    identity = models.CharField(max_length=64)
    service = models.CharField(max_length=40)
    detector = models.CharField(max_length=80)
    kind = models.CharField(max_length=60)
    severity = models.CharField(max_length=10)
    urgency = models.CharField(max_length=10)
    certainty = models.CharField(max_length=10)
    rank = models.PositiveSmallIntegerField()
    """4 Extreme … 1 Minor, 0 Unknown: for ordering."""
    onset = models.DateTimeField()
    updated = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    subject = models.CharField(max_length=200)
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    ward = models.CharField(max_length=5, blank=True)
    near_border = models.BooleanField(default=False)
    facts = models.JSONField(default=dict)
    series = models.JSONField(default=list)
    evidence = models.JSONField(default=list)
    """Log positions."""
    incident = models.ForeignKey("core.Incident", on_delete=models.SET_NULL, null=True, related_name="alerts")
    joined = models.JSONField(null=True)
    """Why it joined its incident: {"by": "opened"|"near", "metres": …, "seconds": …}."""

    class Meta:
        app_label = "core"
        constraints = (models.UniqueConstraint(fields=("world", "identity"), name="alert_identity"),)
        indexes = (
            models.Index(fields=("world", "-onset"), name="alert_recent"),
            models.Index(fields=("world", "ended", "-rank"), name="alert_open"),
        )


class DetectorState(models.Model):
    """A fold's table for one hash bucket of one world. The reader's cursor moves only once every changed one is written."""

    detector = models.CharField(max_length=80)
    version = models.PositiveIntegerField()
    world = models.CharField(max_length=63)
    bucket = models.PositiveIntegerField()
    position = models.PositiveBigIntegerField(default=0)
    """Events up to here are in it; at or beyond the reader's cursor, because shards are written one at a time."""
    dump = models.BinaryField()
    late = models.PositiveBigIntegerField(default=0)

    class Meta:
        app_label = "core"
        constraints = (
            models.UniqueConstraint(fields=("detector", "version", "world", "bucket"), name="detector_state_identity"),
        )


class Cursor(models.Model):
    """How far a reader has read the log."""

    reader = models.CharField(primary_key=True, max_length=120)
    position = models.PositiveBigIntegerField(default=0)

    class Meta:
        app_label = "core"


class DetectorStop(models.Model):
    """A detector that stands still in one world while everything else goes on. Gone once it has caught up."""

    detector = models.CharField(max_length=80)
    version = models.PositiveIntegerField()
    world = models.CharField(max_length=63)
    position = models.PositiveBigIntegerField()
    """Its own cursor: with its stored state it goes on behind this event."""
    first = models.PositiveBigIntegerField()
    last = models.PositiveBigIntegerField()
    """The stretch of the log that failed; one and the same position once the event is found."""
    stretch = models.PositiveIntegerField(default=0)
    """How many events it is given at a time while the culprit is looked for; 0: as many as usual."""
    reason = models.CharField(max_length=20)
    """One of `stops.Reason`."""
    error = models.CharField(max_length=80)
    """The class of the error. Never its message: that may quote what came in."""
    tries = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    retry_at = models.DateTimeField(null=True)
    """When it is tried again by itself; null: it waits for a person."""

    class Meta:
        app_label = "core"
        constraints = (models.UniqueConstraint(fields=("detector", "version", "world"), name="detector_stop_identity"),)


class DetectorSkip(models.Model):
    """An event that one detector passes over, because a person said so. It stays in the log and for every other detector."""

    detector = models.CharField(max_length=80)
    world = models.CharField(max_length=63)
    position = models.PositiveBigIntegerField()
    who = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        app_label = "core"
        constraints = (
            models.UniqueConstraint(fields=("detector", "world", "position"), name="detector_skip_identity"),
        )
