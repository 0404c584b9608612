"""Ibis over one snapshot: the table `events` of the same columns as the SQL view, so that an expression runs wherever Ibis does.

Ibis is imported when somebody asks. Expressions are written against `events` alone; what world and period they see is the snapshot's frame.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from vonglau.engines.history import duck
from vonglau.engines.history.derive import Derive
from vonglau.engines.history.duck import Limits
from vonglau.engines.history.guard import VIEW
from vonglau.engines.history.snapshot import Asked, HistoryReader, Snapshot


@contextmanager
def events(reader: HistoryReader, derive: Derive, asked: Asked, limits: Limits) -> Iterator[Any]:
    """The Ibis table. `answer` computes an expression over it within the limits."""
    import ibis

    con, found = duck.opened(reader, derive, asked, limits, lock=False)
    try:
        with duck.translated(found):
            backend = ibis.duckdb.from_connection(con)
            table = backend.table(VIEW)
        yield _Answering(table, con, found, limits)
    finally:
        con.close()


class _Answering:
    """A table, and the way to compute over it."""

    def __init__(self, table: Any, con: Any, found: Snapshot, limits: Limits) -> None:
        self.table = table
        self._con, self._found, self._limits = con, found, limits

    def answer(self, expression: Any) -> Any:
        """The result as an Arrow table. Raises Overloaded when it takes too long or too much memory."""
        import ibis

        sql = str(ibis.to_sql(expression, dialect="duckdb"))
        table, _cut = duck.ask(self._con, self._found, sql, self._limits)
        return table
