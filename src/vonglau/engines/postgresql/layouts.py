"""How an older log's schema becomes today's: see `engines.layouts`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from vonglau.core.errors import Broken, NothingYet
from vonglau.engines import layouts
from vonglau.engines.database import Database
from vonglau.engines.postgresql.connection import Connection, connect, translated
from vonglau.engines.postgresql.holder import Holder

PostgresqlStep: TypeAlias = layouts.Step[Connection]


def _hash_runs(db: Connection) -> None:
    db.execute(
        "CREATE TABLE IF NOT EXISTS hash_run (first_pos bigint PRIMARY KEY, last_pos bigint NOT NULL, hashes bytea NOT NULL)"
    )


STEPS: tuple[PostgresqlStep, ...] = (
    layouts.Step(
        "The server starts fast however many events are not sealed yet: their hashes are kept in long runs too.",
        _hash_runs,
    ),
)


def newest(steps: tuple[PostgresqlStep, ...] = STEPS) -> int:
    """The layout this program writes."""
    return layouts.newest(steps)


def made(db: Connection) -> bool:
    """Whether there is a log in this schema."""
    row = db.execute("SELECT to_regclass('setting')").fetchone()
    return row is not None and row[0] is not None


def found(db: Connection) -> int:
    """The layout of this log. Raises `NothingYet` where there is none, `Broken` for no log of ours."""
    if not made(db):
        raise NothingYet("There is no event log in this database: create it with `vonglau init`.")
    row = db.execute("SELECT number FROM setting WHERE name = 'version'").fetchone()
    if row is None or not isinstance(row[0], int):
        raise Broken("The event log says no layout of its own: it is damaged. Restore it from a backup.")
    return row[0]


def refuse_other(layout: int) -> None:
    """Raise `Broken` unless the log is of the layout this program writes."""
    layouts.refuse_other(layout, newest())


def layout_of(database: Database) -> int:
    """As `found`; raises `Unavailable` when the server does not answer."""
    with connect(database, "vonglau", readonly=True) as db, translated():
        return found(db)


@contextmanager
def upgrading(
    database: Database,
    told: Callable[[str], None] = lambda what: None,
    steps: tuple[PostgresqlStep, ...] = STEPS,
) -> Iterator[layouts.Upgraded]:
    """Bring the log to today's layout; nothing to do is fine. It commits when the block ends, and stays as it was on any error: what must
    change together with the log (the state) is changed inside the block.

    Holds the writer's lock meanwhile. Raises `Unavailable` when the door has it, `Broken` for a newer layout. `told` is called with each
    step's words before it runs.
    """
    with connect(database, Holder.name()) as db:
        with translated():
            Holder.of(database).take(db)
            before = found(db)
        due = layouts.due(before, steps)
        with translated(), db.transaction():
            for step in due:
                told(step.what)
                step.run(db)
            if due:
                db.execute("UPDATE setting SET number = %s WHERE name = 'version'", (newest(steps),))
            yield layouts.Upgraded(before, newest(steps), tuple(step.what for step in due))
