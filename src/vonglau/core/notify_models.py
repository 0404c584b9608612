"""The outboxes: notices to people, and events on their way to the log."""

from django.db import models


class Notice(models.Model):
    """One message to one recipient over one channel. The key is stable: sent again under the same key after a crash."""

    key = models.CharField(max_length=200, unique=True)
    world = models.CharField(max_length=63)
    channel = models.CharField(max_length=20)
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=300)
    body = models.TextField()
    about = models.CharField(max_length=120, blank=True)
    """What it is about (an incident's stream): an acknowledgement there stops notices that have not begun."""
    state = models.CharField(max_length=10, default="pending")
    """pending | sending (uncertain after a crash) | delivered | failed | cancelled"""
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField()
    """Wall time."""
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "core"
        indexes = (models.Index(fields=("state", "next_at"), name="notice_due"),)


class Publication(models.Model):
    """An event on its way to the log: written with the change it reports, sent by the worker under its stable id."""

    world = models.CharField(max_length=63)
    event_id = models.CharField(max_length=100, unique=True)
    body = models.BinaryField()
    """The CloudEvent as structured JSON."""
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "core"
        indexes = (models.Index(fields=("sent_at", "id"), name="publication_due"),)
