"""A table of a million rows rewritten within a migration: columns changed, added and filled from other columns of the row, in one pass.

SQLite makes a table anew for each column that changes; here it is made anew once, and filled as it is copied. PostgreSQL changes columns
in place; its rows are set by one prepared statement. Who brings a folder forward listens: it is told now and then how far it is.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db.migrations.operations.base import Operation

AT_ONCE = 5_000
TELL_EVERY = 50_000

Told = Callable[[str], None]
Change = Callable[..., Sequence[Any]]
"""Values of the columns read → values of the columns written, both as the database keeps them."""

_told: ContextVar[Told] = ContextVar("told")


def _unheard(_words: str) -> None:
    """Nobody listens."""


@contextmanager
def listening(told: Told) -> Iterator[None]:
    """What is said of long work within reaches `told`."""
    before = _told.set(told)
    try:
        yield
    finally:
        _told.reset(before)


def pieces(connection: Any, table: str, columns: Sequence[str]) -> Iterator[list[Any]]:
    """Every row as (id, *columns), some thousand at a time in order of id; says how far it is.

    Names come from a migration, never from input.
    """
    quoted, told = connection.ops.quote_name, _told.get(_unheard)
    chosen = ", ".join(map(quoted, ("id", *columns)))
    select = f"SELECT {chosen} FROM {quoted(table)} WHERE id > %s ORDER BY id LIMIT {AT_ONCE}"  # noqa: S608
    last, done = 0, 0
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {quoted(table)}")  # noqa: S608
        (total,) = cursor.fetchone()
        while True:
            cursor.execute(select, (last,))
            rows = cursor.fetchall()
            if not rows:
                return
            yield rows
            last, done = rows[-1][0], done + len(rows)
            if done % TELL_EVERY == 0:
                told(f"{table}: {done:,} of {total:,} rows")


class Rewrite(Operation):
    """`changes` (AddField, AlterField) of one model together, and in every row `writes` set to what `prepare()` makes of `reads`.

    `prepare` is called once, when the rows' turn comes; without `changes` the columns must be there.
    """

    reversible = False

    def __init__(
        self,
        model_name: str,
        changes: Sequence[Operation],
        reads: Sequence[str],
        writes: Sequence[str],
        prepare: Callable[[], Change],
    ) -> None:
        self.model_name, self.changes, self.prepare = model_name, tuple(changes), prepare
        self.reads, self.writes = tuple(reads), tuple(writes)

    def state_forwards(self, app_label: str, state: Any) -> None:
        for change in self.changes:
            change.state_forwards(app_label, state)

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "sqlite":
            self._copied(app_label, schema_editor, from_state, to_state)
        else:
            self._in_place(app_label, schema_editor, from_state)

    def describe(self) -> str:
        return f"Rewrite {self.model_name}: {', '.join(self.writes)}"

    def _copied(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """A table of the new form is filled from the old one and takes its place, as Django does for a single column."""
        connection = schema_editor.connection
        quoted = connection.ops.quote_name
        old = from_state.apps.get_model(app_label, self.model_name)
        table, columns = old._meta.db_table, [field.column for field in old._meta.local_concrete_fields]
        beside = to_state.clone()
        beside.alter_model_options(app_label, self.model_name.lower(), {"db_table": f"new__{table}"}, ("db_table",))
        new = beside.apps.get_model(app_label, self.model_name)
        schema_editor.create_model(new)

        kept = [column for column in columns if column not in self.writes]
        added = [field for field in new._meta.local_concrete_fields if field.column not in (*columns, *self.writes)]
        named = ", ".join(map(quoted, (*kept, *(field.column for field in added), *self.writes)))
        marks = ", ".join(["%s"] * (len(kept) + len(added) + len(self.writes)))
        insert = f"INSERT INTO {quoted(new._meta.db_table)} ({named}) VALUES ({marks})"  # noqa: S608
        same = tuple(schema_editor.effective_default(field) for field in added)
        change, width = self.prepare(), 1 + len(kept)
        with connection.cursor() as cursor:
            for rows in pieces(connection, table, (*kept, *self.reads)):
                cursor.executemany(insert, [(*row[1:width], *same, *change(*row[width:])) for row in rows])

        schema_editor.delete_model(old, handle_autom2m=False)
        schema_editor.alter_db_table(new, new._meta.db_table, table)

    def _in_place(self, app_label: str, schema_editor: Any, state: Any) -> None:
        for change in self.changes:
            after = state.clone()
            change.state_forwards(app_label, after)
            change.database_forwards(app_label, schema_editor, state, after)
            state = after
        connection = schema_editor.connection
        quoted = connection.ops.quote_name
        table = state.apps.get_model(app_label, self.model_name)._meta.db_table
        sets = ", ".join(f"{quoted(name)} = %s" for name in self.writes)
        update = f"UPDATE {quoted(table)} SET {sets} WHERE id = %s"  # noqa: S608
        made = self.prepare()
        with connection.cursor() as cursor:
            for rows in pieces(connection, table, self.reads):
                cursor.executemany(update, [(*made(*row[1:]), row[0]) for row in rows])
