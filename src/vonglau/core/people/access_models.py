"""What lets people in and keeps them in: sessions, invitations, identities at an identity provider, failed attempts.

Nothing here can be used by who reads it: keys and links are stored as digests, a session's content is sealed.
"""

from typing import Any

from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models


class Session(AbstractBaseSession):
    """A signed-in browser. `session_key` is the digest of what its cookie holds; `session_data` is sealed (see `web/sessions.py`)."""

    session_key = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey("core.User", on_delete=models.CASCADE, null=True, related_name="sessions")
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    """Of the last request, a minute or so old."""
    idle_seconds = models.PositiveIntegerField()
    """It ends when nothing was asked for so long; `expire_date` is its absolute end."""
    address = models.CharField(max_length=45, blank=True)
    device = models.CharField(max_length=100, blank=True)
    method = models.CharField(max_length=30, blank=True)
    """password | password+totp | password+recovery | oidc …"""

    class Meta:
        app_label = "core"

    @classmethod
    def get_session_store_class(cls) -> Any:
        from importlib import import_module

        from django.conf import settings

        return import_module(settings.SESSION_ENGINE).SessionStore


class Invitation(models.Model):
    """A link that works once: to set the first password, or a new one that somebody forgot."""

    user = models.ForeignKey("core.User", on_delete=models.CASCADE, related_name="invitations")
    digest = models.CharField(max_length=64, unique=True)
    made_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "core"


class Identity(models.Model):
    """Who an identity provider says somebody is: its issuer and subject, linked to one account of ours."""

    user = models.ForeignKey("core.User", on_delete=models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    linked_at = models.DateTimeField(auto_now_add=True)
    last_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "core"
        constraints = (models.UniqueConstraint(fields=("issuer", "subject"), name="identity_once"),)


class Attempts(models.Model):
    """Failed sign-ins of one address, account, or the two together; the key is a digest. Rows go when they no longer matter."""

    key = models.CharField(max_length=64, primary_key=True)
    kind = models.CharField(max_length=10)
    """address | account | pair | known (a pair that has signed in)"""
    account = models.CharField(max_length=64, blank=True, db_index=True)
    """Digest of the name that was typed, so that an administrator can lift what concerns one account."""
    failures = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        app_label = "core"
