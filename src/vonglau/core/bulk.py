"""Many new rows at once: for loading history. One prepared statement, three times as fast as `bulk_create`.

Django's own way compiles every value into the statement anew. What it does for us is kept: values are adapted by the field's
own rules, all or nothing within the caller's transaction, on any database.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models

from vonglau.core.lookup import DigestField
from vonglau.core.vault import SealedTextField, sealer
from vonglau.core.words import PlainField

Adapt = Callable[[Any], Any]

PLAIN = (models.IntegerField, models.FloatField, models.BooleanField, models.ForeignKey)
"""Fields whose values databases take as they are."""


def _text(value: Any) -> Any:
    """Plain text also for what is a kind of text (a state, an outcome)."""
    return value if value is None or type(value) is str else str(value)


def _moment(value: datetime | None) -> Any:
    return None if value is None else connection.ops.adapt_datetimefield_value(value)


def _adapt(field: "models.Field[Any, Any]") -> Adapt | None:
    if isinstance(field, PLAIN):
        return None
    if isinstance(field, models.DateTimeField):
        return _moment
    if isinstance(field, SealedTextField):
        seal = sealer(field.context)
        return lambda value: seal(str(value).encode()) if value else value
    if isinstance(field, (models.CharField, models.TextField)):
        return _text
    return lambda value: field.get_db_prep_save(value, connection)


def insert_many(rows: Sequence[models.Model], *, with_keys: bool = False) -> None:
    """Insert new rows of one model. They do not learn their keys; signals are not sent. Call inside a transaction.

    `with_keys`: they bring their numbers along; who does that resets the database's own counter afterwards.
    """
    if not rows:
        return
    if not connection.in_atomic_block:
        raise RuntimeError("Many rows are all or none: insert them inside a transaction.")
    meta = type(rows[0])._meta
    fields = [field for field in meta.concrete_fields if with_keys or not isinstance(field, models.AutoField)]
    quoted = connection.ops.quote_name
    columns = ", ".join(quoted(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    for field in fields:
        if isinstance(field, (PlainField, DigestField)):
            for row in rows:
                field.pre_save(row, add=True)
    adapted = [(field.attname, _adapt(field)) for field in fields]
    values = [
        tuple(row.__dict__[name] if adapt is None else adapt(row.__dict__[name]) for name, adapt in adapted)
        for row in rows
    ]
    with connection.cursor() as cursor:
        # Names come from our own models, never from input.
        cursor.executemany(f"INSERT INTO {quoted(meta.db_table)} ({columns}) VALUES ({marks})", values)  # noqa: S608
