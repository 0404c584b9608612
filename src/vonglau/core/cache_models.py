"""The cache that web processes of several hosts share: Django's own table for it, made by our migrations."""

from django.db import models


class CacheRow(models.Model):
    """As `django.core.cache.backends.db` wants it. On one machine the cache is a folder, and this stays empty."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "core"
        db_table = "core_cache"
