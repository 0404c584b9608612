"""Signs of life of processes, where several hosts share the state database and no folder (`kit.boards`)."""

from django.db import models


class Beat(models.Model):
    """What a process put last: one row for each, replaced once a second."""

    name = models.CharField(primary_key=True, max_length=300)
    """`process@host`, such as `web1@ioc-web-a`."""
    at = models.DateTimeField()
    """By the database's clock: hosts' own are compared with it."""
    body = models.JSONField()

    class Meta:
        app_label = "core"
