"""Append-only rows, a hash chain per stream, checkpoints. The rules stand in `audit.py`."""

from django.db import models


class AuditRow(models.Model):
    """One change, chained to the previous one of its stream. `body` holds the exact bytes that were hashed."""

    stream = models.CharField(max_length=120)
    n = models.PositiveIntegerField()
    at = models.DateTimeField()
    """Wall time, whatever the world."""
    body = models.BinaryField()
    prev = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        app_label = "core"
        constraints = (models.UniqueConstraint(fields=("stream", "n"), name="audit_order"),)
        """Catches a forgotten lock: two writers cannot both be the n-th of a stream."""


class AuditHead(models.Model):
    """Where each chain stands, updated in the transaction that adds to it."""

    stream = models.CharField(primary_key=True, max_length=120)
    n = models.PositiveIntegerField()
    hash = models.CharField(max_length=64)
    checkpointed = models.BooleanField(default=False, db_index=True)

    class Meta:
        app_label = "core"


class Checkpoint(models.Model):
    """Merkle root over the heads that changed since the last one, chained; exported, so that truncation shows."""

    n = models.PositiveIntegerField(primary_key=True)
    at = models.DateTimeField()
    heads = models.BinaryField()
    """JSON [[stream, n, hash], …] sorted by stream: the leaves."""
    root = models.CharField(max_length=64)
    prev = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        app_label = "core"


class Note(models.Model):
    """Free text under an audit row. The row holds only its salted digest, so that erasing the text leaves the chain whole."""

    stream = models.CharField(max_length=120, db_index=True)
    salt = models.CharField(max_length=32)
    text = models.TextField()

    class Meta:
        app_label = "core"
