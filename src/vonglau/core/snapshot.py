"""Several questions to the state, answered as of one moment: both integers of a rate, or everything that a check compares."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

BEGIN = {"sqlite": "BEGIN", "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}


@contextmanager
def one_moment() -> Iterator[None]:
    """Reading inside sees no commit that came after it began, and holds nobody up who writes. Do not write inside.

    Within a transaction that is open already, that one's rules hold."""
    connection.ensure_connection()
    if _open(connection.connection):
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(BEGIN[connection.vendor])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")


def _open(raw: Any) -> bool:
    """Asked of the database's own connection: Django does not know of what `one_moment` began."""
    if connection.vendor == "sqlite":
        return bool(raw.in_transaction)
    return bool(raw.info.transaction_status)
