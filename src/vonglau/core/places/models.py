"""Localities and wards as they existed, and their borders. Rows come from `data/vn`, by `load_places`.

A code alone is not a key: codes have changed meaning. Every row holds from `valid_from` to `valid_to`, both inclusive;
null means until further notice. Borders stand in tables of their own, so that lists never carry geometry.
"""

from datetime import date

from django.db import models


class DatedQuerySet(models.QuerySet):  # type: ignore[type-arg]
    """Rows with a validity."""

    def on(self, day: date) -> "DatedQuerySet":
        """The rows in force on a day."""
        return self.filter(models.Q(valid_to__isnull=True) | models.Q(valid_to__gte=day), valid_from__lte=day)

    def current(self) -> "DatedQuerySet":
        """The rows in force until further notice."""
        return self.filter(valid_to__isnull=True)


class Dated(models.Model):
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)
    """Last day, inclusive; null: in force."""

    objects = DatedQuerySet.as_manager()

    class Meta:
        abstract = True


class Named(Dated):
    name_vi = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120)
    short_name_vi = models.CharField(max_length=120)
    type = models.CharField(max_length=40)
    """As the law says it: Tỉnh, Thành phố trực thuộc trung ương; Xã, Phường, Đặc khu."""
    source = models.CharField(max_length=200)
    """The legal instrument, or the table it was taken from."""

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name_vi

    def name(self, language: str) -> str:
        return self.name_en if language.lower().startswith("en") else self.name_vi


class Locality(Named):
    """A province or a centrally-run city: one of 63 until 2025-06-30, one of 34 since."""

    code = models.CharField(max_length=2)
    level = models.CharField(max_length=10, default="province")

    class Meta:
        app_label = "core"
        ordering = ("code", "valid_from")
        constraints = (models.UniqueConstraint(fields=("code", "valid_from"), name="locality_identity"),)


class LocalitySuccession(models.Model):
    """What a locality became on a day: merged into another, or the same with another name or type."""

    predecessor = models.ForeignKey(Locality, on_delete=models.CASCADE, related_name="became")
    successor = models.ForeignKey(Locality, on_delete=models.CASCADE, related_name="came_from")
    in_force = models.DateField()

    class Meta:
        app_label = "core"
        constraints = (
            models.UniqueConstraint(fields=("predecessor", "successor"), name="locality_succession_identity"),
        )

    def __str__(self) -> str:
        return f"{self.predecessor} → {self.successor} ({self.in_force})"


class Ward(Named):
    """A ward, commune or special zone (phường, xã, đặc khu)."""

    code = models.CharField(max_length=5)
    province_code = models.CharField(max_length=2, db_index=True)
    area_km2 = models.FloatField(null=True)
    """As published, not computed from the border."""

    class Meta:
        app_label = "core"
        ordering = ("code", "valid_from")
        constraints = (models.UniqueConstraint(fields=("code", "valid_from"), name="ward_identity"),)


class WardBorder(Dated):
    """The shape of a ward, WGS 84. Precise to about 100 m: never evidence of a boundary."""

    code = models.CharField(max_length=5)
    province_code = models.CharField(max_length=2, db_index=True)
    wkb = models.BinaryField()
    label_lon = models.FloatField()
    label_lat = models.FloatField()
    """A point inside the largest part, for its name on a map."""
    source = models.CharField(max_length=200)

    class Meta:
        app_label = "core"
        constraints = (models.UniqueConstraint(fields=("code", "valid_from"), name="ward_border_identity"),)

    def __str__(self) -> str:
        return self.code


class LocalityBorder(Dated):
    """The outline of a locality for context on a map, and the boxes a map may begin with (west, south, east, north)."""

    code = models.CharField(max_length=2)
    overview_wkb = models.BinaryField()
    """Simplified together with all others to about 300 m: for a glance, never for a point in it."""
    mainland = models.JSONField()
    """Box of the main part and the islands near it: the first view."""
    full = models.JSONField()
    """Box of everything, far islands included."""
    source = models.CharField(max_length=200)

    class Meta:
        app_label = "core"
        constraints = (models.UniqueConstraint(fields=("code", "valid_from"), name="locality_border_identity"),)

    def __str__(self) -> str:
        return self.code


class PlacesEdition(models.Model):
    """Which files the rows above were made from: the same digest again means nothing to do."""

    name = models.CharField(max_length=20, primary_key=True)
    digest = models.CharField(max_length=64)
    loaded_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "core"

    def __str__(self) -> str:
        return f"{self.name} {self.digest[:12]}"
