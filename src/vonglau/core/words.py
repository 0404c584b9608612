"""Finding text as people type it: without capitals and without diacritics ("un tac" finds "Ùn tắc").

What is searched is stored beside what is shown, already made plain: any engine then compares plain text with plain text, and an
index holds all that a search reads.
"""

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import QuerySet

if TYPE_CHECKING:
    _Text = models.TextField[str, str]
else:
    _Text = models.TextField

MOST_WORDS = 8
"""Of what is typed: more narrow nothing any more."""


def plain(text: str | None) -> str | None:
    """Lower case, marks removed, đ as d. The same rule for what is stored and what is typed."""
    if text is None:
        return None
    spread = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in spread if not unicodedata.combining(letter)).replace("đ", "d")


class PlainField(_Text):
    """The plain text of other fields of its row, written whenever the row is: never set by hand."""

    def __init__(self, *args: Any, of: Sequence[str] = (), **kwargs: Any) -> None:
        self.of = tuple(of)
        super().__init__(*args, **{**kwargs, "editable": False, "default": ""})

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "of": self.of}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        text = plain(" ".join(str(getattr(model_instance, name) or "") for name in self.of)) or ""
        setattr(model_instance, self.attname, text)
        return text


def matching(rows: "QuerySet[Any]", typed: str, field: str = "words") -> "QuerySet[Any]":
    """Rows whose plain field holds every word typed."""
    for word in (plain(typed) or "").split()[:MOST_WORDS]:
        rows = rows.filter(**{f"{field}__contains": word})
    return rows
