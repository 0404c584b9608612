"""Decisions about routing. The rules a city starts with are its facts (categories and dated agencies); these stand above them."""

from django.db import models


class RoutingDecision(models.Model):
    """What an administrator said to a suggested change: accepted, it is a rule from a day on; dismissed, it is not asked again soon."""

    world = models.CharField(max_length=63)
    category = models.CharField(max_length=60)
    ward = models.CharField(max_length=5)
    agency = models.CharField(max_length=40)
    """Code: under a new name it is the same agency."""
    accepted = models.BooleanField()
    counted = models.PositiveIntegerField()
    """Of `total` incidents so many were with this agency when it was decided."""
    total = models.PositiveIntegerField()
    by = models.CharField(max_length=150)
    at = models.DateTimeField()
    """Of the world's clock."""
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)
    """First day on which it does not hold any more; null: still."""

    class Meta:
        app_label = "core"
        indexes = (models.Index(fields=("world", "category", "ward", "valid_from"), name="routing_rule"),)

    def __str__(self) -> str:
        return f"{self.category} in {self.ward} to {self.agency}"
