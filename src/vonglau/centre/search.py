"""Finding text as people type it: without capitals and without diacritics ("un tac" finds "Ùn tắc")."""

import sqlite3
import unicodedata
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import CharField, Func, Q, QuerySet


def plain(text: str | None) -> str | None:
    """Lower case, marks removed, đ as d. The same rule for what is stored and what is typed."""
    if text is None:
        return None
    spread = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in spread if not unicodedata.combining(letter)).replace("đ", "d")


class Plain(Func):
    """`plain` in the database. Elsewhere than on SQLite it is the `unaccent` extension's."""

    arity = 1
    output_field = CharField()
    template = "unaccent(lower(%(expressions)s))"

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template="vonglau_plain(%(expressions)s)", **more)


def teach(sender: type[BaseDatabaseWrapper], connection: BaseDatabaseWrapper, **_more: Any) -> None:
    """Give each new SQLite connection the function."""
    if connection.vendor == "sqlite":
        held: sqlite3.Connection = connection.connection
        held.create_function("vonglau_plain", 1, plain, deterministic=True)


def listen() -> None:
    connection_created.connect(teach, dispatch_uid="vonglau.centre.search")


def matching(rows: "QuerySet[Any]", typed: str, *fields: str) -> "QuerySet[Any]":
    """Rows in which every word typed occurs in one of the fields."""
    for word in (plain(typed) or "").split()[:8]:
        clause = Q()
        for name in fields:
            clause |= Q(**{f"plain_{name}__contains": word})
        rows = rows.alias(**{f"plain_{name}": Plain(name) for name in fields}).filter(clause)
    return rows
