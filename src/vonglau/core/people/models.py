"""Agencies (dated: names and mergers), units, and the people of the centre."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    OPERATOR = "operator", _("Trực ban")
    SUPERVISOR = "supervisor", _("Trưởng ca")
    AGENCY = "agency", _("Đơn vị xử lý")
    LEADER = "leader", _("Lãnh đạo")
    ADMINISTRATOR = "administrator", _("Quản trị")


class Agency(models.Model):
    """An agency as it existed: a merger or a new name is a new row, so that old decisions keep the name that signed them."""

    code = models.CharField(max_length=40)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)
    """Last day under this name, inclusive; null: still."""
    name_vi = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200)
    kind = models.CharField(max_length=20)
    """centre | department | ward | police | company"""
    email = models.EmailField(blank=True)
    wards = models.JSONField(default=list)
    categories = models.JSONField(default=list)

    class Meta:
        app_label = "core"
        constraints = (models.UniqueConstraint(fields=("code", "valid_from"), name="agency_identity"),)

    def __str__(self) -> str:
        return self.name_vi


class Unit(models.Model):
    """A team of an agency: a patrol, a repair crew."""

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="units")
    code = models.CharField(max_length=40)
    name_vi = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200)

    class Meta:
        app_label = "core"
        constraints = (models.UniqueConstraint(fields=("agency", "code"), name="unit_identity"),)

    def __str__(self) -> str:
        return self.name_vi


class User(AbstractUser):
    """An account. One role each; what a role may do stands in `policy.py` alone."""

    role = models.CharField(max_length=20, choices=Role, default=Role.OPERATOR)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, null=True, related_name="users")
    unit = models.ForeignKey(Unit, on_delete=models.SET_NULL, null=True, related_name="users")
    language = models.CharField(max_length=2, default="vi")
    demo = models.BooleanField(default=False)
    """A demonstration account: signs in only while `vonglau demo` serves."""

    class Meta:
        app_label = "core"

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class ApiToken(models.Model):
    """A programme's key. Only its SHA-256 is stored: the token has 256 random bits, so a slow hash would add nothing.

    Rotation makes a second row of the same name, and the first one expires when the grace is over.
    """

    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    world = models.CharField(max_length=63, default="live")
    """The world it writes into and reads by default."""
    more_worlds = models.JSONField(default=list, blank=True)
    """Further worlds it may write and read."""
    sources = models.JSONField(default=list, blank=True)
    """What the `source` of events it sends must begin with, one of these; empty: anything."""
    addresses = models.JSONField(default=list, blank=True)
    """Networks (CIDR) it may come from; empty: any."""
    per_second = models.PositiveIntegerField(null=True, blank=True)
    """Requests a second; null: the installation's usual."""
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)
    """Of the last use, some minutes old."""

    class Meta:
        app_label = "core"

    def __str__(self) -> str:
        return self.name

    @property
    def worlds(self) -> frozenset[str]:
        return frozenset((self.world, *self.more_worlds))
