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
    """A fold's table for one hash bucket of one world. Committed together with its reader's cursor."""

    detector = models.CharField(max_length=80)
    version = models.PositiveIntegerField()
    world = models.CharField(max_length=63)
    bucket = models.PositiveIntegerField()
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
