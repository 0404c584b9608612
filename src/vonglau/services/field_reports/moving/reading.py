"""A row as the export has it, and as the database takes it. What cannot be one is told apart before it gets there."""

import base64
import re
from math import isfinite
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, models

from vonglau.core.errors import BadFile
from vonglau.core.incidents.files import MEDIA_TYPE
from vonglau.core.incidents.models import Evidence
from vonglau.core.people.models import Agency, Unit
from vonglau.services.field_reports.models import Original, PhotoReview

BAD = (ValidationError, DatabaseError, ValueError, TypeError, KeyError, OverflowError, BadFile)
"""What a row that is none raises, here or in the database."""
LARGEST = 1 << 53
"""A number of a row above this leaves no room for those that follow."""
NAMES = {
    (Evidence, "sha256"): re.compile(r"[0-9a-f]{64}\Z"),
    (PhotoReview, "public_sha256"): re.compile(r"(?:[0-9a-f]{64})?\Z"),
    (Original, "name"): re.compile(r"[0-9a-f]{32}\Z"),
    (Evidence, "media_type"): re.compile(re.escape(MEDIA_TYPE) + r"\Z"),
}
"""Columns that name files, and what a browser takes them for: nothing else may ever be made a path, or a page."""


def in_a_line(wrong: Exception) -> str:
    if isinstance(wrong, ValidationError):
        return "; ".join(wrong.messages)[:200]
    return " ".join(str(wrong).split())[:200] if not isinstance(wrong, KeyError) else f"{wrong} is missing"


class Reader:
    """Rows of one model. `agencies`: keys of agencies and units by their codes."""

    def __init__(self, model: type[models.Model], agencies: dict[tuple[str, ...], int]) -> None:
        self.model, self.agencies = model, agencies
        self.fields = {field.attname: field for field in model._meta.concrete_fields}
        self.named = {field.name: field for field in self.fields.values() if field.related_model in (Agency, Unit)}

    def row(self, told: dict[str, Any]) -> Any:
        """Unsaved. Raises one of BAD."""
        values = {}
        for name, value in told.items():
            if name in self.named:
                values[self.named[name].attname] = None if value is None else self._agency(value)
            elif name in self.fields and (value is None or self.fields[name] not in self.named.values()):
                values[name] = self._value(self.fields[name], value)
            else:
                raise BadFile(f"there is no column {name[:60]} here; use the release that wrote it, or a later one")
        made = self.model(**values)
        if made.pk is None or (isinstance(made.pk, int) and not 0 < made.pk < LARGEST):
            raise BadFile(f"{str(made.pk)[:40]} is no number of a row")
        return made

    def _agency(self, value: Any) -> int:
        found = self.agencies.get(tuple(map(str, value)))
        if found is None:
            raise BadFile(f"there is no {str(value)[:80]} in agencies.jsonl")
        return found

    def _value(self, field: Any, value: Any) -> Any:
        if value is None:
            if not field.null:
                raise BadFile(f"{field.attname} is empty")
            return None
        if isinstance(field, models.BinaryField):
            return base64.b64decode(value, validate=True)
        if isinstance(field, models.JSONField):
            return value
        if isinstance(field, (models.CharField, models.TextField)) and not isinstance(value, str):
            raise BadFile(f"{field.attname} is no text")
        plain = field.to_python(value)
        if isinstance(plain, str) and field.max_length and len(plain) > field.max_length:
            raise BadFile(f"{field.attname} is longer than {field.max_length} characters")
        if isinstance(plain, float) and not isfinite(plain):
            raise BadFile(f"{field.attname} is no number")
        pattern = NAMES.get((self.model, field.attname))
        if pattern and not pattern.match(plain):
            raise BadFile(f"{field.attname} names no photo: {plain[:40]}")
        return plain
